import Basics
import Contract
import Frames
import Telemetry

/// What the counters of a question grew by, bucket by bucket.
///
/// An increase is that from the first to the last reading of the span; a bucket has what grew up to its last reading
/// since the one before, so the buckets of an answer add up to the whole. The law is that of the live windows
/// (`CounterWalk`), which needs the readings in order of time.
///
/// Stored hours and days tell it exactly as long as their readings lie within a tenth of each other, as those of a
/// meter that has counted for some time do. For others the raw readings are read. Where those were given up it is a
/// guess (`CounterWalk.guess`): of hours and days with a beginning or a spike in them, and of the very first one.
struct Increases {
    /// How far before the span readings are looked at, which say whether its first one is a spike.
    private static let leadMilliseconds = HourRow.hourMilliseconds

    private struct Counter {
        let stream: Int
        let column: Int
        let group: Int
        var walk = CounterWalk()
        /// Not before this is the time of the next piece.
        var end = Int64.min
        /// What cannot be counted while the bytes of a row are lent, or follows such a piece.
        var waiting: [Piece] = []
    }

    /// Readings of a span: what they come to where that is stored.
    private struct Piece {
        var span: Range<Int64>
        var summary: Summary?
    }

    private let reader: SeriesReader
    private let request: SummaryRequest
    private var counters: [Counter] = []
    private var placesOfStream: [Int: [Int]] = [:]

    init(_ reader: SeriesReader, _ request: SummaryRequest) {
        self.reader = reader
        self.request = request
        for (series, group) in request.series
        where reader.registry.series[series.index].quantity.kind == .counter {
            let place = reader.registry.place(of: series)
            placesOfStream[place.stream.index, default: []].append(counters.count)
            counters.append(Counter(stream: place.stream.index, column: place.column, group: group))
        }
    }

    var isEmpty: Bool { counters.isEmpty }

    /// Takes what is stored of a column. What it cannot tell waits for `settle`.
    mutating func take(
        _ summary: Summary, of stream: Int, _ column: Int, _ span: Range<Int64>, _ groups: inout [[BucketSummary]]
    ) {
        for place in placesOfStream[stream] ?? [] where counters[place].column == column {
            if !counters[place].waiting.isEmpty || !count(summary, span, &counters[place], &groups) {
                counters[place].waiting.append(Piece(span: span, summary: summary))
            }
        }
    }

    /// Raw readings of a span wait for `settle`.
    mutating func wait(_ stream: Int, _ span: Range<Int64>) {
        for place in placesOfStream[stream] ?? [] { counters[place].waiting.append(Piece(span: span)) }
    }

    /// Counts what waits. What came too late to be counted in order is passed over: the next reading tells its growth.
    mutating func settle(_ groups: inout [[BucketSummary]]) throws(StoreError) {
        for place in counters.indices where !counters[place].waiting.isEmpty {
            var counter = counters[place]
            counter.waiting.sort { $0.span.lowerBound < $1.span.lowerBound }
            for piece in counter.waiting where piece.span.lowerBound >= counter.end {
                if let summary = piece.summary, count(summary, piece.span, &counter, &groups) { continue }
                let found = try countRaw(piece.span, &counter, &groups)
                guard let summary = piece.summary, !found else { continue }
                counter.walk.guess(
                    min: summary.min, max: summary.max, mean: summary.mean, last: summary.last,
                    at: request.bucket(of: piece.span.lowerBound)
                ) { groups[counter.group][$1].increase += $0 }
            }
            counter.waiting.removeAll(keepingCapacity: true)
            counters[place] = counter
        }
    }

    private func count(
        _ summary: Summary, _ span: Range<Int64>, _ counter: inout Counter, _ groups: inout [[BucketSummary]]
    ) -> Bool {
        let group = counter.group
        let isCounted = counter.walk.take(
            min: summary.min, max: summary.max, last: summary.last, at: request.bucket(of: span.lowerBound)
        ) { groups[group][$1].increase += $0 }
        if isCounted { counter.end = span.upperBound }
        return isCounted
    }

    /// Whether there are raw readings in the span.
    private func countRaw(
        _ span: Range<Int64>, _ counter: inout Counter, _ groups: inout [[BucketSummary]]
    ) throws(StoreError) -> Bool {
        var read = span
        if counter.walk.level == nil {
            let (start, isOverflown) = span.lowerBound.subtractingReportingOverflow(Self.leadMilliseconds)
            if !isOverflown { read = start..<span.upperBound }
        }
        let (group, first) = (counter.group, span.lowerBound)
        var walk = counter.walk
        var (bucket, bucketEnd) = (request.isContinued ? 0 : -1, first)
        var found = false
        try reader.merged(stream: counter.stream, column: counter.column, read) { times, values in
            for index in times.indices where !values[index].isNaN {
                let time = times[index]
                if time >= bucketEnd {
                    bucket = request.bucket(of: time)
                    bucketEnd = request.end(of: bucket)
                }
                found = found || time >= first
                walk.take(values[index], at: bucket) { groups[group][$1].increase += $0 }
            }
            return true
        }
        counter.walk = walk
        counter.end = span.upperBound
        return found
    }
}
