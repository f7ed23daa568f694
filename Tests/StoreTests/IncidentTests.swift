import Basics
import Contract
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Store

/// What happens to one alert, second by second.
struct Script {
    let journal: Journal
    private var phases: [AlertKey: AlertPhase] = [:]

    init(_ journal: Journal) { self.journal = journal }

    /// The next step of the device's alert, at a second after noon.
    @discardableResult
    mutating func step(
        _ device: String, _ phase: AlertPhase, _ second: Int, rule: String = "r", severity: Severity = .warning,
        peak: Double? = nil
    ) throws -> Int64 {
        let subject = Subject.device(journal.registry.intern(device: device, profile: "test")!)
        let key = AlertKey(rule: rule, subject: subject)
        let transition = AlertTransition(
            key: key, severity: severity, from: phases[key] ?? .inactive, to: phase, at: seconds(second),
            since: seconds(second), value: nil, sentence: "\(device) is \(phase)",
            peak: peak.map { AlertPeak(value: $0, at: seconds(second)) })
        phases[key] = phase
        return try journal.record(
            [transition], channels: [], now: seconds(second), evaluatedThrough: journal.lastJournalID)[0]
    }
}

@Suite("Incidents")
struct IncidentTests {
    let folder = TemporaryFolder()

    private func open(_ age: Duration? = nil) throws(StoreError) -> Journal {
        var options = StoreOptions(folder: folder.store)
        options.retention.alerts = age
        return try Journal.open(options)
    }

    private func ask(_ request: IncidentsRequest = IncidentsRequest()) throws(StoreError) -> IncidentsAnswer {
        try Archive(folder: folder.store).incidents(request)
    }

    private func ids(_ request: IncidentsRequest) throws(StoreError) -> [Int64] {
        try ask(request).incidents.map(\.id)
    }

    @Test("a renamed rule takes along what is up; what is over stays under the name that it was told by")
    func renamedRule() throws {
        let journal = try open()
        var script = Script(journal)
        try script.step("over", .firing, 1)
        try script.step("over", .resolved, 2)
        try script.step("up", .firing, 3)
        try journal.rename(rule: "r", to: "s")
        #expect(try ask(IncidentsRequest(rule: "r")).incidents.map(\.device) == ["over"])
        #expect(try ask(IncidentsRequest(rule: "s")).incidents.map(\.device) == ["up"])
        #expect(try Archive(folder: folder.store).alerts().map(\.rule).sorted() == ["r", "s"])
    }

    @Test("a rule that is renamed, and back, leaves no alert up under a name that no rule has")
    func renamedBack() throws {
        let journal = try open()
        var script = Script(journal)
        try script.step("lamp", .firing, 1)
        try script.step("lamp", .resolved, 2)
        try journal.rename(rule: "r", to: "s")
        let second = try script.step("lamp", .firing, 3, rule: "s")
        try journal.rename(rule: "s", to: "r")
        func phases() throws -> [String: AlertPhase] {
            let alerts = try Archive(folder: folder.store).alerts()
            return Dictionary(uniqueKeysWithValues: alerts.map { ("\($0.id) \($0.rule)", $0.phase) })
        }
        let before = try phases()
        #expect(before.values.sorted { $0.rawValue < $1.rawValue } == [.firing, .resolved])
        #expect(before.filter { $0.value == .firing }.keys.allSatisfy { $0.hasSuffix(" r") })
        // Its next step is of the same story.
        var later = Script(journal)
        try later.step("lamp", .firing, 4, rule: "r")
        try later.step("lamp", .resolved, 5, rule: "r")
        #expect(try phases().count == 2 && phases().values.allSatisfy { $0 == .resolved })
        #expect(second > 0)
    }

    // MARK: Spans

