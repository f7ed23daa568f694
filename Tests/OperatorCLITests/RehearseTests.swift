import Alerting
import Basics
import Foundation
import Pipeline
import Store
import Telemetry
import Testing
import TestSupport

/// A history is rehearsed as it was lived: the steps that a journal and a pipeline took come again from the store.
@Suite("Rehearsal of a stored history")
struct RehearseTests {
    private static let noon = Timestamp(iso8601: "2026-03-15T12:00:00Z")!
    private let folder = TemporaryDirectory()
    private var store: String { folder.path + "/store" }

    private static let rules: [AlertRule] = [
        AlertRule(
            name: "hot", severity: .warning, devices: .all,
            condition: .threshold(
                Threshold(
                    quantity: Quantity(named: "control_gear_temperature")!, statistic: .mean, window: .seconds(300),
                    direction: .above, raise: 85, clear: 75, hold: .seconds(60)))),
        AlertRule(
            name: "power", severity: .critical, devices: .all,
            condition: .threshold(
                Threshold(quantity: Quantity(named: "active_power")!, direction: .above, raise: 100, clear: 90))),
        AlertRule(
            name: "silent", severity: .warning, devices: .all,
            condition: .absence(Absence(cadences: 3, atLeast: .seconds(60)))),
        AlertRule(
            name: "impossible", severity: .info, devices: .all,
            condition: .outOfRange(OutOfRange(clearAfter: .seconds(120)))),
    ]

    /// Three lamps, of which each gets hot, and is silent, for a while. Returns the steps that were taken, as a gateway takes
    /// them: a turn, then the scan of the second. `sealsAt`: the minutes after which the store seals.
    private func live(sealsAt: Set<Int>, suspects: Bool) throws -> [AlertTransition] {
        let journal = try Journal.open(StoreOptions(folder: store))
        defer { journal.close() }
        let entries = (0..<3).map { RosterEntry(device: "lamp-\($0)", area: "a", cadence: .seconds(60)) }
        _ = try journal.saveRoster(entries, at: Moment(Self.noon))
        let pipeline = Pipeline(PipelinePlan(), rules: Self.rules)
        pipeline.setRoster(Roster(try journal.expectedDevices()), registry: journal.registry)
        var steps: [AlertTransition] = []
        for second in 0..<7200 {
            let moment = Moment(Self.noon + .seconds(second))
            if second % 20 == 0 {
                let (lamp, minute) = (second / 20 % 3, second / 60)
                let isAway = (20..<30).contains((minute + lamp * 11) % 60)
                var batch = DecodedBatch()
                if !isAway {
                    let device = journal.registry.intern(device: "lamp-\(lamp)", profile: "")!
                    let isHot = (40..<52).contains((minute + lamp * 5) % 70)
                    let values = [
                        ("control_gear_temperature", isHot ? 95.0 : 60), ("active_power", minute % 17 == 3 ? 120 : 40),
                    ]
                    for (name, value) in values {
                        let series = journal.registry.intern(
                            device: device, quantity: Quantity(named: name)!, channel: .none)!
                        batch.readings.append(Reading(series: series, observed: moment.wall, value: value))
                    }
                    journal.registry.closeRow(batch.readings[...])
                    batch.heard.append(Hearing(device: device, at: moment.wall))
                    if suspects, minute == 100, let series = batch.readings.first?.series {
                        batch.suspects.append(
                            Reading(series: series, observed: moment.wall + .milliseconds(1), value: 9999))
                    }
                }
                let commit = try journal.commit(batch, received: 1, at: moment)
                steps += pipeline.step(commit.turn, registry: journal.registry)
            }
            steps += pipeline.scan(registry: journal.registry, isListening: true, at: moment)
            if sealsAt.contains(second) {
                try journal.finishSeal(try journal.beginSeal(state: pipeline.state(), now: moment.wall).run())
            }
        }
        return steps
    }

