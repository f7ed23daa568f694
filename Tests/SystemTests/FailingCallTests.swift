import Contract
import Foundation
import Store
import Testing
import TestSupport

/// strace(1), where it can be had.
private enum Tracing {
    static let program = "/usr/bin/strace"

    /// Not where a container forbids one process to trace another.
    static let isPossible: Bool = {
        guard FileManager.default.isExecutableFile(atPath: program) else { return false }
        let trial = Process()
        trial.executableURL = URL(filePath: program)
        trial.arguments = ["-D", "-o", "/dev/null", "-e", "trace=getpid", "/bin/true"]
        trial.standardError = FileHandle.nullDevice
        guard (try? trial.run()) != nil else { return false }
        trial.waitUntilExit()
        return trial.terminationStatus == 0
    }()
}

/// What was acknowledged is found again, whichever calls to the kernel fail: of the disk, of memory, of descriptors.
///
/// strace(1) makes the calls fail, in a gateway as it is. BAOTU_KILLS sets how many rounds, BAOTU_SEED begins the
/// random choices.
@Suite(
    "A gateway whose calls fail", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["BAOTU_KILLS"] != nil, "it is part of make torture"),
    .enabled(if: MosquittoServer.isExpected && Tracing.isPossible, "mosquitto or strace cannot be had here"))
struct FailingCallTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seed = environment["BAOTU_SEED"].flatMap { UInt64($0) } ?? 1
    private static let rounds = environment["BAOTU_KILLS"].flatMap { Int($0) } ?? kinds.count

    /// A call with how it fails, and how many of its kind the gateway makes before the first that does.
    private struct Kind {
        var call: String
        var error: String
        var before: ClosedRange<Int>
    }

    private static let kinds = [
        Kind(call: "fdatasync", error: "EIO", before: 5...60),
        Kind(call: "pwrite64", error: "EIO", before: 20...400),
        Kind(call: "pwrite64", error: "ENOSPC", before: 20...400),
        Kind(call: "pread64", error: "EIO", before: 3...40),
        Kind(call: "ftruncate", error: "EIO", before: 1...2),
        Kind(call: "openat", error: "EMFILE", before: 30...200),
        // Where there is no memory the process ends, as by a kill.
        Kind(call: "mmap", error: "ENOMEM", before: 20...90),
    ]

    @Test("keeps each acknowledged reading, once and exact")
    func losesNothing() throws {
        var random = SeededGenerator(seed: Self.seed)
        let site = try Site(shippedBroker: ())
        site.storeSettings = "journal_bytes: 1048576, seal_every: 60s"
        site.turn = "messages_max: 20"
        try site.configure()
        var daemon = try site.start()
        try site.waitUntilSubscribed()
        let load = try site.startLoad(rate: 300, readingsPerMessage: 10)
        var ended = 0
        var failed: [String: Int] = [:]
        for round in 0..<Self.rounds {
            let kind = Self.kinds[round % Self.kinds.count]
            daemon.end(with: SIGKILL)
            let first = Int.random(in: kind.before, using: &random)
            // One, or one in some from then on.
            let times = Bool.random(using: &random) ? "\(first)" : "\(first)+\(Int.random(in: 1...20, using: &random))"
            let fault = "inject=\(kind.call):error=\(kind.error):when=\(times)"
            let trace = site.path("calls-\(round)")
            daemon = try site.launch([
                Tracing.program, "-D", "-f", "--seccomp-bpf", "-o", trace, "-e", "trace=\(kind.call)", "-e",
                fault,
            ])
            // It may end by itself, and is looked at no longer then.
            for _ in 0..<150 where daemon.isRunning { usleep(20_000) }
            if !daemon.isRunning { ended += 1 }
            daemon.end(with: SIGKILL)
            let said = site.log.suffix(2000)
            let calls = (try? String(contentsOfFile: trace, encoding: .utf8)) ?? ""
            failed[kind.call, default: 0] += calls.split(separator: "\n").count { $0.contains("(INJECTED)") }
            do { daemon = try site.start() } catch {
                let files = (try? FileManager.default.contentsOfDirectory(atPath: site.store)) ?? []
                Issue.record("round \(round), seed \(Self.seed), \(fault); \(files.sorted()); before: \(said)")
                throw error
            }
            #expect(daemon.isRunning, "seed \(Self.seed), \(fault): \(site.log.suffix(2000))")
        }
        let acknowledged = try load.finish()
        try site.waitUntilReady(daemon)
        #expect(throws: Never.self) { try site.waitUntilCommitted(acknowledged.count * Audit.quantities.count) }
        #expect(site.stop(daemon) == 0, "seed \(Self.seed): \(site.log.suffix(2000))")
        try site.expectKept([(load, acknowledged)], "seed \(Self.seed)")
        #expect(try StoreCheck.run(folder: site.store).isGood)
        // On a slow machine one of them may come too late.
        if Self.rounds >= Self.kinds.count { #expect(failed.values.count { $0 > 0 } >= 4, "\(failed)") }
        print(
            "\(Self.rounds) rounds of failing calls, seed \(Self.seed): \(acknowledged.count) readings, \(ended) ended; failed: \(failed)"
        )
    }
}
