public import Basics
public import Telemetry

/// The rolling statistics of every series: rings of panes in event time, and the samples last heard.
///
/// A reading lands in the pane of its observed time, also when it is late; what a summary says depends on the readings
/// and on `now`, not on when it is asked: asking changes nothing. A backlog fills the panes it belongs to and never moves
/// `now`. Each series has its own watermark, its newest sample, so one fast clock makes no other device late.
///
/// A counter and a state are exact also when their samples come out of order, as long as the samples before and after
/// the late one are among the `WindowPlan.samplesKept` last heard; else a state's is set between the pane's first and
/// last, and a counter's grows by nothing.
///
/// Not `Sendable` on purpose: it is owned by the thread that turns the gateway.
public struct WindowTable: ~Copyable {
    /// What became of a reading.
    public enum Outcome: Sendable {
        case taken
        /// It changed a pane that was closed: summaries of it were not the last word.
        case revised
        /// Older than every window of its series.
        case tooOld
    }

    /// Which windows each quantity has.
    public let plan: WindowPlan
    private(set) var records: [SeriesRecord] = []
    /// By the windows in it; few, as cadences count only by the ladder of pane lengths.
    private var shelves: [[WindowPlan.Window]: Shelf] = [:]

    /// Series of one layout lie in blocks that never move, so that growing by one series copies nothing.
    private struct Shelf {
        static let seriesPerBlock = 64
        let layout: UnsafeMutablePointer<Layout>
        var blocks: [(hot: UnsafeMutableRawPointer, cold: UnsafeMutableRawPointer)] = []
        var count = 0
    }

    /// Without a series: `open` makes room for each, in the order of the registry.
    public init(plan: WindowPlan) { self.plan = plan }

    deinit {
        for shelf in shelves.values {
            for block in shelf.blocks {
                block.hot.deallocate()
                block.cold.deallocate()
            }
            shelf.layout.pointee.deallocate()
            shelf.layout.deallocate()
        }
    }

    /// Series opened so far; the next one has this number.
    public var seriesCount: Int { records.count }

    /// Makes room for the next series; `cadence` says how often it is expected to speak, where that is known.
    public mutating func open(_ quantity: Quantity, cadence: Duration?) {
        let windows = plan.windows(of: quantity).map { $0.adapted(to: cadence) }
        open(SeriesKind(quantity), windows, cadenceMilliseconds: Self.milliseconds(cadence))
    }

    /// Takes note of another cadence, which expected counts follow from now on. The panes follow when the table is made
    /// anew from its state.
    public func setCadence(_ cadence: Duration?, of series: SeriesID) {
        records[series.index].header.pointee.cadenceMilliseconds = Self.milliseconds(cadence)
    }

    /// Begins a series anew, as one that never spoke.
    public mutating func forget(_ series: SeriesID) {
        guard series.index < records.count else { return }
        let record = records[series.index]
        let header = record.header.pointee
        record.begin(header.layout, header.kind, cadenceMilliseconds: header.cadenceMilliseconds)
    }

    private static func milliseconds(_ cadence: Duration?) -> UInt32 {
        UInt32(clamping: max(0, cadence?.milliseconds ?? 0))
    }

    mutating func open(_ kind: SeriesKind, _ windows: [WindowPlan.Window], cadenceMilliseconds: UInt32) {
        var shelf: Shelf
        if let found = shelves[windows] {
            shelf = found
        } else {
            shelf = Shelf(layout: .allocate(capacity: 1))
            shelf.layout.initialize(to: Layout(windows))
        }
        let layout = shelf.layout
        let within = shelf.count % Shelf.seriesPerBlock
        if within == 0 {
            func memory(_ bytes: Int) -> UnsafeMutableRawPointer {
                .allocate(byteCount: bytes * Shelf.seriesPerBlock, alignment: 64)
            }
            shelf.blocks.append((hot: memory(layout.pointee.hotBytes), cold: memory(layout.pointee.coldBytes)))
        }
        let block = shelf.blocks[shelf.blocks.count - 1]
        let record = SeriesRecord(
            hot: block.hot + within * layout.pointee.hotBytes, cold: block.cold + within * layout.pointee.coldBytes)
        record.begin(layout, kind, cadenceMilliseconds: cadenceMilliseconds)
        shelf.count += 1
        shelves[windows] = shelf
        records.append(record)
    }

    /// The layouts in use, and which of them each series has.
    var layouts: [[WindowPlan.Window]] {
        shelves.keys.sorted { left, right in
            left.lexicographicallyPrecedes(right) {
                ($0.length.milliseconds, $0.paneCount) < ($1.length.milliseconds, $1.paneCount)
            }
        }
    }

    /// Adds the readings of a turn. Their series must be open.
    public mutating func add(_ readings: [Reading], at now: Timestamp) {
        for reading in readings { add(reading, at: now) }
    }