    private func rehearsed() throws -> (steps: [AlertTransition], scans: Int) {
        let archive = try Archive(folder: store)
        let registry = archive.registry
        let pipeline = Pipeline(PipelinePlan(), rules: Self.rules)
        let roster = Roster(try archive.expectedDevices())
        pipeline.setRoster(roster, registry: registry)
        var rehearsal = Rehearsal(pipeline, from: Moment(Self.noon))
        var steps: [AlertTransition] = []
        let everything = [Bool](repeating: true, count: 100)
        var last = Moment(Self.noon)
        try archive.forEachTurn(
            PastTurnsRequest(
                since: Self.noon, until: Self.noon + .seconds(7200), series: everything, devices: everything,
                quietMax: .seconds(300))
        ) { turn in
            last = turn.moment
            rehearsal.take(turn, registry) { steps += $0 }
        }
        let rest = Self.noon + .seconds(7200) - last.wall
        rehearsal.advance(
            to: Moment(wall: last.wall + rest, steady: last.steady + rest, listened: last.listened + rest), registry
        ) { steps += $0 }
        return (steps, rehearsal.scans)
    }

    /// By subject and time: two steps of one second may come in another order.
    private func told(_ steps: [AlertTransition]) -> [String] {
        steps.map { step in
            "\(step.at) \(step.key.rule) \(step.key.subject) \(step.from)-\(step.to) since \(step.since) \(step.value.map { "\($0)" } ?? "")"
                + " \(step.sentence) \(step.peak.map { "\($0)" } ?? "")"
        }.sorted()
    }

    @Test(
        "what waits in the journal and what is sealed give the steps that were taken, whenever it was sealed",
        arguments: [[], [1800], [7199], [600, 1801, 3607, 6000]])
    func equalsLive(sealsAt: [Int]) throws {
        let lived = try live(sealsAt: Set(sealsAt), suspects: false)
        let (steps, scans) = try rehearsed()
        #expect(told(steps) == told(lived))
        #expect(Set(lived.filter(\.isNotified).map(\.key.rule)) == ["hot", "power", "silent"] && scans < 3600)
    }

    @Test("impossible values are known since the last seal, and not before")
    func suspects() throws {
        let lived = try live(sealsAt: [1800], suspects: true)
        #expect(lived.contains { $0.key.rule == "impossible" })
        #expect(told(try rehearsed().steps) == told(lived))
    }

    // MARK: The command

    private func rehearse(
        _ arguments: [String], rules: String = "[]", new: String? = nil, notification: String = "{}"
    ) throws -> Program {
        func write(_ text: String, _ name: String) throws {
            try text.write(toFile: "\(folder.path)/\(name)", atomically: true, encoding: .utf8)
        }
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path(percentEncoded: false)
        try write(
            "rules: alerts.yaml\ndevices: {folder: \(root)Devices}\nstore: {folder: store}\nnotification: \(notification)\n",
            "baotu.yaml")
        try write("rules: \(rules)\n", "alerts.yaml")
        if let new { try write("rules: \(new)\n", "new.yaml") }
        return try Program(
            "baotu",
            [
                "rules", "rehearse", "--config", folder.path + "/baotu.yaml", "--since", "2026-03-15T12:00:00Z",
                "--until", "2026-03-15T14:00:00Z",
            ]
                + arguments)
    }

    private static func power(_ level: Int) -> String {
        "[{rule: power, severity: critical, threshold: {quantity: active_power, above: \(level), clear: 90}}]"
    }

