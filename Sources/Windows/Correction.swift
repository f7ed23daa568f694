import Basics
public import Telemetry

extension WindowTable {
    /// Puts `reading` in the place of another value of its series and time. Its series must be declared.
    ///
    /// What is changed is looked up among the samples last heard (`WindowPlan.samplesKept`): a correction nearly always comes
    /// right behind what it corrects; an older one changes the store alone. A pane whose samples are all among them is made
    /// anew, exactly. In another one count, mean, deviation, first, last and growth are right, while its least, its most
    /// and its quantiles may still be those of the value that was wrong.
    public mutating func correct(_ reading: Reading) {
        guard let record = records[reading.series.index] else { return }
        let observed = reading.observed.milliseconds
        guard let old = record.replaceSample(at: observed, by: reading.value) else { return }
        if observed == record.header.pointee.newestMilliseconds { record.header.pointee.newestValue = reading.value }
        for index in 0..<record.layout.pointee.ringCount {
            record.correct(index, record.layout.pointee.rings[index], at: observed, from: old, to: reading.value)
        }
        if record.header.pointee.kind == .counter { record.recountKept() }
    }
}

extension SeriesRecord {
    fileprivate func correct(_ index: Int, _ ring: Layout.Ring, at observed: Int64, from old: Double, to new: Double) {
        let its = open + index
        let epoch = observed.flooredDivision(by: ring.paneMilliseconds)
        guard its.pointee.epoch != OpenPane.never, epoch <= Int64(its.pointee.epoch) else { return }
        if epoch == Int64(its.pointee.epoch) {
            if rebuild(&its.pointee.pane, &its.pointee.squares, ring, epoch) {
                resketch(index, ring, epoch)
            } else {
                amend(&its.pointee.pane, &its.pointee.squares, ring, at: observed, from: old, to: new)
            }
            return
        }
        guard epoch > Int64(its.pointee.epoch) - Int64(ring.paneCount), its.pointee.isFilled(epoch) else { return }
        let pane = closed + ring.slot(of: epoch)
        var squares = Double(pane.pointee.squares)
        if rebuild(&pane.pointee, &squares, ring, epoch) {
            if header.pointee.kind.hasSketch { pane.pointee.extra = points(ring, epoch).codes }
        } else {
            amend(&pane.pointee, &squares, ring, at: observed, from: old, to: new)
        }
        pane.pointee.squares = Float(min(squares, Double(Float.greatestFiniteMagnitude)))
        (lateHeads + index).pointee = SketchHead(epoch: OpenPane.never)
        revisions[index] &+= 1
        for window in 0..<layout.pointee.windowCount where layout.pointee.windows[window].ring == index {
            settled[window].epoch = OpenPane.never
        }
    }

    /// The kept samples of a pane by time, those of one time as they were heard.
    private func samples(_ ring: Layout.Ring, _ epoch: Int64) -> [(offset: Int32, value: Double)] {
        let start = epoch * ring.paneMilliseconds
        var found: [(offset: Int32, value: Double)] = []
        for index in 0..<keptCount {
            let sample = kept(index)
            guard sample.milliseconds >= start, sample.milliseconds < start + ring.paneMilliseconds else { continue }
            let offset = Int32(truncatingIfNeeded: sample.milliseconds - start)
            found.insert((offset, sample.value), at: found.firstIndex { $0.offset > offset } ?? found.count)
        }
        return found
    }

    /// Makes a pane anew where all its samples are kept; else false, and nothing is changed.
    private func rebuild(_ pane: inout Pane, _ squares: inout Double, _ ring: Layout.Ring, _ epoch: Int64) -> Bool {
        let samples = samples(ring, epoch)
        guard let first = samples.first, samples.count == Int(pane.count) else { return false }
        let kind = header.pointee.kind
        pane = Pane(first.value, at: first.offset, kind, CirclePart(first.value, kind))
        squares = 0
        for sample in samples.dropFirst() {
            pane.add(sample.value, at: sample.offset, kind, CirclePart(sample.value, kind), squares: &squares) {
                Neighbours()
            }
        }
        return true
    }

    private func points(_ ring: Layout.Ring, _ epoch: Int64) -> QuantilePoints {
        let sorted = samples(ring, epoch).map(\.value).sorted()
        return sorted.withUnsafeBufferPointer { values in
            values.baseAddress.map { QuantilePoints(sorted: $0, count: values.count) } ?? .even
        }
    }

    /// Makes the histogram of an open pane anew, all of whose samples are kept.
    private func resketch(_ index: Int, _ ring: Layout.Ring, _ epoch: Int64) {
        let its = open + index
        guard header.pointee.kind.hasSketch, its.pointee.sketch.thinning != SketchHead.empty else { return }
        let bins = OpenPane.bins(its)
        its.pointee.sketch.begin(its.pointee.pane.min, its.pointee.pane.max, bins)
        for sample in samples(ring, epoch) { its.pointee.sketch.add(sample.value, nth: 1, bins) }
    }

    /// Changes what one value of many comes to.
    private func amend(
        _ pane: inout Pane, _ squares: inout Double, _ ring: Layout.Ring, at observed: Int64, from old: Double,
        to new: Double
    ) {
        let kind = header.pointee.kind
        let offset = Int32(
            truncatingIfNeeded: observed - observed.flooredDivision(by: ring.paneMilliseconds) * ring.paneMilliseconds)
        let count = Double(pane.count)
        if kind == .direction {
            let (was, becomes) = (CirclePart(old, kind), CirclePart(new, kind))
            pane.mean += (becomes.sine - was.sine) / count
            pane.extraValue += (becomes.cosine - was.cosine) / count
        } else {
            let mean = pane.mean
            pane.mean += (new - old) / count
            squares = max(0, squares + (new - old) * (new - pane.mean + old - mean))
        }
        pane.min = min(pane.min, new)
        pane.max = max(pane.max, new)
        if kind == .counter {
            // Between its ends a counter's growth does not depend on what lies in between.
            if offset == pane.firstOffset, pane.first == old {
                (pane.first, pane.extraValue) = (new, pane.extraValue - new + old)
            }
            if offset == pane.lastOffset, pane.last == old {
                (pane.last, pane.extraValue) = (new, pane.extraValue + new - old)
            }
            return
        }
        if kind == .state { amendState(&pane, ring, at: observed, offset, from: old, to: new) }
        if offset == pane.firstOffset { pane.first = new }
        if offset == pane.lastOffset { pane.last = new }
    }

    private func amendState(
        _ pane: inout Pane, _ ring: Layout.Ring, at observed: Int64, _ offset: Int32, from old: Double, to new: Double
    ) {
        guard offset != pane.lastOffset else { return }
        let near = neighbours(of: offset, from: observed - Int64(offset), length: ring.paneMilliseconds)
        let after = near.after ?? (pane.lastOffset, pane.last)
        pane.extraValue += (new - old) * Double(after.offset - offset)
    }

    /// Puts a value in the place of the sample of this time that was heard last; its value, or nil where none is kept.
    fileprivate func replaceSample(at milliseconds: Int64, by value: Double) -> Double? {
        for offset in stride(from: keptCount - 1, through: 0, by: -1) where kept(offset).milliseconds == milliseconds {
            let old = kept(offset).value
            setKept(offset, value)
            return old
        }
        return nil
    }
}
