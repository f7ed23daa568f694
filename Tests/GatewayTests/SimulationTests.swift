import Alerting
import Basics
import Contract
import Foundation
import Pipeline
import Telemetry
import Testing
import TestSupport

@testable import Gateway
@testable import Store

/// Publishes lamp readings and remembers what must be found.
private struct Lamps {
    private var random: SeededGenerator
    private(set) var expected: [String: [Timestamp: Double]] = [:]

    init(seed: UInt64) { random = SeededGenerator(seed: seed &+ 1_000_000) }

    /// One message of a lamp, observed now or up to ten minutes ago; now and then one that is no use.
    mutating func message(at now: Timestamp) -> SimulatedBroker.Message {
        let lamp = "lamp-\(Int.random(in: 0..<3, using: &random))"
        let kind = Int.random(in: 0..<20, using: &random)
        if kind == 0 { return .init(topic: "lights/\(lamp)/telemetry", payload: Array("{\"ts\":1".utf8)) }
        if kind == 1 { return .init(topic: "nobody/knows", payload: []) }
        let late = Int.random(in: 0..<4, using: &random) == 0 ? Int64.random(in: 0...600_000, using: &random) : 0
        let at = Timestamp(milliseconds: now.milliseconds - late)
        // A value follows from its series and time: a lamp that speaks twice in one millisecond says the same.
        func value(_ salt: Int64, _ range: Int64) -> Double {
            Double((at.milliseconds &* 31 &+ salt &* 7919 &+ Int64(lamp.utf8.last!)) % range) / 10
        }
        let temperature = kind == 2 ? 999 : 20 + value(1, 600)
        let voltage = 200 + value(2, 400)
        if kind != 2 { expected["\(lamp) control_gear_temperature", default: [:]][at] = temperature }
        expected["\(lamp) voltage", default: [:]][at] = voltage
        let payload = "{\"id\":\"\(lamp)\",\"ts\":\(at.milliseconds),\"t\":\(temperature),\"u\":\(voltage)}"
        return .init(topic: "lights/\(lamp)/telemetry", payload: Array(payload.utf8))
    }

    /// Everything is there, with its value, once; and nothing else.
    func check(_ gateway: SimulatedGateway, _ comment: Comment) throws {
        let stored = try gateway.stored()
        #expect(Set(stored.keys) == Set(expected.keys), comment)
        for (series, readings) in expected {
            let wanted = readings.sorted { $0.key < $1.key }.map { SimulatedGateway.Stored(observed: $0, value: $1) }
            #expect(stored[series] == wanted, comment)
        }
    }
}

@Suite("Simulation of the whole turn")
struct SimulationTests {
    @Test(
        "what was acknowledged is found once, through repeats, delays, reordering, lost lines and crashes",
        arguments: 1...12 as ClosedRange<UInt64>)
    func acknowledgedIsFound(seed: UInt64) throws {
        let gateway = try SimulatedGateway(seed: seed)
        var lamps = Lamps(seed: seed)
        var random = SeededGenerator(seed: seed)
        try gateway.start()
        for step in 0..<600 {
            gateway.pass(.milliseconds(Int64.random(in: 50...2000, using: &random)))
            if step < 500 { gateway.broker.send(lamps.message(at: gateway.now)) }
            try gateway.turn()
            if Int.random(in: 0..<40, using: &random) == 0 {
                gateway.crash()
                try gateway.start()
            }
        }
        for _ in 0..<2000 where !gateway.broker.isDone {
            gateway.pass(.milliseconds(100))
            try gateway.turn()
        }
        #expect(gateway.broker.isDone, "seed \(seed)")
        let counters = try #require(gateway.journal?.counters)
        gateway.drain()
        try lamps.check(gateway, "seed \(seed)")
        // What came twice counts once.
        #expect(counters.committed == Int64(lamps.expected.values.map(\.count).reduce(0, +)), "seed \(seed)")
        #expect(counters.corrected == 0 && counters.duplicates > 0, "seed \(seed)")
    }

    @Test(
        "replay equals live: windows, health and alerts after a crash are those before it",
        arguments: 1...12 as ClosedRange<UInt64>)
    func replayEqualsLive(seed: UInt64) throws {
        let gateway = try SimulatedGateway(seed: seed)
        var lamps = Lamps(seed: seed)
        var random = SeededGenerator(seed: seed &+ 77)
        try gateway.start()
        for step in 0..<400 {
            gateway.pass(.milliseconds(Int64.random(in: 50...2000, using: &random)))
            gateway.broker.send(lamps.message(at: gateway.now))
            try gateway.turn()
            guard Int.random(in: 0..<25, using: &random) == 0 else { continue }
            let state = gateway.loop?.pipeline.state()
            let active = gateway.loop?.pipeline.book.active
            gateway.crash()
            try gateway.start()
            #expect(gateway.loop?.pipeline.state() == state, "seed \(seed), step \(step)")
            #expect(gateway.loop?.pipeline.book.active == active, "seed \(seed), step \(step)")
        }
    }

