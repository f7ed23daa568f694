import Basics
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Notification

@Suite("A command")
struct CommandTests {
    private let folder = TemporaryDirectory()

    private func channel(
        _ script: String, arguments: [String] = [], limit: Duration = .seconds(20), grace: Duration = .milliseconds(200)
    ) -> CommandChannel {
        CommandChannel(
            name: "siren", program: "/bin/bash", arguments: ["-c", script, folder.path] + arguments, limit: limit,
            grace: grace)
    }

    private func run(_ channel: CommandChannel, _ told: AlertNotice = notice()) async -> Delivery {
        await Lane(channel).trial(told)
    }

    private func read(_ name: String) throws -> String {
        try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
    }

    private func isAlive(_ id: pid_t) -> Bool { kill(id, 0) == 0 }

    @Test("gets the notice on standard input, whatever it says", arguments: hostileNames)
    func input(name: String) async throws {
        let told = notice(name: name, sentence: "\(name) is out")
        #expect(await run(channel("cat >\"$0/in\""), told) == .delivered)
        #expect(try read("in") == told.json)
    }

    @Test("gets its arguments as they are, a bare environment, and nothing that the gateway has open")
    func surroundings() async throws {
        let secret = open("/etc/hostname", O_RDONLY)
        defer { close(secret) }
        let script = #"printf '%s|' "$@" >"$0/args"; env >"$0/env"; ls /proc/$BASHPID/fd >"$0/fds"; pwd >"$0/pwd""#
        #expect(await run(channel(script, arguments: ["a b", "$(touch x)", ""])) == .delivered)
        #expect(try read("args") == "a b|$(touch x)||")
        let names = try read("env").split(separator: "\n").map { String($0.prefix { $0 != "=" }) }
        #expect(Set(names).isSubset(of: ["PATH", "LANG", "PWD", "SHLVL", "_", "OLDPWD"]), "\(names)")
        // bash keeps a copy at 255 of what it reads, and has one of `fds` while it starts `ls`.
        let open = try read("fds").split(separator: "\n").compactMap { Int($0) }.filter { $0 < 10 || $0 == Int(secret) }
        #expect(Set(open).isSubset(of: [0, 1, 2, 3]), "\(open)")
        #expect(try read("pwd") == "/\n")
    }

    @Test("that fails says why with its last line")
    func fails() async {
        #expect(
            await run(channel("echo one >&2; printf 'two \\033[31m\\nno modem\\n\\n' >&2; exit 3"))
                == .failed(reason: "exit code 3: no modem"))
        #expect(await run(channel("exit 1")) == .failed(reason: "exit code 1"))
        #expect(await run(channel("kill -KILL $$")) == .failed(reason: "ended by signal 9"))
        #expect(await run(channel("exit 0")) == .delivered)
    }

    @Test("that is not there, or may not be run, is told as such")
    func missing() async throws {
        func reason(_ program: String) async -> String {
            guard
                case .failed(let reason) = await run(CommandChannel(name: "a", program: program, arguments: []))
            else { return "" }
            return reason
        }
        #expect(await reason("/nowhere/x") == "/nowhere/x cannot be started: No such file or directory")
        let plain = folder.path + "/plain"
        try "exit 0".write(toFile: plain, atomically: true, encoding: .utf8)
        #expect(chmod(plain, 0o600) == 0)
        #expect(await reason(plain) == "\(plain) cannot be started: Permission denied")
    }

    @Test("that writes megabytes and reads nothing is neither stopped nor kept")
    func megabytes() async {
        let script =
            "head -c 5000000 /dev/zero; head -c 5000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2; exit 1"
        #expect(await run(channel(script)) == .failed(reason: "exit code 1: end"))
        #expect(
            await run(channel("exec <&-; exit 0"), notice(sentence: String(repeating: "x", count: 1_000_000)))
                == .delivered)
    }

    @Test("that hangs is ended, and one that does not listen is killed with all that it has started")
    func hangs() async throws {
        let hanging = "echo $$ >\"$0/id\"; echo waiting >&2; while :; do sleep 0.05; done"
        #expect(
            await run(channel(hanging, limit: .milliseconds(500)))
                == .failed(reason: "not through within 500ms, and ended: waiting"))
        let first = try #require(pid_t(try read("id").filter { !$0.isNewline }))
        #expect(!isAlive(first))
        let stubborn =
            "trap '' TERM; (trap '' TERM; echo $BASHPID >\"$0/child\"; while :; do sleep 0.05; done) & " + hanging
        guard case .failed = await run(channel(stubborn, limit: .milliseconds(500))) else {
            Issue.record("it was taken for delivered")
            return
        }
        for name in ["id", "child"] {
            let id = try #require(pid_t(try read(name).filter { !$0.isNewline }))
            // A child of a child is taken by the machine's first process, when that has time.
            try await waitUntil("\(name) has ended") { !isAlive(id) || Self.isZombie(id) }
        }
    }

    private static func isZombie(_ id: pid_t) -> Bool {
        (try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8))?.contains(") Z ") ?? true
    }

    @Test("runs once at one time, in the order of the notices")
    func order() async throws {
        let script =
            "mkdir \"$0/lock\" || exit 1; sed 's/.*\"id\":\\([0-9]*\\).*/\\1/' >>\"$0/ids\"; echo >>\"$0/ids\"; rmdir \"$0/lock\""
        let lane = Lane(channel(script))
        lane.take((1...8).map { Lane.Parcel(id: $0, attempts: 0, notice: notice($0)) })
        var reports: [Lane.Report] = []
        try await waitUntil("all are told") {
            reports += lane.takeReports()
            return reports.count == 8
        }
        #expect(reports.allSatisfy { $0.delivery == .delivered }, "\(reports.map(\.delivery))")
        #expect(try read("ids").split(separator: "\n").compactMap { Int($0) } == Array(1...8))
    }

    @Test("is killed when the gateway ends, and is not started any more")
    func closed() async throws {
        let channel = channel("echo $$ >\"$0/id\"; while :; do sleep 0.05; done")
        async let delivery = run(channel)
        try await waitUntil("it runs") { (try? read("id").hasSuffix("\n")) == true }
        await channel.close()
        #expect(await delivery == .failed(reason: "ended by signal 9"))
        #expect(await run(channel) == .failed(reason: "the gateway is stopping"))
    }
}
