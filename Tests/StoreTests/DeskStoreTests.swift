import Basics
import Contract
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("What the desk decided, in the store")
struct DeskStoreTests {
    private let folder = TemporaryFolder()

    private func open() throws -> Journal { try Journal.open(StoreOptions(folder: folder.store)) }

    private func key(_ journal: Journal, _ name: String) -> AlertKey {
        AlertKey(rule: "out", subject: .device(journal.registry.intern(device: name, profile: "lamp")!))
    }

    private func moment(_ second: Int) -> Moment { Moment(seconds(second)) }

    /// Records a step of each lamp in one transaction, told to `duty` in one group.
    private func record(
        _ journal: Journal, _ names: [String], _ from: AlertPhase, _ to: AlertPhase, at second: Int,
        severity: Severity = .warning, interval: Int = 60
    ) throws {
        let steps = names.map {
            AlertTransition(
                key: key(journal, $0), severity: severity, from: from, to: to, at: seconds(second),
                since: seconds(second),
                value: nil, sentence: "\($0) is \(to.rawValue)")
        }
        let shown: Shown = to == .firing ? .firing(severity) : .nothing
        let decisions = steps.indices.map { index in
            DeskDecision(
                key: steps[index].key, step: index, recipient: "duty",
                verdict: .told(shown, in: NoticeGroup(name: "rule=out", interval: .seconds(interval))), seen: shown,
                at: moment(second))
        }
        try journal.record(
            steps, decisions: decisions, channels: ["log"], now: seconds(second),
            evaluatedThrough: journal.lastJournalID)
    }

    private func due(_ journal: Journal, at second: Int) throws -> [PendingNotification] {
        try journal.pendingNotifications(on: "duty", atMost: 10, now: moment(second))
    }

