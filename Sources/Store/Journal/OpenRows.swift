import Basics
import Frames
import Telemetry

/// What memory knows of the readings in the store: the rows of the journal, and how far each stream has come.
///
/// It decides whether a reading is fresh. A batch is staged first, which also encodes its journal row; `settle` keeps it
/// once the row is on disk, `undo` takes it back when the disk failed.
struct OpenRows: ~Copyable {
    /// By stream: rows in the journal that no seal has taken.
    private(set) var open: [GrowingRows] = []
    /// By stream: rows that a seal is writing to day files. The journal still holds them too.
    private var sealing: [RowBlock] = []
    /// By stream: the newest time of all; and of what is in `sealing` or in day files.
    private var newest: [Int64] = []
    private var sealedNewest: [Int64] = []
    /// By stream: the time of the row that counts as its newest, which is an earlier one where the newest lies ahead of the
    /// present (`TimeFence.follows`).
    private(set) var current: [Int64] = []
    /// By stream: the last time that we gave to a message without one of its own; see `StampedRow`.
    private var lastStamped: [Int64] = []
    private var lastMoment: Moment?
    /// By stream: earlier readings are not kept.
    private var floor: [Int64] = []

    private(set) var fresh: [Reading] = []
    private(set) var corrections: [Reading] = []
    /// The values that they took the place of.
    private(set) var corrected: [Double] = []
    /// Readings that are not kept: not finite, at a time outside `FrameKey.times`, or of a day that was given up.
    private(set) var refused: [Reading] = []
    private(set) var duplicates = 0
    private(set) var late = 0
    /// Streams of rows that brought something at a new time, of those of which all was there, and of those whose values took
    /// the place of others; one entry a row.
    private(set) var newRows: [Int32] = []
    private(set) var knownRows: [Int32] = []
    private(set) var correctedRows: [Int32] = []
    /// Whose retained words said what is known, one entry a message.
    private(set) var knownWords: [DeviceIndex] = []
    /// The journal row of the staged batch.
    var writer = ByteWriter(capacity: 1 << 16)

    private var undoSteps: [Undo] = []
    private var rowValues: [Double] = []
    private var base = [Double](repeating: RowBlock.absent, count: SeriesRegistry.streamColumnsMax)

    private struct Undo {
        var stream: Int32
        var row: Int32
        /// -1 where the row itself was new.
        var column: Int32
        /// The value before, or the bits of the stream's newest time before.
        var before: UInt64
        /// Of a new row: the stream's current time before.
        var currentBefore: Int64 = .min
    }

    init() {}

    private(set) var isSealing = false

    /// Makes room for the streams of the registry.
    mutating func grow(to streams: Int) {
        while open.count < streams {
            open.append(GrowingRows())
            newest.append(.min)
            sealedNewest.append(.min)
            floor.append(.min)
            current.append(.min)
            lastStamped.append(.min)
        }
    }

    mutating func setFloor(_ time: Int64, stream: Int) { floor[stream] = time }

    // MARK: Restoring

    /// Of a series of `stream`: the time of the reading that counts as its newest, and the latest that is in day files.
    mutating func setSealed(stream: Int, time: Int64, top: Int64) {
        sealedNewest[stream] = max(sealedNewest[stream], top)
        newest[stream] = max(newest[stream], top)
        current[stream] = max(current[stream], time)
    }

    /// Puts what the journal holds of a turn; no question of freshness is asked again.
    mutating func restore(_ turn: Turn, _ registry: SeriesRegistry) {
        grow(to: registry.streamCount)
        turn.forEachStoredRow(registry) { stream, row in open[stream].put(row, registry) }
        for reading in turn.fresh {
            let stream = registry.place(of: reading.series).stream.index
            let time = reading.observed.milliseconds
            newest[stream] = max(newest[stream], time)
            follow(stream, time, turn.now)
        }
    }

    @inline(__always)
    private mutating func follow(_ stream: Int, _ time: Int64, _ now: Timestamp) {
        if TimeFence.follows(time, newest: current[stream], at: now.milliseconds) { current[stream] = time }
    }

    // MARK: Staging a batch

