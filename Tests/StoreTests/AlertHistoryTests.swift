import Basics
import Contract
import Synchronization
import Telemetry
import Testing
import TestSupport

@testable import Store

private let day = 86_400

@Suite("The history of alerts")
struct AlertHistoryTests {
    let folder = TemporaryFolder()

    private func open(
        _ age: Duration? = .seconds(10 * day), effects: EffectHook? = nil
    ) throws(StoreError) -> Journal {
        var options = StoreOptions(folder: folder.store)
        options.retention.alerts = age
        options.effects = effects
        return try Journal.open(options)
    }

    /// Steps of an alert on the device as a whole, each from where the one before led, at these seconds after noon.
    private func record(
        _ journal: Journal, _ device: String, _ steps: [(AlertPhase, Int)], from start: AlertPhase = .inactive,
        channels: [String] = ["mail"]
    ) throws {
        var from = start
        let index = journal.registry.intern(device: device, profile: "test")!
        for (to, second) in steps {
            let transition = AlertTransition(
                key: AlertKey(rule: "r", subject: .device(index)), severity: .warning, from: from, to: to,
                at: seconds(second), since: seconds(second), value: nil, sentence: "\(device) is \(to)")
            try journal.record(
                [transition], channels: channels, now: seconds(second), evaluatedThrough: journal.lastJournalID)
            from = to
        }
    }

    private func waiting(_ journal: Journal) throws -> [Int64] {
        try numbers(journal, "SELECT id FROM outbox WHERE delivered_at IS NULL ORDER BY id")
    }

    private func deliver(_ journal: Journal, now: Timestamp = seconds(1000 * day)) throws {
        try journal.mark(delivered: try waiting(journal), now: now)
    }

    /// Upkeep from `now` on, once a second, until a walk has ended; returns how many calls that took.
    @discardableResult
    private func walk(_ journal: Journal, _ now: Timestamp) throws -> Int {
        for call in 0..<1000 {
            _ = try journal.upkeep(now: now + .seconds(call))
            if !journal.history.isUnderway { return call + 1 }
        }
        Issue.record("no end")
        return 0
    }

    private func numbers(_ journal: Journal, _ sql: String) throws -> [Int64] {
        var numbers: [Int64] = []
        try journal.core.rows(sql) { row throws(StoreError) in numbers.append(row.integer(0)) }
        return numbers
    }

    private func steps(_ journal: Journal) throws -> [Int64] {
        try numbers(journal, "SELECT id FROM transition ORDER BY id")
    }

    private func notifications(_ journal: Journal) throws -> [Int64] {
        try numbers(journal, "SELECT transition_id FROM outbox ORDER BY id")
    }

    // MARK: What goes and what stays

    @Test("a step goes when it is as old as the age, and none goes without one")
    func boundaries() throws {
        var journal = try open(nil)
        try record(
            journal, "lamp",
            [
                (.firing, 0), (.resolved, 1), (.firing, 2), (.resolved, 3), (.firing, 20 * day),
                (.resolved, 20 * day + 1),
            ],
            channels: ["mail", "log"])
        try deliver(journal)
        for second in 0..<3 { _ = try journal.upkeep(now: seconds(40_000 * day + second)) }
        #expect(try steps(journal).count == 6)
        journal.close()
        journal = try open()
        #expect(try steps(journal).count == 6)
        // The second step is as old as that, the third a millisecond younger.
        try walk(journal, seconds(10 * day + 2) - .milliseconds(1))
        #expect(try steps(journal) == [3, 4, 5, 6])
        #expect(try notifications(journal) == [3, 3, 4, 4, 5, 5, 6, 6])
        // The next walk begins a day after the last one.
        try walk(journal, seconds(11 * day))
        #expect(try steps(journal) == [3, 4, 5, 6])
        let before = try journal.alertStates()
        try walk(journal, seconds(90 * day))
        #expect(try steps(journal) == [6])
        #expect(try journal.alertStates() == before)
        #expect(try notifications(journal) == [6, 6])
    }

