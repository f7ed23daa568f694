import Basics
import Telemetry

extension SeriesRecord {
    /// Forgets what lies after `limit`, in milliseconds since 1970, the time of the reading that is about to be added: it bears
    /// times of a clock that was wrong, and would keep the readings of the present out. What was there before stays; a pane
    /// that `limit` lies in stays as it is.
    @inline(never)
    func retreat(to limit: Int64) {
        retreatSamples(to: limit)
        for index in 0..<layout.pointee.ringCount {
            retreat(index, layout.pointee.rings[index], to: limit)
            (lateHeads + index).pointee = SketchHead(epoch: OpenPane.never)
            revisions[index] &+= 1
        }
        for window in 0..<layout.pointee.windowCount { settled[window].epoch = OpenPane.never }
    }

    private func retreatSamples(to limit: Int64) {
        withUnsafeTemporaryAllocation(
            of: (milliseconds: Int64, value: Double).self, capacity: WindowPlan.samplesKept
        ) { all in
            var count = 0
            for offset in 0..<keptCount where kept(offset).milliseconds <= limit {
                all.initializeElement(at: count, to: kept(offset))
                count += 1
            }
            header.pointee.keptCount = 0
            header.pointee.keptOldest = 0
            header.pointee.newestMilliseconds = SeriesHeader.nothing
            // The newest first: the others' times are told beside it.
            for place in 0..<count where all[place].milliseconds >= header.pointee.newestMilliseconds {
                header.pointee.newestMilliseconds = all[place].milliseconds
                header.pointee.newestValue = all[place].value
            }
            for place in 0..<count { keep(all[place].value, at: all[place].milliseconds) }
        }
    }

    private func retreat(_ index: Int, _ ring: Layout.Ring, to limit: Int64) {
        let its = open + index
        guard its.pointee.epoch != OpenPane.never else { return }
        let ahead = Int64(its.pointee.epoch) - limit.flooredDivision(by: ring.paneMilliseconds)
        guard ahead > 0 else { return }
        let filled = ahead <= Int64(ring.closedCount) ? its.pointee.filled >> UInt64(ahead - 1) : 0
        guard filled != 0 else {
            its.pointee = OpenPane()
            return
        }
        let steps = ahead + Int64(filled.trailingZeroBitCount)
        let epoch = Int64(its.pointee.epoch) - steps
        let pane = closed[ring.slot(of: epoch)]
        let before = its.pointee.filled
        its.pointee = OpenPane()
        its.pointee.pane = pane
        its.pointee.squares = Double(pane.squares)
        its.pointee.filled = steps < 64 ? before >> UInt64(steps) : 0
        its.pointee.epoch = Int32(truncatingIfNeeded: epoch)
        guard header.pointee.kind.hasSketch else { return }
        its.pointee.sketch.reopen(
            QuantilePoints(codes: pane.extra), count: pane.count, pane.min, pane.max, OpenPane.bins(its))
        its.pointee.epoch = Int32(truncatingIfNeeded: epoch)
    }
}
