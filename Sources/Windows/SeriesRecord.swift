import Basics
import Telemetry

/// Where everything of a series lies, for all series of the same windows and cadence. Never moves, so that a series
/// can point to it.
struct Layout {
    struct Ring {
        let paneMilliseconds: Int64
        /// Panes of its longest window. The youngest is open, the others lie closed in the ring.
        let paneCount: Int
        /// Where its closed panes begin.
        let firstClosed: Int

        var closedCount: Int { paneCount - 1 }

        /// Where a closed pane lies.
        @inline(__always)
        func slot(of epoch: Int64) -> Int {
            firstClosed + Int(epoch - epoch.flooredDivision(by: Int64(paneCount - 1)) * Int64(paneCount - 1))
        }
    }

    struct Window {
        let milliseconds: Int64
        let ring: Int
        let paneCount: Int
    }

    let rings: UnsafeMutablePointer<Ring>
    let ringCount: Int
    let windows: UnsafeMutablePointer<Window>
    let windowCount: Int
    let closedCount: Int

    /// Offsets within the hot and the cold part of a series, in bytes.
    let keptValuesOffset: Int
    let keptTimesOffset: Int
    let hotBytes: Int
    let lateBinsOffset: Int
    let revisionsOffset: Int
    let settledOffset: Int
    let closedOffset: Int
    let coldBytes: Int

    init(_ list: [WindowPlan.Window]) {
        var panes: [Int64: Int] = [:]
        for window in list {
            panes[window.paneMilliseconds] = max(panes[window.paneMilliseconds] ?? 0, window.paneCount)
        }
        let lengths = panes.keys.sorted()
        ringCount = lengths.count
        windowCount = list.count
        rings = .allocate(capacity: ringCount)
        windows = .allocate(capacity: windowCount)
        var closed = 0
        for (index, length) in lengths.enumerated() {
            let count = panes[length] ?? 1
            (rings + index).initialize(to: Ring(paneMilliseconds: length, paneCount: count, firstClosed: closed))
            closed += count - 1
        }
        for (index, window) in list.enumerated() {
            (windows + index).initialize(
                to: Window(
                    milliseconds: window.length.milliseconds,
                    ring: lengths.firstIndex(of: window.paneMilliseconds) ?? 0, paneCount: window.paneCount))
        }
        closedCount = closed
        keptValuesOffset = MemoryLayout<SeriesHeader>.stride + ringCount * MemoryLayout<OpenPane>.stride
        keptTimesOffset = keptValuesOffset + WindowPlan.samplesKept * 8
        hotBytes = (keptTimesOffset + WindowPlan.samplesKept * 4 + 7) & ~7
        lateBinsOffset = ringCount * MemoryLayout<SketchHead>.stride
        revisionsOffset = lateBinsOffset + ringCount * SketchHead.bins * 2
        settledOffset = (revisionsOffset + ringCount * 4 + 7) & ~7
        closedOffset = settledOffset + windowCount * MemoryLayout<Settled>.stride
        coldBytes = closedOffset + closed * MemoryLayout<Pane>.stride
    }

    /// Windows with panes of one length share a ring.
    static func ringCount(_ list: [WindowPlan.Window]) -> Int { Set(list.map(\.paneMilliseconds)).count }

    /// Of its longest window.
    var longestMilliseconds: Int64 { windowCount > 0 ? windows[windowCount - 1].milliseconds : 0 }

    func deallocate() {
        rings.deallocate()
        windows.deallocate()
    }

    /// The windows that it was made of.
    var plan: [WindowPlan.Window] {
        (0..<windowCount).map {
            WindowPlan.Window(length: .milliseconds(windows[$0].milliseconds), paneCount: windows[$0].paneCount)
        }
    }
}

/// What a series is known by beside its panes.
struct SeriesHeader {
    let layout: UnsafePointer<Layout>
    /// The newest sample by observed time; `nothing` before the first.
    var newestMilliseconds = SeriesHeader.nothing
    var newestValue = 0.0
    /// 0 where it is not known.
    var cadenceMilliseconds: UInt32
    var keptCount: UInt16 = 0
    /// Where in the ring of kept samples the one heard first lies.
    var keptOldest: UInt16 = 0
    let kind: SeriesKind

    static let nothing = Int64.min
}

/// The youngest pane of a ring, which is filling. Two cache lines.
struct OpenPane {
    var pane = Pane()
    private var bins: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    /// The sum of squares in full, where the pane itself has it rounded.
    var squares = 0.0
    /// Which closed panes hold something: bit 0 the one just before this, and so on. With it time passes over empty panes
    /// without touching them.
    var filled: UInt64 = 0
    /// Of a kind that has one, when there are more than `fewSamples`: fewer are looked up among the samples kept.
    var sketch = SketchHead(epoch: OpenPane.never)

    static let never = Int32.min
    static let fewSamples = 8

    /// Which slice of time it is: time divided by the pane's length. `never` before the first.
    var epoch: Int32 {
        get { sketch.epoch }
        set { sketch.epoch = newValue }
    }

