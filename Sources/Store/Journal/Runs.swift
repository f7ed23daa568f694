public import Basics
import Contract
import Telemetry

// When gateways ran on the store: what readers cannot know of otherwise, for nobody writes while none runs.
extension Journal {
    /// Runs beyond these are forgotten, the oldest first.
    private static let runsMax: Int64 = 10_000

    /// Notes that a gateway of this version begins; one before that was not ended in order was there until the last moment that
    /// it wrote down. In one transaction.
    public func beginRun(version: String, at now: Timestamp) throws(StoreError) {
        let seen = max(try lastCommit(), storedClock?.moment.wall.milliseconds ?? .min)
        try core.transaction { () throws(StoreError) in
            try core.run("UPDATE run SET ended = max(began, ?) WHERE ended IS NULL", .integer(seen))
            try core.run("INSERT INTO run(began, version) VALUES (?, ?)", .integer(now.milliseconds), .text(version))
            try core.run(
                "DELETE FROM run WHERE id <= (SELECT max(id) FROM run) - ?", .integer(Self.runsMax))
        }
    }

    /// Notes that it ends in order.
    public func endRun(at now: Timestamp) throws(StoreError) {
        try core.run(
            "UPDATE run SET ended = ?, in_order = 1 WHERE ended IS NULL AND id = (SELECT max(id) FROM run)",
            .integer(now.milliseconds))
    }

    private func lastCommit() throws(StoreError) -> Int64 {
        Meta.possible(try core.integer("SELECT committed_at FROM counters") ?? .min)
    }
}

extension Archive {
    /// The runs that share time with a span, oldest first; empty in a store of before they were kept.
    func runs(since: Timestamp, until: Timestamp, _ connection: Connection) throws(StoreError) -> [RunAnswer] {
        var runs: [RunAnswer] = []
        guard try Schema.version(of: connection) >= 11 else { return runs }
        try connection.rows(
            "SELECT began, version, ended, in_order FROM run WHERE began < ? AND (ended IS NULL OR ended >= ?) ORDER BY id",
            .integer(until.milliseconds), .integer(since.milliseconds)
        ) { row throws(StoreError) in
            runs.append(
                RunAnswer(
                    began: Timestamp(milliseconds: row.integer("began")),
                    ended: row.optionalInteger("ended").map { Timestamp(milliseconds: $0) },
                    isInOrder: row.integer("in_order") != 0, version: row.text("version")))
        }
        return runs
    }
}
