import Basics
import Broker
import Foundation
import Telemetry
import Testing
import TestSupport

/// Everything here runs against a real mosquitto, because what is tested is what a real broker does with the
/// acknowledgements we hold back.
@Suite("A broker session", .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct BrokerSessionTests {
    static let versions = BrokerOptions.ProtocolVersion.allCases

    @Test(
        "delivers an unacknowledged message again after dropConnection, and an acknowledged one not",
        arguments: versions)
    func redeliversAfterDrop(version: BrokerOptions.ProtocolVersion) throws {
        let server = try MosquittoServer()
        try server.start()
        var options = Line.options(server, version: version)
        // What of the broker's own comes unread behind a drop can cost the acknowledgement before it, and that message comes again.
        options.watchesDroppedMessages = false
        let line = try Line(options)
        try line.connect()
        try server.publish("a/kept", "first")
        #expect(line.receive(1) == ["a/kept=first"])
        line.session.acknowledge()
        try server.publish("a/held", "second")
        #expect(line.receive(1) == ["a/held=second"])
        line.session.dropConnection("the commit failed")
        #expect(!line.session.isConnected)
        #expect(line.receive(1) == ["a/held=second"])
        line.session.acknowledge()
        line.session.dropConnection("once more, with nothing held")
        try server.publish("a/last", "third")
        #expect(line.receive(1) == ["a/last=third"])
    }

    @Test("delivers again to a new session of the same name what the old one did not acknowledge", arguments: versions)
    func redeliversToNewSession(version: BrokerOptions.ProtocolVersion) throws {
        let server = try MosquittoServer()
        try server.start()
        do {
            let line = try Line(server, version: version)
            try line.connect()
            for number in 0..<50 { try server.publish("a/\(number)", "x", count: 1) }
            #expect(line.receive(20, messagesMax: 20).count == 20)
            line.session.acknowledge()
            #expect(line.receive(30).count == 30)
            // Leaving politely must not acknowledge either.
            line.session.disconnect()
        }
        let line = try Line(server, version: version)
        try line.connect()
        #expect(Set(line.receive(30)).count == 30)
        line.session.acknowledge()
        line.session.disconnect()
        let last = try Line(server, version: version)
        try last.connect()
        #expect(last.session(isPresent: true))
        #expect(last.receive(1, turnsMax: 10) == [])
    }

    /// Without identifiers mosquitto 2.0 sends a client of MQTT 5 one copy a filter.
    @Test("filters that overlap bring a message once, and equal ones that follow each other each")
    func overlappingFilters() throws {
        let server = try MosquittoServer()
        try server.start()
        var options = Line.options(server)
        options.subscriptions = ["a/+/count", "a/lamp/+"]
        let line = try Line(options)
        line.turn(until: { line.events.count { if case .subscribed = $0 { true } else { false } } == 4 })
        try server.publish("a/lamp/count", "1", count: 8)
        try server.publish("a/lamp/name", "x")
        #expect(line.receive(9) == Array(repeating: "a/lamp/count=1", count: 8) + ["a/lamp/name=x"])
        #expect(line.receiveNothing())
        line.session.acknowledge()
        // Acknowledged with their copies: nothing comes again.
        line.session.dropConnection("a new connection")
        line.turn(until: { line.session.isConnected })
        #expect(line.receiveNothing())
    }

    @Test("keeps its session through kill -9 and restart of the broker")
    func survivesRestart() throws {
        let server = try MosquittoServer(MosquittoServer.persistent)
        try server.start()
        let line = try Line(server)
        try line.connect()
        server.stop()
        line.turn(until: { !line.session.isConnected })
        line.turn(until: { line.events.contains { if case .connectFailed = $0 { true } else { false } } })
        try server.start()
        line.events.removeAll()
        line.turn(until: { line.session.isConnected })
        #expect(line.session(isPresent: true))
        try server.publish("a/b", "after the restart")
        #expect(line.receive(1) == ["a/b=after the restart"])
        line.session.acknowledge()
        server.kill()
        line.turn(until: { !line.session.isConnected })
        try server.start()
        line.turn(until: { line.session.isConnected })
        try server.publish("a/b", "after the kill")
        #expect(line.receive(1) == ["a/b=after the kill"])
    }

    @Test("says what is wrong with a password, in the broker's words", arguments: versions)
    func namesBadPassword(version: BrokerOptions.ProtocolVersion) throws {
        let server = try MosquittoServer(
            ["password_file DIRECTORY/passwords"], listener: ["listener PORT 127.0.0.1", "allow_anonymous false"])
        try server.write("", to: "passwords")
        let tool = try #require(
            ["/usr/bin/mosquitto_passwd", "/usr/local/bin/mosquitto_passwd"]
                .first { FileManager.default.isExecutableFile(atPath: $0) })
        let file = server.directory.appending(path: "passwords").path
        #expect(succeeds(tool, ["-b", file, "gateway", "right"]))
        try server.start()
        var options = Line.options(server, version: version)
        options.username = "gateway"
        options.password = "wrong"
        let line = try Line(options)
        line.turn(until: { !line.events.isEmpty })
        guard case .connectFailed(.badCredentials(let endpoint, let username, let reason), _) = line.events.first else {
            Issue.record("expected bad credentials, got \(line.events)")
            return
        }
        #expect(endpoint == "127.0.0.1:\(server.port)")
        #expect(username == "gateway")
        #expect(reason.lowercased().contains("not authori"))
        options.password = "right"
        let good = try Line(options)
        try good.connect()
    }

    @Test("reports a closed port with host and port, and goes on trying")
    func namesClosedPort() throws {
        let port = try MosquittoServer.freePort()
        let line = try Line(BrokerOptions(host: "127.0.0.1", port: port, clientID: "nobody-home"))
        line.turn(until: { line.events.count >= 3 })
        for event in line.events {
            guard case .connectFailed(let error, _) = event else {
                Issue.record("unexpected \(event)")
                continue
            }
            #expect("\(error)".contains("127.0.0.1:\(port)"))
            #expect("\(error)".contains("refused"))
        }
    }

    @Test(
        "receives every message when groups are bounded", arguments: versions, BrokerOptions.QualityOfService.allCases)
    func boundsGroups(version: BrokerOptions.ProtocolVersion, qos: BrokerOptions.QualityOfService) throws {
        let server = try MosquittoServer(["max_queued_messages 0"])
        try server.start()
        var options = Line.options(server, version: version)
        options.subscriptionQoS = qos
        let line = try Line(options)
        try line.connect()
        #expect(
            line.events.contains(.subscribed(filter: "#", granted: qos)), "granted otherwise: \(line.events)")
        try server.publish("a/b", "x", count: 1000, qos: qos.rawValue)
        var received = 0
        for _ in 0..<5000 where received < 1000 {
            let group = line.receiveOnce(messagesMax: 7)
            #expect(group.count <= 7)
            received += group.count
            line.session.acknowledge()
        }
        #expect(received == 1000)
    }

    @Test("gives up on a port that accepts and never answers, and tries again")
    func namesSilentPort() throws {
        let listener = try SilentListener()
        var options = BrokerOptions(host: "127.0.0.1", port: listener.port, clientID: "patient")
        options.connectTimeout = .seconds(1)
        let line = try Line(options)
        line.turn(until: { !line.events.isEmpty })
        #expect(
            line.events == [
                .connectFailed(
                    .noAnswer(endpoint: "127.0.0.1:\(listener.port)", seconds: 1), retryAfter: .microseconds(7500))
            ])
    }

    @Test("marks retained messages, and asks for them once")
    func marksRetained() throws {
        let server = try MosquittoServer()
        try server.start()
        try server.publish("a/old", "retained", retain: true)
        let line = try Line(server)
        try line.connect()
        #expect(line.receive(1) == ["a/old=retained"])
        #expect(line.lastWasRetained)
        line.session.acknowledge()
        try server.publish("a/new", "live", retain: true)
        #expect(line.receive(1) == ["a/new=live"])
        #expect(!line.lastWasRetained)
        line.session.acknowledge()
        line.session.dropConnection("to subscribe again")
        line.turn(until: { line.session.isConnected })
        #expect(line.receiveNothing())
    }

    @Test("does not hear its own messages, and learns that the broker has them", arguments: versions)
    func publishes(version: BrokerOptions.ProtocolVersion) throws {
        let server = try MosquittoServer()
        try server.start()
        var options = Line.options(server, version: version)
        options.ignoredTopicPrefix = "baotu/"
        let line = try Line(options)
        #expect(line.session.publish(topic: "baotu/too-early", payload: Array("x".utf8)) == nil)
        try line.connect()
        var tokens: [MessageToken] = []
        for qos in BrokerOptions.QualityOfService.allCases {
            tokens.append(
                try #require(line.session.publish(topic: "baotu/alerts", payload: Array("{}".utf8), qos: qos)))
        }
        var confirmed: [MessageToken] = []
        line.turn(until: {
            confirmed += line.session.takeConfirmed()
            return confirmed.count == 2
        })
        #expect(Set(confirmed) == Set(tokens))
        try server.publish("other/topic", "seen")
        #expect(line.receive(1) == ["other/topic=seen"])
        #expect(line.session.publish(topic: "no/+/wildcards", payload: []) == nil)
        #expect(line.session.publish(topic: "nul\0inside", payload: []) == nil)
    }

    @Test("writes nothing while messages are held, though there is something to publish")
    func holdsTheQueue() throws {
        let server = try MosquittoServer()
        try server.start()
        let line = try Line(server)
        try line.connect()
        try server.publish("a/b", "held")
        #expect(line.receive(1) == ["a/b=held"])
        _ = try #require(line.session.publish(topic: "baotu/x", payload: [1]))
        for _ in 0..<5 { _ = line.receiveOnce() }
        #expect(line.session.takeConfirmed().isEmpty)
        line.session.dropConnection("without a commit")
        #expect(line.receive(1) == ["a/b=held"])
        line.session.acknowledge()
        var confirmed = 0
        line.turn(until: {
            confirmed += line.session.takeConfirmed().count
            return confirmed == 1
        })
    }

    @Test("reports messages that the broker threw away, and keeps the report out of the batch")
    func reportsDropped() throws {
        let server = try MosquittoServer(["sys_interval 1", "max_queued_messages 10", "max_inflight_messages 1"])
        try server.start()
        // A second subscriber that stays away, for whom the broker must queue.
        do {
            let away = try Line(server, clientID: "away")
            try away.connect()
            away.session.disconnect()
        }
        let line = try Line(server)
        try line.connect()
        // The first report is the base; the count must have been heard before it grows.
        for _ in 0..<30 { _ = line.receiveOnce(waiting: .milliseconds(50)) }
        try server.publish("a/b", "x", count: 200)
        line.turn(
            until: { line.events.contains { if case .droppedByBroker(_, 1...) = $0 { true } else { false } } },
            turnsMax: 400)
        #expect(!line.seenTopics.contains { $0.hasPrefix("$SYS") })
        // Another process, which knows what the count was: what grew meanwhile is told with the first report.
        line.session.disconnect()
        var options = Line.options(server)
        options.droppedBefore = 3
        let later = try Line(options)
        try later.connect()
        later.turn(
            until: { later.events.contains { if case .droppedByBroker = $0 { true } else { false } } }, turnsMax: 400)
        let told = later.events.compactMap {
            if case .droppedByBroker(let total, let increase) = $0 { (total, increase) } else { nil }
        }
        #expect(told.first.map { $0.0 > 3 && $0.1 == $0.0 - 3 } == true, "\(told)")
    }

    @Test("keeps the line while paused, and reads on")
    func pauses() throws {
        let server = try MosquittoServer()
        try server.start()
        let line = try Line(server)
        try line.connect()
        try server.publish("a/b", "waiting")
        for _ in 0..<10 { #expect(line.receiveOnce(messagesMax: 0).isEmpty) }
        #expect(line.session.isConnected)
        #expect(line.receive(1) == ["a/b=waiting"])
    }

    @Test("speaks TLS with an authority of our own and refuses any other")
    func speaksTLS() throws {
        let openssl = "/usr/bin/openssl"
        guard FileManager.default.isExecutableFile(atPath: openssl) else {
            print("skipped: openssl is not installed, no certificates can be made")
            return
        }
        let server = try MosquittoServer(
            listener: [
                "listener PORT 127.0.0.1", "allow_anonymous true", "cafile DIRECTORY/ca.pem",
                "certfile DIRECTORY/server.pem", "keyfile DIRECTORY/server.key",
            ])
        let home = server.directory
        func file(_ name: String) -> String { home.appending(path: name).path }
        func authority(_ name: String) -> Bool {
            succeeds(
                openssl,
                [
                    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=\(name)", "-keyout",
                    file("\(name).key"), "-out", file("\(name).pem"),
                ])
        }
        try #require(authority("ca") && authority("stranger"))
        try server.write("subjectAltName=DNS:localhost", to: "names")
        try #require(
            succeeds(
                openssl,
                [
                    "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", file("server.key"),
                    "-out", file("server.csr"),
                ]))
        try #require(
            succeeds(
                openssl,
                [
                    "x509", "-req", "-in", file("server.csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"),
                    "-CAcreateserial", "-days", "2", "-extfile", file("names"), "-out", file("server.pem"),
                ]))
        try server.start()
        func options(_ authority: String, host: String = "localhost") -> BrokerOptions {
            var options = Line.options(server)
            options.host = host
            options.tls = .init(caFile: home.appending(path: "\(authority).pem").path)
            return options
        }
        let line = try Line(options("ca"))
        try line.connect()
        for index in 0..<200 { _ = line.session.publish(topic: "own/\(index)", payload: [1]) }
        let other = try Line(
            {
                var other = options("ca")
                other.clientID = "other"
                return other
            }())
        try other.connect()
        for index in 0..<200 { _ = other.session.publish(topic: "a/\(index)", payload: [1]) }
        _ = other.receiveOnce()
        #expect(line.receive(200).count == 200)
        // Held back across a reconnect: redelivery may share a record with the CONNACK.
        line.session.dropConnection("the commit failed")
        #expect(Set(line.receive(200)).count == 200)

        func expect(_ options: BrokerOptions, toFailWith words: String) throws {
            let refused = try Line(options)
            refused.turn(until: { !refused.events.isEmpty })
            guard case .connectFailed(let error, _) = refused.events.first, case .tls = error else {
                Issue.record("\(words): expected a TLS failure, got \(refused.events)")
                return
            }
            #expect(error.description.contains(words), "\(error)")
        }
        try expect(options("stranger"), toFailWith: "is not of an authority that is believed here")
        try expect(options("ca", host: "127.0.0.1"), toFailWith: "must name mqtt.host")
        var strange = options("ca")
        strange.tls?.certificateFile = file("ca.pem")
        strange.tls?.keyFile = file("stranger.key")
        try expect(strange, toFailWith: "mqtt.tls.key_file is not the key of mqtt.tls.certificate_file")
        try #require(
            succeeds(
                openssl,
                [
                    "x509", "-req", "-in", file("server.csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"),
                    "-CAcreateserial", "-days", "-1", "-extfile", file("names"), "-out", file("server.pem"),
                ]))
        server.kill()
        try server.start()
        try expect(options("ca"), toFailWith: "has expired")
        var plain = options("ca")
        plain.tls = nil
        let plainLine = try Line(plain)
        plainLine.turn(until: { !plainLine.events.isEmpty })
        guard case .connectFailed(.hungUp, _) = plainLine.events.first else {
            Issue.record("without TLS: expected a hang-up, got \(plainLine.events)")
            return
        }
        #expect(throws: BrokerError.self) {
            var missing = options("ca")
            missing.tls?.caFile = "/nonexistent/ca.pem"
            _ = try BrokerSession(options: missing)
        }
    }

    @Test("closes nothing and crashes nothing on a topic that no MQTT allows")
    func survivesBadTopics() throws {
        let server = try MosquittoServer()
        try server.start()
        let line = try Line(server)
        try line.connect()
        // A device that writes raw packets: CONNECT, then PUBLISH QoS 0 with a NUL or broken UTF-8 in its topic.
        for topic: [UInt8] in [[0x61, 0x00, 0x62], [0xFF, 0xFE, 0x62], [0xED, 0xA0, 0x80]] {
            let connect: [UInt8] = [0x10, 13, 0, 4, 0x4D, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 1, 0x7A]
            let publish: [UInt8] = [0x30, UInt8(2 + topic.count + 1), 0, UInt8(topic.count)] + topic + [0x21]
            try server.sendRaw(connect + publish)
        }
        try server.publish("a/b", "still here")
        #expect(line.receive(1) == ["a/b=still here"])
    }

    @Test("names the likely cause when another client takes its name")
    func reportsTakeover() throws {
        let server = try MosquittoServer()
        try server.start()
        let first = try Line(server)
        try first.connect()
        let second = try Line(server)
        try second.connect()
        first.turn(until: { !first.session.isConnected })
        let told = first.events.compactMap { if case .disconnected(let error) = $0 { "\(error)" } else { nil } }
        #expect(told.count == 1)
        #expect(told.first?.contains("second client named 'gateway'") == true, "\(told)")
    }

    @Test("sends an unconfirmed message of its own again after a reconnect")
    func resendsPublishes() throws {
        let server = try MosquittoServer(MosquittoServer.persistent)
        try server.start()
        let line = try Line(server)
        try line.connect()
        server.kill()
        // Not noticed yet: the message is queued for a connection that is dead.
        let token = try #require(line.session.publish(topic: "baotu/alert", payload: Array("{}".utf8)))
        line.turn(until: { !line.session.isConnected })
        try server.start()
        var confirmed: [MessageToken] = []
        line.turn(until: {
            confirmed += line.session.takeConfirmed()
            return !confirmed.isEmpty
        })
        #expect(confirmed == [token])
    }

    @Test("refuses options outside their range")
    func refusesOptions() {
        func refused(_ change: (inout BrokerOptions) -> Void) -> Bool {
            var options = BrokerOptions(host: "localhost", clientID: "x")
            change(&options)
            do {
                _ = try BrokerSession(options: options)
                return false
            } catch { return "\(error)".contains("expected") }
        }
        #expect(refused { $0.port = 70_000 })
        #expect(refused { $0.host = "" })
        #expect(refused { $0.clientID = "" })
        #expect(refused { $0.keepAlive = .seconds(4) })
        #expect(refused { $0.receiveMaximum = 0 })
        #expect(refused { $0.password = "without a name" })
        #expect(refused { $0.tls = .init(certificateFile: "/etc/hostname") })
        #expect(!refused { _ in })
    }
}

