import Basics
import Contract
import Dispatch
import Foundation
import Store
import Synchronization
import Testing
import TestSupport

@testable import API

@Suite("Questions beside each other")
struct ArchivePoolTests {
    /// Questions that are held until the test opens it.
    final class Gate: Sendable {
        private let gate = DispatchSemaphore(value: 0)
        private let arrivals = AsyncStream.makeStream(of: Void.self)

        /// What a question calls; it blocks its thread, as a disk does.
        func hold() {
            arrivals.continuation.yield()
            gate.wait()
        }

        func arrived(_ count: Int) async {
            var arrivals = arrivals.stream.makeAsyncIterator()
            for _ in 0..<count { await arrivals.next() }
        }

        func open(_ count: Int) { for _ in 0..<count { gate.signal() } }
    }

    @Test("while long questions hold all that they may have, short ones are answered, over the socket too")
    func shortBesideLong() async throws {
        try await Server.run { server in
            let (gate, pool) = (Gate(), server.archives)
            let width = pool.width(of: .long)
            // More than run at a time: the others wait in their lane.
            let held = (0..<width + 3).map { _ in
                Task {
                    try await pool.ask(.long) { archive in
                        gate.hold()
                        return try archive.status().committed
                    }
                }
            }
            await gate.arrived(width)
            let status = try await server.get("status").json(StatusAnswer.self)
            #expect(status.committed == 31)
            let alerts = try await server.get("alerts")
            #expect(alerts.status == 200)
            gate.open(width + 3)
            for task in held {
                let committed = try await task.value
                #expect(committed == 31)
            }
        }
    }

    @Test("two long questions run at the same time: each waits for the other to have begun")
    func longBesideLong() async throws {
        try await Server.run { server in
            let (first, second) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            async let one = server.archives.ask(.long) { archive in
                first.signal()
                second.wait()
                return try archive.status().series
            }
            async let other = server.archives.ask(.long) { archive in
                second.signal()
                first.wait()
                return try archive.status().series
            }
            let series = try await [one, other]
            #expect(series == [2, 2])
        }
    }

    @Test("there are lanes on any machine, and hardly more archives than cores", arguments: [1, 2, 3, 4, 8, 64])
    func widths(cores: Int) {
        let pool = ArchivePool(folder: "/nowhere", threads: 1, cores: cores)
        #expect(pool.width(of: .short) >= 1)
        #expect(pool.width(of: .long) >= 1)
        #expect(pool.width(of: .listing) == pool.width(of: .short) - 1 && pool.width(of: .listing) >= 1)
        #expect(pool.width(of: .long) >= 2 && pool.width(of: .desk) == 1)
        // More on small machines, so that listings leave one free, and a long question another.
        let count = min(max(2, cores), ArchivePool.archivesMax)
        let more = count < 3 ? 2 : count < 8 ? 1 : 0
        #expect(pool.width(of: .short) + pool.width(of: .long) == count + more)
    }

    // MARK: Threads

    /// A worker of the task pool, and of libdispatch: they have one a core, and a busy one is not replaced.
    private func spin(until isOver: borrowing Atomic<Bool>) { while !isOver.load(ordering: .relaxed) {} }

    private final class Flag: Sendable {
        let value = Atomic(false)
    }

    @Test(
        "while every worker of the task pool and of libdispatch is busy, and long questions too, a short one is answered"
    )
    func ownThreads() {
        let folder = TemporaryDirectory()
        func lane(_ name: String, _ count: Int) -> ArchiveLane {
            ArchiveLane(name: name, count: count, listings: 0) { () throws(StoreError) in
                try Archive(folder: folder.path)
            }
        }
        let (short, long, isOver) = (lane("baotu.short", 1), lane("baotu.long", 1), Flag())
        for _ in 0..<2 * ProcessInfo.processInfo.activeProcessorCount {
            DispatchQueue.global().async { spin(until: isOver.value) }
            Task.detached { spin(until: isOver.value) }
        }
        let (ended, answered) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        func job(_ body: @escaping @Sendable () -> Void) -> ArchiveLane.Job {
            ArchiveLane.Job(abandonment: StopRequest(), isListing: false, run: { _ in body() }, drop: {})
        }
        long.run(
            job {
                spin(until: isOver.value)
                ended.signal()
            })
        short.run(job { answered.signal() })
        // For ever, where the short one needs one of those workers.
        answered.wait()
        isOver.value.store(true, ordering: .relaxed)
        ended.wait()
        short.close()
        long.close()
    }

    @Test("listings leave one thread to short questions")
    func listings() async throws {
        try await Server.run { server in
            let (gate, pool) = (Gate(), server.archives)
            let width = pool.width(of: .listing)
            let held = (0..<width + 2).map { _ in Task { try await pool.ask(.listing) { _ in gate.hold() } } }
            await gate.arrived(width)
            #expect(try await server.get("status").status == 200)
            gate.open(width + 2)
            for task in held { try await task.value }
        }
    }

    @Test("whoever is on duty waits for no other question, whatever all of them ask")
    func desk() async throws {
        try await Server.run { server in
            let (gate, pool) = (Gate(), server.archives)
            let widths = pool.width(of: .short) + pool.width(of: .long)
            let held = (0..<widths + 6).map { number in
                Task { try await pool.ask(number % 2 == 0 ? .short : .long) { _ in gate.hold() } }
            }
            await gate.arrived(widths)
            for target in ["live", "status", "alerts", "alerts/1", "incidents/1"] {
                #expect(try await server.get(target).status == 200, "\(target)")
            }
            gate.open(widths + 6)
            for task in held { try await task.value }
        }
    }

