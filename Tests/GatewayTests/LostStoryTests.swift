import Basics
import ConfigurationFiles
import Contract
import Foundation
import Telemetry
import Testing

@testable import Gateway
@testable import Store

/// What a gateway says after its store, or the part that tells of alerts, was lost.
@Suite("A start after a loss")
struct LostStoryTests {
    private func run(_ gateway: SimulatedGateway, seconds: Int, temperature: Double) throws {
        for _ in 0..<seconds {
            gateway.broker.send(
                SimulatedBroker.Message(
                    topic: "lights/lamp-1/telemetry",
                    payload: Array(
                        "{\"id\":\"lamp-1\",\"ts\":\(gateway.now.milliseconds),\"t\":\(temperature)}".utf8)))
            gateway.pass(.seconds(1))
            try gateway.turn()
        }
    }

    /// Ended while one alert fires, and with another one over.
    private func makeGateway() throws -> SimulatedGateway {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        try run(gateway, seconds: 40, temperature: 80)
        #expect(gateway.broker.retained["baotu/alerts/1"]?.contains("\"phase\":\"firing\"") == true)
        gateway.drain()
        gateway.broker.meetAnother()
        return gateway
    }

    private func doctor(_ gateway: SimulatedGateway) throws -> [Diagnosis] {
        let live = try #require(gateway.loop?.live)
        return Doctor(configuration: gateway.configuration, live: live) { [now = gateway.now] in now }.examine()
            .filter { $0.check == "store" }
    }

    private func alerts(_ gateway: SimulatedGateway) throws -> [StoredAlert] {
        try #require(gateway.journal).alertStates().filter { $0.key.rule == "hot" }
    }

    private func phase(_ gateway: SimulatedGateway, _ id: Int64) -> String? {
        gateway.broker.retained["baotu/alerts/\(id)"].flatMap { word in
            ["firing", "resolved", "unknown"].first { word.contains("\"phase\":\"\($0)\"") }
        }
    }

    @Test("of core.db ends the words that stand at the broker, gives no number again, and is told")
    func coreIsGone() throws {
        let gateway = try makeGateway()
        let store = gateway.configuration.store.folder
        for name in ["core.db", "core.db-wal", "core.db-shm"] { unlink(store + "/" + name) }
        let lostAt = gateway.now
        #expect(try StoreRepair.run(folder: store, now: lostAt).isGood)
        let device = try Archive(folder: store).devices(at: lostAt).first { $0.device == "lamp-1" }
        #expect(device?.lastHeard.map { lostAt - $0 <= .seconds(2) } == true, "\(String(describing: device))")

        try gateway.start()
        try run(gateway, seconds: 62, temperature: 85)
        #expect(phase(gateway, 1) == "resolved")
        #expect(gateway.broker.retained["baotu/alerts/1"]?.contains("lamp-1: its story was lost") == true)
        let fresh = try #require(try alerts(gateway).first)
        #expect(fresh.id > LostStory.newNumbers(at: lostAt) && phase(gateway, fresh.id) == "firing")
        #expect(!gateway.broker.sendsOwnWords, "they are read once")
        let told = try doctor(gateway)
        #expect(told.count == 1 && told[0].finding.contains("\(lostAt)"), "\(told)")
        #expect(try Archive(folder: store).status(at: gateway.now).storyLostAt == lostAt)

        // Nothing of it is done twice.
        gateway.drain()
        gateway.broker.meetAnother()
        let published = gateway.broker.published.count { $0.topic == "baotu/alerts/1" }
        try gateway.start()
        try run(gateway, seconds: 10, temperature: 40)
        #expect(gateway.broker.published.count { $0.topic == "baotu/alerts/1" } == published)
        gateway.pass(.seconds(31 * 86_400))
        #expect(try doctor(gateway) == [], "for a month")
        gateway.crash()
    }

