import Basics
import Telemetry

/// Rows of one stream by rising time, each with a value or none for every column.
///
/// Values lie row by row, so a new row is one append. Readings are finite: a NaN marks an absent value.
///
/// The type is public and its members are not: Swift 6.3 inlines no member of a package type into another module, and
/// the journal, which asks for single values, took 13 % more instructions a commit. So are those of `ByteReader`,
/// `ByteWriter` and `FrameKey`.
public struct RowBlock: Sendable, Equatable {
    @usableFromInline package private(set) var times: [Int64] = []
    @usableFromInline package private(set) var values: [Double] = []
    /// Columns of each row.
    @usableFromInline package private(set) var stride: Int

    @inlinable package init(stride: Int = 0) { self.stride = stride }

    @inlinable package static var absent: Double { .nan }

    @inlinable package var count: Int { times.count }
    @inlinable package var isEmpty: Bool { times.isEmpty }

    /// The same times, columns and values: absent is equal to absent, and 0 is not -0.
    public static func == (left: RowBlock, right: RowBlock) -> Bool {
        left.times == right.times && left.stride == right.stride
            && zip(left.values, right.values).allSatisfy {
                $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN)
            }
    }

    /// The value, or NaN; a column that the block does not have yet is absent.
    @inlinable package subscript(row: Int, column: Int) -> Double {
        @inline(__always) get { column < stride ? values[row &* stride &+ column] : Self.absent }
    }

    /// Sets a value of a column below `stride`.
    @inlinable @inline(__always) package mutating func set(_ row: Int, _ column: Int, _ value: Double) {
        values[row &* stride &+ column] = value
    }

    /// The place of the first row at or after `time`.
    @inlinable package func place(of time: Int64) -> Int {
        var low = 0
        var high = times.count
        while low < high {
            let middle = (low &+ high) >> 1
            if times[middle] < time { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    /// The row of exactly this time.
    @inlinable package func row(at time: Int64) -> Int? {
        // Most often asked for the newest row.
        if let last = times.last, time >= last { return time == last ? times.count - 1 : nil }
        let place = place(of: time)
        return place < times.count && times[place] == time ? place : nil
    }

    /// The newest value of a column up to a time; nil where it has none.
    @inlinable package func last(ofColumn column: Int, through time: Int64) -> (time: Int64, value: Double)? {
        guard column < stride else { return nil }
        for row in Swift.stride(from: count - 1, through: 0, by: -1)
        where times[row] <= time && !self[row, column].isNaN {
            return (times[row], self[row, column])
        }
        return nil
    }

    /// An empty row at `time`, which no row has yet; returns its place.
    @usableFromInline package mutating func insert(_ time: Int64) -> Int {
        let isNewest = times.last.map { time > $0 } ?? true
        let place = isNewest ? times.count : place(of: time)
        if isNewest {
            times.append(time)
            values.append(contentsOf: repeatElement(Self.absent, count: stride))
        } else {
            times.insert(time, at: place)
            values.insert(contentsOf: repeatElement(Self.absent, count: stride), at: place * stride)
        }
        return place
    }

    package mutating func remove(_ row: Int) {
        times.remove(at: row)
        values.removeSubrange(row * stride..<(row + 1) * stride)
    }

    /// Gives every row at least `columns` columns.
    package mutating func widen(to columns: Int) {
        guard columns > stride else { return }
        values = Self.widened(values, rows: times.count, of: stride, to: columns)
        stride = columns
    }

    /// Values of `rows` rows of `stride` columns with absent ones behind them, up to `columns`.
    static func widened(_ values: [Double], rows: Int, of stride: Int, to columns: Int) -> [Double] {
        var wide: [Double] = []
        wide.reserveCapacity(rows * columns)
        for row in 0..<rows {
            wide.append(contentsOf: values[row * stride..<(row + 1) * stride])
            for _ in stride..<columns { wide.append(absent) }
        }
        return wide
    }

    /// Puts one value, in a row of its own where there is none at `time`; the last put wins.
    package mutating func put(_ time: Int64, _ column: Int, _ value: Double, columns: Int) {
        widen(to: max(columns, column + 1))
        set(row(at: time) ?? insert(time), column, value)
    }

    /// These rows with all rows of `newer` put on top: where both have a value, that of `newer` stays.
    package func merged(with newer: RowBlock) -> RowBlock {
        var result = RowBlock(stride: max(stride, newer.stride))
        result.times.reserveCapacity(count + newer.count)
        result.values.reserveCapacity((count + newer.count) * result.stride)
        var (older, younger) = (0, 0)
        while older < count || younger < newer.count {
            let takeOlder = younger == newer.count || (older < count && times[older] <= newer.times[younger])
            let takeYounger = older == count || (younger < newer.count && newer.times[younger] <= times[older])
            result.times.append(takeOlder ? times[older] : newer.times[younger])
            for column in 0..<result.stride {
                let fresh = takeYounger ? newer[younger, column] : Self.absent
                result.values.append(fresh.isNaN && takeOlder ? self[older, column] : fresh)
            }
            if takeOlder { older += 1 }
            if takeYounger { younger += 1 }
        }
        return result
    }

    /// These rows followed by those of `later`, which all come after them.
    package func joined(with later: RowBlock) -> RowBlock {
        guard let last = times.last, let next = later.times.first, stride == later.stride, last < next else {
            return merged(with: later)
        }
        var result = self
        result.times.append(contentsOf: later.times)
        result.values.append(contentsOf: later.values)
        return result
    }

    /// The rows of `range` as a block of their own.
    package func slice(_ range: Range<Int>) -> RowBlock {
        var part = RowBlock(stride: stride)
        part.times = Array(times[range])
        part.values = Array(values[range.lowerBound * stride..<range.upperBound * stride])
        return part
    }

    /// A block from parts that were checked: times rise strictly, and there are `stride` values for each.
    package init(times: [Int64], values: [Double], stride: Int) {
        precondition(values.count == times.count * stride, "store: \(values.count) values for \(times.count) rows")
        self.times = times
        self.values = values
        self.stride = stride
    }
}
