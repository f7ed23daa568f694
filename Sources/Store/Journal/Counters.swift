import Basics
import Telemetry

extension Counters {
    init(_ connection: Connection) throws(StoreError) {
        var read = Counters()
        try connection.rows(
            """
            SELECT received, committed, duplicates, corrected, rejected, rejects_dropped, suspect, late, ignored,
                empty, damaged_rows FROM counters
            """
        ) { row throws(StoreError) in
            read.received = row.integer("received")
            read.committed = row.integer("committed")
            read.duplicates = row.integer("duplicates")
            read.corrected = row.integer("corrected")
            read.rejected = row.integer("rejected")
            read.rejectsDropped = row.integer("rejects_dropped")
            read.suspect = row.integer("suspect")
            read.late = row.integer("late")
            read.ignored = row.integer("ignored")
            read.empty = row.integer("empty")
            read.damagedRows = row.integer("damaged_rows")
        }
        self = read
    }

    /// `at` is the moment of the commit; nil leaves the last one.
    func write(_ connection: Connection, at moment: Moment?) throws(StoreError) {
        try connection.run(
            """
            UPDATE counters SET committed_at = coalesce(?, committed_at),
                committed_steady = coalesce(?, committed_steady), received = ?, committed = ?, duplicates = ?, corrected = ?, rejected = ?, rejects_dropped = ?, suspect = ?, late = ?, ignored = ?, empty = ?,
                damaged_rows = ?
            """, .optional(moment?.wall.milliseconds), .optional(moment?.steady.milliseconds), .integer(received),
            .integer(committed), .integer(duplicates),
            .integer(corrected), .integer(rejected), .integer(rejectsDropped), .integer(suspect), .integer(late),
            .integer(ignored), .integer(empty), .integer(damagedRows))
    }
}
