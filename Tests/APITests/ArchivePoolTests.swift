import Basics
import Contract
import Dispatch
import Store
import Testing
import TestSupport

@testable import API

@Suite("Questions beside each other")
struct ArchivePoolTests {
    /// Questions that are held until the test opens it.
    private final class Gate: Sendable {
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

    @Test("there are two lanes on any machine, and no more archives than cores", arguments: [1, 2, 3, 4, 8, 64])
    func widths(cores: Int) {
        let pool = ArchivePool(folder: "/nowhere", threads: 1, cores: cores)
        #expect(pool.width(of: .short) >= 1)
        #expect(pool.width(of: .long) >= 1)
        #expect(pool.width(of: .short) + pool.width(of: .long) == min(max(2, cores), ArchivePool.archivesMax))
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
