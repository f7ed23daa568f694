import Basics
import Broker
import Fleet
import Foundation
import Telemetry
import Testing
import TestSupport

@Suite("The load")
struct LoadTests {
    @Test("sends values that follow from their number", arguments: [1, 10], [1, 7, 1000])
    func followsFromNumber(readingsPerMessage: Int, devices: Int) throws {
        var payload = LoadPayload(
            deviceCount: devices, readingsPerMessage: readingsPerMessage, firstTimestamp: 1_772_705_640_123, seed: 7)
        var times: [String: Set<Int>] = [:]
        for message in 0..<(readingsPerMessage == 1 ? 2500 : 1100) {
            var topic = ""
            var text = Data()
            payload.withMessage(message) { name, bytes in
                topic = String(decoding: name, as: UTF8.self)
                text = Data(bytes)
            }
            let device = LoadPayload.name(of: message % devices)
            #expect(topic == "lights/\(device)/\(readingsPerMessage == 1 ? "telemetry" : "batch")")
            let json = try JSONSerialization.jsonObject(with: text)
            let readings = try #require(
                readingsPerMessage == 1 ? [json as? [String: Any] ?? [:]] : json as? [[String: Any]])
            #expect(readings.count == readingsPerMessage)
            for (index, reading) in readings.enumerated() {
                let number = message * readingsPerMessage + index
                let digits = payload.digits(ofReading: number)
                #expect(reading["id"] as? String == device)
                let time = try #require(reading["ts"] as? Int)
                #expect(Int64(time) == payload.timestamp(ofReading: number))
                let isNew = times[device, default: []].insert(time).inserted
                #expect(isNew)
                #expect(reading["p"] as? Double == Double(digits.p) / 10)
                #expect(reading["u"] as? Double == Double(digits.u) / 10)
                #expect(reading["i"] as? Double == Double(digits.i) / 1000)
                #expect(reading["pf"] as? Double == Double(digits.pf) / 100)
                #expect(reading["t"] as? Double == Double(digits.t) / 10)
                #expect(reading["d"] as? Int == digits.d)
            }
        }
    }

    @Test(
        "brings every message to a subscriber and lists it as acknowledged",
        .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"), arguments: [0, 1])
    func arrives(qos: Int) throws {
        let server = try MosquittoServer(["max_queued_messages 0"])
        try server.start()
        var options = BrokerOptions(
            host: "127.0.0.1", port: server.port, clientID: "counter", subscriptions: ["lights/#"])
        options.subscriptionQoS = qos == 0 ? .atMostOnce : .atLeastOnce
        let session = try BrokerSession(options: options)
        var batch = MessageBatch()
        func receive() {
            session.receive(
                into: &batch, messagesMax: .max, bytesMax: .max, linger: .milliseconds(1), waiting: .milliseconds(20),
                now: { Timestamp(milliseconds: 0) })
            session.acknowledge()
        }
        for _ in 0..<500
        where !session.takeEvents().contains(where: { if case .subscribed = $0 { true } else { false } }) {
            receive()
        }
        var load = LoadRun()
        load.port = server.port
        load.qos = qos
        load.messageCount = 5000
        load.deviceCount = 100
        load.window = 200
        load.ledgerPath = server.directory.appending(path: "ledger.csv").path
        let report = try load.run(isStopped: { false })
        #expect(report.published == 5000)
        #expect(report.acknowledged == 5000)
        for _ in 0..<500 where batch.count < 5000 { receive() }
        #expect(batch.count == 5000)
        let ledger = try String(contentsOfFile: load.ledgerPath!, encoding: .utf8).split(separator: "\n")
        #expect(ledger.count == 5001)
        #expect(Set(ledger).count == 5001)
        #expect(ledger[0] == "device,ts,n")
    }

    @Test("says what is wrong with a closed port")
    func namesClosedPort() throws {
        var load = LoadRun()
        load.port = try MosquittoServer.freePort()
        #expect(throws: PublisherError.notConnected(endpoint: "127.0.0.1:\(load.port)", reason: "Connection refused")) {
            try load.run(isStopped: { false })
        }
    }
}

@Suite("The broker's configuration", .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct BrokerConfigurationTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Config/mosquitto")

    /// The shipped file with another port and directory, as its first lines advise.
    static func lines() throws -> [String] {
        try String(contentsOf: folder.appending(path: "mosquitto.conf"), encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).compactMap { line in
                // Who may connect is another trial.
                if line.hasPrefix("password_file ") || line.hasPrefix("acl_file ") { return nil }
                if line.hasPrefix("allow_anonymous ") { return "allow_anonymous true" }
                return line.hasPrefix("listener ")
                    ? "listener PORT 127.0.0.1"
                    : line.hasPrefix("persistence_location ") ? "persistence_location DIRECTORY/" : String(line)
            }
    }

    @Test("keeps more for an absent gateway than the default would, also over a restart")
    func keeps() throws {
        let server = try MosquittoServer(try Self.lines(), listener: [])
        try server.start()
        var options = BrokerOptions(
            host: "127.0.0.1", port: server.port, clientID: "gateway", subscriptions: ["lights/#"])
        options.watchesDroppedMessages = false
        let session = try BrokerSession(
            options: options,
            reconnect: ReconnectSchedule(delayMin: .milliseconds(10), delayMax: .milliseconds(50)))
        var batch = MessageBatch()
        func receive() {
            session.receive(
                into: &batch, messagesMax: .max, bytesMax: .max, linger: .milliseconds(1), waiting: .milliseconds(20),
                now: { Timestamp(milliseconds: 0) })
        }
        for _ in 0..<500
        where !session.takeEvents().contains(where: { if case .subscribed = $0 { true } else { false } }) {
            receive()
        }
        session.disconnect()
        var load = LoadRun()
        load.port = server.port
        load.messageCount = 5000
        _ = try load.run(isStopped: { false })
        server.stop()
        try server.start()
        let again = try BrokerSession(
            options: options,
            reconnect: ReconnectSchedule(delayMin: .milliseconds(10), delayMax: .milliseconds(50)))
        for _ in 0..<1000 where batch.count < 5000 {
            again.receive(
                into: &batch, messagesMax: .max, bytesMax: .max, linger: .milliseconds(1), waiting: .milliseconds(20),
                now: { Timestamp(milliseconds: 0) })
            again.acknowledge()
        }
        #expect(batch.count == 5000)
    }

    @Test("has an example of an access list that the broker reads")
    func readsAccessList() throws {
        let list = try String(contentsOf: Self.folder.appending(path: "acl.example"), encoding: .utf8)
        let server = try MosquittoServer(["acl_file DIRECTORY/acl"])
        try server.write(list, to: "acl")
        try server.start()
        #expect(!server.logText.contains("Error"))
    }
}
