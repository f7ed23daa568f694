public import Basics
import Glibc
public import Telemetry

extension WindowTable {
    /// The lengths of the windows of a series, shortest first; none where it has no windows.
    public func windows(of series: SeriesID) -> [Duration] {
        guard series.index < records.count, let record = records[series.index] else { return [] }
        return record.layout.pointee.plan.map(\.length)
    }

    /// The summaries of all windows of one series that are not empty, shortest window first.
    public func summaries(of series: SeriesID, at now: Timestamp) -> [WindowSummary] {
        guard series.index < records.count, let record = records[series.index] else { return [] }
        return (0..<record.layout.pointee.windowCount).compactMap {
            summary(of: series, window: $0, at: now)
        }
    }

    /// The statistics of the window of a length; nil when it is empty or the series has none of that length.
    public func summary(
        of series: SeriesID, over length: Duration, at now: Timestamp, quantiles: Bool = true
    ) -> WindowSummary? {
        guard series.index < records.count, let layout = records[series.index]?.layout else { return nil }
        let milliseconds = length.milliseconds
        for window in 0..<layout.pointee.windowCount where layout.pointee.windows[window].milliseconds == milliseconds {
            return summary(of: series, window: window, at: now, quantiles: quantiles)
        }
        return nil
    }

    /// The statistics of one window of a series at `now`; nil when the window is empty.
    ///
    /// The window ends with the pane of `now`, or of the series' newest sample where that is later: a device whose
    /// clock runs ahead is judged by its own time. Without `quantiles` median and p95 are nil, which costs less.
    public func summary(
        of series: SeriesID, window place: Int, at now: Timestamp, quantiles: Bool = true
    ) -> WindowSummary? {
        guard let newest = newest(of: series), let record = records[series.index] else { return nil }
        let layout = record.layout
        let window = layout.pointee.windows[place]
        let ring = layout.pointee.rings[window.ring]
        let kind = record.header.pointee.kind
        let moment = max(now, newest.observed).milliseconds
        let lastEpoch = moment.flooredDivision(by: ring.paneMilliseconds)
        let firstEpoch = lastEpoch - Int64(window.paneCount) + 1

        // No pane is younger than the open one.
        let open = record.open + window.ring
        let openEpoch = Int64(open.pointee.epoch)
        guard open.pointee.epoch != OpenPane.never, openEpoch >= firstEpoch else { return nil }
        let settled = record.settled + place
        // What stands before the pane of `now` stands still until time or a late reading moves it.
        let isKept = openEpoch == lastEpoch
        if !isKept || settled.pointee.epoch != open.pointee.epoch {
            settled.pointee = Settled()
            // Oldest to newest, so that merging is done in the same order whatever slot the ring begins at.
            var epoch = firstEpoch
            while epoch < openEpoch {
                if open.pointee.isFilled(epoch) {
                    let pane = record.closed + ring.slot(of: epoch)
                    settled.pointee.merge(
                        pane.pointee, squares: Double(pane.pointee.squares), from: epoch * ring.paneMilliseconds, kind)
                }
                epoch += 1
            }
            settled.pointee.epoch = isKept ? open.pointee.epoch : OpenPane.never
        }
        var merged = settled.pointee
        merged.merge(
            open.pointee.pane, squares: open.pointee.squares, from: openEpoch * ring.paneMilliseconds, kind)

        let start = firstEpoch * ring.paneMilliseconds
        let end = (lastEpoch + 1) * ring.paneMilliseconds
        var summary = WindowSummary(
            series: series, window: .milliseconds(window.milliseconds), end: Timestamp(milliseconds: end),
            count: Int(merged.count), mean: merged.mean, min: merged.min, max: merged.max,
            standardDeviation: (max(0, merged.squares) / Double(merged.count)).squareRoot(), first: merged.first,
            firstAt: Timestamp(milliseconds: merged.firstAt), last: kind == .counter ? newest.value : merged.last,
            lastAt: Timestamp(milliseconds: merged.lastAt), median: nil, p95: nil)
        summary.revision = Int(record.revisions[window.ring])
        let cadence = Int64(record.header.pointee.cadenceMilliseconds)
        if cadence > 0 { summary.expectedCount = Int(max(1, (min(moment, end) - start) / cadence)) }
        Self.complete(&summary, merged, kind, at: min(moment, end))
        if quantiles, kind != .direction {
            addQuantiles(to: &summary, record, window, from: firstEpoch, through: openEpoch)
        }
        return summary
    }

