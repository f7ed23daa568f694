import Basics
import Telemetry

// What a counter's panes hold of its growth. A pane's ends are the samples believed, so that spikes are in no pane: what
// the law says of a sample (`CounterWalk`) may change with the next one, and is settled then from the samples kept.

extension Pane {
    /// Counts a sample that follows the last one.
    @inline(__always)
    fileprivate mutating func countOn(_ sample: Double) {
        if last.isNaN {
            first = sample
            extraValue = 0
        } else {
            extraValue += sample - last
        }
        last = sample
    }

    /// Counts samples believed, oldest first, as all there are.
    fileprivate mutating func recount(_ samples: some Sequence<Double>) {
        (first, last, extraValue) = (.nan, .nan, 0)
        for sample in samples {
            if last.isNaN { first = sample } else { extraValue += counterGrowth(from: last, to: sample) }
            last = sample
        }
    }
}

extension Settled {
    /// Adds the growth of a counter's pane and that since the pane before.
    mutating func mergeCounter(_ pane: Pane, isFirst: Bool) {
        if isFirst { last = .nan }
        guard !pane.first.isNaN else { return }
        if last.isNaN { first = pane.first } else { extra += counterGrowth(from: last, to: pane.first) }
        extra += pane.extraValue
        last = pane.last
    }
}

extension SeriesRecord {
    /// Whether a sample that is not kept as yet follows the newest without a question: nearly all of them do.
    @inline(__always)
    func countGoesOn(_ value: Double, at milliseconds: Int64) -> Bool {
        let newest = header.pointee.newestMilliseconds
        guard newest != SeriesHeader.nothing else { return true }
        let last = open.pointee.pane.last
        return milliseconds >= newest && last == header.pointee.newestValue && CounterWalk.goesOn(value, from: last)
    }

    /// Counts the newest sample, which `countGoesOn`.
    @inline(__always)
    func countOn(_ value: Double, at milliseconds: Int64) {
        for index in 0..<layout.pointee.ringCount {
            let start = Int64(open[index].epoch) &* layout.pointee.rings[index].paneMilliseconds
            if milliseconds &- start < layout.pointee.rings[index].paneMilliseconds { open[index].pane.countOn(value) }
        }
    }

    /// Settles what the sample heard last changes: whether it is believed, and those next to it.
    @inline(never)
    func recount() {
        withUnsafeTemporaryAllocation(of: KeptSample.self, capacity: WindowPlan.samplesKept) { buffer in
            let samples = keptInOrder(buffer)
            let seed = levelBefore(samples)
            let began = judge(samples, seed)
            guard let lowest = samples.firstIndex(where: \.isTouched),
                let highest = samples.lastIndex(where: \.isTouched)
            else { return }
            for index in 0..<layout.pointee.ringCount {
                if let seed, began { believe(samples[0].value, from: seed, index) }
                let length = layout.pointee.rings[index].paneMilliseconds
                var epoch = samples[lowest].milliseconds.flooredDivision(by: length)
                let last = samples[highest].milliseconds.flooredDivision(by: length)
                var place = 0
                // By the samples, not by the panes: between two of them there may be a year.
                while epoch <= last {
                    while place < samples.count, samples[place].milliseconds < epoch &* length { place += 1 }
                    var end = place
                    while end < samples.count, samples[end].milliseconds < (epoch &+ 1) &* length { end += 1 }
                    let inPane = UnsafeMutableBufferPointer(rebasing: samples[place..<end])
                    if inPane.contains(where: \.isTouched), let pane = pane(of: epoch, index) {
                        // The law says little of samples whose neighbours are no longer kept.
                        let isKnown = keptCount < WindowPlan.samplesKept || place >= Self.contextCount
                        count(
                            inPane, pane, from: epoch * length, all: isKnown && inPane.count == Int(pane.pointee.count))
                    }
                    guard end < samples.count else { break }
                    epoch = samples[end].milliseconds.flooredDivision(by: length)
                }
            }
            for window in 0..<layout.pointee.windowCount { settled[window].epoch = OpenPane.never }
        }
    }

    /// Counts the panes anew whose samples are all kept, after one of them was corrected.
    func recountKept() {
        withUnsafeTemporaryAllocation(of: KeptSample.self, capacity: WindowPlan.samplesKept) { buffer in
            let samples = keptInOrder(buffer)
            for index in samples.indices { samples[index].isNew = false }
            _ = judge(samples, levelBefore(samples))
            for index in 0..<layout.pointee.ringCount {
                let length = layout.pointee.rings[index].paneMilliseconds
                var start = 0
                while start < samples.count {
                    let epoch = samples[start].milliseconds.flooredDivision(by: length)
                    var end = start
                    while end < samples.count, samples[end].milliseconds < (epoch &+ 1) &* length { end += 1 }
                    if let pane = pane(of: epoch, index), end - start == Int(pane.pointee.count) {
                        pane.pointee.recount(samples[start..<end].lazy.filter(\.isBelieved).map(\.value))
                    }
                    start = end
                }
            }
            for window in 0..<layout.pointee.windowCount { settled[window].epoch = OpenPane.never }
        }
    }

    /// The samples kept, by time; those of one moment as they were heard.
    private func keptInOrder(
        _ buffer: UnsafeMutableBufferPointer<KeptSample>
    ) -> UnsafeMutableBufferPointer<KeptSample> {
        for index in 0..<keptCount {
            let (milliseconds, value) = kept(index)
            var place = index
            while place > 0, buffer[place - 1].milliseconds > milliseconds {
                buffer[place] = buffer[place - 1]
                place -= 1
            }
            buffer[place] = KeptSample(milliseconds: milliseconds, value: value, isNew: index == keptCount - 1)
        }
        return UnsafeMutableBufferPointer(rebasing: buffer[..<keptCount])
    }

