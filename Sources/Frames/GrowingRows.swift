import Basics
package import Telemetry

/// Rows of one stream that come in any order: a block of them by rising time, and a log of those that came far behind its end.
///
/// A row at or near the end goes into the block, as nearly all do. What comes from further back (a buffer that gives its newest
/// first, or in no order) would move all rows behind it each time: it waits in the log, and is merged in by thousands. A backlog
/// of n rows costs n log n then, where it cost n squared.
///
/// A place in it is a number: of the block from 0 on, of the log the complement of its place there. It holds until the next
/// `insert`, `remove` or `settle`; those of the log until the next `settle`.
///
/// Public for the reason that `RowBlock` is: each reading of a batch asks it, and from another module that took a quarter more
/// time of the processor a reading.
public struct GrowingRows: Sendable {
    /// No place.
    @inlinable package static var none: Int { .min }
    /// Rows that may move for one.
    @inlinable static var movedMax: Int { 512 }
    /// Rows of the log, from which `settle` merges them in; and the share of the block's rows that they must be.
    private static let lateMin = 4096
    private static let lateShare = 16

    @usableFromInline private(set) var block: RowBlock
    /// As they came.
    @usableFromInline private(set) var lateTimes: [Int64] = []
    @usableFromInline private(set) var lateValues: [Double] = []
    /// Places in the log, by falling time: the next of a falling backlog is an append.
    @usableFromInline private(set) var order: [Int32] = []

    @inlinable package init(_ block: RowBlock = RowBlock()) { self.block = block }

    @inlinable package var stride: Int { block.stride }

    /// Whether none waits in the log.
    package var isSettled: Bool { order.isEmpty }

    /// All of them by rising time. To be asked for seldom where the log is not empty.
    package var rows: RowBlock {
        guard !order.isEmpty else { return block }
        var (times, values): ([Int64], [Double]) = ([], [])
        times.reserveCapacity(order.count)
        values.reserveCapacity(lateValues.count)
        for place in order.reversed() {
            times.append(lateTimes[Int(place)])
            values.append(contentsOf: lateValues[Int(place) * stride..<(Int(place) + 1) * stride])
        }
        let late = RowBlock(times: times, values: values, stride: stride)
        return block.isEmpty ? late : late.joined(with: block)
    }

    @inlinable package subscript(place: Int, column: Int) -> Double {
        @inline(__always) get {
            if place >= 0 { return block[place, column] }
            return column < stride ? lateValues[~place * stride + column] : RowBlock.absent
        }
    }

    @inlinable @inline(__always)
    package mutating func set(_ place: Int, _ column: Int, _ value: Double) {
        if place >= 0 {
            block.set(place, column, value)
        } else {
            lateValues[~place * stride + column] = value
        }
    }

    /// The place of the row of exactly this time; `none` where there is none.
    @inlinable @inline(__always)
    package func place(at time: Int64) -> Int {
        if let row = block.row(at: time) { return row }
        return order.isEmpty ? Self.none : latePlace(at: time)
    }

    @usableFromInline @inline(never)
    func latePlace(at time: Int64) -> Int {
        let index = lateIndex(of: time)
        guard index < order.count, lateTimes[Int(order[index])] == time else { return Self.none }
        return ~Int(order[index])
    }

    /// The index in `order` of the first row at or before `time`.
    private func lateIndex(of time: Int64) -> Int {
        if let last = order.last, time < lateTimes[Int(last)] { return order.count }
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            if lateTimes[Int(order[middle])] > time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// An empty row at `time`, which no row has yet.
    @inlinable @inline(__always)
    package mutating func insert(_ time: Int64) -> Int {
        let isNear = block.count <= Self.movedMax || time > block.times[block.count - Self.movedMax]
        return isNear ? block.insert(time) : insertLate(time)
    }

    @usableFromInline @inline(never)
    mutating func insertLate(_ time: Int64) -> Int {
        let place = lateTimes.count
        order.insert(Int32(place), at: lateIndex(of: time))
        lateTimes.append(time)
        lateValues.append(contentsOf: repeatElement(RowBlock.absent, count: stride))
        return ~place
    }

    /// Takes out the row that was inserted last of those that are there.
    package mutating func remove(_ place: Int) {
        guard place < 0 else { return block.remove(place) }
        precondition(~place == lateTimes.count - 1, "store: a row of the log is taken back out of order")
        order.remove(at: lateIndex(of: lateTimes[~place]))
        lateTimes.removeLast()
        lateValues.removeLast(stride)
    }

    /// Gives every row at least `columns` columns.
    package mutating func widen(to columns: Int) {
        guard columns > stride else { return }
        lateValues = RowBlock.widened(lateValues, rows: lateTimes.count, of: stride, to: columns)
        block.widen(to: columns)
    }

    /// Merges the log in once it is long enough; between batches.
    package mutating func settle() {
        guard order.count >= Self.lateMin, order.count >= block.count / Self.lateShare else { return }
        block = rows
        (lateTimes, lateValues, order) = ([], [], [])
    }

    /// The newest value of a column up to a time; nil where it has none.
    package func last(ofColumn column: Int, through time: Int64) -> (time: Int64, value: Double)? {
        let found = block.last(ofColumn: column, through: time)
        guard !order.isEmpty else { return found }
        for index in lateIndex(of: time)..<order.count {
            let place = Int(order[index])
            if let found, found.time > lateTimes[place] { return found }
            let value = self[~place, column]
            if !value.isNaN { return (lateTimes[place], value) }
        }
        return found
    }

    /// Puts readings of one row, which stand together and are of this stream.
    package mutating func put(_ readings: ArraySlice<Reading>, _ registry: SeriesRegistry) {
        guard let first = readings.first else { return }
        widen(to: registry.streams[registry.place(of: first.series).stream.index].columns.count)
        let time = first.observed.milliseconds
        var place = place(at: time)
        if place == Self.none { place = insert(time) }
        for reading in readings { set(place, registry.place(of: reading.series).column, reading.value) }
        settle()
    }
}

extension Turn {
    /// Calls `body` with the readings of each row that the turn brought, corrections last: those that stand together with one
    /// stream and one time.
    package func forEachStoredRow(
        _ registry: SeriesRegistry, _ body: (_ stream: Int, _ row: ArraySlice<Reading>) -> Void
    ) {
        for readings in [fresh, corrections] {
            var start = 0
            while start < readings.count {
                let stream = registry.place(of: readings[start].series).stream
                var end = start + 1
                while end < readings.count, readings[end].observed == readings[start].observed,
                    registry.place(of: readings[end].series).stream == stream
                {
                    end += 1
                }
                body(stream.index, readings[start..<end])
                start = end
            }
        }
    }
}
