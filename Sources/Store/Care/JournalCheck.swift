import Basics
import Telemetry

/// Reads the journal row by row for a check.
enum JournalCheck {
    /// How many rows wait, and what is damaged of them. In the caller's transaction, which should be one.
    static func damage(
        _ connection: Connection, _ registry: inout SeriesRegistry
    ) throws(StoreError) -> (rows: Int, [StoreDamage]) {
        // Rows may name what became known since the catalogue was read.
        if registry.deviceCount > 0 { try Catalogue.load(connection, into: &registry) }
        let file = "core.db"
        var (rows, damages): (Int, [StoreDamage]) = (0, [])
        var last = try Meta.sealedThrough.read(connection)
        var lastNow: Int64?
        var open: [Int] = []
        /// The rows of `open` are damaged; the next good one bounds when they were received.
        func add(_ id: Int64, _ reason: String, isWhole: Bool = false, now: Int64?) {
            let outlook =
                isWhole ? "its bytes are whole, and a repair keeps it under stand-ins" : "what it acknowledged is lost"
            damages.append(
                StoreDamage(
                    file: file, kind: .journal, devices: [], since: lastNow.map { Timestamp(milliseconds: $0) },
                    until: now.map { Timestamp(milliseconds: $0) },
                    sentence: "\(file): journal row \(id) is damaged: \(reason); \(outlook)"))
            open.append(damages.count - 1)
        }
        try JournalRows.forEach(connection, registry, after: last) { row throws(StoreError) in
            rows += 1
            if row.id > last + 1 { add(last + 1, "rows \(last + 1) to \(row.id - 1) are missing", now: nil) }
            last = row.id
            switch row.content {
            case .turn(let turn):
                for index in open { damages[index].until = turn.now }
                open.removeAll()
                lastNow = turn.now.milliseconds
            case .damaged(let reason): add(row.id, reason, isWhole: row.isWhole, now: nil)
            }
        }
        return (rows, damages)
    }
}