    /// The level before the samples kept, where all but the one heard last are of one value so much lower that they are not
    /// believed; nil else. The panes know it.
    private func levelBefore(_ samples: UnsafeMutableBufferPointer<KeptSample>) -> Double? {
        guard let low = samples.first(where: { !$0.isNew })?.value,
            samples.allSatisfy({ $0.isNew || $0.value == low })
        else { return nil }
        var level: Double?
        var reach: Int64 = 0
        for index in 0..<layout.pointee.ringCount {
            let ring = layout.pointee.rings[index]
            guard ring.paneMilliseconds * Int64(ring.paneCount) > reach else { continue }
            reach = ring.paneMilliseconds * Int64(ring.paneCount)
            level = nil
            var epoch = Int64(open[index].epoch)
            while epoch >= Int64(open[index].epoch) - Int64(ring.closedCount), level == nil {
                if let pane = pane(of: epoch, index), !pane.pointee.last.isNaN { level = pane.pointee.last }
                epoch -= 1
            }
        }
        return level.flatMap { CounterWalk.goesOn(low, from: $0) ? nil : $0 }
    }

    /// Says of each sample whether it is believed, and whether it was without the one heard last. True when a level that
    /// the walk began with is left: the counter began again.
    private func judge(_ samples: UnsafeMutableBufferPointer<KeptSample>, _ seed: Double?) -> Bool {
        var began = false
        for isAfter in [false, true] {
            var walk = seed.map { CounterWalk(level: $0) } ?? CounterWalk()
            for index in samples.indices where isAfter || !samples[index].isNew {
                let (level, fallen) = (walk.level, walk.fallen)
                switch walk.take(samples[index].value, at: index, { _, _ in }) {
                case .believed: samples[index].set(true, isAfter)
                case .held: samples[index].set(false, isAfter)
                case .began:
                    samples[index].set(true, isAfter)
                    for low in max(0, fallen?.place ?? index)..<index { samples[low].set(true, isAfter) }
                    if isAfter, (level?.place ?? 0) < 0 { began = true }
                case .dropped:
                    samples[index].set(true, isAfter)
                    for high in max(0, level?.place ?? index)..<index { samples[high].set(false, isAfter) }
                }
            }
        }
        return began
    }

    /// Believes a low value that was repeated since the level `seed`, in the panes from there on.
    private func believe(_ low: Double, from seed: Double, _ index: Int) {
        var epoch = Int64(open[index].epoch)
        let oldest = epoch - Int64(layout.pointee.rings[index].closedCount)
        while epoch >= oldest {
            if let pane = pane(of: epoch, index) {
                if !pane.pointee.last.isNaN {
                    if pane.pointee.last == seed, pane.pointee.min == low {
                        pane.pointee.extraValue += counterGrowth(from: seed, to: low)
                        pane.pointee.last = low
                    }
                    return
                }
                if pane.pointee.min == low { pane.pointee.recount(CollectionOfOne(low)) }
            }
            epoch -= 1
        }
    }

    /// Samples before a pane that tell what its first ones are.
    private static let contextCount = 4

    /// Counts the samples of a pane that begins at `start` anew where all of them are known; else what changes between
    /// those that are kept, as if the others came before them.
    private func count(
        _ samples: UnsafeMutableBufferPointer<KeptSample>, _ pane: UnsafeMutablePointer<Pane>, from start: Int64,
        all: Bool
    ) {
        let believed = samples.lazy.filter(\.isBelieved).map(\.value)
        if all || pane.pointee.last.isNaN { return pane.pointee.recount(believed) }
        let last = samples[samples.count - 1]
        let hasLast = last.milliseconds == start + Int64(pane.pointee.lastOffset)
        if samples[0].isNew, samples[0].milliseconds == start + Int64(pane.pointee.firstOffset) {
            if samples[0].isBelieved {
                pane.pointee.extraValue += counterGrowth(from: samples[0].value, to: pane.pointee.first)
                pane.pointee.first = samples[0].value
            }
            return
        }
        var (was, now) = (Pane(), Pane())
        was.recount(samples.lazy.filter(\.wasBelieved).map(\.value))
        now.recount(believed)
        guard !now.last.isNaN else { return }
        if was.last.isNaN {
            guard hasLast else { return }
            pane.pointee.extraValue += counterGrowth(from: pane.pointee.last, to: now.first) + now.extraValue
        } else {
            // What lies before it is not known, so neither is what it changes.
            guard !samples[0].isNew else { return }
            pane.pointee.extraValue += now.extraValue - was.extraValue
        }
        if hasLast { pane.pointee.last = now.last }
    }

    /// A pane that holds something.
    private func pane(of epoch: Int64, _ index: Int) -> UnsafeMutablePointer<Pane>? {
        let youngest = Int64(open[index].epoch)
        if epoch == youngest { return UnsafeMutableRawPointer(open + index).assumingMemoryBound(to: Pane.self) }
        let ring = layout.pointee.rings[index]
        guard epoch < youngest, epoch >= youngest - Int64(ring.closedCount), open[index].isFilled(epoch) else {
            return nil
        }
        return closed + ring.slot(of: epoch)
    }
}

/// A sample of a counter among those kept.
private struct KeptSample {
    var milliseconds: Int64
    var value: Double
    /// Heard last.
    var isNew: Bool
    /// By the law, without the one heard last and with it.
    var wasBelieved = false
    var isBelieved = false

    /// Whether what is known of it changed.
    var isTouched: Bool { isNew || wasBelieved != isBelieved }

    mutating func set(_ believed: Bool, _ isAfter: Bool) {
        if isAfter { isBelieved = believed } else if !isNew { wasBelieved = believed }
    }
}
