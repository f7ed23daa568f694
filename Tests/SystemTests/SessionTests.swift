import Basics
@testable import Broker
import Contract
import Fleet
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

/// What waits at the broker for the gateway is the gateway's alone, and is not left behind when its client id changes.
@Suite(
    "The gateway's session at the broker", .serialized,
    .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct SessionTests {
    private static let versions = ["5", "3.1.1"]

    private func sessionsFile(_ site: Site) -> String { site.store + "/" + StoreOptions.brokerSessionsFile }

    private func ownID(_ site: Site) throws -> String {
        try #require(try HeldSessionsFile(path: sessionsFile(site)).read()?.ownID)
    }

    private func voltages(_ seconds: Range<Int>, of lamp: String = "lamp-0001") -> [(topic: String, payload: String)] {
        seconds.map {
            ("lights/\(lamp)/telemetry", #"{"ts":\#(Site.firstTimestamp + Int64($0) * 1000),"u":\#(220 + $0 % 20)}"#)
        }
    }

    /// Whether the broker has a session under the id; leaves it as it is.
    private func isKnown(_ id: String, _ site: Site) throws -> Bool {
        var options = BrokerOptions(host: "127.0.0.1", port: site.broker.port, clientID: id, subscriptions: ["#"])
        options.subscribes = false
        let line = try Line(options)
        line.turn(until: { line.session.isConnected })
        defer { line.session.disconnect() }
        return line.session(isPresent: true)
    }

    // MARK: Strangers

    @Test("a stranger takes not one message under the shipped settings, whatever id and account he comes with")
    func stranger() throws {
        let site = try Site(shippedAccess: ["lamp-0001", "lamp-0002"])
        try site.configure()
        var daemon = try site.start()
        try site.waitUntilSubscribed()
        let mode = try FileManager.default.attributesOfItem(atPath: sessionsFile(site))[.posixPermissions] as? Int
        #expect(mode == 0o640)
        let id = try ownID(site)
        #expect(id.utf8.count == 38 && !site.log.contains(id), "\(site.log)")
        #expect(site.stop(daemon) == 0)
        try site.publish(voltages(0..<500), as: "lamp-0001")

        func connect(_ id: String, _ username: String?) throws {
            _ = try PlainPublisher(
                host: "127.0.0.1", port: site.broker.port, clientID: id, username: username,
                password: username.flatMap { site.accounts[$0] })
        }
        // Each begins with a clean session.
        #expect(throws: PublisherError.self) { try connect("baotu", nil) }
        #expect(throws: PublisherError.self) { try connect(id, nil) }
        try connect("baotu", "lamp-0002")
        try connect("gateway", "lamp-0002")

        daemon = try site.start()
        try site.waitForLog("session_present=true")
        try site.waitUntilCommitted(500)
        #expect(site.stop(daemon) == 0, "\(site.log)")
        #expect(try site.archive().status().received == 500)
        #expect(!site.broker.logText.contains("rror:"), "\(site.broker.logText)")
    }

    @Test("where each has an account of its own and is known by it, not even who knows the id takes the session")
    func strangerWithID() throws {
        let site = try Site(shippedAccess: ["lamp-0001", "lamp-0002"], listener: ["use_username_as_clientid true"])
        try site.configure()
        var daemon = try site.start()
        try site.waitUntilSubscribed()
        #expect(site.stop(daemon) == 0)
        try site.publish(voltages(0..<100), as: "lamp-0001")
        for id in [try ownID(site), "gateway", "baotu"] {
            _ = try PlainPublisher(
                host: "127.0.0.1", port: site.broker.port, clientID: id, username: "lamp-0002",
                password: site.accounts["lamp-0002"])
        }
        daemon = try site.start()
        try site.waitForLog("session_present=true")
        try site.waitUntilCommitted(100)
        #expect(site.stop(daemon) == 0, "\(site.log)")
    }

    // MARK: Another id

    /// As a gateway of before there were ids of their own left it: known to the broker as `baotu`, and no file that says so.
    private func older(_ site: Site, _ settings: String = "") throws {
        site.mqtt = settings + "client_id: baotu"
        try site.configure()
        let daemon = try site.start()
        try site.waitUntilSubscribed()
        #expect(site.stop(daemon) == 0, "\(site.log)")
        for file in [sessionsFile(site), site.store + "." + StoreOptions.brokerSessionsFile] {
            try FileManager.default.removeItem(atPath: file)
        }
        site.mqtt = settings
    }

    @Test(
        "an upgrade takes what waits under the id of before, ends that session, and hears each message once",
        arguments: versions)
    func upgrade(version: String) throws {
        let site = try Site()
        try older(site, "version: \"\(version)\", ")
        // Without times of their own: each counts.
        try site.publish((0..<500).map { ("lights/lamp-0001/telemetry", #"{"u":\#(200 + $0 % 50)}"#) })
        try site.configure()
        let daemon = try site.start()
        try site.waitForLog("the session of before is empty and ended at the broker messages=500")
        try site.waitUntilCommitted(500)
        try site.publish((0..<50).map { ("lights/lamp-0001/telemetry", #"{"u":\#(200 + $0 % 50)}"#) })
        try site.waitUntilCommitted(550)
        #expect(try !isKnown("baotu", site))
        let held = try #require(try HeldSessionsFile(path: sessionsFile(site)).read())
        #expect(held.clientIDs == [held.ownID])
        #expect(site.stop(daemon) == 0, "\(site.log)")
        #expect(try site.archive().status().received == 550)
        #expect(try isKnown(ownID(site), site))
    }

    @Test("an id that is written down wins, and a later change of it takes along what waits, both ways")
    func changes() throws {
        let site = try Site()
        for (number, id) in ["client_id: one", "client_id: two", "", "client_id: one"].enumerated() {
            try site.publish(number == 0 ? [] : voltages(number * 100..<number * 100 + 100))
            site.mqtt = id
            try site.configure()
            let daemon = try site.start()
            try site.waitUntilSubscribed()
            if number > 0 { try site.waitForLog("the session of before is empty and ended") }
            try site.waitUntilCommitted(number * 100)
            #expect(site.stop(daemon) == 0, "\(site.log)")
        }
        #expect(try isKnown("one", site))
        #expect(try !isKnown("two", site))
        #expect(try !isKnown(ownID(site), site))
    }

    @Test("nothing is lost and nothing there twice while devices speak, wherever it is killed")
    func killedMeanwhile() throws {
        var random = SeededGenerator(seed: 7)
        let site = try Site()
        try older(site)
        site.turn = "messages_max: 20, linger: 1ms"
        let load = try site.startLoad(rate: 400, devices: 20)
        // Some wait, so that the taking of it lasts for a while.
        usleep(1_000_000)
        try site.configure()
        for _ in 0..<5 {
            let daemon = try site.launch()
            usleep(UInt32.random(in: 20_000...900_000, using: &random))
            daemon.end(with: SIGKILL)
        }
        let daemon = try site.start()
        try site.waitForLog("the session of before")
        let acknowledged = try load.finish()
        #expect(throws: Never.self) { try site.waitUntilCommitted(acknowledged.count * Audit.quantities.count) }
        #expect(site.stop(daemon) == 0, "\(site.log)")
        try site.expectKept([(load, acknowledged)], "seed 7")
        #expect(try !isKnown("baotu", site))
    }

    @Test("a broker that goes by user names has one session under any id, and it stays", arguments: versions)
    func userNames(version: String) throws {
        let site = try Site(shippedAccess: ["lamp-0001"], listener: ["use_username_as_clientid true"])
        try older(site, "version: \"\(version)\", username: gateway, password_file: mqtt-password, ")
        try site.publish(voltages(0..<300), as: "lamp-0001")
        try site.configure()
        let daemon = try site.start()
        try site.waitForLog("its session for this gateway is the same under any client id")
        try site.waitForLog("session_present=true")
        try site.waitUntilCommitted(300)
        try site.publish(voltages(300..<400), as: "lamp-0001")
        try site.waitUntilCommitted(400)
        #expect(site.stop(daemon) == 0, "\(site.log)")
        let held = try #require(try HeldSessionsFile(path: sessionsFile(site)).read())
        #expect(held.clientIDs == [held.ownID])
    }

    @Test("where somebody else uses the id of before, his session is left to him, and the gateway works under its own")
    func usedByAnother() throws {
        let site = try Site()
        try older(site)
        try site.configure()
        let other = try Line(
            BrokerOptions(host: "127.0.0.1", port: site.broker.port, clientID: "baotu", subscriptions: ["other/#"]))
        let daemon = try site.launch()
        // Each time that it is thrown out it comes back, as a gateway does.
        other.turn(until: { site.log.contains("the session of before stays at the broker") }, turnsMax: 2000)
        try site.waitForLog("subscribed filter=#")
        try site.publish(voltages(0..<50))
        try site.waitUntilCommitted(50)
        #expect(
            try doctor(site).contains("messages may wait at the broker under a client id that the gateway had before"))
        #expect(site.stop(daemon) == 0, "\(site.log)")
        #expect(try HeldSessionsFile(path: sessionsFile(site)).read()?.clientIDs.first == "baotu")
        // He is gone, and the next start ends what is left.
        other.session.disconnect()
        let next = try site.start()
        try site.waitForLog("the session of before is empty and ended")
        #expect(site.stop(next) == 0, "\(site.log)")
    }

    @Test("of an id of before that the broker has forgotten nothing is left, and a broker that is away is waited for")
    func forgotten() throws {
        let site = try Site(brokerLines: ["persistence false", "max_queued_messages 0"])
        try older(site)
        site.broker.stop()
        try site.configure()
        let daemon = try site.launch()
        try site.waitForLog("the broker cannot be reached")
        try site.broker.start()
        try site.waitForLog("the broker has no session under the client id of before")
        try site.waitUntilSubscribed()
        try site.publish(voltages(0..<50))
        try site.waitUntilCommitted(50)
        #expect(try HeldSessionsFile(path: sessionsFile(site)).read()?.clientIDs.count == 1)
        #expect(site.stop(daemon) == 0, "\(site.log)")
    }

    // MARK: The file

    @Test("a file of client ids that is not whole stops the start, and without it the id is the one it was")
    func damagedFile() throws {
        let site = try Site()
        try site.configure()
        var daemon = try site.start()
        try site.waitUntilSubscribed()
        let id = try ownID(site)
        #expect(site.stop(daemon) == 0)
        try site.publish(voltages(0..<100))
        let file = sessionsFile(site)
        let whole = try Data(contentsOf: URL(filePath: file))
        for damage in [Data(), whole.prefix(whole.count / 2), whole + Data("session x\n".utf8)] {
            try damage.write(to: URL(filePath: file))
            let refused = try site.runDaemon()
            #expect(
                refused.code == 1 && refused.errors.contains(file) && refused.errors.contains("put it back from a copy")
            )
            #expect(try Data(contentsOf: URL(filePath: file)) == damage)
        }
        try FileManager.default.removeItem(atPath: file)
        daemon = try site.start()
        try site.waitForLog("session_present=true")
        try site.waitUntilCommitted(100)
        #expect(try ownID(site) == id)
        #expect(site.stop(daemon) == 0, "\(site.log)")
    }

    @Test("a backup that is put back goes on with the session of its gateway")
    func restored() throws {
        let site = try Site()
        try site.configure()
        var daemon = try site.start()
        try site.waitUntilSubscribed()
        let id = try ownID(site)
        #expect(site.stop(daemon) == 0)
        let made = try site.run(Programs.operators, ["backup", site.path("copy"), "--store", site.store])
        #expect(made.code == 0, "\(made.errors)")
        try site.publish(voltages(0..<100))
        try FileManager.default.removeItem(atPath: site.store)
        try FileManager.default.removeItem(atPath: site.store + "." + StoreOptions.brokerSessionsFile)
        let put = try site.run(Programs.operators, ["restore", site.path("copy"), "--store", site.store])
        #expect(put.code == 0, "\(put.errors)")
        daemon = try site.start()
        try site.waitForLog("session_present=true")
        try site.waitUntilCommitted(100)
        #expect(try ownID(site) == id)
        #expect(site.stop(daemon) == 0, "\(site.log)")
    }

    @Test("a store that is begun anew goes on with the session of the one before")
    func begunAnew() throws {
        let site = try Site()
        try site.configure()
        var daemon = try site.start()
        try site.waitUntilSubscribed()
        let id = try ownID(site)
        #expect(site.stop(daemon) == 0)
        try site.publish(voltages(0..<100))
        try FileManager.default.removeItem(atPath: site.store)
        try "anew\n".write(toFile: site.store + ".mark", atomically: true, encoding: .utf8)
        daemon = try site.start()
        try site.waitForLog("session_present=true")
        try site.waitUntilCommitted(100)
        #expect(try ownID(site) == id)
        #expect(site.stop(daemon) == 0, "\(site.log)")
    }

    // MARK: What the doctor says

    private func told(_ site: Site) throws -> [String] {
        let findings = try #require(try site.json(["doctor"]) as? [[String: Any]])
        return findings.filter { $0["check"] as? String == "broker" && $0["level"] as? String != "good" }
            .compactMap { $0["finding"] as? String }
    }

    /// `doctor` ends with 2 where something is bad, and then its answer counts too.
    private func doctor(_ site: Site) throws -> String { try site.ask(["doctor", "--format", "json"]).output }

    @Test(
        "the doctor tells of a broker that lets anybody in, of open files, and of a second gateway, over restarts too")
    func doctorTells() throws {
        let site = try Site(
            brokerLines: MosquittoServer.persistent + ["max_queued_messages 0", "password_file DIRECTORY/passwords"],
            isBrokerRunning: false)
        try site.broker.write("", to: "passwords")
        let program = try #require(Site.passwordProgram)
        #expect(succeeds(program, ["-b", site.broker.directory.path + "/passwords", "gateway", "secret"]))
        try site.broker.start()
        try site.write("secret\n", to: "secret")
        chmod(site.path("secret"), 0o644)
        // With a name of its own it is let in, and so is everybody else.
        site.mqtt = "username: gateway, password_file: secret, client_id: short"
        try site.configure()
        var daemon = try site.start()
        try site.waitUntilSubscribed()
        var told = try doctor(site)
        #expect(told.contains("lets any program on this machine in without a name"), "\(told)")
        #expect(
            told.contains("secret, which has the gateway's password for the broker, is open to every user"), "\(told)")
        #expect(told.contains("mqtt.client_id is 'short', which can be guessed"), "\(told)")
        #expect(!told.contains("another client connected under"), "\(told)")
        chmod(site.path("secret"), 0o600)
        #expect(try !doctor(site).contains("is open to every user"))

        // The fight of two: each takes the session from the other, again and again.
        var options = BrokerOptions(
            host: "127.0.0.1", port: site.broker.port, clientID: "short", subscriptions: ["other/#"])
        options.username = "gateway"
        options.password = "secret"
        for _ in 0..<20 where !site.log.contains("another client connects under") {
            let second = try Line(options)
            second.turn(until: { second.session.isConnected })
            second.session.dropConnection("the test")
            usleep(400_000)
        }
        #expect(site.log.contains("another client connects under"), "\(site.log)")
        #expect(try doctor(site).contains("another client connected under the gateway's client id"))
        #expect(site.stop(daemon) == 0)
        daemon = try site.start()
        try site.waitUntilSubscribed()
        told = try doctor(site)
        #expect(told.contains("another client connected under the gateway's client id"), "\(told)")
        #expect(site.stop(daemon) == 0)
    }

    @Test("the doctor has nothing to say of the shipped settings but what is wrong with the broker's version")
    func doctorIsContent() throws {
        let site = try Site(shippedAccess: [])
        site.mqtt += ", broker_configuration: [\(site.broker.directory.path)/mosquitto.conf]"
        try site.configure()
        let daemon = try site.start()
        try site.waitUntilSubscribed()
        try eventually("the broker has said what it is") { site.log.contains("the broker says what it is") }
        let told = try told(site)
        #expect(told.allSatisfy { $0.hasPrefix("the broker is mosquitto version") }, "\(told)")
        #expect(site.stop(daemon) == 0)
    }
}

extension Site {
    static var passwordProgram: String? {
        ["/usr/bin/mosquitto_passwd", "/usr/local/bin/mosquitto_passwd"]
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