    @Test("a question that took its time is told so, at work or in its lane, and the next is answered")
    func deadline() async throws {
        let limits = ArchivePool.Limits(short: .seconds(600), long: .milliseconds(100))
        try await Server.run(limits: limits) { server in
            let pool = server.archives
            let gate = Gate()
            let held = (0..<pool.width(of: .long)).map { _ in
                Task {
                    try await pool.ask(.long) { archive in
                        while true {
                            do { try archive.abandonment?.check(.abandoned) } catch {
                                gate.hold()
                                throw error
                            }
                        }
                    }
                }
            }
            await gate.arrived(held.count)
            // No thread is free before the gate opens.
            let refused = try await server.get("query?since=2026-03-01T00:00:00Z&until=2026-03-20T00:00:00Z")
            #expect(refused.status == 503 && refused.headers.contains("retry-after: 1"))
            #expect(refused.error?.contains("had so many questions that this one waited") == true)
            gate.open(held.count)
            for task in held {
                let refusal = await #expect(throws: Refusal.self) { try await task.value }
                #expect(refusal?.description.contains("ask for a shorter span, a longer step or fewer devices") == true)
            }
            let series = try await pool.ask(.short) { try $0.status().series }
            #expect(series == 2)
        }
    }

    @Test("threads of long questions give way to others")
    func niceness() async throws {
        try await Server.run { server in
            let nice: @Sendable () -> Int32 = { getpriority(Int32(PRIO_PROCESS.rawValue), 0) }
            let own = try await [
                server.archives.ask(.desk) { _ in nice() }, server.archives.ask(.short) { _ in nice() },
            ]
            let long = try await server.archives.ask(.long) { _ in nice() }
            #expect(own[0] == own[1] && long >= 10 && long > own[0] || own[0] >= 10)
        }
    }

    // MARK: Askers who go

    @Test("a question that waits is dropped when its task is cancelled, though the lane is held")
    func dropsWaiting() async throws {
        try await Server.run { server in
            let (gate, pool) = (Gate(), server.archives)
            let width = pool.width(of: .long)
            let held = (0..<width).map { _ in Task { try await pool.ask(.long) { _ in gate.hold() } } }
            await gate.arrived(width)
            let waiting = (0..<5).map { _ in Task { try await pool.ask(.long) { try $0.status().series } } }
            try await waitUntil("they wait") { pool.waitingCount == 5 }
            for task in waiting { task.cancel() }
            for task in waiting { await #expect(throws: CancellationError.self) { try await task.value } }
            #expect(pool.waitingCount == 0)
            gate.open(width)
            for task in held { try await task.value }
            let series = try await pool.ask(.long) { try $0.status().series }
            #expect(series == 2)
        }
    }

    @Test("a question at work sees that its task is cancelled, and the archive answers the next")
    func stopsRunning() async throws {
        try await Server.run { server in
            let pool = server.archives
            for _ in 0..<pool.width(of: .long) * 2 {
                let begun = AsyncStream.makeStream(of: Void.self)
                let task = Task {
                    try await pool.ask(.long) { archive in
                        begun.continuation.yield()
                        while true { try archive.abandonment?.check(.abandoned) }
                    }
                }
                var iterator = begun.stream.makeAsyncIterator()
                await iterator.next()
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
            }
            let series = try await pool.ask(.long) { try $0.status().series }
            #expect(series == 2)
        }
    }

    @Test("a client that hangs up takes his question with him; one that has only said all waits for his answer")
    func hangUps() async throws {
        try await Server.run { server in
            let (gate, pool) = (Gate(), server.archives)
            let width = pool.width(of: .long)
            let held = (0..<width).map { _ in Task { try await pool.ask(.long) { _ in gate.hold() } } }
            await gate.arrived(width)
            let question =
                "GET /v1/query?since=2026-03-01T00:00:00Z&until=2026-03-20T00:00:00Z HTTP/1.1\r\nHost: a\r\n\r\n"
            let patient = try Line(server.socket)
            await patient.send(question.replacing("Host: a", with: "Host: a\r\nConnection: close"))
            patient.finishSending()
            var lines: [Line] = []
            for _ in 0..<5 {
                let line = try Line(server.socket)
                await line.send(question)
                lines.append(line)
            }
            try await waitUntil("all of them wait") { pool.waitingCount == 6 }
            lines.removeAll()
            try await waitUntil("those that left wait no more") { pool.waitingCount == 1 }
            gate.open(width)
            for task in held { try await task.value }
            let answer = String(decoding: await patient.receive(), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("what is done for a visitor ends when he leaves, and is not begun after")
    func visitor() async throws {
        let visitor = Visitor()
        let begun = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            try await visitor.whileHere {
                begun.continuation.yield()
                while true {
                    try Task.checkCancellation()
                    await Task.yield()
                }
            }
        }
        var iterator = begun.stream.makeAsyncIterator()
        await iterator.next()
        visitor.leave()
        await #expect(throws: CancellationError.self) { try await task.value }
        await #expect(throws: CancellationError.self) {
            try await visitor.whileHere { try Task.checkCancellation() }
        }
    }

    @Test("a store that cannot be opened is told to each who asks, and is opened when it is there")
    func noStore() async throws {
        let folder = TemporaryDirectory()
        let pool = ArchivePool(folder: folder.path + "/store", threads: 1, cores: 2)
        for _ in 0..<3 {
            await #expect(throws: StoreError.self) { try await pool.ask(.short) { try $0.status() } }
        }
        let journal = try Journal.open(StoreOptions(folder: folder.path + "/store"))
        journal.close()
        let committed = try await pool.ask(.short) { try $0.status().committed }
        #expect(committed == 0)
    }
}