    var closed: Pane {
        var closed = pane
        closed.squares = Float(min(squares, Double(Float.greatestFiniteMagnitude)))
        return closed
    }

    private static let binsOffset = MemoryLayout<Pane>.stride

    /// The histogram of the pane that `open` points to.
    @inline(__always)
    static func bins(_ open: UnsafeMutablePointer<OpenPane>) -> SketchHead.Bins {
        (UnsafeMutableRawPointer(open) + binsOffset).assumingMemoryBound(to: UInt16.self)
    }

    @inline(__always)
    func isFilled(_ epoch: Int64) -> Bool { filled & (1 << UInt64(Int64(self.epoch) - epoch - 1)) != 0 }
}

/// A view of one series' memory; valid as long as its table.
///
/// What every reading touches lies in the hot part beside its neighbours', the panes that time has left behind in the
/// cold one: with all in one place each series takes a memory page of its own.
struct SeriesRecord {
    let hot: UnsafeMutableRawPointer
    let cold: UnsafeMutableRawPointer

    @inline(__always)
    var header: UnsafeMutablePointer<SeriesHeader> { hot.assumingMemoryBound(to: SeriesHeader.self) }
    @inline(__always)
    var layout: UnsafePointer<Layout> { header.pointee.layout }
    @inline(__always)
    var open: UnsafeMutablePointer<OpenPane> {
        (hot + MemoryLayout<SeriesHeader>.stride).assumingMemoryBound(to: OpenPane.self)
    }
    @inline(__always)
    func bins(_ ring: Int) -> SketchHead.Bins { OpenPane.bins(open + ring) }
    /// By ring: how often late readings changed closed panes.
    var revisions: UnsafeMutablePointer<UInt32> {
        (cold + layout.pointee.revisionsOffset).assumingMemoryBound(to: UInt32.self)
    }
    var lateHeads: UnsafeMutablePointer<SketchHead> { cold.assumingMemoryBound(to: SketchHead.self) }
    func lateBins(_ ring: Int) -> SketchHead.Bins {
        (cold + layout.pointee.lateBinsOffset).assumingMemoryBound(to: UInt16.self) + ring * SketchHead.bins
    }
    /// By window.
    var settled: UnsafeMutablePointer<Settled> {
        (cold + layout.pointee.settledOffset).assumingMemoryBound(to: Settled.self)
    }
    @inline(__always)
    var closed: UnsafeMutablePointer<Pane> {
        (cold + layout.pointee.closedOffset).assumingMemoryBound(to: Pane.self)
    }

    func begin(_ layout: UnsafePointer<Layout>, _ kind: SeriesKind, cadenceMilliseconds: UInt32) {
        header.initialize(
            to: SeriesHeader(layout: layout, cadenceMilliseconds: cadenceMilliseconds, kind: kind))
        open.initialize(repeating: OpenPane(), count: layout.pointee.ringCount)
        keptValues.initialize(repeating: 0, count: WindowPlan.samplesKept)
        keptTimes.initialize(repeating: 0, count: WindowPlan.samplesKept)
        lateHeads.initialize(repeating: SketchHead(epoch: OpenPane.never), count: layout.pointee.ringCount)
        lateBins(0).initialize(repeating: 0, count: layout.pointee.ringCount * SketchHead.bins)
        revisions.initialize(repeating: 0, count: layout.pointee.ringCount)
        settled.initialize(repeating: Settled(), count: layout.pointee.windowCount)
        closed.initialize(repeating: Pane(), count: layout.pointee.closedCount)
    }

    // MARK: Samples kept

    // A value, and the moment as the low 32 bits of its milliseconds: beside the newest, which none is younger than and
    // none older by 2^31 + 2^30 ms (37 days), that says which it is.
    @inline(__always)
    private var keptValues: UnsafeMutablePointer<Double> {
        (hot + layout.pointee.keptValuesOffset).assumingMemoryBound(to: Double.self)
    }
    @inline(__always)
    private var keptTimes: UnsafeMutablePointer<UInt32> {
        (hot + layout.pointee.keptTimesOffset).assumingMemoryBound(to: UInt32.self)
    }

    var keptCount: Int { Int(header.pointee.keptCount) }

    /// Keeps a sample in the place of the one heard first. The newest must be known already.
    @inline(__always)
    func keep(_ value: Double, at milliseconds: Int64) {
        let low = UInt32(truncatingIfNeeded: milliseconds)
        let count = Int(header.pointee.keptCount)
        var slot = Int(header.pointee.keptOldest) + count
        if slot >= WindowPlan.samplesKept { slot -= WindowPlan.samplesKept }
        keptValues[slot] = value
        keptTimes[slot] = low
        if count < WindowPlan.samplesKept {
            header.pointee.keptCount = UInt16(count + 1)
        } else {
            header.pointee.keptOldest =
                slot + 1 == WindowPlan.samplesKept ? 0 : UInt16(truncatingIfNeeded: slot + 1)
        }
    }

