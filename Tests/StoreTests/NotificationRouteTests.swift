import Basics
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("Who is told of a step")
struct NotificationRouteTests {
    private let folder = TemporaryFolder()

    private static let all: NotificationRoute = "log"
    private static let duty = NotificationRoute(channel: "duty", from: .warning)
    private static let boss = NotificationRoute(channel: "boss", from: .critical)

    /// A step of one alert: the phase and the severity that it led to.
    struct Step: Sendable {
        var to: AlertPhase
        var severity = Severity.warning
    }

    struct Story: Sendable, CustomTestStringConvertible {
        var name: String
        var steps: [Step]
        /// The steps, from 0, that each is told of.
        var duty: [Int]
        var boss: [Int]
        var testDescription: String { name }
    }

    private static let stories = [
        Story(name: "a warning", steps: [Step(to: .firing), Step(to: .resolved)], duty: [0, 1], boss: []),
        Story(
            name: "an info", steps: [Step(to: .firing, severity: .info), Step(to: .resolved, severity: .info)],
            duty: [],
            boss: []),
        Story(
            name: "graver on the way",
            steps: [
                Step(to: .firing, severity: .info), Step(to: .firing), Step(to: .firing, severity: .critical),
                Step(to: .resolved, severity: .critical),
            ], duty: [1, 2, 3], boss: [2, 3]),
        Story(
            name: "less grave on the way",
            steps: [
                Step(to: .firing, severity: .critical), Step(to: .firing), Step(to: .unknown), Step(to: .resolved),
            ],
            duty: [0, 1, 2, 3], boss: [0, 1, 2, 3]),
        Story(
            name: "two incidents, one of them grave",
            steps: [
                Step(to: .firing, severity: .critical), Step(to: .resolved, severity: .critical), Step(to: .firing),
                Step(to: .resolved),
            ], duty: [0, 1, 2, 3], boss: [0, 1]),
        Story(
            name: "a pending one that was nothing", steps: [Step(to: .pending), Step(to: .inactive)], duty: [], boss: []
        ),
        Story(
            name: "unknown and back",
            steps: [Step(to: .pending), Step(to: .firing), Step(to: .unknown), Step(to: .firing), Step(to: .resolved)],
            duty: [1, 2, 3, 4], boss: []),
    ]

    private func record(
        _ journal: Journal, _ steps: [Step], of name: String = "lamp", from start: AlertPhase = .inactive,
        at second: Int = 0,
        for routes: [NotificationRoute]
    ) throws {
        var from = start
        let device = journal.registry.intern(device: name, profile: "test")!
        for (number, step) in steps.enumerated() {
            let at = seconds(second + number)
            let transition = AlertTransition(
                key: AlertKey(rule: "r", subject: .device(device)), severity: step.severity, from: from, to: step.to,
                at: at, since: at, value: nil, sentence: "\(name) is \(step.to)")
            try journal.record([transition], channels: routes, now: at, evaluatedThrough: journal.lastJournalID)
            from = step.to
        }
    }

    /// The seconds of the steps that a channel is told of.
    private func told(_ journal: Journal, _ channel: String) throws -> [Int] {
        var seconds: [Int] = []
        try journal.core.rows(
            "SELECT t.at FROM outbox o JOIN transition t ON t.id = o.transition_id WHERE o.channel = ? ORDER BY o.id",
            .text(channel)
        ) { row throws(StoreError) in
            seconds.append(Int((Timestamp(milliseconds: row.integer("at")) - noon).milliseconds / 1000))
        }
        return seconds
    }

    @Test("whoever saw a beginning sees the end, and of the rest nothing", arguments: stories)
    func told(story: Story) throws {
        // Over a restart in its middle too.
        for restart in [false, true] {
            let folder = TemporaryFolder()
            var journal = try Journal.open(StoreOptions(folder: folder.store))
            let routes = [Self.all, Self.duty, Self.boss]
            let half = restart ? story.steps.count / 2 : story.steps.count
            try record(journal, Array(story.steps[..<half]), for: routes)
            if restart {
                journal.close()
                journal = try Journal.open(StoreOptions(folder: folder.store))
                try record(
                    journal, Array(story.steps[half...]), from: half > 0 ? story.steps[half - 1].to : .inactive,
                    at: half,
                    for: routes)
            }
            #expect(try told(journal, "duty") == story.duty)
            #expect(try told(journal, "boss") == story.boss)
            journal.close()
        }
    }

    @Test(
        "a channel that is new hears nothing of what began before it, and another alert's grave step is not this one's")
    func newChannel() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try record(journal, [Step(to: .firing, severity: .critical)], for: [Self.duty])
        try record(journal, [Step(to: .firing)], of: "other", at: 1, for: [Self.duty, Self.boss])
        try record(journal, [Step(to: .resolved)], from: .firing, at: 2, for: [Self.duty, Self.boss])
        try record(journal, [Step(to: .resolved)], of: "other", from: .firing, at: 3, for: [Self.duty, Self.boss])
        #expect(try told(journal, "boss") == [])
        #expect(try told(journal, "duty") == [0, 1, 2, 3])
    }

    @Test("each end follows its beginning and nothing is told twice, whatever happens", arguments: 0..<20)
    func property(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        var phases: [String: AlertPhase] = [:]
        var second = 0
        for _ in 0..<60 {
            let name = "lamp-\(Int.random(in: 0..<3, using: &random))"
            let from = phases[name] ?? .inactive
            let next: [AlertPhase] =
                switch from {
                case .inactive, .resolved: [.pending, .firing]
                case .pending: [.firing, .inactive, .unknown]
                case .firing: [.firing, .resolved, .unknown]
                case .unknown: [.firing, .resolved]
                }
            let to = next.randomElement(using: &random)!
            let severity = Severity.allCases.randomElement(using: &random)!
            try record(
                journal, [Step(to: to, severity: severity)], of: name, from: from, at: second,
                for: [Self.all, Self.duty, Self.boss])
            phases[name] = to
            second += 1
        }
        for route in [Self.duty, Self.boss] {
            var isTold: [String: Bool] = [:]
            try journal.core.rows(
                """
                SELECT d.name AS name, t.became, t.severity, (SELECT count(*) FROM outbox o WHERE o.transition_id = t.id
                    AND o.channel = ?) AS told
                FROM transition t JOIN alert a ON a.id = t.alert JOIN device d ON d.id = a.device ORDER BY t.id
                """, .text(route.channel)
            ) { row throws(StoreError) in
                let (name, told) = (row.text("name"), row.integer("told"))
                let severity = Severity(rawValue: row.text("severity"))!
                switch AlertPhase(rawValue: row.text("became"))! {
                case .firing:
                    let isDue = severity >= route.severityMin! || isTold[name] == true
                    #expect(told == (isDue ? 1 : 0))
                    isTold[name] = isDue
                case .resolved, .inactive:
                    #expect(told == (isTold[name] == true ? 1 : 0))
                    isTold[name] = false
                case .unknown: #expect(told == (isTold[name] == true ? 1 : 0))
                case .pending: #expect(told == 0)
                }
            }
        }
    }
}