/// One session under test, turned step by step; every wait is a bounded number of turns.
final class Line {
    let session: BrokerSession
    var events: [BrokerEvent] = []
    var lastWasRetained = false
    var seenTopics: Set<String> = []
    /// What came while waiting for something else.
    private var inbox: [String] = []

    static func options(
        _ server: MosquittoServer, version: BrokerOptions.ProtocolVersion = .mqtt5, clientID: String = "gateway"
    ) -> BrokerOptions {
        var options = BrokerOptions(
            host: "127.0.0.1", port: server.port, clientID: clientID, subscriptions: ["#"])
        options.version = version
        return options
    }

    init(_ options: BrokerOptions) throws {
        session = try BrokerSession(
            options: options,
            reconnect: ReconnectSchedule(delayMin: .milliseconds(10), delayMax: .milliseconds(50)),
            random: { 0.5 })
    }

    convenience init(
        _ server: MosquittoServer, version: BrokerOptions.ProtocolVersion = .mqtt5, clientID: String = "gateway"
    ) throws {
        try self.init(Self.options(server, version: version, clientID: clientID))
    }

    /// Turns until connected and subscribed.
    func connect() throws {
        turn(until: { [self] in
            session.isConnected && events.contains { if case .subscribed = $0 { true } else { false } }
        })
        try #require(session.isConnected, "\(events)")
    }

