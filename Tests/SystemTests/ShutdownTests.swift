import Contract
import Foundation
import Store
import Testing
import TestSupport

@Suite("Stopping", .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct ShutdownTests {
    @Test("under load ends by itself, in order, and leaves nothing to replay")
    func drains() throws {
        let site = try Site()
        try site.configure()
        let daemon = try site.start()
        try site.waitUntilSubscribed()
        let load = try site.startLoad(rate: 1000)
        try site.waitUntilCommitted(3000)
        let start = ContinuousClock.now
        daemon.signal(SIGTERM)
        #expect(daemon.wait(seconds: 15) == 0, "\(site.log)")
        print("stopped under load within \(ContinuousClock.now - start)")
        #expect(site.lines(with: "stopped received=").count == 1)
        #expect(site.lines(with: " error ").isEmpty, "\(site.log)")
        // Everything is in the file itself, so that a copy of it is complete; the API's reader leaves the log's empty name.
        let wal = try? FileManager.default.attributesOfItem(atPath: site.store + "/core.db-wal")
        #expect(wal?[.size] as? Int ?? 0 == 0)
        let status = try site.archive().status()
        #expect(status.journalRows == 0)
        #expect(status.committed >= 3000)

        let again = try site.start()
        #expect(site.lines(with: "resumed").first?.contains("replayed_turns=0") == true, "\(site.log)")
        let acknowledged = try load.finish()
        try site.waitUntilCommitted(acknowledged.count * Audit.quantities.count)
        #expect(site.stop(again) == 0)
        try site.expectKept([(load, acknowledged)])
    }

    @Test("by SIGINT is the same")
    func interrupts() throws {
        let site = try Site()
        try site.configure()
        let daemon = try site.start()
        daemon.signal(SIGINT)
        #expect(daemon.wait(seconds: 15) == 0)
        #expect(site.lines(with: "stopped received=").count == 1)
    }

    @Test("a log that nobody reads any more ends nothing")
    func outlivesItsLog() throws {
        let site = try Site()
        try site.configure()
        // The reader takes one line and goes, as a journal that is restarted does.
        let daemon = try site.launch([
            "/bin/sh", "-c", #"mkfifo "$0.pipe"; head -n 1 "$0.pipe" >"$0.line" & exec "$@" >"$0.pipe" 2>&1"#,
            site.path("log"),
        ])
        try eventually("the daemon answers") { try site.ask(["status"]).code == 0 }
        try eventually("the reader has gone") {
            (try? String(contentsOfFile: site.path("log.line"), encoding: .utf8))?.contains("starting") == true
        }
        daemon.signal(SIGHUP)
        try site.publishVoltage(230, second: 0)
        try site.waitUntilCommitted(1)
        #expect(daemon.isRunning)
        #expect(site.stop(daemon) == 0)
    }
}

@Suite("Under systemd", .enabled(if: MosquittoServer.isExpected, "mosquitto is not installed"))
struct ServiceProtocolTests {
    @Test("tells when it is ready, alive, reloaded and stopping")
    func notifies() throws {
        let site = try Site()
        try site.configure()
        let socket = try NotifySocket(path: site.path("notify"))
        let daemon = try site.launch(environment: ["NOTIFY_SOCKET": socket.path, "WATCHDOG_USEC": "300000"])
        var told: [String] = []
        func listen(_ what: String, until isTold: ([String]) -> Bool) throws {
            try eventually(what) {
                while let message = socket.receive() { told.append(message) }
                return isTold(told)
            }
        }
        try listen("the first word") { !$0.isEmpty }
        try listen("READY=1") { $0.contains { $0.hasPrefix("READY=1\n") } }
        try listen("WATCHDOG=1 again and again") { $0.filter { $0 == "WATCHDOG=1" }.count >= 5 }
        let before = told.count
        daemon.signal(SIGHUP)
        try listen("READY=1 after a reload") { $0[before...].contains { $0.hasPrefix("READY=1\n") } }
        daemon.signal(SIGTERM)
        #expect(daemon.wait(seconds: 15) == 0)
        while let message = socket.receive() { told.append(message) }
        #expect(told.last == "STOPPING=1")
        #expect(told.filter { $0 == "STOPPING=1" }.count == 1)
        // Only a completed turn feeds the watchdog, and the first one tells that it is ready.
        #expect(told.prefix { !$0.hasPrefix("READY=1") }.allSatisfy { $0 == "WATCHDOG=1" })
    }

    @Test("feeds no watchdog that waits for another process")
    func leavesOtherWatchdog() throws {
        let site = try Site()
        try site.configure()
        let socket = try NotifySocket(path: site.path("notify"))
        let daemon = try site.start(
            environment: ["NOTIFY_SOCKET": socket.path, "WATCHDOG_USEC": "300000", "WATCHDOG_PID": "1"])
        try site.waitUntilSubscribed()
        #expect(site.stop(daemon) == 0)
        var told: [String] = []
        while let message = socket.receive() { told.append(message) }
        #expect(told == ["READY=1\nSTATUS=running", "STOPPING=1"])
    }

    /// The units with programs that are there: what is checked is what is written in them.
    @Test(
        "the unit is understood and keeps the daemon in bounds",
        .enabled(if: systemdAnalyze != nil || isBuildServer, "systemd-analyze is not installed"))
    func unit() throws {
        let program = try #require(Self.systemdAnalyze, "systemd-analyze is not installed")
        let site = try Site(isBrokerRunning: false)
        let text = try String(
            contentsOf: Programs.repository.appending(path: "systemd/baotud.service"), encoding: .utf8)
        #expect(text.contains("ExecStart=/usr/bin/baotud "))
        let unit = try site.write(
            text.replacing("/usr/bin/baotud", with: Programs.daemon)
                .replacing("/usr/bin/baotu ", with: Programs.operators + " "), to: "baotud.service")
        let verified = try site.run(program, ["verify", unit])
        #expect(verified.code == 0 && verified.errors.isEmpty, "\(verified)")
        let rated = try site.run(program, ["security", "--offline=true", "--threshold=14", unit])
        #expect(rated.code == 0, "\(rated)")
        #expect(rated.output.contains("Overall exposure level for baotud.service"))
        // The remaining tenths: the network (it speaks to a broker), sockets, files that the group reads, the machine's root,
        // setpriority, by which threads step back, and the machine's users, whose names stand beside their orders.
        try site.configure()
        let dropIn = try site.runDaemon(["--print-drop-in"])
        #expect(dropIn.code == 0 && dropIn.errors.isEmpty, "\(dropIn)")
        #expect(
            dropIn.output.contains("\nIPAddressDeny=any\n") && dropIn.output.contains("\nIPAddressAllow=127.0.0.1\n"))
        let fenced = try site.write(
            String(contentsOfFile: unit, encoding: .utf8) + "\n" + dropIn.output, to: "fenced.service")
        let verifiedFence = try site.run(program, ["verify", fenced])
        #expect(verifiedFence.code == 0 && verifiedFence.errors.isEmpty, "\(verifiedFence)")
        let ratedFence = try site.run(program, ["security", "--offline=true", "--threshold=12", fenced])
        #expect(ratedFence.code == 0, "\(ratedFence)")
    }

    @Test("a drop-in cannot be made of a name that nobody knows")
    func unknownAddress() throws {
        let site = try Site(isBrokerRunning: false)
        let file = try site.configure()
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try text.replacing("host: 127.0.0.1", with: "host: broker.invalid").write(
            toFile: file, atomically: true, encoding: .utf8)
        let dropIn = try site.runDaemon(["--print-drop-in"])
        #expect(dropIn.code == 1 && dropIn.output.isEmpty)
        #expect(dropIn.errors.contains("mqtt.host: 'broker.invalid'"), "\(dropIn.errors)")
    }

    static let isBuildServer = ProcessInfo.processInfo.environment["CI"] != nil
    static let systemdAnalyze = ["/usr/bin/systemd-analyze", "/bin/systemd-analyze"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }
}