    /// The incident lasts from second 10 to 20; nil: it is not over. Bounds that are nil are open.
    @Test(
        "an incident is of a span that it reaches into",
        arguments: [
            (20, 0, 10, false), (20, 0, 11, true), (20, 10, 11, true), (20, 12, 15, true), (20, 19, 20, true),
            (20, 20, 30, false), (20, 5, 25, true), (20, nil, 10, false), (20, nil, nil, true), (20, 19, nil, true),
            (20, 20, nil, false), (nil, 0, 10, false), (nil, 5, 11, true), (nil, 1000, 2000, true),
            (nil, 1000, nil, true), (10, 10, 11, true), (10, 9, 10, false), (10, 11, 12, false), (10, 0, 20, true),
            // The clock was set back meanwhile: it has from second 4 to 10.
            (4, 0, 4, false), (4, 0, 5, true), (4, 9, 20, true), (4, 10, 20, false),
            // Longer than a day.
            (200_000, 100_000, 100_001, true), (200_000, 199_999, 300_000, true), (200_000, 200_000, 300_000, false),
        ] as [(Int?, Int?, Int?, Bool)])
    func spans(end: Int?, since: Int?, until: Int?, isOfIt: Bool) throws {
        var script = Script(try open())
        try script.step("lamp", .firing, 10)
        if let end { try script.step("lamp", .resolved, end) }
        let request = IncidentsRequest(since: since.map(seconds), until: until.map(seconds))
        #expect(try ids(request) == (isOfIt ? [1] : []))
    }

    @Test("an alert that flaps has an incident each time, newest first, in pages")
    func flapping() throws {
        var script = Script(try open())
        for round in 0..<7 {
            try script.step("lamp", .firing, round * 10)
            try script.step("lamp", .resolved, round * 10 + (round == 3 ? 0 : 5))
        }
        let all = try ask().incidents
        #expect(all.map(\.id) == [13, 11, 9, 7, 5, 3, 1])
        #expect(all.map(\.durationSeconds) == [5, 5, 5, 0, 5, 5, 5])
        #expect(Set(all.map(\.alert)) == [1] && all.allSatisfy { $0.state == .resolved })
        var request = IncidentsRequest(since: seconds(10), limit: 2)
        var pages: [[Int64]] = []
        repeat {
            let page = try ask(request)
            pages.append(page.incidents.map(\.id))
            request.before = page.next
        } while request.before != nil
        #expect(pages == [[13, 11], [9, 7], [5, 3]])
    }

    @Test("the order is that in which they began, whatever the clock said")
    func order() throws {
        var script = Script(try open())
        try script.step("a", .firing, 1000)
        try script.step("a", .resolved, 900)
        try script.step("b", .firing, 100)
        let all = try ask().incidents
        #expect(all.map(\.device) == ["b", "a"])
        #expect(all[1].durationSeconds == nil && all[1].ended == seconds(900))
    }

    /// Every incident in memory, and asked as one would by hand.
    @Test("answers are those of a plain list", arguments: 0..<12 as Range<UInt64>)
    func model(seed: UInt64) throws {
        struct Plain {
            var (id, low, high): (Int64, Int, Int); var (device, severity): (String, Severity); var isOpen = true
        }
        var random = SeededGenerator(seed: seed)
        var script = Script(try open())
        var (plain, openOf, now, step): ([Plain], [String: Int], Int, Int64) = ([], [:], 100_000, 0)
        for _ in 0..<120 {
            now +=
                Bool.random(using: &random)
                ? Int.random(in: 0...50, using: &random) : Int.random(in: -5000...90_000, using: &random)
            let device = "d\(Int.random(in: 0..<6, using: &random))"
            let severity = Severity.allCases.randomElement(using: &random)!
            step += 1
            if let place = openOf[device] {
                let isEnd = Bool.random(using: &random)
                try script.step(device, isEnd ? .resolved : step % 2 == 0 ? .unknown : .firing, now, severity: severity)
                let ranks = Severity.allCases
                if ranks.firstIndex(of: severity)! > ranks.firstIndex(of: plain[place].severity)! {
                    plain[place].severity = severity
                }
                guard isEnd else { continue }
                (plain[place].low, plain[place].high) = (min(plain[place].low, now), max(plain[place].low, now))
                plain[place].isOpen = false
                openOf[device] = nil
            } else {
                try script.step(device, .firing, now, severity: severity)
                openOf[device] = plain.count
                plain.append(Plain(id: step, low: now, high: .max, device: device, severity: severity))
            }
        }
        for _ in 0..<60 {
            let since = Int.random(in: 0...now, using: &random)
            let until = since + Int.random(in: 1...200_000, using: &random)
            let severity = Bool.random(using: &random) ? Severity.allCases.randomElement(using: &random)! : nil
            let device = Bool.random(using: &random) ? "d\(Int.random(in: 0..<6, using: &random))" : nil
            let state: IncidentState? = Bool.random(using: &random) ? Bool.random(using: &random) ? .open : .over : nil
            let expected = plain.filter {
                $0.low < until && ($0.high > since || $0.low >= since) && (severity ?? $0.severity) == $0.severity
                    && (device ?? $0.device) == $0.device && (state.map { $0 == .open } ?? $0.isOpen) == $0.isOpen
            }
            // A device that has no alert yet is unknown to the store.
            guard device.map({ name in plain.contains { $0.device == name } }) ?? true else { continue }
            let found = try ids(
                IncidentsRequest(
                    since: seconds(since), until: seconds(until), severity: severity, device: device, state: state))
            #expect(found == expected.map(\.id).reversed(), "seed \(seed): \(since)..<\(until)")
        }
    }