    /// One `receive`, as `topic=payload`.
    func receiveOnce(messagesMax: Int = 1000, waiting: Duration = .milliseconds(20)) -> [String] {
        var batch = MessageBatch()
        session.receive(
            into: &batch, messagesMax: messagesMax, bytesMax: 1 << 20, linger: .milliseconds(1), waiting: waiting,
            now: { Timestamp(milliseconds: 1_772_705_640_000) })
        events += session.takeEvents()
        let entries = batch.entries
        if let last = entries.last { lastWasRetained = last.isRetained }
        return batch.withBytes { bytes in
            entries.map { entry in
                let topic = String(decoding: bytes[entry.topic], as: UTF8.self)
                seenTopics.insert(topic)
                return topic + "=" + String(decoding: bytes[entry.payload], as: UTF8.self)
            }
        }
    }

    /// Turns until `count` messages came, without acknowledging.
    func receive(_ count: Int, messagesMax: Int = 1000, turnsMax: Int = 500) -> [String] {
        var all = inbox
        inbox = []
        for _ in 0..<turnsMax where all.count < count { all += receiveOnce(messagesMax: messagesMax) }
        return all
    }

    /// Whether ten more turns bring nothing.
    func receiveNothing() -> Bool { inbox.isEmpty && (0..<10).allSatisfy { _ in receiveOnce().isEmpty } }