    @Test(
        "an alert that is not over keeps what it did since it began",
        arguments: [AlertPhase.firing, .unknown, .pending])
    func openEpisode(phase: AlertPhase) throws {
        let journal = try open()
        try record(journal, "over", [(.firing, 0), (.resolved, 1)])
        try record(
            journal, "lamp",
            [
                (.pending, 2), (.firing, 3), (.resolved, 4), (.pending, 5), (.inactive, 6),
                (.pending, 7), (.firing, 8), (.unknown, 9), (.firing, 10), (.unknown, 11), (phase, 12),
            ])
        try deliver(journal)
        try walk(journal, seconds(1000 * day))
        #expect(try steps(journal) == [2] + Array(8...13))
        #expect(try journal.alertStates().map(\.phase) == [.resolved, phase])
        #expect(try journal.alertStates()[1].from == .unknown)
        // Over at last, it keeps the last step only.
        try record(journal, "lamp", [(.resolved, 1000 * day)], from: phase)
        try deliver(journal, now: seconds(1001 * day))
        try walk(journal, seconds(2000 * day))
        #expect(try steps(journal) == [2, 14])
    }

    @Test("what nobody has been told of yet stays, and goes once it is delivered")
    func undelivered() throws {
        let journal = try open()
        try record(
            journal, "lamp", [(.firing, 0), (.resolved, 1), (.firing, 2), (.resolved, 3)], channels: ["mail", "log"])
        // Two notifications a step. Of the second step one channel was told; the third failed for both.
        let refused: [Int64] = [3, 5, 6]
        try journal.mark(
            delivered: try waiting(journal).filter { !refused.contains($0) },
            failed: refused.map { FailedNotification(id: $0, error: "refused", nextAttempt: seconds(100)) },
            now: seconds(5))
        try walk(journal, seconds(100 * day))
        #expect(try steps(journal) == [2, 3, 4])
        #expect(try waiting(journal) == refused)
        try deliver(journal)
        try walk(journal, seconds(101 * day))
        #expect(try steps(journal) == [4])
        #expect(try notifications(journal) == [4, 4])
    }

    @Test("a number of a step or a notification is never given twice, over restarts too")
    func numbersAreNew() throws {
        var journal = try open()
        var used: (steps: Set<Int64>, notifications: Set<Int64>) = ([], [])
        var now = 0
        for round in 0..<6 {
            // The last steps are told to nobody: without its rule the newest notification would go before them.
            let channels: [String] = round % 2 == 0 ? ["mail"] : []
            try record(
                journal, "lamp-\(round / 2)",
                [(.firing, now), (.resolved, now + 1), (.firing, now + 2), (.resolved, now + 3)],
                channels: channels)
            let newSteps = try numbers(journal, "SELECT id FROM transition WHERE at >= \(seconds(now).milliseconds)")
            let newNotifications = try numbers(
                journal,
                "SELECT id FROM outbox WHERE next_attempt >= \(seconds(now).milliseconds) AND delivered_at IS NULL")
            #expect(newSteps.count == 4 && newNotifications.count == (channels.isEmpty ? 0 : 4))
            #expect(used.steps.isDisjoint(with: newSteps))
            #expect(used.notifications.isDisjoint(with: newNotifications))
            used.steps.formUnion(newSteps)
            used.notifications.formUnion(newNotifications)
            try deliver(journal, now: seconds(now + 10))
            now += 100 * day
            try walk(journal, seconds(now))
            journal.close()
            journal = try open()
        }
        // The last one of each alert, and the step of the newest notification.
        #expect(try steps(journal) == [8, 16, 20, 24])
        #expect(try numbers(journal, "SELECT max(id) FROM outbox") == [12])
    }

    @Test("a step that a wrong clock put into the future hides no other")
    func wrongClock() throws {
        let journal = try open()
        try record(journal, "early", [(.firing, 20_000 * day), (.resolved, 20_000 * day)])
        try record(journal, "lamp", [(.firing, 0), (.resolved, 1)])
        try deliver(journal, now: seconds(30_000 * day))
        try walk(journal, seconds(100 * day))
        #expect(try steps(journal) == [1, 2, 4])
    }