    /// Sorts `readings` into fresh, duplicate and correction, applies them to memory and writes both row parts of the
    /// journal row into `writer`. On an error memory is as before.
    ///
    /// `sealedValues` has each series' newest reading of the day files.
    mutating func stage(
        _ batch: DecodedBatch, _ origin: Turn.Origin, _ registry: SeriesRegistry, sealed: SealedFrames,
        newest sealedValues: [NewestReading], at moment: Moment
    ) throws(StoreError) {
        let now = moment.wall
        grow(to: registry.streamCount)
        undoSteps.removeAll(keepingCapacity: true)
        fresh.removeAll(keepingCapacity: true)
        corrections.removeAll(keepingCapacity: true)
        corrected.removeAll(keepingCapacity: true)
        refused.removeAll(keepingCapacity: true)
        newRows.removeAll(keepingCapacity: true)
        knownRows.removeAll(keepingCapacity: true)
        correctedRows.removeAll(keepingCapacity: true)
        knownWords.removeAll(keepingCapacity: true)
        duplicates = 0
        late = 0
        writer.removeAll()
        TurnCodec.begin(origin, at: moment, into: &writer)
        if let lastMoment, ClockStep(from: lastMoment, to: moment) != nil { forgetStamps() }
        lastMoment = moment
        do {
            if batch.stamped.isEmpty {
                try stageRows(batch.readings, registry, sealed, now)
            } else {
                try stageRows(try stamp(batch, registry, sealed, sealedValues), registry, sealed, now)
            }
        } catch {
            undo()
            throw error
        }
        var encoder = TurnCodec.RowEncoder(now: now)
        for reading in corrections {
            let place = registry.place(of: reading.series)
            encoder.add(
                stream: place.stream.index, time: reading.observed.milliseconds, column: place.column,
                value: reading.value, values: &rowValues, into: &writer)
        }
        encoder.end(&rowValues, into: &writer)
    }

    private mutating func stageRows(
        _ readings: [Reading], _ registry: SeriesRegistry, _ sealed: SealedFrames, _ now: Timestamp
    ) throws(StoreError) {
        var encoder = TurnCodec.RowEncoder(now: now)
        rowValues.removeAll(keepingCapacity: true)
        var index = 0
        while index < readings.count {
            var reading = readings[index]
            var place = registry.place(of: reading.series)
            let stream = place.stream.index
            let observed = reading.observed
            let time = observed.milliseconds
            guard FrameKey.times.contains(time), time >= floor[stream] else {
                refused.append(reading)
                index += 1
                continue
            }
            // One row: what stands together with the same stream and time.
            var row = GrowingRows.none
            var hasBase = false
            let isLate = time < newest[stream]
            if time <= newest[stream] {
                row = open[stream].place(at: time)
                if time <= sealedNewest[stream] { hasBase = try loadBase(stream, time, sealed) }
            }
            let before = current[stream]
            let newsBefore = fresh.count
            let correctedBefore = corrections.count
            let knownBefore = duplicates
            follow(stream, time, now)
            while true {
                stageValue(
                    reading, stream, place.column, time, &row, hasBase: hasBase, isLate: isLate, currentBefore: before,
                    registry, &encoder)
                index += 1
                guard index < readings.count else { break }
                reading = readings[index]
                guard reading.observed == observed else { break }
                place = registry.place(of: reading.series)
                guard place.stream.index == stream else { break }
            }
            if fresh.count > newsBefore {
                newRows.append(Int32(truncatingIfNeeded: stream))
            } else if corrections.count > correctedBefore {
                correctedRows.append(Int32(truncatingIfNeeded: stream))
            } else if duplicates > knownBefore {
                knownRows.append(Int32(truncatingIfNeeded: stream))
            }
        }
        encoder.end(&rowValues, into: &writer)
    }