    /// The sample at `offset` from the one heard first.
    @inline(__always)
    func kept(_ offset: Int) -> (milliseconds: Int64, value: Double) {
        var slot = Int(header.pointee.keptOldest) + offset
        if slot >= WindowPlan.samplesKept { slot -= WindowPlan.samplesKept }
        let newest = header.pointee.newestMilliseconds
        return (newest - Int64(UInt32(truncatingIfNeeded: newest) &- keptTimes[slot]), keptValues[slot])
    }

    /// Changes the value of the sample at `offset` from the one heard first.
    func setKept(_ offset: Int, _ value: Double) {
        var slot = Int(header.pointee.keptOldest) + offset
        if slot >= WindowPlan.samplesKept { slot -= WindowPlan.samplesKept }
        keptValues[slot] = value
    }

    /// Drops the samples that are so old that their 32 bits would soon name a younger moment.
    @inline(never)
    func dropAged(before newest: Int64) {
        let count = keptCount
        withUnsafeTemporaryAllocation(
            of: (milliseconds: Int64, value: Double).self, capacity: WindowPlan.samplesKept
        ) { all in
            for offset in 0..<count { all[offset] = kept(offset) }
            header.pointee.keptCount = 0
            header.pointee.keptOldest = 0
            for offset in 0..<count where newest - all[offset].milliseconds < 1 << 31 {
                keep(all[offset].value, at: all[offset].milliseconds)
            }
        }
    }

    /// The kept samples of the pane that begins at `start` next to the moment `offset` after it.
    func neighbours(of offset: Int32, from start: Int64, length: Int64) -> Neighbours {
        var found = Neighbours()
        for index in 0..<keptCount {
            let sample = kept(index)
            guard sample.milliseconds >= start, sample.milliseconds < start + length else { continue }
            let its = Int32(truncatingIfNeeded: sample.milliseconds - start)
            if its <= offset {
                if found.before.map({ its >= $0.offset }) ?? true { found.before = (its, sample.value) }
            } else if found.after.map({ its < $0.offset }) ?? true {
                found.after = (its, sample.value)
            }
        }
        return found
    }

    // MARK: Quantile points of an open pane

    /// Calls `body` with the kept samples of the open pane of a ring, the last heard first, at most `count` of them.
    @inline(__always)
    private func forEachOpen(_ index: Int, _ paneMilliseconds: Int64, _ count: Int, _ body: (Double) -> Void) {
        let start = Int64(open[index].epoch) * paneMilliseconds
        var left = count
        var offset = keptCount - 1
        while offset >= 0, left > 0 {
            let sample = kept(offset)
            if sample.milliseconds >= start, sample.milliseconds < start + paneMilliseconds {
                body(sample.value)
                left -= 1
            }
            offset -= 1
        }
    }

    /// Adds a sample to the histogram of an open pane, before the pane itself takes it.
    @inline(__always)
    func addToSketch(_ value: Double, _ index: Int, _ paneMilliseconds: Int64) {
        let its = open + index
        if its.pointee.sketch.thinning == SketchHead.empty {
            guard its.pointee.pane.count >= UInt32(OpenPane.fewSamples) else { return }
            beginSketch(value, index, paneMilliseconds)
        }
        its.pointee.sketch.add(value, nth: its.pointee.pane.count &+ 1, OpenPane.bins(its))
    }

    @inline(never)
    private func beginSketch(_ value: Double, _ index: Int, _ paneMilliseconds: Int64) {
        let its = open + index
        let bins = OpenPane.bins(its)
        its.pointee.sketch.begin(min(its.pointee.pane.min, value), max(its.pointee.pane.max, value), bins)
        forEachOpen(index, paneMilliseconds, Int(its.pointee.pane.count)) {
            its.pointee.sketch.add($0, nth: 1, bins)
        }
    }

    /// The points of an open pane. Of few samples, those that are no longer kept, as a backlog was heard since, count for
    /// nothing; when none is, the pane's span is taken as even.
    func openPoints(_ index: Int, _ paneMilliseconds: Int64) -> QuantilePoints {
        let its = open + index
        let pane = its.pointee.pane
        guard pane.max > pane.min else { return QuantilePoints(codes: 0) }
        guard its.pointee.sketch.thinning == SketchHead.empty else {
            return its.pointee.sketch.points(pane.min, pane.max, OpenPane.bins(its))
        }
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: OpenPane.fewSamples) { sorted in
            var found = 0
            forEachOpen(index, paneMilliseconds, min(OpenPane.fewSamples, Int(pane.count))) { value in
                var place = found
                while place > 0, sorted[place - 1] > value {
                    sorted[place] = sorted[place - 1]
                    place -= 1
                }
                sorted[place] = value
                found += 1
            }
            // The points are told between the pane's least and most, which must be among them.
            guard found > 0, let start = sorted.baseAddress, sorted[0] == pane.min, sorted[found - 1] == pane.max else {
                return .even
            }
            return QuantilePoints(sorted: start, count: found)
        }
    }
}
