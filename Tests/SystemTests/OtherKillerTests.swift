import Basics
import Contract
import Fleet
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

/// What else may happen to a gateway that is well: its broker dies, its process is held, its clock is set.
///
/// After each nothing that was acknowledged is lost, nothing is there twice, and no alert tells what is not true. BAOTU_KILLS
/// sets how often each (default a few times), BAOTU_SEED begins the random choices.
@Suite(
    "A gateway whose world fails", .serialized, .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct OtherKillerTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let kills = environment["BAOTU_KILLS"].flatMap { Int($0) }
    private static let seed = environment["BAOTU_SEED"].flatMap { UInt64($0) } ?? 1
    private static var isLong: Bool { kills != nil }
    /// Short where nobody asked for more.
    private static let brokerKills = kills ?? 3
    private static let heldTogether = 8
    private static let stops = kills.map { ($0 + heldTogether - 1) / heldTogether } ?? 2
    private static let jumps = kills ?? 6

    // MARK: The broker

    /// What was published, and what the store has of it.
    private struct Ledger {
        private var values: [Int: Double] = [:]
        /// Numbers of readings that the broker had when it was killed and might not have written down.
        private var unsure: Set<Int> = []
        private(set) var next = 0

        /// Milliseconds between readings: however many there are, none is so far ahead of the clock that it is refused.
        private static let step: Int64 = 100
        static func time(_ number: Int) -> Int64 { Site.firstTimestamp + Int64(number) * step }

        mutating func take(_ count: Int, _ random: inout SeededGenerator) -> [(topic: String, payload: String)] {
            (0..<count).map { _ in
                defer { next += 1 }
                let volts = Double(Int.random(in: 2200...2400, using: &random)) / 10
                values[next] = volts
                let time = Self.time(next)
                return ("lights/lamp-0001/telemetry", #"{"ts":\#(time),"u":\#(volts)}"#)
            }
        }

        mutating func doubt(from first: Int) { unsure.formUnion(first..<next) }

        func check(_ site: Site, _ context: Comment) throws {
            var found: [Int: Double] = [:]
            let archive = try site.archive()
            let device = try #require(archive.registry.device(named: "lamp-0001"))
            let series = try #require(
                archive.registry.find(device: device, quantity: Quantity(named: "voltage")!, channel: .none))
            try archive.forEachReading(
                of: series, since: Timestamp(milliseconds: 0), until: Timestamp(milliseconds: .max)
            ) { time, value in
                let number = Int((time.milliseconds - Site.firstTimestamp) / Self.step)
                #expect(found.updateValue(value, forKey: number) == nil, context)
                return true
            }
            let missing = values.keys.filter { found[$0] == nil && !unsure.contains($0) }.sorted()
            #expect(missing == [], context)
            #expect(found.allSatisfy { values[$0.key] == $0.value }, context)
            let status = try archive.status()
            #expect(status.committed == Int64(found.count), context)
            #expect(status.corrected == 0 && status.rejected == 0 && status.damagedRows == 0, context)
            #expect(try archive.alerts() == [], context)
        }
    }

    private static let absence = "rules:\n- rule: silent\n  absence: {cadences: 3, at_least: 10m}\n"

    /// A gateway that watches one lamp for its silence.
    private func start(_ site: Site) throws -> ChildProcess {
        site.roster = "device,cadence\nlamp-0001,10s\n"
        site.rules = Self.absence
        try site.configure()
        let daemon = try site.start()
        try site.waitUntilSubscribed()
        return daemon
    }

    @Test("keeps all that it was given while its broker is killed, and finds its session again")
    func brokerIsKilled() throws {
        var random = SeededGenerator(seed: Self.seed)
        let site = try Site()
        let daemon = try start(site)
        var ledger = Ledger()
        for kill in 1...Self.brokerKills {
            let context: Comment = "kill \(kill), seed \(Self.seed)"
            let first = ledger.next
            try site.publish(ledger.take(Int.random(in: 1...200, using: &random), &random))
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                // All is committed and told, so that nothing of it may come again as new. Not counted: of those before some may
                // have been the broker's to lose.
                try waitUntilKept(site, number: ledger.next - 1)
            case 1:
                // The gateway is held: the broker has it, on disk, and hands it on after its death.
                daemon.signal(SIGSTOP)
                try site.publish(ledger.take(Int.random(in: 1...50, using: &random), &random))
                try waitUntilWritten(site, number: ledger.next - 1)
                daemon.signal(SIGCONT)
            default:
                // On its way: what the broker had confirmed and not yet written is the broker's to lose.
                try site.publish(ledger.take(Int.random(in: 1...50, using: &random), &random))
                ledger.doubt(from: first)
                usleep(UInt32.random(in: 0...20_000, using: &random))
            }
            site.broker.kill()
            try site.broker.start()
            try site.waitForLog("session_present=true", times: kill)
            #expect(daemon.isRunning, context)
        }
        try site.publish(ledger.take(10, &random))
        #expect(throws: Never.self) { try settle(site) }
        #expect(site.stop(daemon) == 0, "\(site.log)")
        try ledger.check(site, "seed \(Self.seed)")
    }

    /// Until nothing more comes.
    private func settle(_ site: Site) throws {
        var (last, looks) = (Int64(-1), 0)
        let archive = try site.archive()
        try eventually("the last readings are committed", seconds: 60) {
            let committed = try archive.status().committed
            looks = committed == last ? looks + 1 : 0
            last = committed
            return looks > 100
        }
    }

    /// The store has the reading, and so all that the broker handed on before it.
    private func waitUntilKept(_ site: Site, number: Int) throws {
        let archive = try site.archive()
        let time = Timestamp(milliseconds: Ledger.time(number))
        try eventually("the newest reading is committed", seconds: 60) {
            try archive.latest().first?.observed == time
        }
    }

    /// The broker's file has the reading.
    private func waitUntilWritten(_ site: Site, number: Int) throws {
        let file = site.broker.directory.appending(path: "mosquitto.db")
        let text = Array("\(Ledger.time(number))".utf8)
        try eventually("the broker writes down what it has") {
            site.broker.save()
            guard let bytes = try? Data(contentsOf: file) else { return false }
            return bytes.firstRange(of: Data(text)) != nil
        }
    }

    @Test("says that its session is gone where the broker keeps none, and goes on")
    func sessionIsLost() throws {
        var random = SeededGenerator(seed: Self.seed)
        let site = try Site(brokerLines: ["persistence false", "max_queued_messages 0"])
        let daemon = try start(site)
        var ledger = Ledger()
        try site.publish(ledger.take(50, &random))
        try site.waitUntilCommitted(ledger.next)
        site.broker.kill()
        try site.broker.start()
        try site.waitForLog("subscribed filter=#", times: 2)
        try site.publish(ledger.take(50, &random))
        try site.waitUntilCommitted(ledger.next)
        let doctor = try site.ask(["doctor", "--format", "json"])
        #expect(doctor.code == 2 && doctor.output.contains("forgotten the gateway's session"), "\(doctor.output)")
        #expect(site.stop(daemon) == 0, "\(site.log)")
        try ledger.check(site, "seed \(Self.seed)")
    }

    // MARK: The process, and its clock

    /// A gateway whose devices speak all the time.
    private struct LoadedSite {
        let site: Site
        let daemon: ChildProcess
        private let load: Load

        /// `rate`: messages a second of all 20 devices together.
        init(_ rules: String, rate: Int, environment: (Site) throws -> [String: String] = { _ in [:] }) throws {
            site = try Site(shippedBroker: ())
            site.rules = rules
            site.roster = "device,cadence\n" + (0..<20).map { "\(LoadPayload.name(of: $0)),1s\n" }.joined()
            site.storeSettings = "journal_bytes: 1048576, seal_every: 60s"
            try site.configure()
            daemon = try site.launch(environment: try environment(site))
            try site.waitUntilReady(daemon)
            try site.waitUntilSubscribed()
            load = try site.startLoad(rate: rate, devices: 20)
            try site.waitUntilCommitted(Audit.quantities.count * 100)
            // Those that the rule watches are those that speak.
            let spoke = try site.archive().devices(at: Timestamp(milliseconds: 0)).filter { $0.series > 0 }
            #expect(spoke.allSatisfy { $0.expected }, "\(spoke.map(\.device)) are not on the roster")
        }

        /// Until so many messages more are committed.
        func goOn(_ messages: Int = 100) throws {
            let committed = try site.archive().status().committed
            try site.waitUntilCommitted(Int(committed) + Audit.quantities.count * messages)
        }

        /// All that was acknowledged is there, once, and no alert was told.
        func finish(_ context: Comment) throws {
            #expect(daemon.isRunning, "\(site.log)")
            let acknowledged = try load.finish()
            #expect(throws: Never.self) {
                try site.waitUntilCommitted(acknowledged.count * Audit.quantities.count)
            }
            #expect(try site.archive().alerts() == [], "\(site.log)")
            #expect(site.stop(daemon) == 0, "\(site.log)")
            try site.expectKept([(load, acknowledged)], context)
        }
    }

    @Test("takes up where it was held, and calls nobody absent who spoke meanwhile")
    func processIsHeld() throws {
        // Long stops outlast what a device may be silent for; short ones cannot, where the machine itself may stall. Many are
        // held at the same time, so that they are many in the end.
        let rules = "rules:\n- rule: silent\n  absence: {cadences: 3, at_least: \(Self.isLong ? "10s" : "60s")}\n"
        let held = try (0..<(Self.isLong ? Self.heldTogether : 1)).map { _ in
            try LoadedSite(rules, rate: Self.isLong ? 40 : 200)
        }
        for _ in 0..<Self.stops {
            for one in held { one.daemon.signal(SIGSTOP) }
            usleep(Self.isLong ? 30_000_000 : 1_500_000)
            for one in held { one.daemon.signal(SIGCONT) }
            for one in held { try one.goOn() }
        }
        for one in held { try one.finish("seed \(Self.seed)") }
    }

    @Test("is moved by no step of its wall clock")
    func clockIsSet() throws {
        var random = SeededGenerator(seed: Self.seed)
        let steps: [Int64] = [-31_536_000, -86_400, -3601, -60, 60, 3601, 86_400, 31_536_000]
        var clock: ClockShift?
        let one = try LoadedSite(
            "rules:\n- rule: silent\n  absence: {cadences: 3, at_least: 60s}\n", rate: 200,
            environment: { site in
                clock = try ClockShift(site)
                return clock!.environment
            })
        for jump in 1...Self.jumps {
            // Back to the truth every other time, as a time server does.
            clock!.aheadSeconds = jump % 2 == 0 ? 0 : steps.randomElement(using: &random)!
            try one.goOn()
            try one.site.waitForLog("the clock was set", times: jump)
        }
        try one.finish("seed \(Self.seed)")
    }
}