    @Test("by a backup that was put back tells the state of then where the broker's word is of later")
    func backupIsOlder() throws {
        let gateway = try makeGateway()
        let store = gateway.configuration.store.folder
        _ = try StoreBackup.run(from: store, to: store + ".backup", now: gateway.now)
        try gateway.start()
        try run(gateway, seconds: 20, temperature: 20)
        #expect(phase(gateway, 1) == "resolved")
        gateway.drain()
        gateway.broker.meetAnother()
        gateway.broker.retained["baotu/alerts/9"] = gateway.broker.retained["baotu/alerts/1"]!
            .replacing("\"id\":1,", with: "\"id\":9,").replacing("\"resolved\"", with: "\"firing\"")
        try FileManager.default.removeItem(atPath: store)
        #expect(throws: StoreError.storeGone(folder: store, mark: store + ".mark")) { try gateway.start() }
        _ = try StoreBackup.restore(from: store + ".backup", to: store, now: gateway.now)
        try gateway.start()
        try run(gateway, seconds: 3, temperature: 55)
        #expect(phase(gateway, 1) == "firing", "it is in the store, between its levels")
        #expect(phase(gateway, 9) == "resolved", "it is not")
        #expect(try doctor(gateway).first?.finding.hasPrefix("a backup was put back at") == true)
        gateway.crash()
    }

    @Test("of everything that nobody told of is noticed by the broker's words, which stay as they are")
    func wordsAreOlder() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        gateway.broker.retained = [
            "baotu/alerts/7":
                "{\"id\":7,\"rule\":\"hot\",\"device\":\"lamp-1\",\"phase\":\"firing\",\"severity\":\"warning\"}",
            "baotu/alerts/11":
                "{\"id\":11,\"rule\":\"hot\",\"device\":\"lamp-2\",\"phase\":\"resolved\",\"severity\":\"warning\"}",
            "baotu/alerts/x": "{}", "baotu/alerts/12": "none of ours",
        ]
        let before = gateway.broker.retained
        try gateway.start()
        try run(gateway, seconds: 62, temperature: 80)
        #expect(gateway.broker.retained.filter { before[$0.key] != nil } == before)
        #expect(try alerts(gateway).map(\.id) == [13])
        let told = try doctor(gateway)
        #expect(
            told.count == 1 && told[0].level == .bad && told[0].finding.contains("1 word on open alerts"), "\(told)")
        #expect(told.first?.mend?.contains("-t baotu/alerts/7") == true)
        gateway.crash()
    }

    @Test("of everything that nobody told of is noticed by the broker's session")
    func sessionIsOlder() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        gateway.broker.isSessionPresent = true
        try gateway.start()
        try run(gateway, seconds: 40, temperature: 80)
        #expect(try alerts(gateway).map { $0.id > 100_000_000 } == [true])
        #expect(try doctor(gateway).map(\.level) == [.bad])
        // From then on it is the store that the session is of.
        try expectQuiet(afterRestartOf: gateway)
    }

    private func expectQuiet(afterRestartOf gateway: SimulatedGateway) throws {
        gateway.drain()
        gateway.broker.meetAnother()
        try gateway.start()
        try run(gateway, seconds: 2, temperature: 80)
        #expect(try doctor(gateway) == [])
        gateway.crash()
    }

    @Test("a first start, and a second one, have nothing to tell")
    func first() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        gateway.broker.isSessionPresent = false
        try gateway.start()
        try run(gateway, seconds: 70, temperature: 80)
        #expect(try alerts(gateway).map(\.id) == [1])
        #expect(try doctor(gateway) == [])
        gateway.broker.isSessionPresent = true
        try expectQuiet(afterRestartOf: gateway)
    }

    @Test("devices whose clocks are far off are named by how much, and many that agree blame the machine's")
    func clocks() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        func send(_ lamp: Int, ahead: Int) {
            let time = (gateway.now + .seconds(ahead)).milliseconds
            gateway.broker.send(
                SimulatedBroker.Message(
                    topic: "lights/lamp-\(lamp)/telemetry",
                    payload: Array("{\"id\":\"lamp-\(lamp)\",\"ts\":\(time),\"t\":30}".utf8)))
        }
        func told() throws -> [Diagnosis] {
            let live = try #require(gateway.loop?.live)
            return Doctor(configuration: gateway.configuration, live: live) { [now = gateway.now] in now }
                .deviceClocks()
        }
        for lamp in 2..<4 { send(lamp, ahead: lamp == 3 ? 3000 : 120) }
        for _ in 0..<6 {
            try gateway.turn()
            gateway.pass(.seconds(1))
        }
        #expect(try told().map(\.finding) == ["the clock of lamp-3 is 50 min 0 s ahead"])
        for _ in 0..<20 {
            for lamp in 4..<9 { send(lamp, ahead: -28_800) }
            gateway.pass(.seconds(30))
            try gateway.turn()
        }
        let findings = try told()
        #expect(
            findings.count == 1 && findings[0].level == .bad && findings[0].finding.hasPrefix("5 of 7 devices"),
            "\(findings)")
        gateway.crash()
    }
}
