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
        /// Its series has no windows; what it said last is known all the same.
        case noWindows
    }

    /// Which windows each quantity has.
    public let plan: WindowPlan
    /// How much there may be of windows; series beyond it are without.
    public let budget: WindowBudget
    /// nil for a series without windows.
    private(set) var records: [SeriesRecord?] = []
    /// By the windows in it; few, as cadences count only by the ladder of pane lengths.
    private var shelves: [[WindowPlan.Window]: Shelf] = [:]
    /// What the series without windows said last, of those that spoke.
    private var bare: [SeriesID: Bare] = [:]
    /// Bytes of all blocks.
    public private(set) var byteCount = 0
    /// Series that have windows.
    public private(set) var openCount = 0
    /// Series that spoke and found no room.
    public private(set) var refusedCount = 0
    /// A series found no room since some was last made: the next one need not look.
    private var isFull = false

    private struct Bare {
        var milliseconds: Int64
        var value: Double
        var isRefused: Bool
    }

    /// Series of one layout lie in blocks that never move, so that growing by one series copies nothing.
    private struct Shelf {
        static let seriesPerBlock = 64
        let layout: UnsafeMutablePointer<Layout>
        var blocks: [(hot: UnsafeMutableRawPointer, cold: UnsafeMutableRawPointer)] = []
        /// Places that were taken, of which `free` are free again.
        var count = 0
        var free: [SeriesRecord] = []

        /// Of a new block.
        var blockBytes: Int { (layout.pointee.hotBytes + layout.pointee.coldBytes) * Shelf.seriesPerBlock }
        var needsBlock: Bool { free.isEmpty && count % Shelf.seriesPerBlock == 0 }
    }

    /// Without a series: `declare` tells of each, and `open` makes room for it.
    public init(plan: WindowPlan, budget: WindowBudget = WindowBudget()) {
        self.plan = plan
        self.budget = budget
    }

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

    /// Series declared so far; the next one has this number.
    public var seriesCount: Int { records.count }

    /// Takes note that there are so many series: those beyond what there were have no windows until they are opened.
    public mutating func declare(_ count: Int) {
        guard count > records.count else { return }
        records.append(contentsOf: repeatElement(nil, count: count - records.count))
    }

    /// Whether a series has windows.
    @inline(__always)
    public func isOpen(_ series: SeriesID) -> Bool { records[series.index] != nil }

    /// Declares the next series and opens its windows; `cadence` says how often it is expected to speak, where that is known.
    public mutating func open(_ quantity: Quantity, cadence: Duration?) {
        declare(records.count + 1)
        open(SeriesID(rawValue: UInt32(records.count - 1)), quantity, cadence: cadence)
    }

    /// Gives a series windows that was declared and has none. False where the budget has no room for them.
    @discardableResult
    public mutating func open(_ series: SeriesID, _ quantity: Quantity, cadence: Duration?) -> Bool {
        guard !isFull, let record = take(windows(of: quantity, cadence: cadence)) else {
            isFull = true
            return false
        }
        record.begin(record.layout, SeriesKind(quantity), cadenceMilliseconds: Self.milliseconds(cadence))
        records[series.index] = record
        openCount += 1
        if let was = bare.removeValue(forKey: series), was.isRefused { refusedCount -= 1 }
        return true
    }

    func windows(of quantity: Quantity, cadence: Duration?) -> [WindowPlan.Window] {
        plan.windows(of: quantity).map { $0.adapted(to: cadence) }
    }

    /// Takes note of another cadence, which expected counts follow from now on. The panes follow when the table is made
    /// anew from its state.
    public func setCadence(_ cadence: Duration?, of series: SeriesID) {
        records[series.index]?.header.pointee.cadenceMilliseconds = Self.milliseconds(cadence)
    }

    /// Begins a series anew, as one that never spoke.
    public mutating func forget(_ series: SeriesID) {
        guard series.index < records.count else { return }
        if let was = bare.removeValue(forKey: series), was.isRefused { refusedCount -= 1 }
        guard let record = records[series.index] else { return }
        let header = record.header.pointee
        record.begin(header.layout, header.kind, cadenceMilliseconds: header.cadenceMilliseconds)
    }

    /// Takes the windows of the series that have been silent for longer than the longest of them: they have nothing to say,
    /// and make room for who speaks. Returns how many; their newest sample stays known.
    @discardableResult
    public mutating func closeSilent(at now: Timestamp) -> Int {
        var closed = 0
        for (place, record) in records.enumerated() {
            guard let record else { continue }
            let header = record.header.pointee
            let longest = header.layout.pointee.longestMilliseconds
            guard
                header.newestMilliseconds == SeriesHeader.nothing
                    || header.newestMilliseconds < now.milliseconds - longest
            else { continue }
            close(SeriesID(rawValue: UInt32(place)), record)
            closed += 1
        }
        if closed > 0 { isFull = false }
        return closed
    }

    private mutating func close(_ series: SeriesID, _ record: SeriesRecord) {
        let header = record.header.pointee
        if header.newestMilliseconds != SeriesHeader.nothing {
            bare[series] = Bare(
                milliseconds: header.newestMilliseconds, value: header.newestValue, isRefused: false)
        }
        shelves[header.layout.pointee.plan]?.free.append(record)
        records[series.index] = nil
        openCount -= 1
    }

    private static func milliseconds(_ cadence: Duration?) -> UInt32 {
        UInt32(clamping: max(0, cadence?.milliseconds ?? 0))
    }

    /// A place for a series of these windows, whose layout stands in its header; nil where there is no room.
    private mutating func take(_ windows: [WindowPlan.Window]) -> SeriesRecord? {
        guard openCount < budget.seriesMax else { return nil }
        var shelf: Shelf
        if let found = shelves[windows] {
            shelf = found
        } else {
            shelf = Shelf(layout: .allocate(capacity: 1))
            shelf.layout.initialize(to: Layout(windows))
            shelves[windows] = shelf
        }
        guard !shelf.needsBlock || byteCount + shelf.blockBytes <= budget.bytesMax else { return nil }
        defer { shelves[windows] = shelf }
        if let record = shelf.free.popLast() { return record }
        let layout = shelf.layout
        let within = shelf.count % Shelf.seriesPerBlock
        if within == 0 {
            func memory(_ bytes: Int) -> UnsafeMutableRawPointer {
                .allocate(byteCount: bytes * Shelf.seriesPerBlock, alignment: 64)
            }
            byteCount += shelf.blockBytes
            shelf.blocks.append((hot: memory(layout.pointee.hotBytes), cold: memory(layout.pointee.coldBytes)))
        }
        let block = shelf.blocks[shelf.blocks.count - 1]
        shelf.count += 1
        let record = SeriesRecord(
            hot: block.hot + within * layout.pointee.hotBytes, cold: block.cold + within * layout.pointee.coldBytes)
        record.header.initialize(to: SeriesHeader(layout: layout, cadenceMilliseconds: 0, kind: .gauge))
        return record
    }

    /// The layouts in use, and which of them each series has.
    var layouts: [[WindowPlan.Window]] {
        // One that nobody has stands for series without windows.
        (shelves.isEmpty ? [plan.windows] : Array(shelves.keys)).sorted { left, right in
            left.lexicographicallyPrecedes(right) {
                ($0.length.milliseconds, $0.paneCount) < ($1.length.milliseconds, $1.paneCount)
            }
        }
    }

    /// Adds the readings of a turn. Their series must be declared.
    public mutating func add(_ readings: [Reading], at now: Timestamp) {
        for reading in readings { add(reading, at: now) }
    }

    /// Adds a reading, heard at `now`, to every window that reaches back to its observed time. Its series must be declared.
    @discardableResult
    public mutating func add(_ reading: Reading, at now: Timestamp) -> Outcome {
        guard let record = records[reading.series.index] else { return addBare(reading, at: now) }
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
                case .tooOld, .noWindows: continue
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

    /// Remembers the newest sample of a series that found no room for windows.
    @inline(never)
    private mutating func addBare(_ reading: Reading, at now: Timestamp) -> Outcome {
        let observed = reading.observed.milliseconds
        noteRefused(reading.series, observed, reading.value) {
            observed >= $0 || TimeFence.follows(observed, newest: $0, at: now.milliseconds)
        }
        return .noWindows
    }

    /// What a series without windows said last; nil where it never spoke, or so far off that no pane has a number for it.
    func bareSample(of series: SeriesID) -> (milliseconds: Int64, value: Double)? {
        guard let last = bare[series], last.milliseconds.magnitude < 1 << 43 else { return nil }
        return (last.milliseconds, last.value)
    }

    var bareCount: Int { bare.count }

    mutating func noteRefused(
        _ series: SeriesID, _ milliseconds: Int64, _ value: Double, replaces: (Int64) -> Bool = { _ in true }
    ) {
        if bare[series]?.isRefused != true { refusedCount += 1 }
        if let before = bare[series], !replaces(before.milliseconds) {
            bare[series]?.isRefused = true
        } else {
            bare[series] = Bare(milliseconds: milliseconds, value: value, isRefused: true)
        }
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
        guard let header = records[series.index]?.header else {
            return bare[series].map { ($0.value, Timestamp(milliseconds: $0.milliseconds)) }
        }
        guard header.pointee.newestMilliseconds != SeriesHeader.nothing else { return nil }
        return (header.pointee.newestValue, Timestamp(milliseconds: header.pointee.newestMilliseconds))
    }
}