    @Test("the command tells by rule what would have fired, lists it, and compares two files")
    func command() throws {
        let lived = try live(sealsAt: [3000], suspects: false)
        let fired = lived.count { $0.key.rule == "power" && $0.to == .firing }
        let table = try rehearse([], rules: Self.power(100))
        #expect(table.code == 0, "\(table.errors)")
        let row = try #require(table.output.split(separator: "\n").dropFirst().first)
        let messages = lived.count { $0.key.rule == "power" && $0.isNotified }
        #expect(
            row.split(separator: " ").prefix(4) == ["power", "\(fired)", "\(messages)", "3"], "\(table.output)")
        let list = try rehearse(["--list", "--format", "csv"], rules: Self.power(100)).output.split(separator: "\n")
        #expect(list.count == fired + 1 && list[0] == "began,seconds,rule,severity,subject,worst,unit")
        #expect(list[1].hasSuffix(",power,critical,lamp-0,120.0,W"), "\(list[1])")

        let new = "--file=\(folder.path)/new.yaml"
        let json = try rehearse([new, "--format", "json"], rules: Self.power(100), new: Self.power(110))
        let answer = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        let same = try #require((answer["rules"] as? [[String: Any]])?.first)
        #expect(same["both"] as? Int == fired && same["only_new"] as? Int == 0 && same["only_in_force"] as? Int == 0)
        let none = try rehearse([new, "--format", "json"], rules: Self.power(100), new: Self.power(500))
        #expect(none.output.contains("\"only_in_force\" : \(fired)"), "\(none.output)")
    }

    @Test("what goes out by each channel is counted behind routes, groups and escalation")
    func channels() throws {
        let lived = try live(sealsAt: [3000], suspects: false)
        let told = lived.filter { $0.key.rule == "power" && $0.isNotified }
        let hook = "url: \"http://127.0.0.1:9/\""
        let notification = """
            {log: false, mqtt: false, webhooks: [{name: duty, \(hook)}, {name: desk, \(hook), group_by: [rule], group_interval: 1h},
            {name: boss, \(hook)}, {name: other, \(hook)}],
            routes: [{to: [duty, desk]}, {to: [boss], after: 10h}, {to: [other], rules: [elsewhere]}]}
            """
        let json = try rehearse(["--format", "json"], rules: Self.power(100), notification: notification)
        #expect(json.code == 0, "\(json.errors)")
        let answer = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        let channels = try #require(answer["channels"] as? [[String: Any]])
        let counts = Dictionary(
            uniqueKeysWithValues: channels.map { ($0["channel"] as? String ?? "", $0["messages"] as? Int ?? -1) })
        // One at once, then what an hour gathered, as long as the rehearsal has hours.
        var (gathered, next) = (0, told[0].at)
        for step in told where step.at >= next {
            gathered += 1
            next = step.at + .seconds(3600)
        }
        #expect(gathered >= 2 && told.count > gathered)
        #expect(counts["duty"] == told.count && counts["boss"] == 0 && counts["other"] == 0, "\(counts)")
        #expect(counts["desk"].map { (gathered...gathered + 1).contains($0) } ?? false, "\(counts), \(gathered)")
        let both = try rehearse(
            ["--file=\(folder.path)/new.yaml"], rules: Self.power(100), new: Self.power(500), notification: notification
        )
        #expect(both.output.contains("messages sent: duty 0 (in force \(told.count)), desk 0"), "\(both.output)")
    }

    @Test("a rule that is not there, a span that is none and a store that is none are told")
    func refusals() throws {
        _ = try live(sealsAt: [], suspects: false)
        let rule = try rehearse(["--rule", "powr"], rules: Self.power(100))
        #expect(
            rule.code == 1 && rule.errors == "baotu: there is no rule 'powr'; did you mean 'power'?\n", "\(rule.errors)"
        )
        let nowhere = try rehearse(["--store", folder.path + "/nowhere"], rules: Self.power(100))
        #expect(nowhere.code == 1 && nowhere.errors.contains("/nowhere"), "\(nowhere.errors)")
        let span = try Program("baotu", ["rules", "rehearse", "--since", "2026-03-15", "--until", "2026-03-14"])
        #expect(span.code == 64 && span.errors.contains("is not earlier than"), "\(span.errors)")
    }
}
