import Basics
import Frames
import Telemetry

/// How far the walk has come that gives up old steps of alerts. Lost with the process: the next one begins anew.
struct HistoryWalk {
    /// The last step looked at.
    private(set) var through: Int64 = 0
    private(set) var isUnderway = false
    private var beganAt: Timestamp?
    /// All that this walk gave up.
    private(set) var gaveUp: GivenUp?
    /// The ledger's entry of a day since 1970, to be added to.
    var entry: (id: Int64, day: Int64)?

    /// Begins a walk where one is due; false while there is none to go on with.
    mutating func proceeds(at now: Timestamp) -> Bool {
        if isUnderway { return true }
        if let beganAt, now >= beganAt, now - beganAt < .seconds(86_400) { return false }
        (through, isUnderway, beganAt, gaveUp) = (0, true, now, nil)
        return true
    }

    /// What lies up to `last` was looked at, and of it `gone` was given up.
    mutating func advance(through last: Int64, _ gone: GivenUp?) {
        through = last
        guard let gone else { return }
        guard var sum = gaveUp else {
            gaveUp = gone
            return
        }
        sum.first = min(sum.first, gone.first)
        sum.last = max(sum.last, gone.last)
        sum.rows += gone.rows
        gaveUp = sum
    }

    mutating func end() { isUnderway = false }
}

/// Old steps of alerts, and the notifications that told them, go.
///
/// Of each alert the newest step stays: a restart reads it, and as no younger row of another alert can be gone before
/// it, the newest step of all stays too and its number is never given again. An alert that is not over keeps every step
/// since it began; a step that somebody must still be told of stays, and so does the newest notification, for its number.
/// The step with which an incident began stays as long as the one that ended it is young. An incident goes with its last
/// step, and what people did about it.
extension Journal {
    /// Steps that one call reads at most, and those among them past their age: each of these costs six look-ups, and
    /// one that goes about as many pages of 4 kB to write.
    private static let stepsReadMax = 1024
    private static let agedStepsMax = 64

    /// Gives up some steps past `Retention.alerts`, in one transaction. Returns what a walk over all steps gave up, at
    /// its end; the next one begins a day after it began.
    ///
    /// In the order of their numbers, each step looked at once a walk: what stays does not cost again until the next.
    func retainHistory(now: Timestamp) throws(StoreError) -> GivenUp? {
        guard let age = options.retention.alerts, disk != .full, history.proceeds(at: now) else { return nil }
        do {
            let oldest = (now - age).milliseconds
            let (aged, last, isEnd) = try readSteps(through: oldest)
            var gone: [Step] = []
            for step in aged where try !isKept(step, oldest) { gone.append(step) }
            history.advance(through: last, gone.isEmpty ? nil : try giveUp(gone, now: now))
            guard isEnd else { return nil }
            history.end()
            return history.gaveUp
        } catch {
            // What does not read cannot be given up, and must not be tried every second.
            if error.isDamage(of: core.file) { history.end() }
            throw error
        }
    }

    private struct Step {
        var id: Int64
        var alert: Int64
        var at: Int64
    }

    /// The next steps that are as old as `oldest` or older, the last step looked at, and whether it was the last of all.
    private func readSteps(
        through oldest: Int64
    ) throws(StoreError) -> (aged: [Step], last: Int64, isEnd: Bool) {
        var aged: [Step] = []
        var last = history.through
        // Not by `at`: a clock that was wrong for a day must not hide what came after.
        let statement = try core.statement("SELECT id, alert, at FROM transition WHERE id > ? ORDER BY id")
        defer { statement.reset() }
        statement.bind([.integer(last)])
        for _ in 0..<Self.stepsReadMax {
            guard try statement.step() else { return (aged, last, true) }
            last = statement.integer("id")
            guard statement.integer("at") <= oldest else { continue }
            aged.append(Step(id: last, alert: statement.integer("alert"), at: statement.integer("at")))
            if aged.count == Self.agedStepsMax { break }
        }
        return (aged, last, false)
    }

    private func isKept(_ step: Step, _ oldest: Int64) throws(StoreError) -> Bool {
        try core.integer(
            """
            SELECT ?1 >= (SELECT id FROM transition WHERE alert = ?2 ORDER BY id DESC LIMIT 1)
                OR EXISTS (
                    SELECT 1 FROM outbox WHERE transition_id = ?1
                    AND (delivered_at IS NULL OR id = (SELECT max(id) FROM outbox)))
                OR EXISTS (SELECT 1 FROM alert WHERE id = ?2 AND phase NOT IN ('inactive', 'resolved'))
                AND ?1 >= coalesce((
                    SELECT id FROM transition WHERE alert = ?2 AND was IN ('inactive', 'resolved')
                    ORDER BY id DESC LIMIT 1), 0)
                OR EXISTS (SELECT 1 FROM incident WHERE id = ?1 AND high > ?3)
            """, .integer(step.id), .integer(step.alert), .integer(oldest)) != 0
    }

    private func giveUp(_ steps: [Step], now: Timestamp) throws(StoreError) -> GivenUp {
        let times = steps.map(\.at)
        let entry = GivenUp(
            at: now, why: .age, file: "core.db", retentionClass: "",
            first: Timestamp(milliseconds: times.min() ?? 0), last: Timestamp(milliseconds: times.max() ?? 0),
            rows: Int64(steps.count), bytes: 0, detail: "steps of alerts, with their notifications")
        let today = FrameKey.day(of: now.milliseconds)
        let id = try core.transaction { () throws(StoreError) in
            for step in steps {
                try giveUpIncident(endedBy: step.id, alert: step.alert)
                try core.run("DELETE FROM outbox WHERE transition_id = ?", .integer(step.id))
                try core.run("DELETE FROM decision WHERE step = ?", .integer(step.id))
                try core.run("DELETE FROM transition WHERE id = ?", .integer(step.id))
                try core.run(
                    "INSERT INTO steps_given_up VALUES (?, 1) ON CONFLICT(alert) DO UPDATE SET n = n + 1",
                    .integer(step.alert))
            }
            var known = history.entry
            if known == nil { known = try lastEntry() }
            guard let known, known.day == today else {
                try entry.write(core)
                return try core.integer("SELECT max(id) FROM given_up")
            }
            try core.run(
                """
                UPDATE given_up SET first_ts = min(first_ts, ?2), last_ts = max(last_ts, ?3), n = n + ?4 WHERE id = ?1
                """, .integer(known.id), .integer(entry.first.milliseconds), .integer(entry.last.milliseconds),
                .integer(entry.rows))
            return known.id
        }
        history.entry = id.map { ($0, today) }
        return entry
    }

    /// The ledger's newest entry about steps of alerts, as an earlier process left it.
    private func lastEntry() throws(StoreError) -> (id: Int64, day: Int64)? {
        var found: (id: Int64, day: Int64)?
        try core.rows("SELECT id, at FROM given_up WHERE file = 'core.db' AND why = 'age' ORDER BY id DESC LIMIT 1") {
            row throws(StoreError) in
            found = (row.integer("id"), FrameKey.day(of: row.integer("at")))
        }
        return found
    }
}
