import Basics
import Contract
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("Why an alert is as it is, and what a night had")
struct WhyTests {
    private let folder = TemporaryFolder()

    private func step(
        _ journal: Journal, _ subject: Subject, rule: String = "hot", from: AlertPhase, to: AlertPhase, at second: Int,
        value: Double? = nil
    ) -> AlertTransition {
        AlertTransition(
            key: AlertKey(rule: rule, subject: subject), severity: .warning, from: from, to: to, at: seconds(second),
            since: seconds(second), value: value,
            sentence: subject == .gateway ? Sentence(.diskLow) : Sentence(words: "it is \(to.rawValue)"))
    }

    /// Two lamps that fire, one more beside them, a rule that was changed, and a gateway that broke off.
    private func store() throws -> Journal {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try journal.saveRules(["hot": 1], texts: ["hot": "above: 80"], at: seconds(-7200))
        try journal.beginRun(version: "1", at: seconds(-7000))
        try journal.saveRules(["hot": 2], texts: ["hot": "above: 70"], at: seconds(-3600))
        for minute in 0..<60 {
            for lamp in 0..<3 {
                try journal.put(
                    "lamp-\(lamp)", seconds(minute * 60 - 3600),
                    ["control_gear_temperature": Double(40 + minute + lamp)])
            }
        }
        // The gateway broke off: what it wrote last is a reading.
        try journal.beginRun(version: "2", at: seconds(-30))
        return journal
    }

