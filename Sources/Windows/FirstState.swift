import Basics
import Glibc
import Telemetry

/// The state of version 1: windows of their own rings, panes without kinds, a ring of samples.
///
/// What it did not keep is made up as well as it can be: a counter's growth and a state's area within a pane from the
/// pane's ends and mean, quantile points evenly between the pane's least and most. A day later nothing of it is left.
struct FirstState {
    let plan: WindowPlan
    let seriesCount: Int
    private let windows: [(milliseconds: Int64, paneCount: Int64)]

    init?(_ reader: inout StateReader, _ bytes: Int) {
        guard let samplesKept = reader.next(UInt32.self), (1...65_536).contains(samplesKept),
            let count = reader.next(UInt32.self), (1...UInt32(WindowPlan.windowsMax)).contains(count)
        else { return nil }
        var windows: [(milliseconds: Int64, paneCount: Int64)] = []
        for _ in 0..<count {
            guard let length = reader.next(Int64.self), let paneCount = reader.next(UInt32.self).map({ Int64($0) }),
                (1...32_767).contains(paneCount), length % paneCount == 0, length >= 1000 * paneCount,
                length <= 400 * 86_400_000, !windows.contains(where: { $0.milliseconds == length })
            else { return nil }
            windows.append((length, paneCount))
        }
        // A series takes at least 18 bytes, which bounds what a damaged count can make us do.
        guard let seriesCount = reader.next(UInt32.self), Int(seriesCount) <= bytes / 18 else { return nil }
        let kept = windows.compactMap { WindowPlan.Window(length: .milliseconds($0.milliseconds)) }
        plan = WindowPlan.isPossible(kept) ? WindowPlan(kept) : .standard
        self.windows = windows
        self.seriesCount = Int(seriesCount)
    }

    func series(_ reader: inout StateReader, _ kind: SeriesKind) -> SavedSeries? {
        var saved = SavedSeries(kind: kind)
        guard let newest = reader.next(Int64.self), let newestValue = reader.value() else { return nil }
        if newest != SeriesHeader.nothing { saved.newest = (newest, newestValue) }
        for window in windows {
            var ring = SavedSeries.Ring(paneMilliseconds: window.milliseconds / window.paneCount)
            guard let filled = reader.next(UInt16.self) else { return nil }
            for _ in 0..<filled {
                guard let (epoch, pane, _) = pane(&reader, kind) else { return nil }
                ring.closed.append((epoch, pane))
            }
            guard let (epoch, pane, squares) = pane(&reader, kind) else { return nil }
            ring.open.epoch = epoch
            ring.open.pane = pane
            ring.open.squares = squares
            if kind.hasSketch, epoch != OpenPane.never, pane.min.isFinite, pane.max.isFinite {
                ring.bins.withUnsafeMutableBufferPointer { bins in
                    guard let start = bins.baseAddress else { return }
                    ring.open.sketch.reopen(QuantilePoints.even, count: pane.count, pane.min, pane.max, start)
                }
            }
            ring.closed.removeAll {
                $0.epoch >= epoch || Int64($0.epoch) <= Int64(epoch) - window.paneCount
            }
            ring.closed.sort { $0.epoch < $1.epoch }
            saved.rings.append(ring)
        }
        guard let samples = reader.next(UInt16.self) else { return nil }
        for _ in 0..<samples {
            guard let moment = reader.next(Int64.self), let value = reader.value() else { return nil }
            saved.kept.append((moment, value))
        }
        // Samples of a year ago, which a ring of rare ones could hold, are of no window.
        saved.kept.removeAll { newest &- $0.milliseconds >= 1 << 31 }
        return saved.isPossible(windows.map { Int($0.paneCount) - 1 }) ? saved : nil
    }

    private func pane(_ reader: inout StateReader, _ kind: SeriesKind) -> (Int32, Pane, Double)? {
        var pane = Pane()
        guard let epoch = reader.next(Int32.self), let count = reader.next(UInt32.self),
            let firstOffset = reader.next(Int32.self), let lastOffset = reader.next(Int32.self),
            let mean = reader.value(), let squares = reader.value(), let min = reader.value(),
            let max = reader.value(), let first = reader.value(), let last = reader.value()
        else { return nil }
        (pane.count, pane.firstOffset, pane.lastOffset) = (count, firstOffset, lastOffset)
        pane.squares = Float(Swift.min(squares, Double(Float.greatestFiniteMagnitude)))
        (pane.mean, pane.min, pane.max, pane.first, pane.last) = (mean, min, max, first, last)
        switch kind {
        case .gauge, .delta: pane.extra = QuantilePoints.even.codes
        case .counter: pane.extraValue = counterGrowth(from: first, to: last)
        case .state: pane.extraValue = mean * Double(Int64(lastOffset) - Int64(firstOffset))
        case .direction:
            pane.mean = sin(mean * (.pi / 180))
            pane.extraValue = cos(mean * (.pi / 180))
        }
        return (epoch, pane, squares)
    }
}