    @inline(__always)
    private mutating func stageValue(
        _ reading: Reading, _ stream: Int, _ column: Int, _ time: Int64, _ row: inout Int, hasBase: Bool, isLate: Bool,
        currentBefore: Int64, _ registry: SeriesRegistry, _ encoder: inout TurnCodec.RowEncoder
    ) {
        guard reading.value.isFinite else {
            refused.append(reading)
            return
        }
        var known = row != GrowingRows.none ? open[stream][row, column] : RowBlock.absent
        if known.isNaN, hasBase { known = base[column] }
        if known == reading.value {
            duplicates += 1
            return
        }
        if row == GrowingRows.none {
            open[stream].widen(to: registry.streams[stream].columns.count)
            row = open[stream].insert(time)
            undoSteps.append(
                Undo(
                    stream: Int32(stream), row: Int32(row), column: -1,
                    before: UInt64(bitPattern: newest[stream]), currentBefore: currentBefore))
            newest[stream] = max(newest[stream], time)
        } else {
            if column >= open[stream].stride { open[stream].widen(to: registry.streams[stream].columns.count) }
            // A row that this batch made needs no undo of its values, but telling costs more than the entry.
            undoSteps.append(
                Undo(
                    stream: Int32(stream), row: Int32(row), column: Int32(column),
                    before: open[stream][row, column].bitPattern))
        }
        open[stream].set(row, column, reading.value)
        if known.isNaN {
            fresh.append(reading)
            if isLate { late += 1 }
            encoder.add(
                stream: stream, time: time, column: column, value: reading.value, values: &rowValues, into: &writer)
        } else {
            corrections.append(reading)
            corrected.append(known)
        }
    }

    /// Fills `base` with what the sealed and sealing rows at this time hold; false where they hold nothing.
    private mutating func loadBase(
        _ stream: Int, _ time: Int64, _ sealed: SealedFrames
    ) throws(StoreError) -> Bool {
        var isFound = try sealed.find(stream: stream, time: time, into: &base)
        guard stream < sealing.count, let row = sealing[stream].row(at: time) else { return isFound }
        if !isFound {
            for column in base.indices { base[column] = RowBlock.absent }
            isFound = true
        }
        for column in 0..<sealing[stream].stride {
            let value = sealing[stream][row, column]
            if !value.isNaN { base[column] = value }
        }
        return isFound
    }

    /// The staged batch is on disk.
    mutating func settle() {
        for step in undoSteps where step.column < 0 && step.row < 0 { open[Int(step.stream)].settle() }
        undoSteps.removeAll(keepingCapacity: true)
    }

    /// Takes the staged batch back.
    mutating func undo() {
        for step in undoSteps.reversed() {
            let stream = Int(step.stream)
            if step.column < 0 {
                open[stream].remove(Int(step.row))
                newest[stream] = Int64(bitPattern: step.before)
                current[stream] = step.currentBefore
            } else {
                open[stream].set(Int(step.row), Int(step.column), Double(bitPattern: step.before))
            }
        }
        undoSteps.removeAll(keepingCapacity: true)
        rowValues.removeAll(keepingCapacity: true)
    }

    // MARK: Stamps

    func lastStamped(_ stream: Int) -> Int64 { lastStamped[stream] }

    mutating func setStamped(_ stream: Int, _ time: Int64) { lastStamped[stream] = time }

    /// After a step of the wall clock the receipts stand as they are.
    private mutating func forgetStamps() {
        for stream in lastStamped.indices { lastStamped[stream] = .min }
    }

    mutating func countDuplicates(_ count: Int) { duplicates += count }

    mutating func countKnownWord(of device: DeviceIndex) { knownWords.append(device) }

    /// Whether the stream has a row at `time`.
    mutating func has(_ stream: Int, _ time: Int64, _ sealed: SealedFrames) throws(StoreError) -> Bool {
        guard time <= newest[stream] else { return false }
        if open[stream].place(at: time) != GrowingRows.none { return true }
        return time <= sealedNewest[stream] ? try loadBase(stream, time, sealed) : false
    }

    /// The newest value of a column that no seal has finished with.
    func last(_ stream: Int, column: Int) -> Double? {
        open[stream].last(ofColumn: column, through: current[stream])?.value
            ?? (stream < sealing.count ? sealing[stream].last(ofColumn: column, through: current[stream])?.value : nil)
    }

    // MARK: Sealing

    /// Moves all open rows aside and lends them to the seal; they still answer what is fresh.
    mutating func beginSeal() -> [RowBlock] {
        precondition(!isSealing, "store: a seal is under way")
        isSealing = true
        sealing = open.map(\.rows)
        for stream in open.indices {
            open[stream] = GrowingRows(RowBlock(stride: open[stream].stride))
            sealedNewest[stream] = newest[stream]
        }
        return sealing
    }

    /// The rows are in day files, and the journal has forgotten them.
    mutating func finishSeal() {
        sealing = []
        isSealing = false
    }
}
