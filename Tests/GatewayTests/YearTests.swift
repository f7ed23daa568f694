import Basics
import Foundation
import Notification
import Synchronization
import Telemetry
import Testing
import TestSupport

@testable import Gateway
@testable import Store

/// A channel that takes everything, and remembers it.
private final class Recorder: NotificationChannel {
    let name: String
    let timeLimit: Duration? = nil
    private let notices = Mutex<[String]>([])

    init(_ name: String) { self.name = name }

    var told: [String] { notices.withLock { $0 } }

    func deliver(_ notice: AlertNotice) async -> Delivery {
        let group = notice.group.map { " with \($0.count - 1) more" } ?? ""
        let line =
            "\(notice.at) \(notice.rule) \(notice.name) \(notice.phase) \(notice.severity)\(notice.isFlapping ? " flapping" : "")\(group)"
        notices.withLock { $0.append(line) }
        return .delivered
    }
}

/// Timers of days, escalations, groups, maintenance, causes and flapping, over a year of turns four hours apart: three years where
/// BAOTU_KILLS is set, a quarter elsewhere.
@Suite("A simulated year")
struct YearTests {
    private static let rules = """
        causes: [{cause: feeder, explains: [silent], within: circuit, wait: 30m, settle: 1h}]
        maintenance: [{name: sundays, rules: [hot], times: [{days: [sun], from: "00:00", to: "23:59"}]}]
        flapping: {episodes: 3, within: 24h, quiet: 24h}
        rules:
        - {rule: hot, threshold: {quantity: control_gear_temperature, clear_hold: 3h,
            levels: [{severity: warning, above: 60, clear: 50, hold: 10h}, {severity: critical, above: 80, clear: 70}]}}
        - {rule: low, threshold: {quantity: voltage, below: 205, clear: 210}}
        - {rule: silent, absence: {cadences: 2, at_least: 60s}}
        - {rule: feeder, severity: critical, hold: 6h, group: {of: circuit, at_least: 3, condition: {quantity: voltage, below: 210}}}
        """
    private static let channels = """
        mqtt: false, log: false,
        webhooks: [{name: duty, url: "http://127.0.0.1:9/"}, {name: boss, url: "http://127.0.0.1:9/", group_by: [rule], group_interval: 1h}],
        routes: [{to: [duty]}, {to: [boss], after: 20h}, {to: [boss], severity: critical, times: [{from: "06:00", to: "22:00"}]}]
        """
    private static let lamps = 5
    private static let isLong = ProcessInfo.processInfo.environment["BAOTU_KILLS"] != nil

    private struct Story: Equatable {
        var steps: [String]
        var told: [String: [String]]
        var restarts = 0
    }

    /// What devices say is drawn from `seed` alone, whenever the gateway is restarted.
    private func run(seed: UInt64, restarts: Bool) throws -> Story {
        let gateway = try SimulatedGateway(
            seed: seed, mischief: .none, notification: Self.channels, rules: Self.rules)
        gateway.held = .seconds(86_400)
        let recorders = ["duty", "boss"].map { Recorder($0) }
        for recorder in recorders { gateway.recorders[recorder.name] = recorder }
        try gateway.setRoster(
            "device,circuit,cadence\n" + (0..<Self.lamps).map { "lamp-\($0),c-\($0 / 4),4h\n" }.joined())
        var (random, ends) = (SeededGenerator(seed: seed), SeededGenerator(seed: seed &+ 7))
        var (heat, volts) = ([Double](repeating: 40, count: Self.lamps), 230.0)
        var away = [Int](repeating: 0, count: Self.lamps)
        var count = 0
        try gateway.start()
        (gateway.broker.messagesMin, gateway.broker.isOrderly) = (Self.lamps, true)
        for _ in 0..<(Self.isLong ? 365 : 90) * 6 {
            gateway.pass(.seconds(4 * 3600))
            volts = min(250, max(195, volts + Double.random(in: -9...9, using: &random)))
            for lamp in 0..<Self.lamps {
                heat[lamp] = min(100, max(20, heat[lamp] + Double.random(in: -15...15, using: &random)))
                if away[lamp] == 0, Int.random(in: 0..<60, using: &random) == 0 {
                    away[lamp] = Int.random(in: 1...12, using: &random)
                }
                if away[lamp] > 0 {
                    away[lamp] -= 1
                    continue
                }
                let payload =
                    "{\"id\":\"lamp-\(lamp)\",\"ts\":\(gateway.now.milliseconds - 1),\"t\":\(heat[lamp].rounded()),\"u\":\((volts + Double(lamp)).rounded())}"
                gateway.broker.send(.init(topic: "lights/lamp-\(lamp)/telemetry", payload: Array(payload.utf8)))
            }
            try gateway.turn()
            // Behind it everything is written down: what a crash between a delivery and its report tells twice is no matter here.
            gateway.pass(.seconds(1))
            try gateway.turn()
            guard Int.random(in: 0..<50, using: &ends) == 0 else { continue }
            count += 1
            // Both are deaf until the next turn.
            let isInOrder = Bool.random(using: &ends)
            guard restarts else {
                gateway.broker.lose()
                continue
            }
            if isInOrder {
                gateway.drain()
                gateway.broker.lose()
            } else {
                gateway.crash()
            }
            try gateway.start()
        }
        var story = Story(steps: [], told: [:], restarts: count)
        try gateway.journal?.core.rows("SELECT alert, was, became, severity, at FROM transition ORDER BY id") { row in
            story.steps.append(
                "\(row.integer("at")) \(row.integer("alert")) \(row.text("was")) \(row.text("became")) \(row.text("severity"))"
            )
        }
        gateway.drain()
        for recorder in recorders { story.told[recorder.name] = recorder.told }
        return story
    }

    @Test(
        "with restarts at random moments brings the same steps and the same deliveries as one without",
        arguments: isLong ? [1, 2, 3] : [1])
    func same(seed: UInt64) throws {
        let calm = try run(seed: seed, restarts: false)
        #expect(calm.restarts > 4)
        #expect(calm.steps.count > 400)
        for rule in ["hot", "low", "silent", "feeder"] {
            #expect(calm.told["duty"]?.contains { $0.contains(" \(rule) ") } == true, "nobody was told of \(rule)")
        }
        #expect((calm.told["boss"] ?? []).contains { $0.contains(" with ") })
        let ended = try run(seed: seed, restarts: true)
        for (one, other) in zip(calm.steps, ended.steps) where one != other {
            Issue.record("\(one), with restarts \(other)")
            break
        }
        #expect(calm.steps.count == ended.steps.count)
        for name in ["duty", "boss"] {
            let (one, other) = (calm.told[name] ?? [], ended.told[name] ?? [])
            #expect(one.filter { !other.contains($0) } == [], "\(name): told only without restarts")
            #expect(other.filter { !one.contains($0) } == [], "\(name): told only with restarts")
            #expect(one.count == other.count)
        }
    }
}