    @Test("the first goes out at once with all that came with it, what follows is gathered")
    func gathers() throws {
        var journal = try open()
        try record(journal, (1...84).map { "lamp-\($0)" }, .inactive, .firing, at: 0)
        let first = try #require(try due(journal, at: 0).first)
        #expect(try due(journal, at: 0).count == 1)
        let members = try #require(try journal.takeUp(first))
        #expect(members.count == 84)
        #expect(members.phases == [.firing: 84])
        #expect(members.listed.count == NoticeMembers.listedMax)
        // It is on its way: what comes now waits for the next.
        try record(journal, ["lamp-85"], .inactive, .firing, at: 1, severity: .critical)
        try record(journal, ["lamp-1", "lamp-2"], .firing, .resolved, at: 2)
        #expect(try due(journal, at: 3).map(\.id) == [first.id])
        try journal.mark(delivered: [first.id], now: seconds(3))
        #expect(try due(journal, at: 3).isEmpty)
        #expect(try due(journal, at: 59).isEmpty)
        journal.close()
        // Over a restart too.
        journal = try open()
        #expect(try due(journal, at: 59).isEmpty)
        let second = try #require(try due(journal, at: 60).first)
        let more = try #require(try journal.takeUp(second))
        #expect(more.count == 3)
        #expect(more.phases == [.firing: 1, .resolved: 2])
        #expect(more.listed.map(\.subject) == ["lamp-85", "lamp-1", "lamp-2"])
        try journal.mark(delivered: [second.id], now: seconds(61))
        #expect(
            try journal.core.integer("SELECT count(*) FROM outbox WHERE delivered_at IS NULL AND channel = 'duty'") == 0
        )
        // Long after, the next is a first one again.
        try record(journal, ["lamp-3"], .firing, .resolved, at: 500)
        #expect(try due(journal, at: 500).count == 1)
    }

    @Test("of one alert that began and ended while it was gathered its newest step is told")
    func newest() throws {
        let journal = try open()
        try record(journal, ["lamp-1"], .inactive, .firing, at: 0)
        try record(journal, ["lamp-1"], .firing, .resolved, at: 1)
        let only = try #require(try due(journal, at: 1).first)
        let members = try #require(try journal.takeUp(only))
        #expect(members.count == 1)
        #expect(members.listed.map(\.transition.to) == [.resolved])
    }

    @Test("a notice knows with which severity its alert was told before")
    func severities() throws {
        let journal = try open()
        let steps: [(from: AlertPhase, to: AlertPhase, severity: Severity, told: Severity?)] = [
            (.inactive, .firing, .warning, nil), (.firing, .firing, .critical, .warning),
            (.firing, .resolved, .critical, .critical), (.resolved, .firing, .info, nil),
        ]
        for (second, step) in steps.enumerated() {
            try record(journal, ["lamp-1"], step.from, step.to, at: second, severity: step.severity, interval: 0)
            let notice = try #require(try due(journal, at: second).first)
            #expect(notice.toldSeverity == step.told)
            #expect(try journal.takeUp(notice)?.listed.map(\.toldSeverity) == [step.told])
            try journal.mark(delivered: [notice.id], now: seconds(second))
        }
    }

    @Test("a wall clock that is set moves nothing that is gathered")
    func clock() throws {
        let journal = try open()
        try record(journal, ["lamp-1"], .inactive, .firing, at: 0)
        let first = try #require(try due(journal, at: 0).first)
        _ = try journal.takeUp(first)
        try journal.mark(delivered: [first.id], now: seconds(0))
        try record(journal, ["lamp-2"], .inactive, .firing, at: 1)
        for ahead in [-86_400, 86_400] {
            let early = Moment(
                wall: seconds(59 + ahead), steady: moment(59).steady, listened: moment(59).listened)
            #expect(try journal.pendingNotifications(on: "duty", atMost: 10, now: early).isEmpty)
            let late = Moment(wall: seconds(60 + ahead), steady: moment(60).steady, listened: moment(60).listened)
            // It may wait for its next attempt as a notice alone does, where the clock is behind it.
            let found = try journal.pendingNotifications(
                on: "duty", atMost: 10, now: late, waitMax: .seconds(300))
            #expect(found.count == 1)
        }
    }

    @Test("a silence goes along with the rule and the circuit that it means, where their names change")
    func renamed() throws {
        let journal = try open()
        for (rule, circuit) in [("hot", "c-1"), ("hot", nil), ("h*", "c-2"), ("cold", "c-1")] as [(String, String?)] {
            let silence = Silence(
                id: 0, selection: .init(SilenceSelection(rule: rule, circuit: circuit)), begins: seconds(0),
                ends: seconds(100), endsSteady: nil, by: "li", reason: "works")
            _ = try journal.add(silence, at: seconds(0))
        }
        try journal.rename(rule: "hot", to: "heat")
        _ = try journal.rename(circuit: "c-1", to: "c-9")
        let silences = try journal.silences()
        #expect(silences.map(\.selection.rules) == [["heat"], ["heat"], ["h*"], ["cold"]])
        #expect(silences.map(\.selection.devices.circuits) == [["c-9"], [], ["c-2"], ["c-9"]])
    }

    @Test("standings, reasons and silences are there again after a restart")
    func standings() throws {
        var journal = try open()
        try record(journal, ["lamp-1"], .inactive, .firing, at: 0)
        let lamp = key(journal, "lamp-1")
        let hold = Hold(.silenced, by: "1", due: nil)
        let silence = Silence(
            id: 0, selection: .init(SilenceSelection(rule: "o*", circuit: "c 1", label: "owner=east=2")),
            begins: seconds(0),
            ends: seconds(100), endsSteady: moment(100).steady, by: "li", reason: "works")
        #expect(try journal.add(silence, at: seconds(0)) == 1)
        try journal.record(
            [],
            decisions: [
                DeskDecision(
                    key: lamp, step: nil, recipient: "boss", verdict: .held(hold), seen: .nothing, at: moment(1))
            ], channels: [], now: seconds(1), evaluatedThrough: journal.lastJournalID)
        journal.close()
        journal = try open()
        #expect(
            try journal.standings() == [
                StoredStanding(key: lamp, recipient: "boss", seen: .nothing, hold: hold),
                StoredStanding(key: lamp, recipient: "duty", seen: .firing(.warning), hold: nil),
            ])
        #expect(try journal.firedSince() == [lamp: moment(0).steady])
        #expect(try journal.beginnings(since: moment(0).steady).map(\.key) == [lamp])
        var kept = silence
        kept.id = 1
        #expect(try journal.silences() == [kept])
        let archive = try Archive(folder: folder.store)
        let answers = try archive.silences(SilencesRequest(), at: seconds(2))
        #expect(answers.map(\.state) == [.inForce])
        #expect(answers[0].holds == 1)
        #expect(answers[0].selection == SilenceSelection(rule: "o*", circuit: "c 1", label: "owner=east=2"))
        let story = try archive.alert(1)
        #expect(story.transitions[0].decisions.map(\.words) == ["told", "silenced (silence 1)"])
        try journal.endSilence(1, by: "wang", at: moment(3))
        #expect(throws: StoreError.noSuchSilence(id: 1)) { try journal.endSilence(1, by: "wang", at: moment(3)) }
        #expect(throws: StoreError.noSuchSilence(id: 2)) { try journal.endSilence(2, by: "wang", at: moment(3)) }
        #expect(try archive.silences(SilencesRequest(), at: seconds(4)).isEmpty)
        let over = try archive.silences(SilencesRequest(includesOver: true), at: seconds(4))
        #expect(over.map(\.endedBy) == ["wang"])
    }

    @Test("a store of version 9 steps forward, and whoever saw a beginning will see the end")
    func stepsForward() throws {
        var journal = try open()
        try record(journal, ["lamp-1", "lamp-2"], .inactive, .firing, at: 0)
        try record(journal, ["lamp-2"], .firing, .resolved, at: 1)
        let lamp = key(journal, "lamp-1")
        try journal.becomeVersion9()
        journal.close()
        journal = try open()
        #expect(
            try journal.standings() == [
                StoredStanding(key: lamp, recipient: "duty", seen: .firing(.warning), hold: nil)
            ])
        #expect(try journal.silences().isEmpty)
    }

    @Test("what people do is a line of the story, with who, when and from where")
    func deeds() throws {
        let journal = try open()
        try record(journal, ["lamp-1"], .inactive, .firing, at: 0)
        try journal.add(.init(.comment, at: seconds(1), by: "li", note: "wet", origin: "socket"), toAlert: 1)
        try journal.add(.init(.assigned, at: seconds(2), by: "li", target: "wang", origin: "socket"), toAlert: 1)
        let shelf = Silence(
            id: 0, selection: .init(alert: key(journal, "lamp-1")), begins: seconds(3), ends: seconds(9),
            endsSteady: nil,
            by: "li", reason: "")
        _ = try journal.add(
            shelf, alert: 1, with: .init(.shelved, at: seconds(3), by: "li", target: "\(seconds(9))"), at: seconds(3))
        #expect(try journal.silences().map(\.selection.alert) == [key(journal, "lamp-1")])
        let isUnshelved = try journal.unshelve(1, with: .init(.unshelved, at: seconds(4), by: "li"), at: moment(4))
        #expect(isUnshelved)
        let isAgain = try journal.unshelve(1, with: .init(.unshelved, at: seconds(4), by: "li"), at: moment(4))
        #expect(!isAgain)
        #expect(throws: StoreError.noSuchAlert(id: 9)) {
            try journal.add(.init(.comment, at: seconds(1), by: "li", note: "wet"), toAlert: 9)
        }
        let story = try Archive(folder: folder.store).alert(1)
        #expect(story.deeds.map(\.kind) == [.comment, .assigned, .shelved, .unshelved])
        #expect(story.deeds.map(\.target) == [nil, "wang", "\(seconds(9))", nil])
        #expect(story.deeds[0].origin == "socket")
        #expect(story.alert.acknowledgedBy == nil)
    }
}