    @Test("a run with crashes and one without tell people the same", arguments: 1...8 as ClosedRange<UInt64>)
    func sameNotifications(seed: UInt64) throws {
        func run(crashing: Bool) throws -> [String] {
            let gateway = try SimulatedGateway(seed: seed, mischief: .none)
            var lamps = Lamps(seed: seed)
            var crashes = SeededGenerator(seed: seed &+ 99)
            try gateway.start()
            for _ in 0..<400 {
                gateway.pass(.seconds(1))
                gateway.broker.send(lamps.message(at: gateway.now))
                try gateway.turn()
                guard Int.random(in: 0..<30, using: &crashes) == 0 else { continue }
                if crashing {
                    // Once a minute would do; here both runs are to be deaf for equally long.
                    if let clock = gateway.loop?.clock { try gateway.journal?.save(clock.stored) }
                    gateway.crash()
                    try gateway.start()
                } else {
                    // Deaf for as long: that time is no time in either run.
                    gateway.broker.lose()
                }
            }
            for _ in 0..<20 {
                gateway.pass(.seconds(1))
                try gateway.turn()
            }
            let story = try Self.story(gateway)
            gateway.drain()
            return story
        }
        let calm = try run(crashing: false)
        #expect(calm.count > 5, "seed \(seed): the run has alerts to compare")
        let crashed = try run(crashing: true)
        #expect(crashed.filter { !calm.contains($0) } == [], "seed \(seed): told only with crashes")
        #expect(calm.filter { !crashed.contains($0) } == [], "seed \(seed): told only without")
    }

    @Test(
        "a wall clock that jumps and stands tells people what one that is right does",
        arguments: 1...8 as ClosedRange<UInt64>)
    func jumpingClock(seed: UInt64) throws {
        try compareClocks(seed: seed, drift: .zero) { Self.withoutMoments($0) }
    }

    @Test(
        "a wall clock that also drifts raises and ends what one that is right does",
        arguments: 1...4 as ClosedRange<UInt64>)
    func driftingClock(seed: UInt64) throws {
        // Windows end by as much later as it gained before a jump shows it: a reading more or less may be in a median.
        try compareClocks(seed: seed, drift: .milliseconds(100)) {
            Self.withoutMoments($0).replacing(#/ is [0-9.]+ /#, with: " is N ")
        }
    }

    private func compareClocks(seed: UInt64, drift: Duration, _ line: (String) -> String) throws {
        func run(isWrong: Bool) throws -> [String] {
            let gateway = try SimulatedGateway(seed: seed, mischief: .none)
            var lamps = Lamps(seed: seed)
            var jumps = SeededGenerator(seed: seed &+ 55)
            var wrong = Duration.zero
            try gateway.start()
            for step in 0..<420 {
                gateway.pass(.seconds(1))
                if step < 400 { gateway.broker.send(lamps.message(at: gateway.now)) }
                switch Int.random(in: 0..<40, using: &jumps) {
                case 0:
                    let spans = [-400 * 86_400, -86_400, -3600, 0, 3600, 86_400, 30 * 86_400, 400 * 86_400]
                    wrong = .seconds(spans.randomElement(using: &jumps)!)
                case 1...4: wrong = wrong + drift
                default: break
                }
                // The skews are learnt first: a device is known by then.
                if isWrong, step > 150 { gateway.setWall(wrongBy: wrong) }
                try gateway.turn()
            }
            let story = try Self.story(gateway).map(line).sorted()
            gateway.drain()
            return story
        }
        let calm = try run(isWrong: false)
        #expect(calm.count > 5, "seed \(seed): the run has alerts to compare")
        let wrong = try run(isWrong: true)
        #expect(wrong.filter { !calm.contains($0) } == [], "seed \(seed): told only under a wrong clock")
        #expect(calm.filter { !wrong.contains($0) } == [], "seed \(seed): told only under a right one")
    }

    private static func withoutMoments(_ line: String) -> String {
        line.replacing(#/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/#, with: "T")
    }

    /// Transitions, without numbers.
    private static func story(_ gateway: SimulatedGateway) throws -> [String] {
        let archive = try Archive(folder: gateway.folder.appending(path: "store").path)
        return try archive.alerts().flatMap { alert in
            try archive.alert(alert.id).transitions.map {
                "\(alert.rule) \(alert.about) \($0.from) \($0.to) \($0.at) \($0.sentence)"
            }
        }.sorted()
    }

    @Test("a disk that fails at each effect in turn loses nothing and repeats nothing")
    func everyEffectFails() throws {
        // How many effects the calm run has.
        let effects = try run(failing: nil)
        #expect(effects > 200)
        // Every effect would take minutes; a stride that is odd against the statements of a turn visits each kind.
        for number in stride(from: 1, through: effects, by: 7) { _ = try run(failing: number) }
    }

    /// A short run with one seal, in which effect `number` fails; returns how many effects it had.
    private func run(failing number: Int?) throws -> Int {
        let gateway = try SimulatedGateway(seed: 5, mischief: .none)
        var lamps = Lamps(seed: 5)
        try gateway.start()
        gateway.disk.arm(number)
        for _ in 0..<12 {
            gateway.pass(.seconds(8))
            for _ in 0..<3 { gateway.broker.send(lamps.message(at: gateway.now)) }
            try gateway.turn()
        }
        let effects = gateway.disk.count
        gateway.disk.arm(nil)
        for _ in 0..<200 where !gateway.broker.isDone {
            gateway.pass(.seconds(1))
            try gateway.turn()
        }
        #expect(gateway.broker.isDone, "effect \(number ?? 0)")
        let active = gateway.loop?.pipeline.book.active
        let state = gateway.loop?.pipeline.state()
        gateway.pass(.seconds(1))
        try gateway.turn()
        gateway.crash()
        try gateway.start()
        #expect(gateway.loop?.pipeline.state() == state, "effect \(number ?? 0)")
        #expect(active != nil)
        gateway.drain()
        try lamps.check(gateway, "effect \(number ?? 0)")
        return effects
    }
}
