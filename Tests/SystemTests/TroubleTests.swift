import Basics
import Broker
import Contract
import Foundation
@testable import Store
import Telemetry
import Testing
import TestSupport

/// A start that cannot succeed says so in one sentence, with the right exit code, and touches nothing.
@Suite("A start that cannot succeed", .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct RefusedStartTests {
    @Test("names every mistake of every file, the same with --check and without")
    func mistakes() throws {
        let site = try Site(isBrokerRunning: false)
        site.mqtt = "keep_alive: 1s, prot: 1883, username: gateway, password_file: nowhere"
        site.storeSettings = "journal_bytes: 5"
        site.rules = "rules:\n- rule: high\n  threshold: {quantity: voltige, above: 230}\n"
        site.roster = "device,cadence\nlamp-0001,often\n"
        try site.configure()
        let checked = try site.runDaemon(["--check"])
        let started = try site.runDaemon()
        #expect(checked.code == 78)
        #expect(started.code == 78)
        #expect(checked.errors == started.errors)
        let folder = site.folder.path
        for start in [
            "baotud: \(folder)/baotu.yaml:1: mqtt.keep_alive: '1s': ", "baotud: \(folder)/baotu.yaml:1: mqtt.prot: ",
            "baotud: \(folder)/baotu.yaml:1: mqtt.password_file: 'nowhere': ",
            "baotud: \(folder)/baotu.yaml:2: store.journal_bytes: '5': ",
            "baotud: \(folder)/alerts.yaml:3: rules[0].threshold.quantity: 'voltige': ",
            "baotud: \(folder)/roster.csv:2: cadence: 'often': ",
        ] {
            #expect(checked.errorLines.contains { $0.hasPrefix(start) }, "\(start) among \(checked.errors)")
        }
        #expect(checked.errorLines.last == "baotud: 6 mistakes; nothing was started")
        #expect(checked.errorLines.count == 7)
        #expect(!FileManager.default.fileExists(atPath: site.store))
    }

    /// What only the broker's library or the broker itself would refuse is a mistake in the file all the same.
    @Test(
        "finds mistakes of the broker's section before it connects",
        arguments: [
            ("client_id: \"\"", "mqtt.client_id"), ("host: \"\"", "mqtt.host"),
            ("password_file: secret", "mqtt.password_file"), ("subscriptions: [\"a/#/b\"]", "mqtt.subscriptions"),
            ("subscriptions: [\"\"]", "mqtt.subscriptions"), ("subscriptions: [\"a+/b\"]", "mqtt.subscriptions"),
            ("own_prefix: \"a/#\"", "mqtt.own_prefix"), ("own_prefix: \"\"", "mqtt.own_prefix"),
        ])
    func brokerSection(line: String, key: String) throws {
        let site = try Site(isBrokerRunning: false)
        try site.configure()
        try site.write("secret\n", to: "secret")
        let text = """
            mqtt: {\(line)}
            store: {folder: store}
            devices: {folder: \(site.devicesFolder)}
            api: {socket: baotu.sock}

            """
        try site.write(text, to: "baotu.yaml")
        let outcome = try site.runDaemon(["--check"])
        #expect(outcome.code == 78, "\(outcome)")
        #expect(outcome.errors.contains("baotu.yaml:1: \(key)"), "\(outcome.errors)")
    }

    @Test("says that the configuration file is not there")
    func noFile() throws {
        let site = try Site(isBrokerRunning: false)
        let outcome = try site.runDaemon()
        #expect(outcome.code == 78)
        #expect(outcome.errors.contains("\(site.folder.path)/baotu.yaml: there is no such file"))
    }

    @Test("--check says what it found good")
    func good() throws {
        let site = try Site(isBrokerRunning: false)
        site.roster = "device,cadence\nlamp-0001,10s\n"
        try site.configure()
        let outcome = try site.runDaemon(["--check"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("0 rules, 1 device on the roster, store in \(site.store)"))
        #expect(!FileManager.default.fileExists(atPath: site.store))
    }

    @Test("a file stands where the store should be")
    func storeIsFile() throws {
        let site = try Site(isBrokerRunning: false)
        try site.write("precious", to: "store")
        try site.configure()
        let outcome = try site.runDaemon()
        #expect(outcome.code == 78)
        #expect(
            outcome.errors.contains("store.folder: '\(site.store)': expected a folder; this is a file"),
            "\(outcome.errors)")
        #expect(try String(contentsOfFile: site.store, encoding: .utf8) == "precious")
    }

    @Test("the folder above the store is missing")
    func parentMissing() throws {
        let site = try Site(isBrokerRunning: false)
        site.store = site.path("nowhere/store")
        try site.configure()
        let outcome = try site.runDaemon()
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("\(site.store): the folder above it does not exist"))
    }

    @Test("the store is not ours to write")
    func readOnly() throws {
        let site = try Site(isBrokerRunning: false)
        try site.configure()
        #expect(mkdir(site.store, 0o555) == 0)
        // The rights of files mean nothing to root unless it lays down that power.
        let launcher =
            getuid() == 0
            ? ["/usr/bin/setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"] : []
        let outcome = try site.runDaemon(launcher: launcher)
        #expect(outcome.code == 1, "\(outcome)")
        #expect(outcome.errors.contains("baotud: store: cannot write \(site.store)/"), "\(outcome.errors)")
        #expect(outcome.errors.contains("Permission denied"))
        chmod(site.store, 0o755)
    }

    @Test("another daemon has the store")
    func locked() throws {
        let site = try Site()
        try site.configure()
        let daemon = try site.start()
        let outcome = try site.runDaemon()
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("store: \(site.store) is in use by process \(daemon.id)"), "\(outcome.errors)")
        try site.publishVoltage(230, second: 0)
        try site.waitUntilCommitted(1)
        #expect(try site.ask(["status"]).code == 0)
    }

    @Test("a newer build wrote the store")
    func newerSchema() throws {
        let site = try Site()
        try site.configure()
        #expect(site.stop(try site.start()) == 0)
        let core = try Connection(site.store + "/core.db", .writer(pageBytes: 4096), effects: nil)
        try core.run("PRAGMA user_version = 99")
        core.close()
        let before = try Data(contentsOf: URL(filePath: site.store + "/core.db"))
        let outcome = try site.runDaemon()
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("store: schema version 99 is newer than"), "\(outcome.errors)")
        #expect(try Data(contentsOf: URL(filePath: site.store + "/core.db")) == before)
        let asked = try site.ask(["status"], ofFiles: true)
        #expect(asked.code == 1)
        #expect(asked.errors.contains("schema version 99"))
    }

    @Test("another daemon answers on the API's socket")
    func socketTaken() throws {
        let site = try Site()
        try site.configure()
        let daemon = try site.start()
        site.store = site.path("other")
        try site.configure()
        let outcome = try site.runDaemon()
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("api: another gateway answers on \(site.socket)"), "\(outcome.errors)")
        #expect(try site.ask(["status"]).code == 0)
        #expect(daemon.isRunning)
    }

    @Test("something that is not a socket stands in the API's place")
    func socketIsFile() throws {
        let site = try Site(isBrokerRunning: false)
        try site.configure()
        try site.write("precious", to: "baotu.sock")
        let outcome = try site.runDaemon()
        #expect(outcome.code == 78)
        #expect(
            outcome.errors.contains("api.socket: '\(site.socket)': expected the path of a socket; a file stands there"),
            "\(outcome.errors)")
        #expect(try String(contentsOfFile: site.socket, encoding: .utf8) == "precious")
    }

    @Test("the folder of the API's socket is missing")
    func socketFolderMissing() throws {
        let site = try Site(isBrokerRunning: false)
        site.socket = site.path("nowhere/baotu.sock")
        try site.configure()
        let outcome = try site.runDaemon()
        #expect(outcome.code == 1, "\(outcome)")
        #expect(outcome.errors.contains("baotud: api: cannot listen on \(site.socket)"), "\(outcome.errors)")
    }
}

