import Telemetry

/// The rolling statistics of every series: rings of panes in event time, and the samples last heard.
///
/// A reading lands in the pane of its observed time, also when it is late; the only readings a window refuses are
/// those older than its oldest pane. What a summary says depends on the readings and on `now`, not on when it is
/// asked: asking changes nothing.
///
/// Not `Sendable` on purpose: it is owned by the thread that turns the gateway.
public struct WindowTable: ~Copyable {
    public let plan: WindowPlan
    public private(set) var seriesCount = 0

    /// Series lie in blocks that never move, so that growing by one series copies nothing.
    private var blocks: [Block] = []
    /// By window: where its panes begin within a series, and the pane last written, by which a run of readings of
    /// one moment avoids the division.
    private var lanes: [Lane]

    private struct Lane {
        let firstPane: Int
        let paneCount: Int64
        let paneMilliseconds: Int64
        var epoch: Int64 = 0
        var slot = 0

        mutating func move(to observed: Int64) {
            epoch = observed.flooredDivision(by: paneMilliseconds)
            slot = slot(of: epoch)
        }

        func slot(of epoch: Int64) -> Int { Int(epoch - epoch.flooredDivision(by: paneCount) * paneCount) }
    }

    /// What is touched for every reading beside the panes, side by side.
    private struct Recent: ~Copyable {
        /// By observed time.
        var newest = Sample(observed: WindowTable.nothing, value: 0)
        /// In the order they were heard.
        var heard: SampleRing
    }

    private struct Settled {
        var epoch = Pane.never
        var moments = Moments()
        var min = Double.infinity
        var max = -Double.infinity
        var oldest = Pane()

        mutating func merge(_ pane: Pane) {
            if moments.count == 0 { oldest = pane }
            moments.merge(pane.moments)
            min = Swift.min(min, pane.min)
            max = Swift.max(max, pane.max)
        }
    }

    private struct Block {
        static let seriesMax = 256
        /// Rings of the panes that time has left behind, by series.
        let panes: UnsafeMutablePointer<Pane>
        /// The youngest pane of each window, by series: all that a reading in time touches lies in 256 bytes beside its
        /// neighbours', where the rings take a memory page a series. (6,000 series in turn: 228 ns a reading when it touched the
        /// rings, 40 now.)
        let filling: UnsafeMutablePointer<Pane>
        /// All panes of a window but the youngest, merged: `epoch` names the youngest that they go with, `never` where
        /// they must be merged anew. Kept from one summary to the next. (8 % of the gateway's time without.)
        let settled: UnsafeMutablePointer<Settled>
        let recent: UnsafeMutablePointer<Recent>
    }

    private static let nothing = Timestamp(milliseconds: .min)

    public init(plan: WindowPlan) {
        self.plan = plan
        var firstPane = 0
        lanes = plan.windows.map { window in
            defer { firstPane += window.paneCount }
            return Lane(
                firstPane: firstPane, paneCount: Int64(window.paneCount), paneMilliseconds: window.paneMilliseconds)
        }
    }

    deinit {
        for (index, block) in blocks.enumerated() {
            block.panes.deallocate()
            block.filling.deallocate()
            block.settled.deallocate()
            block.recent.deinitialize(count: min(Block.seriesMax, seriesCount - index * Block.seriesMax))
            block.recent.deallocate()
        }
    }

    /// Makes room for series `0..<count`.
    public mutating func grow(to count: Int) {
        while seriesCount < count {
            let within = seriesCount % Block.seriesMax
            if within == 0 {
                let panes = Block.seriesMax * plan.panesPerSeries
                let block = Block(
                    panes: .allocate(capacity: panes),
                    filling: .allocate(capacity: Block.seriesMax * lanes.count),
                    settled: .allocate(capacity: Block.seriesMax * lanes.count),
                    recent: .allocate(capacity: Block.seriesMax))
                block.panes.initialize(repeating: Pane(), count: panes)
                block.filling.initialize(repeating: Pane(), count: Block.seriesMax * lanes.count)
                block.settled.initialize(repeating: Settled(), count: Block.seriesMax * lanes.count)
                blocks.append(block)
            }
            (blocks[seriesCount / Block.seriesMax].recent + within).initialize(
                to: Recent(heard: SampleRing(capacity: plan.samplesKept)))
            seriesCount += 1
        }
    }

