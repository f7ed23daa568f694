import Basics
import Contract
import Dispatch
import Frames
import Synchronization
import Telemetry

/// One bucket of one group while it fills.
struct BucketSummary {
    var summary = Summary()
    var histogram: Histogram?
    var isRevised = false
    /// What counters grew by; 0 of other series.
    var increase = 0.0
    private var lastTime = Int64.min

    /// Whether it has anything to tell.
    var isTouched: Bool { summary.count > 0 || isRevised }

    /// `time` tells which of two is later.
    @inline(__always)
    mutating func add(_ other: Summary, at time: Int64) {
        let last = summary.last
        let isEmpty = summary.count == 0
        summary.merge(other)
        if isEmpty || time >= lastTime { lastTime = time } else { summary.last = last }
    }

    mutating func merge(_ other: BucketSummary) {
        if other.summary.count > 0 { add(other.summary, at: other.lastTime) }
        if let more = other.histogram {
            if histogram == nil { histogram = more } else { histogram!.merge(more) }
        }
        isRevised = isRevised || other.isRevised
        increase += other.increase
    }
}

/// Gathers the readings of a series by rising time and summarizes them piece by piece: hour by hour where buckets are
/// hours, so that the figures are those of stored hours.
struct BucketFiller {
    private let request: SummaryRequest
    private let isHourly: Bool
    private(set) var buckets: [BucketSummary]
    /// Of the open piece, which goes from the first of them to `end`.
    private(set) var values: [Double]
    private var bucket = 0
    /// The power of ten that the piece before was integers over.
    private var exponent = 0
    private var start = Int64.min
    private var end = Int64.min

    init(_ request: SummaryRequest, _ buckets: [BucketSummary], _ values: [Double]) {
        self.request = request
        self.buckets = buckets
        self.values = values
        isHourly = request.isHourly
        self.values.removeAll(keepingCapacity: true)
    }

    /// NaN is absent.
    mutating func add(_ times: Span<Int64>, _ more: Span<Double>) {
        times.withUnsafeBufferPointer { times in
            more.withUnsafeBufferPointer { more in add(times, more) }
        }
    }

    private mutating func add(_ times: UnsafeBufferPointer<Int64>, _ more: UnsafeBufferPointer<Double>) {
        var index = 0
        while index < times.count {
            if times[index] >= end { begin(at: times[index]) }
            let (first, end) = (index, end)
            var absent = 0
            // One walk finds the end of the piece and whether all of it is there.
            while index < times.count, times[index] < end {
                absent |= more[index].isNaN ? 1 : 0
                index &+= 1
            }
            let piece = UnsafeBufferPointer(rebasing: more[first..<index])
            if index < times.count, values.isEmpty, absent == 0 {
                // Nearly every piece lies within one run, and needs no copy.
                count(piece)
            } else {
                for value in piece where !value.isNaN { values.append(value) }
            }
        }
    }

    private mutating func begin(at time: Int64) {
        flush()
        bucket = request.bucket(of: time)
        start = time
        end = request.end(of: bucket)
        if isHourly { end = min(end, (time / HourRow.hourMilliseconds + 1) * HourRow.hourMilliseconds) }
    }

    /// Counts the open piece.
    mutating func flush() {
        guard !values.isEmpty else { return }
        // Put aside, so that it is not changed while it is lent.
        var piece: [Double] = []
        swap(&piece, &values)
        piece.withUnsafeBufferPointer { count($0) }
        piece.removeAll(keepingCapacity: true)
        swap(&piece, &values)
    }

    private mutating func count(_ piece: UnsafeBufferPointer<Double>) {
        buckets[bucket].add(Summary(piece, exponent: &exponent), at: start)
        if request.withQuantiles { buckets[bucket].add(piece) }
    }
}

extension BucketSummary {
    mutating func add(_ values: UnsafeBufferPointer<Double>) {
        if histogram == nil { histogram = Histogram() }
        for value in values { histogram!.add(value) }
    }

    mutating func add(_ other: Histogram) {
        if histogram == nil { histogram = other } else { histogram!.merge(other) }
    }
}
