import Basics
import Frames
import Telemetry

// Readings of messages without a time of their own: each message is a reading, at its receipt.
extension OpenRows {
    /// Times that a message may be moved to, to find one that no other has.
    private static let stepsMax = 1_000_000

    /// The readings of a batch with the times that its messages without one get: the receipt, or the next millisecond that
    /// no reading of their streams has. What the broker had kept and says what is known is left out.
    mutating func stamp(
        _ batch: DecodedBatch, _ registry: SeriesRegistry, _ sealed: SealedFrames, _ sealedValues: [NewestReading]
    ) throws(StoreError) -> [Reading] {
        var readings: [Reading] = []
        readings.reserveCapacity(batch.readings.count)
        var streams: [Int] = []
        var taken = 0
        for row in batch.stamped {
            readings += batch.readings[taken..<row.start]
            taken = row.end
            let start = readings.count
            for reading in batch.readings[row.start..<row.end] {
                if row.isRetained, newestValue(of: reading.series, registry, sealedValues) == reading.value {
                    countDuplicates(1)
                } else {
                    readings.append(reading)
                }
            }
            guard start < readings.count else {
                if row.start < row.end {
                    countKnownWord(of: registry.series[batch.readings[row.start].series.index].device)
                }
                continue
            }
            streams.removeAll(keepingCapacity: true)
            for reading in readings[start...] {
                let stream = registry.place(of: reading.series).stream.index
                if streams.last != stream { streams.append(stream) }
            }
            let time = try freeTime(from: readings[start].observed.milliseconds, in: streams, sealed)
            for index in start..<readings.count { readings[index].observed = Timestamp(milliseconds: time) }
        }
        return readings + batch.readings[taken...]
    }

    /// The first time from `receipt` on that no message of these streams has.
    private mutating func freeTime(
        from receipt: Int64, in streams: [Int], _ sealed: SealedFrames
    ) throws(StoreError) -> Int64 {
        // The one before was moved, or came in the same millisecond.
        var time = streams.reduce(receipt) { max($0, lastStamped($1) &+ 1) }
        for _ in 0..<Self.stepsMax {
            var isTaken = false
            for stream in streams {
                if try has(stream, time, sealed) { isTaken = true }
            }
            if !isTaken { break }
            time += 1
        }
        for stream in streams { setStamped(stream, time) }
        return time
    }

    /// What a series says by its newest reading; nil before its first.
    private func newestValue(
        of series: SeriesID, _ registry: SeriesRegistry, _ sealedValues: [NewestReading]
    ) -> Double? {
        let place = registry.place(of: series)
        if let last = last(place.stream.index, column: place.column) { return last }
        guard series.index < sealedValues.count, sealedValues[series.index].time != .min else { return nil }
        return sealedValues[series.index].value
    }
}
