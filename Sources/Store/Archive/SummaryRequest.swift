import Basics
import Contract
import Frames
import Telemetry

/// What to summarize: series, each with the group it counts in, in buckets of time.
struct SummaryRequest {
    var series: [(series: SeriesID, group: Int)]
    var groups: Int
    var since: Int64
    /// Not included.
    var until: Int64
    var grid: BucketGrid
    var withQuantiles: Bool
    /// Whether the span goes on from one that was asked for before: a counter grew since its last reading there.
    var isContinued = false

    /// The place of the first bucket in the grid.
    private var first: Int64 { grid.place(of: since) }

    var bucketCount: Int { grid.isWhole ? 1 : Int(grid.place(of: until - 1) - first) + 1 }
    func bucket(of time: Int64) -> Int { grid.isWhole ? 0 : Int(grid.place(of: time) - first) }
    /// Before `since`, where that does not lie on the grid.
    func start(of bucket: Int) -> Int64 { grid.isWhole ? since : grid.start(of: first + Int64(bucket)) }
    /// Not before `start(of:)` the next.
    func end(of bucket: Int) -> Int64 { grid.isWhole ? until : grid.start(of: first + Int64(bucket) + 1) }

    /// Whether buckets begin and end with hours, UTC.
    var isHourly: Bool {
        switch grid {
        case .whole: true
        case .even(let step): step % HourRow.hourMilliseconds == 0
        case .days(_, let days): days.areHourly(in: since..<until)
        }
    }
}

extension SummaryRequest {
    /// From so many series on a question is answered in parts.
    private static let partedSeries = 64
    private static let partCount = 8

    /// The request in parts that several threads can work on, each with series of its own; the request as it is where
    /// that is not worth it. What the parts are depends on the request alone, and so does the answer to the last bit,
    /// however many threads there are.
    func parts(_ registry: SeriesRegistry) -> [SummaryRequest] {
        guard series.count >= Self.partedSeries else { return [self] }
        let byStream = series.map { (stream: registry.place(of: $0.series).stream.index, entry: $0) }
            .sorted { ($0.stream, $0.entry.series.rawValue) < ($1.stream, $1.entry.series.rawValue) }
        var parts: [SummaryRequest] = []
        var (first, buckets) = (0, 0)
        for part in 1...Self.partCount {
            var end = max(first, byStream.count * part / Self.partCount)
            // A stream is one row in the files, to be read once.
            while end > 0, end < byStream.count, byStream[end].stream == byStream[end - 1].stream { end += 1 }
            guard end > first else { continue }
            var request = self
            request.series = byStream[first..<end].map(\.entry)
            parts.append(request)
            buckets += Set(request.series.map(\.group)).count * bucketCount
            first = end
        }
        // Each part has its own buckets of a group.
        return buckets <= 2 * HistoryAnswer.pointsMax ? parts : [self]
    }
}