    // MARK: How it goes

    /// Steps of 20 alerts that are over, a second apart, all delivered; one of the alerts fires since then.
    private func fill(_ journal: Journal, rounds: Int) throws {
        for round in 0..<rounds {
            for device in 0..<20 {
                try record(
                    journal, "lamp-\(device)",
                    [(.firing, round * 40 + device * 2), (.resolved, round * 40 + device * 2 + 1)])
            }
        }
        try record(journal, "lamp-7", [(.firing, rounds * 40)], from: .resolved)
        try deliver(journal)
    }

    @Test("a call takes some of them, and the ledger has one entry a day")
    func smallSteps() throws {
        var journal = try open()
        try fill(journal, rounds: 20)
        var left = try steps(journal).count
        #expect(left == 801)
        let before = try journal.alertStates()
        let start = seconds(100 * day)
        for call in 0..<6 {
            let report = try journal.upkeep(now: start + .seconds(call))
            #expect(report.gaveUp.isEmpty && report.alertSteps == nil)
            let now = try steps(journal).count
            #expect(now == left - 64)
            left = now
        }
        // A restart begins anew and adds to the day's entry.
        journal.close()
        journal = try open()
        var told: GivenUp?
        for call in 0..<20 where told == nil { told = try journal.upkeep(now: start + .seconds(100 + call)).alertSteps }
        #expect(try #require(told).rows == 781 - 6 * 64)
        #expect(try steps(journal).count == 20)
        #expect(try journal.alertStates() == before)
        let archive = try Archive(folder: folder.store)
        var entries = try archive.givenUp()
        #expect(entries.map(\.rows) == [781])
        #expect(entries.map(\.why) == [.age] && entries[0].file == "core.db" && entries[0].at == start)
        #expect(entries[0].first == seconds(0) && entries[0].last == seconds(798))
        // What goes another day is another entry.
        try record(journal, "lamp-3", [(.firing, 101 * day), (.resolved, 101 * day + 1)], from: .resolved)
        try deliver(journal)
        try walk(journal, seconds(120 * day))
        entries = try archive.givenUp()
        #expect(entries.map(\.rows) == [781, 2])
    }

    @Test("a story says since when it is told")
    func story() throws {
        let journal = try open()
        try record(journal, "lamp", [(.firing, 0), (.resolved, 1), (.firing, 2), (.resolved, 3)])
        try record(journal, "new", [(.firing, 99 * day)])
        let archive = try Archive(folder: folder.store)
        #expect(try archive.alert(1).toldSince == nil && archive.alert(1).stepsGivenUp == nil)
        try deliver(journal)
        try walk(journal, seconds(100 * day))
        let story = try archive.alert(1)
        #expect(story.transitions.map(\.at) == [seconds(3)])
        #expect(story.toldSince == seconds(3))
        #expect(story.stepsGivenUp == 3)
        #expect(try archive.alert(2).toldSince == nil && archive.alert(2).stepsGivenUp == nil)
    }

    @Test("no call reads a whole table")
    func plans() throws {
        let statements = Statements()
        let journal = try open(effects: statements.hook)
        try fill(journal, rounds: 2)
        _ = statements.take()
        try walk(journal, seconds(100 * day))
        let found = statements.take().filter { sql in
            ["transition", "outbox", "alert", "steps_given_up", "incident"].contains { sql.contains($0) }
        }
        #expect(found.count == 8, "\(found)")
        for sql in found {
            try journal.core.rows("EXPLAIN QUERY PLAN " + sql) { row throws(StoreError) in
                let line = row.text("detail")
                #expect(!line.hasPrefix("SCAN") || line == "SCAN CONSTANT ROW", "\(line) in \(sql)")
            }
        }
    }

