/// State of the windows and device health as it was after a journal row. The store does not look into the bytes.
public struct StateSnapshot: Sendable, Equatable {
    /// The journal row after which the state was so.
    public var journalID: Int64
    /// As `Journal.beginSeal` was given them.
    public var bytes: [UInt8]
}

extension StateSnapshot {
    /// The state that the last finished seal left; nil where there is none.
    init?(_ connection: Connection) throws(StoreError) {
        let generation = try Meta.snapshotGeneration.read(connection)
        guard generation > 0 else { return nil }
        var bytes: [UInt8] = []
        try connection.rows(
            "SELECT b FROM snapshot WHERE generation = ? ORDER BY chunk", .integer(generation)
        ) { row throws(StoreError) in row.withBlob("b") { bytes.append(contentsOf: $0) } }
        self.init(journalID: try Meta.snapshotJournal.read(connection), bytes: bytes)
    }
}