    // MARK: What stays

    @Test("an incident keeps its worst, its gravest, how it began and ended, and who took it on")
    func story() throws {
        let journal = try open()
        var script = Script(journal)
        let alert = try script.step("lamp", .pending, 0, severity: .info, peak: 81)
        try journal.add(.init(.acknowledged, at: seconds(5), by: "li", note: "looking"), toAlert: alert)
        try script.step("lamp", .firing, 10, severity: .critical, peak: 85)
        let key = AlertKey(rule: "r", subject: .device(journal.registry.device(named: "lamp")!))
        try journal.record(
            [], peaks: [key: AlertPeak(value: 99, at: seconds(15))], channels: [], now: seconds(15), evaluatedThrough: 0
        )
        #expect(try journal.alertStates().first?.peak == AlertPeak(value: 99, at: seconds(15)))
        try journal.add(.init(.acknowledged, at: seconds(16), by: "wang", note: ""), toAlert: alert)
        try script.step("lamp", .resolved, 20, severity: .warning, peak: 99)
        #expect(try journal.alertStates().first?.peak == nil)
        let archive = try Archive(folder: folder.store)
        #expect(try archive.alert(alert).alert.acknowledgedBy == "wang")
        // A new one starts with nobody.
        try script.step("lamp", .firing, 30, peak: 82)
        #expect(try archive.alert(alert).alert.acknowledgedBy == nil)
        #expect(try archive.incident(4).incident.deeds == [])
        #expect(try archive.alert(alert).deeds.map(\.by) == ["li", "wang"])

        let told = try archive.incident(1)
        #expect(told.transitions.map(\.to) == [.pending, .firing, .resolved])
        let incident = told.incident
        #expect(incident.deeds.map(\.by) == ["li", "wang"] && incident.deeds.map(\.after) == [1, 2])
        #expect(incident.deeds.map(\.note) == ["looking", ""] && incident.taken?.at == seconds(5))
        #expect(incident.peak == 99 && incident.severity == .critical && incident.firedAt == seconds(10))
        #expect(incident.beginning == "lamp is pending" && incident.ending == "lamp is resolved")
        #expect(incident.state == .resolved && incident.durationSeconds == 20)
        #expect(try ask().incidents.map(\.deeds.count) == [0, 2])
        #expect(throws: StoreError.noSuchIncident(id: 2)) { try archive.incident(2) }
    }

