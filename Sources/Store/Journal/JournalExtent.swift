import Basics

/// How far seals have come through the journal, and what of it waits for the next one.
struct JournalExtent {
    /// The last row that is in day files.
    private(set) var sealedThrough: Int64
    /// The last row whose room was given back: never beyond `sealedThrough`, and behind it while room is given back bit
    /// by bit.
    private(set) var trimmedThrough: Int64
    /// Rows and bytes after `sealedThrough`.
    private(set) var rows = 0
    private(set) var bytes = 0
    /// `now` of the oldest of them; nil where there is none, or none that reads.
    private(set) var oldestNow: Timestamp?
    private var seal: SealUnderWay?

    /// What a seal takes out of the journal.
    private struct SealUnderWay {
        var rows: Int
        var bytes: Int
        var beganAt: Timestamp
    }

    init(_ core: Connection) throws(StoreError) {
        sealedThrough = try Meta.sealedThrough.read(core)
        let first = try core.integer("SELECT min(id) FROM journal") ?? .max
        trimmedThrough = min(sealedThrough, max(first, Meta.possible.lowerBound) - 1)
    }

    /// A row more; `now` is nil for one that does not read.
    mutating func add(bytes more: Int, now: Timestamp?) {
        rows += 1
        bytes += more
        if oldestNow == nil { oldestNow = now }
    }

    /// A seal takes all that is there; the rows added from here on belong to the next one.
    mutating func beginSeal(now: Timestamp) { seal = SealUnderWay(rows: rows, bytes: bytes, beganAt: now) }

    /// The rows that the seal took are in day files: those up to `id`.
    mutating func finishSeal(through id: Int64) {
        guard let seal else { preconditionFailure("store: a seal ends that never began") }
        sealedThrough = id
        rows -= seal.rows
        bytes -= seal.bytes
        oldestNow = rows > 0 ? seal.beganAt : nil
        self.seal = nil
    }

    /// The room of the rows up to `id` was given back, or cannot be.
    mutating func trim(through id: Int64) {
        precondition(id <= sealedThrough, "store: rows that are in no day file cannot go")
        trimmedThrough = id
    }
}
