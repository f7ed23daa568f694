import Basics
import Glibc
public import Telemetry

/// What a series is, as far as its statistics depend on it.
public struct SeriesTraits: Sendable {
    /// Decides the kind of the statistics, and which windows are kept.
    public var quantity: Quantity
    /// How often it is expected to speak; nil where that is not known.
    public var cadence: Duration?
    /// Somebody expects it: where there is no room for all, it goes before the others.
    public var isExpected: Bool

    /// nil for a cadence that nobody knows.
    public init(quantity: Quantity, cadence: Duration?, isExpected: Bool = false) {
        self.quantity = quantity
        self.cadence = cadence
        self.isExpected = isExpected
    }
}

/// One series as a state describes it, between bytes and memory.
struct SavedSeries {
    struct Ring {
        var paneMilliseconds: Int64
        var open = OpenPane()
        var revisions: UInt32 = 0
        var bins = [UInt16](repeating: 0, count: SketchHead.bins)
        var late = SketchHead(epoch: OpenPane.never)
        var lateBins = [UInt16](repeating: 0, count: SketchHead.bins)
        /// Oldest first, all before the open one.
        var closed: [(epoch: Int32, pane: Pane)] = []

        private func openPoints(_ pane: Pane) -> QuantilePoints {
            open.sketch.thinning == SketchHead.empty ? .even : open.sketch.points(pane.min, pane.max, bins)
        }

        /// Panes of another length that this one's fill without rest, merged; the quantile points are those of the merged
        /// points, which adds another sixteenth to what they may misplace.
        func rebinned(to milliseconds: Int64, _ kind: SeriesKind) -> Ring {
            var result = Ring(paneMilliseconds: milliseconds)
            result.revisions = revisions
            let parts = milliseconds / paneMilliseconds
            var group = Settled()
            var sketch = SketchHead(epoch: OpenPane.never)
            var bins = [UInt16](repeating: 0, count: SketchHead.bins)
            var groupEpoch = Int64(OpenPane.never)
            func pane() -> Pane {
                let start = groupEpoch * milliseconds
                var pane = Pane()
                pane.count = group.count
                pane.firstOffset = Int32(truncatingIfNeeded: group.firstAt - start)
                pane.lastOffset = Int32(truncatingIfNeeded: group.lastAt - start)
                pane.squares = Float(Swift.min(group.squares, Double(Float.greatestFiniteMagnitude)))
                (pane.mean, pane.min, pane.max) = (group.mean, group.min, group.max)
                (pane.first, pane.last) = (group.first, group.last)
                pane.extra =
                    kind.hasSketch
                    ? sketch.points(pane.min, pane.max, bins).codes : group.extra.bitPattern
                return pane
            }
            for (epoch, source) in closed + [(epoch: open.epoch, pane: open.pane)] {
                let target = Int64(epoch).flooredDivision(by: parts)
                if target != groupEpoch {
                    if group.count > 0 { result.closed.append((Int32(groupEpoch), pane())) }
                    group = Settled()
                    sketch.clear()
                    groupEpoch = target
                }
                let isOpen = epoch == open.epoch
                group.merge(
                    source, squares: isOpen ? open.squares : Double(source.squares),
                    from: Int64(epoch) * paneMilliseconds, kind)
                if kind.hasSketch {
                    let points =
                        isOpen ? openPoints(source) : QuantilePoints(codes: source.extra)
                    bins.withUnsafeMutableBufferPointer { buffer in
                        guard let start = buffer.baseAddress else { return }
                        sketch.merge(points, count: source.count, source.min, source.max, start)
                    }
                }
            }
            result.open.pane = pane()
            result.open.squares = group.squares
            result.open.sketch = sketch
            result.open.epoch = Int32(groupEpoch)
            result.bins = bins
            return result
        }
    }

    /// In the place of the newest value of a series without windows that never spoke.
    static let absentValue = Double.nan

    var kind: SeriesKind
    /// It had no windows.
    var isAbsent = false
    var newest: (milliseconds: Int64, value: Double)?
    /// In the order they were heard.
    var kept: [(milliseconds: Int64, value: Double)] = []
    var rings: [Ring] = []

    /// Whether samples could have led to it; what is not is refused, as computing with it could trap.
    func isPossible(_ closedCounts: [Int]) -> Bool {
        guard let newest else { return kept.isEmpty && rings.allSatisfy { $0.open.epoch == OpenPane.never } }
        guard newest.milliseconds.magnitude < 1 << 52, newest.value.isFinite,
            kept.allSatisfy({
                $0.value.isFinite && $0.milliseconds.magnitude < 1 << 52 && $0.milliseconds <= newest.milliseconds
                    && newest.milliseconds - $0.milliseconds < 1 << 32
            })
        else { return false }
        for (ring, closedCount) in zip(rings, closedCounts) {
            func isPossible(_ pane: Pane) -> Bool {
                pane.count > 0 && pane.firstOffset >= 0 && pane.firstOffset <= pane.lastOffset
                    && Int64(pane.lastOffset) < ring.paneMilliseconds && pane.min <= pane.max
                    && [pane.mean, pane.min, pane.max, Double(pane.squares)].allSatisfy(\.isFinite)
                    && ([pane.first, pane.last].allSatisfy(\.isFinite)
                        || kind == .counter && pane.first.isNaN && pane.last.isNaN)
                    && (kind.hasSketch || pane.extraValue.isFinite)
            }
            guard Int64(ring.open.epoch) == newest.milliseconds.flooredDivision(by: ring.paneMilliseconds),
                isPossible(ring.open.pane), ring.open.squares.isFinite, ring.open.sketch.isPossible,
                ring.late.isPossible,
                ring.closed.allSatisfy({
                    $0.epoch < ring.open.epoch && Int64($0.epoch) >= Int64(ring.open.epoch) - Int64(closedCount)
                        && isPossible($0.pane)
                })
            else { return false }
        }
        return true
    }

    /// Writes it into an empty record. A ring of the same panes goes on as it was; else it takes the panes of the ring
    /// that reaches back farthest of those whose panes fill its own; else it begins empty.
    func restore(into record: SeriesRecord) {
        guard let newest else { return }
        record.header.pointee.newestMilliseconds = newest.milliseconds
        record.header.pointee.newestValue = newest.value
        for sample in kept.suffix(WindowPlan.samplesKept) { record.keep(sample.value, at: sample.milliseconds) }
        for index in 0..<record.layout.pointee.ringCount {
            let ring = record.layout.pointee.rings[index]
            let source =
                rings.first { $0.paneMilliseconds == ring.paneMilliseconds }
                ?? rings.last { ring.paneMilliseconds % $0.paneMilliseconds == 0 }?
                .rebinned(to: ring.paneMilliseconds, kind)
            if let source { source.restore(into: record, index, ring) }
        }
    }
}

extension SavedSeries.Ring {
    fileprivate func restore(into record: SeriesRecord, _ index: Int, _ ring: Layout.Ring) {
        record.open[index] = open
        record.open[index].filled = 0
        record.revisions[index] = revisions
        let bins = record.bins(index)
        let lateBins = record.lateBins(index)
        record.lateHeads[index] = late
        for bin in 0..<SketchHead.bins {
            bins[bin] = self.bins[bin]
            lateBins[bin] = self.lateBins[bin]
        }
        for (epoch, pane) in closed where Int64(epoch) >= Int64(open.epoch) - Int64(ring.closedCount) {
            record.closed[ring.slot(of: Int64(epoch))] = pane
            record.open[index].filled |= 1 << UInt64(open.epoch - epoch - 1)
        }
    }
}