    /// Adds a reading to every window that reaches back to its observed time.
    ///
    /// Returns false when it was too old for all of them.
    @discardableResult
    public mutating func add(_ reading: Reading) -> Bool {
        if reading.series.index >= seriesCount { grow(to: reading.series.index + 1) }
        let block = blocks[reading.series.index / Block.seriesMax]
        let within = reading.series.index % Block.seriesMax
        let filling = block.filling + within * lanes.count
        let observed = reading.observed.milliseconds
        var isTaken = false
        for index in lanes.indices {
            let offset = observed &- lanes[index].epoch &* lanes[index].paneMilliseconds
            if offset < 0 || offset >= lanes[index].paneMilliseconds { lanes[index].move(to: observed) }
            let lane = lanes[index]
            let epoch = Int32(truncatingIfNeeded: lane.epoch)
            let offsetInPane = Int32(truncatingIfNeeded: observed &- lane.epoch &* lane.paneMilliseconds)
            let youngest = filling + index
            if youngest.pointee.epoch == epoch {
                youngest.pointee.add(reading.value, at: offsetInPane)
            } else if youngest.pointee.epoch < epoch {
                if youngest.pointee.epoch != Pane.never {
                    let ring = block.panes + (within * plan.panesPerSeries + lane.firstPane)
                    ring[lane.slot(of: Int64(youngest.pointee.epoch))] = youngest.pointee
                }
                youngest.pointee = Pane(epoch: epoch, offset: offsetInPane, sample: reading.value)
            } else {
                if lane.epoch <= Int64(youngest.pointee.epoch) - lane.paneCount { continue }
                block.settled[within * lanes.count + index].epoch = Pane.never
                let pane = block.panes + (within * plan.panesPerSeries + lane.firstPane + lane.slot)
                if pane.pointee.epoch == epoch {
                    pane.pointee.add(reading.value, at: offsetInPane)
                } else {
                    // The pane holds a slice that has left the window, or nothing.
                    pane.pointee = Pane(epoch: epoch, offset: offsetInPane, sample: reading.value)
                }
            }
            isTaken = true
        }
        let sample = Sample(observed: reading.observed, value: reading.value)
        if isTaken { block.recent[within].heard.push(sample) }
        if sample.observed >= block.recent[within].newest.observed { block.recent[within].newest = sample }
        return isTaken
    }

    /// The newest sample of a series by observed time; nil before its first.
    public func newest(of series: SeriesID) -> Sample? {
        guard series.index < seriesCount else { return nil }
        let sample = blocks[series.index / Block.seriesMax].recent[series.index % Block.seriesMax].newest
        return sample.observed == Self.nothing ? nil : sample
    }