    @Test("a sentence is kept as its key and its values, and put into words when it is shown")
    func meaning() throws {
        let journal = try open()
        let device = journal.registry.intern(device: "lamp", profile: "test")!
        let key = AlertKey(rule: "r", subject: .device(device))
        let said = Sentence(.deviceRetired, [.name: .text("lamp")])
        for (from, to) in [(AlertPhase.inactive, AlertPhase.firing), (.firing, .resolved)] {
            try journal.record(
                [
                    AlertTransition(
                        key: key, severity: .info, from: from, to: to, at: noon, since: noon, value: nil,
                        sentence: to == .firing ? Sentence(.absenceOffline, [.name: .text("lamp")]) : said)
                ], channels: ["log"], now: noon, evaluatedThrough: 0)
        }
        #expect(try journal.core.integer("SELECT count(*) FROM transition WHERE sentence <> ''") == 0)
        #expect(try journal.alertStates().map(\.meaning) == [said])
        #expect(
            try journal.pendingNotifications(on: "log", atMost: 9, now: Moment(noon)).map(\.transition.sentence) == [
                "lamp said that it is offline"
            ])
        let incident = try #require(try ask().incidents.first)
        #expect(incident.beginning == "lamp said that it is offline" && incident.endReason == .deviceRetired)
        #expect(incident.endingMeaning == said)
        let story = try Archive(folder: folder.store).alert(1)
        #expect(story.alert.meaning == said && story.alert.sentence == "lamp: the device was taken off the roster")
    }

    @Test("places are those of the beginning; names that nothing has get the nearest")
    func places() throws {
        let journal = try open()
        func roster(_ circuit: String) throws {
            _ = try journal.saveRoster(
                [RosterEntry(device: "lamp", profile: "test", area: "Lixia", circuit: circuit, cadence: .seconds(60))],
                now: noon)
        }
        try roster("F-10")
        var script = Script(journal)
        try script.step("lamp", .firing, 0)
        try script.step("lamp", .resolved, 1)
        try roster("F-12")
        try script.step("lamp", .firing, 2)
        try journal.record(
            [
                AlertTransition(
                    key: AlertKey(rule: "feeder", subject: .circuit("F-12")), severity: .critical, from: .inactive,
                    to: .firing, at: noon, since: noon, value: nil, sentence: "dark")
            ], channels: [], now: noon, evaluatedThrough: 0)
        #expect(try ids(IncidentsRequest(circuit: "F-10")) == [1])
        #expect(try ids(IncidentsRequest(circuit: "F-12")) == [4, 3])
        #expect(try ids(IncidentsRequest(area: "Lixia", rule: "feeder")) == [4])
        #expect(try ids(IncidentsRequest(area: "Lixia", state: .resolved)) == [1])
        #expect(throws: StoreError.noSuchCircuit(name: "F-11", nearest: "F-10")) {
            try ids(IncidentsRequest(circuit: "F-11"))
        }
        #expect(throws: StoreError.noSuchArea(name: "Lixa", nearest: "Lixia")) {
            try ids(IncidentsRequest(area: "Lixa"))
        }
        #expect(throws: StoreError.noSuchDevice(name: "lmap", nearest: "lamp")) {
            try ids(IncidentsRequest(device: "lmap"))
        }
        #expect(throws: StoreError.noSuchRule(name: "feder", nearest: "feeder")) {
            try ids(IncidentsRequest(rule: "feder"))
        }
    }

    @Test("an incident goes with its last step, with what people did; one that is young keeps its beginning")
    func retention() throws {
        let day = 86_400
        let journal = try open(.seconds(10 * day))
        var script = Script(journal)
        let alert = try script.step("lamp", .firing, 0)
        try journal.add(.init(.acknowledged, at: seconds(1), by: "li", note: ""), toAlert: alert)
        try script.step("lamp", .resolved, 2)
        // Long: its middle is old when its end is not.
        try script.step("lamp", .firing, 3)
        try script.step("lamp", .unknown, 4)
        try script.step("lamp", .firing, 5)
        try script.step("lamp", .resolved, 9 * day)
        try script.step("lamp", .firing, 9 * day + 1)
        for second in 0..<3 { _ = try journal.upkeep(now: seconds(12 * day + second)) }
        #expect(try ask().incidents.map(\.id) == [7, 3])
        #expect(try journal.core.integer("SELECT count(*) FROM deed") == 0)
        let story = try Archive(folder: folder.store).incident(3)
        #expect(story.transitions.map(\.id) == [3, 6])
        #expect(story.incident.beginning == "lamp is firing" && story.incident.ending == "lamp is resolved")
        for second in 0..<3 { _ = try journal.upkeep(now: seconds(100 * day + second)) }
        #expect(try ask().incidents.map(\.id) == [7])
    }

    @Test("a question about a night of a year reads the incidents of that night")
    func plan() throws {
        let journal = try open()
        var script = Script(journal)
        try script.step("lamp", .firing, 0)
        let archive = try Archive(folder: folder.store)
        for (request, isWalk) in [
            (IncidentsRequest(since: seconds(0), until: seconds(10)), false), (IncidentsRequest(), true),
            (IncidentsRequest(device: "lamp"), false), (IncidentsRequest(rule: "r"), false),
        ] {
            let lines = try archive.incidentPlan(request)
            // Newest first by their numbers, until the page is full: that is a walk for who asks for all.
            let walks = lines.filter { $0.hasPrefix("SCAN i") && !$0.contains("USING COVERING") }
            #expect(walks.isEmpty != isWalk, "\(lines)")
        }
    }

    // MARK: Older stores

    /// Written by version 6: two incidents of corner-1, each taken on, one of a rule that never fired, three that are open.
    @Test(
        "a store of version 6 answers before a gateway has led it forward, and the same after",
        arguments: [false, true])
    func olderStore(isLedForward: Bool) throws {
        try unpack("alerts-v6", in: folder)
        if isLedForward { try Journal.open(StoreOptions(folder: folder.store)).close() }
        let archive = try Archive(folder: folder.store)
        let all = try archive.incidents().incidents
        #expect(all.map(\.id) == [9, 8, 6, 5, 3, 1])
        #expect(all.map(\.state) == [.firing, .pending, .firing, .unfired, .resolved, .resolved])
        #expect(all.map(\.durationSeconds) == [nil, nil, nil, 1.208, 1.299, 2.503])
        #expect(all.map(\.peak) == [9999, 3, 180, nil, nil, nil])
        #expect(all.map(\.circuit) == ["F-12", "F-10", "F-12", "F-12", "F-10", "F-10"])
        // The words of then, as they stood; of what people did the last alone was kept.
        #expect(all[5].beginning == "corner-1: AC voltage (rms) (l2) is 190.5 V, below 207 V")
        #expect(all[5].ending == "corner-1: AC voltage (rms) (l2) is 231 V, back at or within 210 V")
        #expect(all[5].endingMeaning == nil && all[5].endReason == nil)
        #expect(all.map { $0.deeds.map(\.by) } == [[], [], [], ["zhao"], ["wang"], []])
        #expect(try archive.incident(3).transitions.map(\.to) == [.firing, .resolved])
        #expect(try archive.incidents(IncidentsRequest(circuit: "F-10", state: .over)).incidents.map(\.id) == [3, 1])
        #expect(
            try archive.alert(1).alert.sentence == "corner-1: AC voltage (rms) (l2) is 230 V, back at or within 210 V")
        #expect(try archive.alert(1).deeds.map(\.by) == ["wang"])
    }

    @Test("alerts of a store of version 6 go on, and their incidents end")
    func goesOn() throws {
        try unpack("alerts-v6", in: folder)
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        let states = try journal.alertStates()
        #expect(states.map(\.peak?.value) == [nil, nil, 180, 3, 9999])
        let end = seconds(86_400 * 400)
        for state in states where state.phase != .resolved && state.phase != .inactive {
            try journal.record(
                [
                    AlertTransition(
                        key: state.key, severity: state.severity, from: state.phase,
                        to: state.phase == .firing ? .resolved : .inactive, at: end, since: state.since, value: nil,
                        sentence: Sentence(.ruleRemoved, [.name: .text("x")]), peak: state.peak)
                ], channels: [], now: end, evaluatedThrough: journal.evaluatedThrough)
        }
        let over = try ask(IncidentsRequest(state: .over)).incidents
        #expect(over.map(\.id) == [9, 8, 6, 5, 3, 1])
        #expect(over.prefix(3).allSatisfy { $0.endReason == .ruleRemoved && $0.ended == end })
        #expect(over.map(\.peak) == [9999, 3, 180, nil, nil, nil])
        journal.close()
        #expect(try StoreCheck.run(folder: folder.store).isGood)
    }
}