    @Test("steps that do not read are not tried again every second")
    func damage() throws {
        let saboteur = Saboteur()
        let journal = try open(effects: saboteur.hook)
        try fill(journal, rounds: 10)
        let damage = StoreError.corrupt(file: folder.store + "/core.db", detail: "test")
        _ = try journal.upkeep(now: seconds(100 * day))
        saboteur.arm(0, damage)
        #expect(throws: damage) { try journal.upkeep(now: seconds(100 * day + 1)) }
        let left = try steps(journal).count
        for second in 2..<10 { _ = try journal.upkeep(now: seconds(100 * day + second)) }
        #expect(try steps(journal).count == left)
        try walk(journal, seconds(101 * day))
        #expect(try steps(journal).count == 20)
    }

    // MARK: Failures

    /// Nothing is counted twice or left behind alone.
    private func isConsistent(_ journal: Journal, total: Int) throws -> Bool {
        let left = try steps(journal).count
        let ledger = try numbers(journal, "SELECT coalesce(sum(n), 0) FROM given_up")[0]
        let perAlert = try numbers(journal, "SELECT coalesce(sum(n), 0) FROM steps_given_up")[0]
        let orphans = try numbers(
            journal, "SELECT count(*) FROM outbox WHERE transition_id NOT IN (SELECT id FROM transition)")[0]
        // An incident that is over has the step that ended it.
        let endless = try numbers(
            journal, "SELECT count(*) FROM incident WHERE last NOT IN (SELECT id FROM transition)")[0]
        return left + Int(ledger) == total && perAlert == ledger && orphans == 0 && endless == 0
    }

    @Test("a crash before any effect leaves a whole store, and the next start goes on")
    func crashes() throws {
        let copier = Copier(folder.store, folder.path)
        var journal = try open()
        try fill(journal, rounds: 1)
        journal.close()
        journal = try open(effects: copier.hook)
        _ = copier.take()
        let before = try journal.alertStates()
        try walk(journal, seconds(100 * day))
        #expect(try steps(journal).count == 20)
        let copies = copier.take()
        #expect(copies.count > 60)
        for copy in copies {
            var options = StoreOptions(folder: copy)
            options.retention.alerts = .seconds(10 * day)
            let again = try Journal.open(options)
            #expect(try isConsistent(again, total: 41))
            #expect(try again.alertStates() == before)
            try walk(again, seconds(100 * day + 60))
            #expect(try steps(again) == steps(journal))
            #expect(try isConsistent(again, total: 41))
            again.close()
            removeTree(copy)
        }
    }

    @Test("whichever effect fails, the next call does it")
    func failures() throws {
        let journal = try open()
        try fill(journal, rounds: 2)
        journal.close()
        let error = StoreError.ioError(file: "test", detail: "test")
        /// Three calls are enough, and one more for the one that failed; returns how many effects there were.
        func run(failing target: Int) throws -> Int {
            let copy = folder.path + "/copy"
            copyStore(folder.store, to: copy)
            defer { removeTree(copy) }
            let saboteur = Saboteur()
            var options = StoreOptions(folder: copy)
            options.retention.alerts = .seconds(10 * day)
            options.effects = saboteur.hook
            let journal = try Journal.open(options)
            defer { journal.close() }
            saboteur.arm(target, error)
            for second in 0..<4 {
                do throws(StoreError) {
                    _ = try journal.upkeep(now: seconds(100 * day + second))
                } catch let thrown {
                    #expect(thrown == error)
                }
            }
            let count = saboteur.count
            saboteur.disarm()
            #expect(try steps(journal).count == 20, "effect \(target)")
            #expect(try isConsistent(journal, total: 81), "effect \(target)")
            #expect(try Archive(folder: copy).givenUp().map(\.rows) == [61], "effect \(target)")
            return count
        }
        let count = try run(failing: .max)
        #expect(count > 200)
        for target in 0..<count { _ = try run(failing: target) }
    }
}

/// The statements that were prepared.
private final class Statements: Sendable {
    private let prepared = Mutex<[String]>([])

    var hook: EffectHook {
        { [self] effect throws(StoreError) in
            if effect.kind == .step { prepared.withLock { $0.append(effect.sql) } }
        }
    }

    /// Each once, in the order they were first run.
    func take() -> [String] {
        prepared.withLock { statements in
            defer { statements = [] }
            var seen: Set<String> = []
            return statements.filter { seen.insert($0).inserted }
        }
    }
}