    @Test("the reason has the rule of then, the series before, the others, and what changed")
    func why() throws {
        let journal = try store()
        defer { journal.close() }
        let series = journal.series("lamp-0", "control_gear_temperature")
        let subject = Subject.series(series, of: journal.registry.series[series.index].device)
        try journal.record(
            [step(journal, subject, from: .inactive, to: .pending, at: 0, value: 99)], decisions: [], channels: ["log"],
            now: seconds(0), evaluatedThrough: 0)
        try journal.record(
            [step(journal, subject, from: .pending, to: .firing, at: 60, value: 99)], decisions: [], channels: ["log"],
            now: seconds(60), evaluatedThrough: 0)
        try journal.saveRules(["hot": 3], texts: ["hot": "above: 60"], at: seconds(100))
        let archive = try Archive(folder: folder.store)
        let why = try archive.why(1, at: seconds(120))
        #expect(why.incident?.alert == 1 && why.story.transitions.count == 2)
        #expect(why.rule == .init(since: seconds(-3600), text: "above: 70", changedAt: seconds(100)))
        let measured = try #require(why.measured)
        #expect(measured.series.map(\.quantity) == ["control_gear_temperature"])
        #expect(
            measured.series[0].buckets.allSatisfy { $0.start >= seconds(-660) } && measured.series[0].buckets.count > 5)
        #expect(why.alike?.kind == "profile" && why.alike?.devices == 2 && why.alike?.values?.max == 101)
        #expect(why.changes.map(\.kind) == ["gateway", "rule", "gateway", "rule"], "\(why.changes)")
        #expect(why.changes[0].sentence.contains("broke off") && why.changes[0].sentence.contains("1 to 2"))
        #expect(throws: StoreError.noSuchAlert(id: 9)) { try archive.why(9, at: seconds(120)) }
    }

    @Test("what a cause explains stands under it, and it is named with what it explains")
    func cause() throws {
        let journal = try store()
        defer { journal.close() }
        let device = journal.registry.device(named: "lamp-1")!
        let feeder = step(journal, .circuit("F-12"), rule: "feeder", from: .inactive, to: .firing, at: 0)
        let lamp = step(journal, .device(device), rule: "dark", from: .inactive, to: .firing, at: 0)
        let decision = DeskDecision(
            key: lamp.key, step: 1, recipient: "duty", verdict: .held(Hold(.cause, by: "feeder F-12")), seen: .nothing,
            at: Moment(seconds(0)))
        try journal.record(
            [feeder, lamp], decisions: [decision], channels: [], now: seconds(0), evaluatedThrough: 0)
        let archive = try Archive(folder: folder.store)
        let (above, below) = (try archive.why(1, at: seconds(9)), try archive.why(2, at: seconds(9)))
        #expect(above.children.map(\.id) == [2] && above.childrenInAll == 1 && above.cause == nil)
        #expect(below.cause == "feeder F-12" && below.children.isEmpty)
        #expect(below.measured == nil && below.rule == nil)
    }

    @Test("a night has its incidents, the gateway's beside them, its runs, its rejects and what was given up")
    func missed() throws {
        let journal = try store()
        let device = journal.registry.device(named: "lamp-1")!
        try journal.record(
            [
                step(journal, .device(device), rule: "dark", from: .inactive, to: .firing, at: 0),
                step(journal, .gateway, rule: "disk", from: .inactive, to: .firing, at: 1),
            ], decisions: [], channels: [], now: seconds(1), evaluatedThrough: 0)
        // Pending alone is nothing that anybody missed.
        try journal.record(
            [step(journal, .device(device), rule: "hot", from: .inactive, to: .pending, at: 2)], decisions: [],
            channels: [],
            now: seconds(2), evaluatedThrough: 0)
        let archive = try Archive(folder: folder.store)
        let night = try archive.missed(MissedRequest(since: seconds(-600)), at: seconds(60))
        #expect(night.until == seconds(60) && !night.hasMore)
        #expect(night.incidents.map(\.rule) == ["dark"] && night.ofGateway.map(\.rule) == ["disk"])
        #expect(night.runs.map(\.version) == ["1", "2"])
        #expect(night.devices.values.reduce(0, +) == 3)
        let before = try archive.missed(
            MissedRequest(since: seconds(-90_000), until: seconds(-80_000)), at: seconds(60))
        #expect(before.incidents.isEmpty && before.runs.isEmpty && before.rejects.isEmpty && before.lost.isEmpty)
        // Of silences those that were in force in the span.
        for (begins, ends) in [(-500, -400), (-100, 9000), (500, 900)] {
            _ = try journal.add(
                Silence(
                    id: 0, selection: .init(), begins: seconds(begins), ends: seconds(ends), endsSteady: nil, by: "li",
                    reason: "\(begins)"),
                at: seconds(begins))
        }
        func silences(_ since: Int, _ until: Int) throws -> [String] {
            try archive.missed(MissedRequest(since: seconds(since), until: seconds(until)), at: seconds(60)).silences
                .map(\.reason)
        }
        #expect(try silences(-600, 60) == ["-500", "-100"])
        #expect(try silences(-300, 60) == ["-100"] && silences(-350, -200) == [])
        try journal.endSilence(2, by: "li", at: Moment(seconds(0)))
        #expect(try silences(-300, 60) == ["-100"] && silences(10, 60) == [])
        journal.close()
    }

    @Test("a run that was ended in order says so, one that broke off ends with what it wrote last")
    func runs() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try journal.beginRun(version: "1", at: seconds(0))
        try journal.endRun(at: seconds(10))
        try journal.beginRun(version: "1", at: seconds(20))
        try journal.put("lamp", seconds(25), ["voltage": 230])
        try journal.beginRun(version: "2", at: seconds(100))
        let archive = try Archive(folder: folder.store)
        let runs = try archive.missed(MissedRequest(since: seconds(-5)), at: seconds(200)).runs
        #expect(runs.map(\.isInOrder) == [true, false, false])
        #expect(runs.map(\.began) == [seconds(0), seconds(20), seconds(100)])
        #expect(runs[0].ended == seconds(10) && runs[1].ended ?? seconds(0) >= seconds(20) && runs[2].ended == nil)
        journal.close()
    }

    @Test("a rule that is taken out ends its text, and one that comes again begins it")
    func texts() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        defer { journal.close() }
        for (second, texts) in [(0, ["a": "x", "b": "y"]), (10, ["a": "x"]), (20, ["a": "x", "b": "y"])] {
            try journal.saveRules(
                [:], texts: Dictionary(uniqueKeysWithValues: texts.map { (ByteName($0.key), $0.value) }),
                at: seconds(second))
        }
        let archive = try Archive(folder: folder.store)
        let (a, b) = try archive.withSnapshot { connection throws(StoreError) in
            (try archive.texts(ofRule: "a", connection), try archive.texts(ofRule: "b", connection))
        }
        #expect(a.map(\.since) == [seconds(0)] && b.map(\.since) == [seconds(0), seconds(10), seconds(20)])
        #expect(b.map(\.text) == ["y", "", "y"])
    }
}