    func turn(until isDone: () -> Bool, turnsMax: Int = 500) {
        for _ in 0..<turnsMax where !isDone() { inbox += receiveOnce() }
        #expect(isDone(), "not within \(turnsMax) turns; \(events)")
    }

    func session(isPresent: Bool) -> Bool {
        events.contains { if case .connected(let session) = $0 { session.isPresent == isPresent } else { false } }
    }
}

extension MosquittoServer {
    /// Publishes through a client of its own, and returns when the broker has it all.
    func publish(_ topic: String, _ payload: String, count: Int = 1, qos: Int = 1, retain: Bool = false) throws {
        var options = BrokerOptions(host: "127.0.0.1", port: port, clientID: "device-\(UUID().uuidString)")
        options.sessionExpiry = .zero
        options.watchesDroppedMessages = false
        options.unconfirmedMax = 10_000
        let session = try BrokerSession(options: options)
        var batch = MessageBatch()
        var sent = 0
        var confirmed = 0
        for _ in 0..<2000 where confirmed < count {
            while sent < count, session.isConnected,
                session.publish(
                    topic: topic, payload: Array(payload.utf8), qos: qos == 0 ? .atMostOnce : .atLeastOnce,
                    retain: retain) != nil
            { sent += 1 }
            session.receive(
                into: &batch, messagesMax: 1, bytesMax: 1000, linger: .zero, waiting: .milliseconds(5),
                now: { Timestamp(milliseconds: 0) })
            confirmed += session.takeConfirmed().count
        }
        session.disconnect()
        guard confirmed == count else {
            throw Failure(description: "published \(confirmed) of \(count): \(session.takeEvents())")
        }
    }

    /// Sends bytes over a plain socket, and waits until the broker hangs up or a second has passed.
    func sendRaw(_ bytes: [UInt8]) throws {
        let socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0, send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Failure(description: "raw bytes not sent")
        }
        var answer = [UInt8](repeating: 0, count: 64)
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        for _ in 0..<10 {
            guard poll(&entry, 1, 100) >= 0 else { return }
            if entry.revents != 0, read(socket, &answer, answer.count) <= 0 { return }
        }
    }
}
