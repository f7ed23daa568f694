public import Basics

/// What one commit brought: the readings that are new, what was said beside them, and the moment that counts for it.
///
/// The one word between the store and the heart. It comes from a live commit, from an import, or from the journal when a
/// start plays its tail again; what a stage may make of it is said by `origin`, and never guessed from what it holds.
public struct Turn: Sendable {
    /// Where it comes from; as the journal stores it.
    public enum Origin: UInt8, Sendable {
        /// Devices said it to the gateway, now or while it was away.
        case live = 1
        /// Somebody brought it in a file: history, that is no news and was heard from nobody.
        case imported = 2
    }

    /// Said, never guessed from what the turn holds.
    public var origin: Origin
    /// Played again from the journal, with the moment that it had.
    public var isReplayed = false
    /// Of a replay: what its alerts did is stored already, and they are as they were after it.
    public var isJudged = false
    /// Of the row in the journal.
    public var journalID: Int64
    /// When it was taken, by all clocks; a replay has what the live turn was told.
    public var moment: Moment
    /// Seen for the first time, in message order; the readings of one message that share device and time stand together.
    public var fresh: [Reading]
    /// In place of another value of the same series and time.
    public var corrections: [Reading]
    /// Outside of what their quantity can be: kept as rejects, and in no window.
    public var suspects: [Reading]
    /// What devices said of their own link.
    public var statuses: [DeviceStatus]
    /// Who was heard, one entry a message and device; may repeat.
    public var heard: [Hearing]

    /// `isReplayed` and `isJudged` are false until they are set.
    public init(
        origin: Origin, journalID: Int64 = 0, at moment: Moment, fresh: [Reading] = [], corrections: [Reading] = [],
        suspects: [Reading] = [], statuses: [DeviceStatus] = [], heard: [Hearing] = []
    ) {
        self.origin = origin
        self.journalID = journalID
        self.moment = moment
        self.fresh = fresh
        self.corrections = corrections
        self.suspects = suspects
        self.statuses = statuses
        self.heard = heard
    }

    /// What the moment of the turn is called.
    @inlinable public var now: Timestamp { moment.wall }

    /// Nothing that the journal keeps, and so nothing that a replay would bring again: such a turn changes no stage.
    public var isEmpty: Bool {
        fresh.isEmpty && corrections.isEmpty && suspects.isEmpty && statuses.isEmpty && heard.isEmpty
    }

    /// Lends the fresh readings by messages: those of one device and time that stand together.
    @inlinable
    public func forEachRow(_ registry: SeriesRegistry, _ body: (DeviceIndex, ArraySlice<Reading>) -> Void) {
        var start = 0
        while start < fresh.count {
            let device = registry.series[fresh[start].series.index].device
            let observed = fresh[start].observed
            var end = start + 1
            while end < fresh.count, fresh[end].observed == observed,
                registry.series[fresh[end].series.index].device == device
            {
                end += 1
            }
            body(device, fresh[start..<end])
            start = end
        }
    }

    /// Empties it for the next row of a replay, and keeps its memory.
    public mutating func removeAll() {
        fresh.removeAll(keepingCapacity: true)
        corrections.removeAll(keepingCapacity: true)
        suspects.removeAll(keepingCapacity: true)
        statuses.removeAll(keepingCapacity: true)
        heard.removeAll(keepingCapacity: true)
    }
}

/// A device was heard.
public struct Hearing: Hashable, Sendable {
    /// Who was heard.
    public var device: DeviceIndex
    /// By the gateway's clock, whatever time the message bore; of what the broker had kept, the time that it bore.
    public var at: Timestamp
    /// The broker had kept it and gave it to a new subscriber: the device was heard then, not now.
    public var isRetained: Bool

    /// `at` by the gateway's clock, unless it is retained.
    @inlinable
    public init(device: DeviceIndex, at: Timestamp, isRetained: Bool = false) {
        self.device = device
        self.at = at
        self.isRetained = isRetained
    }
}