    /// The statistics of one window of a series at `now`; nil when the window is empty.
    ///
    /// The window ends with the pane of `now`, or of the series' newest sample where that is later: a device whose
    /// clock runs ahead is judged by its own time. Without `quantiles` median and p95 are nil, and the samples need not
    /// be sorted: a third of the cost.
    public func summary(
        of series: SeriesID, window: Int, at now: Timestamp, quantiles: Bool = true
    ) -> WindowSummary? {
        guard let newest = newest(of: series) else { return nil }
        let lane = lanes[window]
        let block = blocks[series.index / Block.seriesMax]
        let within = series.index % Block.seriesMax
        let panes = block.panes + (within * plan.panesPerSeries + lane.firstPane)
        let lastEpoch = max(now, newest.observed).milliseconds.flooredDivision(by: lane.paneMilliseconds)
        let firstEpoch = lastEpoch - lane.paneCount + 1

        // No pane is younger than the one that is filling.
        let youngest = block.filling[within * lanes.count + window]
        guard Int64(youngest.epoch) >= firstEpoch else { return nil }
        let settled = block.settled + (within * lanes.count + window)
        // What stands before the pane of `now` stands still until time or a late reading moves it.
        let isKept = Int64(youngest.epoch) == lastEpoch
        if !isKept || settled.pointee.epoch != youngest.epoch {
            settled.pointee = Settled()
            // Oldest to newest, so that merging is done in the same order whatever slot the ring begins at.
            var slot = lane.slot(of: firstEpoch)
            for epoch in firstEpoch..<Int64(youngest.epoch) {
                let pane = panes + slot
                slot = slot + 1 == Int(lane.paneCount) ? 0 : slot + 1
                if Int64(pane.pointee.epoch) == epoch { settled.pointee.merge(pane.pointee) }
            }
            settled.pointee.epoch = isKept ? youngest.epoch : Pane.never
        }
        var merged = settled.pointee.moments
        merged.merge(youngest.moments)
        let oldest = settled.pointee.moments.count > 0 ? settled.pointee.oldest : youngest
        let (least, most) = (min(settled.pointee.min, youngest.min), max(settled.pointee.max, youngest.max))
        let start = Timestamp(milliseconds: firstEpoch * lane.paneMilliseconds)
        let end = Timestamp(milliseconds: (lastEpoch + 1) * lane.paneMilliseconds)
        let sorted =
            quantiles ? sortedSamples(in: block.recent + within, from: start, to: end, expected: merged.count) : nil
        func moment(_ pane: Pane, _ offset: Int32) -> Timestamp {
            Timestamp(milliseconds: Int64(pane.epoch) * lane.paneMilliseconds + Int64(offset))
        }
        return WindowSummary(
            series: series, window: plan.windows[window].length, end: end, count: merged.count, mean: merged.mean,
            min: least, max: most, standardDeviation: merged.standardDeviation, first: oldest.first,
            firstAt: moment(oldest, oldest.firstOffset), last: youngest.last,
            lastAt: moment(youngest, youngest.lastOffset),
            median: sorted.map { quantile(0.5, of: $0) }, p95: sorted.map { quantile(0.95, of: $0) })
    }

    /// The window's samples in order of value; nil where the ring no longer holds all of them.
    private func sortedSamples(
        in recent: UnsafeMutablePointer<Recent>, from start: Timestamp, to end: Timestamp, expected: Int
    ) -> [Double]? {
        guard expected <= plan.samplesKept else { return nil }
        var values: [Double] = []
        values.reserveCapacity(expected)
        recent.pointee.heard.withRuns { older, newer in
            for run in [older, newer] {
                for sample in run where sample.observed >= start && sample.observed < end {
                    values.append(sample.value)
                }
            }
        }
        guard values.count == expected else { return nil }
        values.sort()
        return values
    }
}

/// The `fraction` quantile of sorted samples, interpolated linearly between the two nearest (Hyndman and Fan, type 7).
func quantile(_ fraction: Double, of sorted: [Double]) -> Double {
    let position = fraction * Double(sorted.count - 1)
    let below = Int(position)
    let above = min(below + 1, sorted.count - 1)
    return sorted[below] + (sorted[above] - sorted[below]) * (position - Double(below))
}

// MARK: State to bytes and back

