// What version 8 keeps beside names of moments: the same moments by the clocks that nobody sets, so that spans between them
// are none of the wall clock's.
extension Schema {
    // incident, alert: by the steady clock, NULL where it is not known. unread: by the time that the gateway listened, of the
    // first message of the run and of the newest; unread_step: of the commit. counters: of the last commit, by the steady clock.
    private static let steadyColumnNames = [
        "incident": ["began_steady", "ended_steady"], "alert": ["since_steady", "at_steady"],
        "counters": ["committed_steady"], "unread": ["run_listened", "last_listened"], "unread_step": ["listened"],
    ]

    /// Behind those that the tables of version 7 have.
    static let steadyColumns = steadyColumnNames.sorted { $0.key < $1.key }.flatMap { table, names in
        names.map { "ALTER TABLE \(table) ADD COLUMN \($0) INTEGER" }
    }

    /// What the columns have in rows of an earlier version.
    static let steadySources = [
        "incident.began_steady": steady(at: "began"), "incident.ended_steady": steady(at: "ended"),
        "alert.since_steady": steady(at: "since"), "alert.at_steady": steady(at: "at"),
        "counters.committed_steady": steady(at: "committed_at"), "unread.run_listened": listened(at: "run_since"),
        "unread.last_listened": listened(at: "last_at"), "unread_step.listened": listened(at: "at"),
    ]

    /// Fills the columns as they come into a store.
    static let steadyFillings = steadyColumnNames.sorted { $0.key < $1.key }.map { table, names in
        "UPDATE \(table) SET "
            + names.map { "\($0) = \(steadySources["\(table).\($0)"]!)" }.joined(separator: ", ")
    }

    /// The steady time of a moment of which the wall clock's name alone was kept: known where that clock never took a step.
    /// Where it did, nobody can tell on which side of it the moment lies. A store without clocks counts as one whose steady
    /// time began with the wall clock's numbers.
    static func steady(at column: String) -> String {
        "CASE WHEN \(clock(.clockSteps)) = 0 THEN \(column) - \(clock(.clockWall)) + \(clock(.clockSteady)) END"
    }

    /// The time listened at a moment of which the wall clock's name alone was kept, as the wall clock tells it: for runs that an
    /// earlier version began, which measured them by it.
    static func listened(at column: String) -> String {
        "CASE \(clock(.clockWall)) WHEN 0 THEN \(column) "
            + "ELSE \(clock(.clockListened)) - max(0, \(clock(.clockWall)) - \(column)) END"
    }

    private static func clock(_ number: Meta) -> String {
        "coalesce((SELECT value FROM meta WHERE key = '\(number.rawValue)'), 0)"
    }
}
