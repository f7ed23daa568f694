import Basics
import Frames
import Telemetry

/// What memory knows of the readings in the store: the rows of the journal, and how far each stream has come.
///
/// It decides whether a reading is fresh. A batch is staged first, which also encodes its journal row; `settle` keeps it
/// once the row is on disk, `undo` takes it back when the disk failed.
struct OpenRows: ~Copyable {
    /// By stream: rows in the journal that no seal has taken.
    private(set) var open: [RowBlock] = []
    /// By stream: rows that a seal is writing to day files. The journal still holds them too.
    private var sealing: [RowBlock] = []
    /// By stream: the newest time of all; and of what is in `sealing` or in day files.
    private var newest: [Int64] = []
    private var sealedNewest: [Int64] = []
    /// By stream: earlier readings are not kept.
    private var floor: [Int64] = []

    private(set) var fresh: [Reading] = []
    private(set) var corrections: [Reading] = []
    /// Readings that are not kept: not finite, at a time outside `FrameKey.times`, or of a day that was given up.
    private(set) var refused: [Reading] = []
    private(set) var duplicates = 0
    private(set) var late = 0
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
    }

    init() {}

    private(set) var isSealing = false

    /// Makes room for the streams of the registry.
    mutating func grow(to streams: Int) {
        while open.count < streams {
            open.append(RowBlock())
            newest.append(.min)
            sealedNewest.append(.min)
            floor.append(.min)
        }
    }

    mutating func setFloor(_ time: Int64, stream: Int) { floor[stream] = time }

    // MARK: Restoring

    /// A time of `stream` that is in day files.
    mutating func setSealed(stream: Int, time: Int64) {
        sealedNewest[stream] = max(sealedNewest[stream], time)
        newest[stream] = max(newest[stream], time)
    }

    /// Puts readings that the journal holds; no question of freshness is asked again.
    mutating func restore(_ readings: [Reading], _ registry: SeriesRegistry) { open.put(readings, registry) }

    /// To be called once after the last `restore`.
    mutating func finishRestoring() {
        for stream in open.indices {
            if let last = open[stream].times.last { newest[stream] = max(newest[stream], last) }
        }
    }

    // MARK: Staging a batch

    /// Sorts `readings` into fresh, duplicate and correction, applies them to memory and writes both row parts of the
    /// journal row into `writer`. On an error memory is as before.
    mutating func stage(
        _ readings: [Reading], _ origin: Turn.Origin, _ registry: SeriesRegistry, sealed: SealedFrames, now: Timestamp
    ) throws(StoreError) {
        grow(to: registry.streamCount)
        undoSteps.removeAll(keepingCapacity: true)
        fresh.removeAll(keepingCapacity: true)
        corrections.removeAll(keepingCapacity: true)
        refused.removeAll(keepingCapacity: true)
        duplicates = 0
        late = 0
        writer.removeAll()
        TurnCodec.begin(origin, now: now, into: &writer)
        do {
            try stageRows(readings, registry, sealed, now)
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
            var row = -1
            var hasBase = false
            let isLate = time < newest[stream]
            if time <= newest[stream] {
                row = open[stream].row(at: time) ?? -1
                if time <= sealedNewest[stream] { hasBase = try loadBase(stream, time, sealed) }
            }
            while true {
                stageValue(
                    reading, stream, place.column, time, &row, hasBase: hasBase, isLate: isLate, registry, &encoder)
                index += 1
                guard index < readings.count else { break }
                reading = readings[index]
                guard reading.observed == observed else { break }
                place = registry.place(of: reading.series)
                guard place.stream.index == stream else { break }
            }
        }
        encoder.end(&rowValues, into: &writer)
    }

    @inline(__always)
    private mutating func stageValue(
        _ reading: Reading, _ stream: Int, _ column: Int, _ time: Int64, _ row: inout Int, hasBase: Bool, isLate: Bool,
        _ registry: SeriesRegistry, _ encoder: inout TurnCodec.RowEncoder
    ) {
        guard reading.value.isFinite else {
            refused.append(reading)
            return
        }
        var known = row >= 0 ? open[stream][row, column] : RowBlock.absent
        if known.isNaN, hasBase { known = base[column] }
        if known == reading.value {
            duplicates += 1
            return
        }
        if row < 0 {
            open[stream].widen(to: registry.streams[stream].columns.count)
            row = open[stream].insert(time)
            undoSteps.append(
                Undo(
                    stream: Int32(stream), row: Int32(row), column: -1,
                    before: UInt64(bitPattern: newest[stream])))
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
    mutating func settle() { undoSteps.removeAll(keepingCapacity: true) }

    /// Takes the staged batch back.
    mutating func undo() {
        for step in undoSteps.reversed() {
            let stream = Int(step.stream)
            if step.column < 0 {
                open[stream].remove(Int(step.row))
                newest[stream] = Int64(bitPattern: step.before)
            } else {
                open[stream].set(Int(step.row), Int(step.column), Double(bitPattern: step.before))
            }
        }
        undoSteps.removeAll(keepingCapacity: true)
        rowValues.removeAll(keepingCapacity: true)
    }

    // MARK: Sealing

    /// Moves all open rows aside and lends them to the seal; they still answer what is fresh.
    mutating func beginSeal() -> [RowBlock] {
        precondition(!isSealing, "store: a seal is under way")
        isSealing = true
        sealing = open
        for stream in open.indices {
            open[stream] = RowBlock(stride: open[stream].stride)
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
