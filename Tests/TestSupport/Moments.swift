public import Store
public import Telemetry
public import Basics

// For tests whose gateway has one clock that nobody sets and hears its broker all the time.

extension Turn {
    /// At a moment whose clocks have one number.
    public init(
        origin: Origin, journalID: Int64 = 0, now: Timestamp, fresh: [Reading] = [], corrections: [Reading] = [],
        suspects: [Reading] = [], statuses: [DeviceStatus] = [], heard: [Hearing] = []
    ) {
        self.init(
            origin: origin, journalID: journalID, at: Moment(now), fresh: fresh, corrections: corrections,
            suspects: suspects, statuses: statuses, heard: heard)
    }
}

extension Journal {
    /// At a moment whose clocks have one number.
    public func commit(
        _ batch: DecodedBatch, received: Int, by person: String? = nil, now: Timestamp
    ) throws(StoreError) -> Commit {
        try commit(batch, received: received, by: person, at: Moment(now))
    }

    /// At a moment whose clocks have one number.
    @discardableResult
    public func saveRoster(_ entries: [RosterEntry], now: Timestamp) throws(StoreError) -> RosterChange {
        try saveRoster(entries, at: Moment(now))
    }
}
