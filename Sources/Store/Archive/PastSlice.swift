import Basics
import Frames
import Telemetry

/// The rows of all streams in a slice of time, column by column, and the order in which they were measured.
///
/// Its memory is used again for the next slice.
struct PastSlice {
    /// Where the rows of a stream lie.
    private struct Run {
        var device: DeviceIndex
        var isHeard: Bool
        /// Of `times`; and each column has as many of `values`, from `firstValue` on.
        var rows: Range<Int>
        var firstValue: Int
        var columns: [SeriesID]
        /// The next row.
        var next: Int
        /// The turn that has a row of it already.
        var turn = 0
    }

    private var runs: [Run] = []
    private var times: [Int64] = []
    private var values: [Double] = []
    /// Time since the slice's beginning, then the place in `runs`.
    private var order: [UInt64] = []
    private var start: Int64 = 0

    private static let streamBits: UInt64 = 21

    var valueCount: Int { values.count + times.count }

    mutating func read(_ reader: SeriesReader, _ request: PastTurnsRequest, _ span: Range<Int64>) throws(StoreError) {
        runs.removeAll(keepingCapacity: true)
        times.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        order.removeAll(keepingCapacity: true)
        start = span.lowerBound
        let registry = reader.registry
        for (number, stream) in registry.streams.enumerated() {
            let wanted = stream.columns.indices.filter {
                let series = stream.columns[$0].index
                return series < request.series.count && request.series[series]
            }
            let isHeard = stream.device.index < request.devices.count && request.devices[stream.device.index]
            let (firstRow, firstValue) = (times.count, values.count)
            // Of one that nobody asks for the times tell that somebody listened.
            for (place, column) in (wanted.isEmpty ? [0] : wanted).enumerated() {
                try add(reader, number, column, span, isFirst: place == 0, isValued: !wanted.isEmpty, firstRow)
            }
            guard times.count > firstRow else { continue }
            let run = UInt64(runs.count)
            for row in firstRow..<times.count { order.append(UInt64(times[row] - start) << Self.streamBits | run) }
            runs.append(
                Run(
                    device: stream.device, isHeard: isHeard, rows: firstRow..<times.count, firstValue: firstValue,
                    columns: wanted.map { stream.columns[$0] }, next: firstRow))
        }
        // The runs are in order, which the library's sort makes use of.
        order.sort()
    }

    private mutating func add(
        _ reader: SeriesReader, _ stream: Int, _ column: Int, _ span: Range<Int64>, isFirst: Bool, isValued: Bool,
        _ firstRow: Int
    ) throws(StoreError) {
        var row = firstRow
        let firstValue = values.count
        try reader.merged(stream: stream, column: column, span) { found, numbers in
            if isFirst {
                for index in found.indices { times.append(found[index]) }
                if isValued { for index in numbers.indices { values.append(numbers[index]) } }
                return true
            }
            for index in found.indices {
                // A frame may be damaged in one column alone.
                while row < times.count, times[row] < found[index] {
                    values.append(.nan)
                    row += 1
                }
                guard row < times.count, times[row] == found[index] else { continue }
                values.append(numbers[index])
                row += 1
            }
            return true
        }
        while isValued, values.count - firstValue < times.count - firstRow { values.append(.nan) }
    }

    /// Calls `body` with the rows of each second, in which no stream stands twice: a rule that judges a series once a turn
    /// sees each of its readings. `go` moves the clocks on.
    mutating func forEachTurn(
        _ go: (Int64) -> Moment, _ body: (Turn) throws -> Void
    ) throws {
        var turn = Turn(origin: .live, at: Moment(Timestamp(milliseconds: start)))
        var number = 1
        var second = Int64.min
        for key in order {
            let place = Int(key & (1 << Self.streamBits - 1))
            let time = Int64(key >> Self.streamBits) + start
            if time.flooredDivision(by: 1000) != second || runs[place].turn == number {
                if !turn.isEmpty { try body(turn) }
                turn.removeAll()
                second = time.flooredDivision(by: 1000)
                number += 1
            }
            turn.moment = go(time)
            runs[place].turn = number
            let row = runs[place].next
            runs[place].next += 1
            guard runs[place].isHeard else { continue }
            turn.heard.append(Hearing(device: runs[place].device, at: Timestamp(milliseconds: time)))
            var value = runs[place].firstValue + row - runs[place].rows.lowerBound
            for series in runs[place].columns {
                if !values[value].isNaN {
                    turn.fresh.append(
                        Reading(series: series, observed: Timestamp(milliseconds: time), value: values[value]))
                }
                value += runs[place].rows.count
            }
        }
        if !turn.isEmpty { try body(turn) }
    }
}