@Suite("Trouble", .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct TroubleTests {
    @Test("a socket file that a killed daemon left is taken over")
    func staleSocket() throws {
        let site = try Site()
        try site.configure()
        try site.start().end(with: SIGKILL)
        #expect(FileManager.default.fileExists(atPath: site.socket))
        #expect(try site.ask(["status"]).code == 69)
        let daemon = try site.start()
        try eventually("the new daemon answers") { try site.ask(["status"]).code == 0 }
        #expect(site.stop(daemon) == 0)
    }

    @Test("a broker that is not there is waited for, and each try says so once")
    func brokerAway() throws {
        let site = try Site(isBrokerRunning: false)
        try site.configure()
        let daemon = try site.start()
        try site.waitForLog("the broker cannot be reached", times: 3)
        #expect(
            site.lines(with: "the broker cannot be reached").allSatisfy {
                $0.contains("no connection to 127.0.0.1:\(site.broker.port): Connection refused")
                    && $0.contains("retry_in_ms=")
            })
        #expect(try site.ask(["status"]).output.contains("NOT connected to 127.0.0.1:\(site.broker.port)"))
        let doctor = try site.ask(["doctor"])
        #expect(doctor.code == 2)
        #expect(doctor.output.contains("the gateway is not connected"))
        try site.broker.start()
        try site.waitUntilSubscribed()
        #expect(site.lines(with: "connected to the broker").count == 1)
        try site.publishVoltage(230, second: 0)
        try site.waitUntilCommitted(1)
        #expect(site.stop(daemon) == 0)
    }

    @Test("a wrong password is named, and mended by writing the right one into its file")
    func wrongPassword() throws {
        let site = try Site(isBrokerRunning: false)
        let broker = try MosquittoServer(
            ["password_file DIRECTORY/passwords"], listener: ["listener PORT 127.0.0.1", "allow_anonymous false"])
        try broker.write("", to: "passwords")
        let program = try #require(
            ["/usr/bin/mosquitto_passwd", "/usr/local/bin/mosquitto_passwd"]
                .first { FileManager.default.isExecutableFile(atPath: $0) })
        #expect(succeeds(program, ["-b", broker.directory.appending(path: "passwords").path, "baotu", "right"]))
        try broker.start()
        try site.write("wrong\n", to: "secret")
        site.mqtt = "username: baotu, password_file: secret"
        let text = try String(contentsOfFile: try site.configure(), encoding: .utf8)
        try site.write(text.replacing("port: \(site.broker.port)", with: "port: \(broker.port)"), to: "baotu.yaml")
        let daemon = try site.start()
        try site.waitForLog("the broker cannot be reached")
        let line = try #require(site.lines(with: "the broker cannot be reached").first)
        #expect(line.contains("refuses user 'baotu'") && line.contains("password"), "\(line)")
        #expect(!site.log.contains("wrong"), "a password stands in the log")
        // It counts from the next try on.
        try site.write("right\n", to: "secret")
        try site.waitUntilSubscribed()
        #expect(site.stop(daemon) == 0)
        broker.kill()
    }

    @Test("an alert outlives a kill: still firing, still taken on, and nobody is told twice")
    func alertOutlivesKill() throws {
        let site = try Site()
        site.rules =
            "rules:\n- rule: high\n  severity: critical\n"
            + "  threshold: {quantity: voltage, above: 250, clear: 240, stale: 6h}\n"
        try site.configure()
        var daemon = try site.start()
        try site.publishVoltage(255, second: 0)
        try eventually("it fires and is told") {
            let status = try site.archive().status()
            return status.alertsFiring == 1 && status.outboxPending == 0
        }
        #expect(site.lines(with: "alert firing").count == 1)
        let taken = try site.ask(["alerts", "ack", "1", "--by", "crew 7", "--note", "on the way"])
        #expect(taken.code == 0, "\(taken.errors)")
        let before = try site.archive().alert(1)
        let login = String(cString: try #require(getpwuid(geteuid())).pointee.pw_name)
        #expect(before.alert.acknowledgedBy == "crew 7 (\(login))")

        for second in 1...3 {
            daemon.end(with: SIGKILL)
            daemon = try site.start()
            try site.publishVoltage(Double(255 + second), second: second)
            try site.waitUntilCommitted(1 + second)
            // The next second's scan and look into the outbox have passed when this one's letter is answered.
            try eventually("turns go on") {
                (try site.json(["status"]) as? [String: Any]).map {
                    ($0["live"] as? [String: Any])?["turns"] as? Int ?? 0
                }! > 3
            }
            let after = try site.archive().alert(1)
            #expect(after.alert.phase == .firing)
            #expect(after.alert.acknowledgedBy == "crew 7 (\(login))")
            #expect(after.alert.note == "on the way")
            #expect(after.transitions == before.transitions)
            #expect(site.lines(with: "alert firing").isEmpty)
        }

        let notices = try Subscriber(site.broker, "baotu/alerts/#")
        #expect(try notices.next().contains(#""id":1,"rule":"high","device":"lamp-0001","phase":"firing""#))
        try site.publishVoltage(230, second: 10)
        #expect(try notices.next().contains(#""phase":"resolved""#))
        #expect(try site.archive().alert(1).transitions.map(\.to) == [.firing, .resolved])
        // A new incident begins without what was said about the last one.
        try site.publishVoltage(260, second: 20)
        #expect(try notices.next().contains(#""phase":"firing""#))
        #expect(try site.archive().alert(1).alert.acknowledgedBy == nil)
        // The broker hands a notice on before it answers for it.
        try eventually("all is told") { try site.archive().status().outboxPending == 0 }
        #expect(site.stop(daemon) == 0)
        #expect(try site.archive().alert(1).transitions.flatMap(\.notifications).allSatisfy { $0.deliveredAt != nil })
    }

    // MARK: No room

    @Test(
        "a disk that takes no more stops the acknowledgements, and the work goes on when it does",
        .enabled(if: SmallDisk.isAllowed, "only root may mount a small disk; the next test is the same with a limit"))
    func fullDisk() throws {
        let site = try Site()
        let disk = try SmallDisk(at: site.path("disk"), megabytes: 24)
        defer { withExtendedLifetime(disk) {} }
        site.store = site.path("disk/store")
        site.storeSettings = "journal_bytes: 1048576"
        try site.configure()
        let daemon = try site.start()
        try site.waitUntilSubscribed()
        try resumes(
            site, daemon, root: "the disk of \(site.store) is full", fill: { try disk.fill() },
            makeRoom: { try disk.makeRoom() })
    }

    @Test("a limit on the size of files does the same")
    func limitedFiles() throws {
        let site = try Site()
        try site.configure()
        // A process that ignores SIGXFSZ gets EFBIG instead (setrlimit(2)); a shell hands that on.
        let daemon = try site.start(["/bin/sh", "-c", #"trap "" XFSZ; exec "$@""#, "sh"])
        try site.waitUntilSubscribed()
        let prlimit = "/usr/bin/prlimit"
        try resumes(
            site, daemon, root: "pipeline",
            fill: { #expect(succeeds(prlimit, ["--pid", "\(daemon.id)", "--fsize=400000:"])) },
            makeRoom: { #expect(succeeds(prlimit, ["--pid", "\(daemon.id)", "--fsize=unlimited:"])) })
    }

    @Test(
        "a stop and a start on a full disk lose nothing, and say what they want",
        .enabled(if: SmallDisk.isAllowed, "only root may mount a small disk"))
    func fullDiskRestart() throws {
        let site = try Site()
        let disk = try SmallDisk(at: site.path("disk"), megabytes: 24)
        defer { withExtendedLifetime(disk) {} }
        site.store = site.path("disk/store")
        // With ballast the last seal would find room.
        site.storeSettings = "ballast_bytes: 0"
        try site.configure()
        let daemon = try site.start()
        try site.waitUntilSubscribed()
        let first = try site.startLoad(rate: 2000, readingsPerMessage: 5, count: 400)
        let before = try first.acknowledged()
        try site.waitUntilCommitted(before.count * Audit.quantities.count)
        try disk.fill()
        let second = try site.startLoad(rate: 2000, readingsPerMessage: 20, count: 1000)
        let during = try second.acknowledged()
        try site.waitForLog("the store refuses readings; nothing is acknowledged until it takes them")
        #expect(site.stop(daemon) == 0, "\(site.log)")
        #expect(site.lines(with: "the last seal failed").first?.contains("no room") == true, "\(site.log)")
        let refused = try site.runDaemon()
        #expect(refused.code == 1, "\(refused)")
        #expect(refused.errors.contains("baotud: store: no room for \(site.store)/"), "\(refused.errors)")
        try disk.makeRoom()
        let again = try site.start()
        try site.waitUntilCommitted((before.count + during.count) * Audit.quantities.count)
        #expect(site.stop(again) == 0)
        try site.expectKept([(first, before), (second, during)])
    }

    private func resumes(
        _ site: Site, _ daemon: ChildProcess, root: String, fill: () throws -> Void, makeRoom: () throws -> Void
    ) throws {
        let first = try site.startLoad(rate: 2000, readingsPerMessage: 5, count: 400)
        let before = try first.acknowledged()
        try site.waitUntilCommitted(before.count * Audit.quantities.count)
        try fill()
        let second = try site.startLoad(rate: 2000, readingsPerMessage: 20, count: 3000)
        let during = try second.acknowledged()
        try site.waitForLog("the store refuses readings; nothing is acknowledged until it takes them")
        try eventually("the doctor says it, and goes on saying it") {
            try (0..<3).allSatisfy { _ in
                let doctor = try site.ask(["doctor"])
                return doctor.code == 2 && doctor.output.contains(root) && doctor.output.contains("the store refuses: ")
                    && !doctor.output.contains("password") && !doctor.output.contains("not connected")
                    && !doctor.output.contains("restart")
            }
        }
        #expect(daemon.isRunning, "\(site.log)")
        #expect(try site.archive().status().committed < (before.count + during.count) * Audit.quantities.count)
        try makeRoom()
        try site.waitUntilCommitted((before.count + during.count) * Audit.quantities.count)
        try site.waitForLog("the store takes readings again")
        try eventually("the doctor has nothing to say of the store") {
            try !site.ask(["doctor"]).output.contains("the store refuses")
        }
        #expect(site.stop(daemon) == 0, "\(site.log)")
        #expect(site.lines(with: "the last seal failed").isEmpty)
        try site.expectKept([(first, before), (second, during)])
    }
}

/// A disk of a few megabytes, unmounted at its end.
final class SmallDisk {
    private let path: String
    private var filler: String { path + "/filler" }

    /// Tried once: root of a container may not be allowed to mount either.
    static let isAllowed: Bool = {
        guard getuid() == 0 else { return false }
        let path = "/tmp/baotu-disk-\(UUID().uuidString.prefix(8))"
        guard let disk = try? SmallDisk(at: path, megabytes: 1) else { return false }
        return withExtendedLifetime(disk) { true }
    }()

    init(at path: String, megabytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        guard succeeds("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path]) else {
            rmdir(path)
            throw Failure(description: "no small disk at \(path)")
        }
    }

    deinit {
        // Detached even while a daemon still holds it open.
        _ = succeeds("/usr/bin/umount", ["--lazy", path])
        rmdir(path)
    }

    func fill() throws {
        let file = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(file) }
        let block = [UInt8](repeating: 0, count: 4096)
        while write(file, block, block.count) > 0 {}
        guard errno == ENOSPC else {
            throw Failure(description: "the disk is not full: \(String(cString: strerror(errno)))")
        }
    }

    func makeRoom() throws { try FileManager.default.removeItem(atPath: filler) }
}

/// Hears what is published under a topic, the retained messages first.
final class Subscriber {
    private let session: BrokerSession
    private var waiting: [String] = []

    init(_ broker: MosquittoServer, _ topic: String) throws {
        var options = BrokerOptions(
            host: "127.0.0.1", port: broker.port, clientID: "subscriber-\(UUID().uuidString)", subscriptions: [topic])
        options.sessionExpiry = .zero
        session = try BrokerSession(options: options)
    }

    /// The payload of the next message, within half a minute.
    func next() throws -> String {
        try eventually("a message") {
            guard waiting.isEmpty else { return true }
            var batch = MessageBatch()
            session.receive(
                into: &batch, messagesMax: 100, bytesMax: 1 << 20, linger: .zero, waiting: .milliseconds(20),
                now: { Timestamp(milliseconds: 0) })
            session.acknowledge()
            batch.withBytes { bytes in
                for entry in batch.entries { waiting.append(String(decoding: bytes[entry.payload], as: UTF8.self)) }
            }
            return !waiting.isEmpty
        }
        return waiting.removeFirst()
    }
}