    /// Adds a reading, heard at `now`, to every window that reaches back to its observed time. Its series must be open.
    @discardableResult
    public mutating func add(_ reading: Reading, at now: Timestamp) -> Outcome {
        let record = records[reading.series.index]
        let header = record.header
        let layout = header.pointee.layout
        let kind = header.pointee.kind
        let observed = reading.observed.milliseconds
        if observed < header.pointee.newestMilliseconds,
            TimeFence.follows(observed, newest: header.pointee.newestMilliseconds, at: now.milliseconds)
        {
            record.retreat(to: observed)
        }
        let part = CirclePart(reading.value, kind)
        let goesOn = kind == .counter && record.countGoesOn(reading.value, at: observed)
        var isTaken = false
        var isRevised = false
        for index in 0..<layout.pointee.ringCount {
            let ring = layout.pointee.rings[index]
            let open = record.open + index
            let start = Int64(open.pointee.epoch) &* ring.paneMilliseconds
            let offset = observed &- start
            if UInt64(bitPattern: offset) < UInt64(bitPattern: ring.paneMilliseconds) {
                if kind.hasSketch { record.addToSketch(reading.value, index, ring.paneMilliseconds) }
                open.pointee.pane.add(
                    reading.value, at: Int32(truncatingIfNeeded: offset), kind, part, squares: &open.pointee.squares
                ) {
                    record.neighbours(
                        of: Int32(truncatingIfNeeded: offset), from: start, length: ring.paneMilliseconds)
                }
            } else {
                switch Self.addOutside(reading.value, observed, part, record, index, ring) {
                case .taken: break
                case .revised: isRevised = true
                case .tooOld: continue
                }
            }
            isTaken = true
        }
        guard isTaken else { return .tooOld }
        if observed >= header.pointee.newestMilliseconds {
            // A new era of 2^30 ms, 12 days.
            if observed >> 30 != header.pointee.newestMilliseconds >> 30 { record.dropAged(before: observed) }
            header.pointee.newestMilliseconds = observed
            header.pointee.newestValue = reading.value
        }
        record.keep(reading.value, at: observed)
        if goesOn { record.countOn(reading.value, at: observed) } else if kind == .counter { record.recount() }
        return isRevised ? .revised : .taken
    }

    /// Adds a sample that is not of the open pane: it begins a new one, or is late.
    @inline(never)
    private static func addOutside(
        _ value: Double, _ observed: Int64, _ part: CirclePart, _ record: SeriesRecord, _ index: Int,
        _ ring: Layout.Ring
    ) -> Outcome {
        let epoch = observed.flooredDivision(by: ring.paneMilliseconds)
        // A pane's number has 32 bits: by panes of five seconds, the finest of a window of a minute, until the year 2310.
        guard let number = Int32(exactly: epoch), number != OpenPane.never else { return .tooOld }
        let offset = Int32(truncatingIfNeeded: observed - epoch * ring.paneMilliseconds)
        let open = record.open + index
        let kind = record.header.pointee.kind
        guard number < open.pointee.epoch else {
            if open.pointee.epoch != OpenPane.never { advance(record, index, ring, to: epoch) }
            open.pointee.pane = Pane(value, at: offset, kind, part)
            open.pointee.squares = 0
            open.pointee.epoch = number
            open.pointee.sketch.clear()
            return .taken
        }
        guard epoch > Int64(open.pointee.epoch) - Int64(ring.paneCount) else { return .tooOld }
        let pane = record.closed + ring.slot(of: epoch)
        if !open.pointee.isFilled(epoch) {
            pane.pointee.count = 0
            open.pointee.filled |= 1 << UInt64(Int64(open.pointee.epoch) - epoch - 1)
        }
        let late = record.lateHeads + index
        if kind.hasSketch, late.pointee.epoch != number || late.pointee.thinning == SketchHead.empty {
            late.pointee.reopen(
                QuantilePoints(codes: pane.pointee.extra), count: pane.pointee.count, pane.pointee.min,
                pane.pointee.max, record.lateBins(index))
            late.pointee.epoch = number
        }
        if pane.pointee.count == 0 {
            pane.pointee = Pane(value, at: offset, kind, part)
        } else {
            var squares = Double(pane.pointee.squares)
            pane.pointee.add(value, at: offset, kind, part, squares: &squares) {
                record.neighbours(of: offset, from: epoch * ring.paneMilliseconds, length: ring.paneMilliseconds)
            }
            pane.pointee.squares = Float(min(squares, Double(Float.greatestFiniteMagnitude)))
        }
        if kind.hasSketch {
            late.pointee.add(value, nth: pane.pointee.count, record.lateBins(index))
            pane.pointee.extra = late.pointee.points(pane.pointee.min, pane.pointee.max, record.lateBins(index)).codes
        }
        record.revisions[index] &+= 1
        for window in 0..<record.layout.pointee.windowCount where record.layout.pointee.windows[window].ring == index {
            record.settled[window].epoch = OpenPane.never
        }
        return .revised
    }

    /// Closes the open pane, as time has come to `epoch`.
    private static func advance(_ record: SeriesRecord, _ index: Int, _ ring: Layout.Ring, to epoch: Int64) {
        let open = record.open + index
        let passed = epoch - Int64(open.pointee.epoch)
        guard passed <= Int64(ring.closedCount) else {
            open.pointee.filled = 0
            return
        }
        // Bits of panes that have left the ring, or never were in it, fall off at the upper end.
        let kept = UInt64.max >> UInt64(64 - ring.closedCount)
        open.pointee.filled = ((open.pointee.filled << UInt64(passed)) | (1 << UInt64(passed - 1))) & kept
        var closed = open.pointee.closed
        if record.header.pointee.kind.hasSketch {
            closed.extra = record.openPoints(index, ring.paneMilliseconds).codes
        }
        record.closed[ring.slot(of: Int64(open.pointee.epoch))] = closed
    }

    /// The newest sample of a series by observed time; nil before its first.
    public func newest(of series: SeriesID) -> (value: Double, observed: Timestamp)? {
        guard series.index < records.count else { return nil }
        let header = records[series.index].header
        guard header.pointee.newestMilliseconds != SeriesHeader.nothing else { return nil }
        return (header.pointee.newestValue, Timestamp(milliseconds: header.pointee.newestMilliseconds))
    }
}