extension WindowTable {
    /// Everything the table knows, so that a restart resumes where it stopped. Little endian; version first.
    public func state() -> [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(1))
        writer.append(UInt32(plan.samplesKept))
        writer.append(UInt32(lanes.count))
        for (lane, window) in zip(lanes, plan.windows) {
            writer.append(window.length.milliseconds)
            writer.append(UInt32(lane.paneCount))
        }
        writer.append(UInt32(seriesCount))
        for series in 0..<seriesCount {
            let block = blocks[series / Block.seriesMax]
            let within = series % Block.seriesMax
            writer.append(block.recent[within].newest.observed.milliseconds)
            writer.append(block.recent[within].newest.value.bitPattern)
            for (index, lane) in lanes.enumerated() {
                let panes = block.panes + (within * plan.panesPerSeries + lane.firstPane)
                let filled = (0..<Int(lane.paneCount)).filter { panes[$0].epoch != Pane.never }
                writer.append(UInt16(filled.count))
                for slot in filled { writer.append(panes[slot]) }
                writer.append(block.filling[within * lanes.count + index])
            }
            writer.append(UInt16(block.recent[within].heard.count))
            for offset in 0..<block.recent[within].heard.count {
                let sample = block.recent[within].heard[offset]
                writer.append(sample.observed.milliseconds)
                writer.append(sample.value.bitPattern)
            }
        }
        return writer.bytes
    }

    /// The table that `state` described, under `plan`: a window that is not in the state begins empty, one that is no
    /// longer planned is left out. Without a plan, the one that the state was made under.
    ///
    /// nil when the bytes are not a state of this version; the caller then begins with an empty table.
    public init?(state: [UInt8], plan: WindowPlan? = nil) {
        let made = plan ?? WindowPlan(state: state)
        self.init(plan: made ?? .standard)
        guard made != nil, restore(from: state) else { return nil }
    }

    private mutating func restore(from state: [UInt8]) -> Bool {
        var reader = StateReader(state)
        guard let made = WindowPlan(from: &reader) else { return false }
        let targets = made.windows.map { plan.windows.firstIndex(of: $0) }
        // A series takes at least 18 bytes, which bounds what a damaged count can make us allocate.
        guard let count = reader.next(UInt32.self), Int(count) <= state.count / 18 else { return false }
        grow(to: Int(count))
        for series in 0..<Int(count) {
            let block = blocks[series / Block.seriesMax]
            let within = series % Block.seriesMax
            guard let newest = reader.sample() else { return false }
            block.recent[within].newest = newest
            for target in targets {
                guard let filled = reader.next(UInt16.self) else { return false }
                for _ in 0..<filled {
                    guard let pane = reader.pane() else { return false }
                    guard let target else { continue }
                    let lane = lanes[target]
                    let slot = lane.slot(of: Int64(pane.epoch))
                    block.panes[within * plan.panesPerSeries + lane.firstPane + slot] = pane
                }
                guard let youngest = reader.pane() else { return false }
                if let target { block.filling[within * lanes.count + target] = youngest }
            }
            guard let samples = reader.next(UInt16.self) else { return false }
            for _ in 0..<samples {
                guard let sample = reader.sample() else { return false }
                block.recent[within].heard.push(sample)
            }
        }
        return reader.isAtEnd
    }
}

extension WindowPlan {
    /// The plan that a state was made under; nil when the bytes are not a state of this version.
    public init?(state: [UInt8]) {
        var reader = StateReader(state)
        self.init(from: &reader)
    }

    fileprivate init?(from reader: inout StateReader) {
        guard reader.next(UInt32.self) == 1, let samplesKept = reader.next(UInt32.self),
            (1...65_536).contains(samplesKept), let count = reader.next(UInt32.self),
            (1...UInt32(Self.windowsMax)).contains(count)
        else { return nil }
        var windows: [Window] = []
        for _ in 0..<count {
            guard let length = reader.next(Int64.self), let paneCount = reader.next(UInt32.self),
                Window.isPossible(milliseconds: length, paneCount: Int64(paneCount)),
                !windows.contains(where: { $0.length.milliseconds == length })
            else { return nil }
            windows.append(Window(length: .milliseconds(length), paneCount: Int(paneCount)))
        }
        self.init(windows, samplesKept: Int(samplesKept))
    }
}

extension StateWriter {
    fileprivate mutating func append(_ pane: Pane) {
        append(pane.epoch)
        append(pane.count)
        append(pane.firstOffset)
        append(pane.lastOffset)
        for value in [pane.mean, pane.squares, pane.min, pane.max, pane.first, pane.last] { append(value.bitPattern) }
    }
}

extension StateReader {
    fileprivate mutating func sample() -> Sample? {
        guard let observed = next(Int64.self), let value = next(UInt64.self) else { return nil }
        return Sample(observed: Timestamp(milliseconds: observed), value: Double(bitPattern: value))
    }

    fileprivate mutating func pane() -> Pane? {
        guard let epoch = next(Int32.self), let count = next(UInt32.self), let firstOffset = next(Int32.self),
            let lastOffset = next(Int32.self), let mean = next(UInt64.self), let squares = next(UInt64.self),
            let min = next(UInt64.self), let max = next(UInt64.self), let first = next(UInt64.self),
            let last = next(UInt64.self)
        else { return nil }
        var pane = Pane()
        pane.epoch = epoch
        pane.count = count
        pane.firstOffset = firstOffset
        pane.lastOffset = lastOffset
        pane.mean = Double(bitPattern: mean)
        pane.squares = Double(bitPattern: squares)
        pane.min = Double(bitPattern: min)
        pane.max = Double(bitPattern: max)
        pane.first = Double(bitPattern: first)
        pane.last = Double(bitPattern: last)
        return pane
    }
}