    /// Adds what is told of some kinds only.
    private static func complete(
        _ summary: inout WindowSummary, _ merged: Settled, _ kind: SeriesKind, at moment: Int64
    ) {
        summary.change = merged.last - merged.first
        switch kind {
        case .gauge: break
        case .delta: summary.total = merged.mean * Double(merged.count)
        case .counter:
            summary.increase = merged.extra
            summary.change = merged.extra
            if merged.first.isNaN { summary.first = summary.last }
        case .state:
            let held = max(0, moment - merged.lastAt)
            let span = Double(merged.lastAt - merged.firstAt + held)
            summary.timeWeightedMean = span > 0 ? (merged.extra + merged.last * Double(held)) / span : merged.last
        case .direction:
            let resultant = (merged.mean * merged.mean + merged.extra * merged.extra).squareRoot()
            // Directions that cancel out leave only rounding.
            if resultant < 1e-9 {
                summary.mean = nil
                summary.standardDeviation = nil
            } else {
                let degrees = atan2(merged.mean, merged.extra) * (180 / .pi)
                let positive = degrees < 0 ? degrees + 360 : degrees
                summary.mean = positive >= 360 ? 0 : positive
                // Mardia and Jupp, Directional Statistics (2000), section 2.3: the circular standard deviation.
                summary.standardDeviation = (-2 * log(min(1, resultant))).squareRoot() * (180 / .pi)
            }
            var way = (merged.last - merged.first).truncatingRemainder(dividingBy: 360)
            if way > 180 { way -= 360 } else if way <= -180 { way += 360 }
            summary.change = way
        }
    }

    // MARK: Quantiles

    /// Median and p95, exact over the samples where all are kept, else by the quantile points of the panes.
    private func addQuantiles(
        to summary: inout WindowSummary, _ record: SeriesRecord, _ window: Layout.Window, from firstEpoch: Int64,
        through openEpoch: Int64
    ) {
        let ring = record.layout.pointee.rings[window.ring]
        let start = firstEpoch * ring.paneMilliseconds
        // The closure of a temporary allocation cannot write to what is passed in.
        var result: (median: Double, p95: Double)?
        if summary.count <= record.keptCount {
            let count = summary.count
            withUnsafeTemporaryAllocation(of: Double.self, capacity: WindowPlan.samplesKept) { values in
                var found = 0
                for index in 0..<record.keptCount {
                    let sample = record.kept(index)
                    guard sample.milliseconds >= start else { continue }
                    // Insertion, as there are few.
                    var place = found
                    while place > 0, values[place - 1] > sample.value {
                        values[place] = values[place - 1]
                        place -= 1
                    }
                    values[place] = sample.value
                    found += 1
                }
                guard found == count else { return }
                let sorted = UnsafeBufferPointer(rebasing: UnsafeBufferPointer(values)[..<found])
                result = (quantile(0.5, of: sorted), quantile(0.95, of: sorted))
            }
        }
        if let result {
            summary.median = result.median
            summary.p95 = result.p95
            summary.hasExactQuantiles = true
            return
        }
        guard record.header.pointee.kind.hasSketch else { return }
        let (least, most) = (summary.min, summary.max)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: WeightedPoints.parts) { weights in
            withUnsafeTemporaryAllocation(
                of: WeightedPoint.self, capacity: window.paneCount * QuantilePoints.count
            ) { buffer in
                guard let buffer = buffer.baseAddress, let weights = weights.baseAddress else { return }
                var points = WeightedPoints(buffer, weights, least, most)
                let open = record.open + window.ring
                var epoch = firstEpoch
                while epoch < openEpoch {
                    if open.pointee.isFilled(epoch) {
                        let pane = record.closed + ring.slot(of: epoch)
                        points.take(QuantilePoints(codes: pane.pointee.extra), pane.pointee)
                    }
                    epoch += 1
                }
                points.take(record.openPoints(window.ring, ring.paneMilliseconds), open.pointee.pane)
                result = (points.quantile(0.5), points.quantile(0.95))
            }
        }
        summary.median = result?.median
        summary.p95 = result?.p95
    }
}

/// The `fraction` quantile of sorted samples, interpolated linearly between the two nearest (Hyndman and Fan, type 7).
func quantile(_ fraction: Double, of sorted: UnsafeBufferPointer<Double>) -> Double {
    let position = fraction * Double(sorted.count - 1)
    let below = Int(position)
    let above = min(below + 1, sorted.count - 1)
    return sorted[below] + (sorted[above] - sorted[below]) * (position - Double(below))
}
