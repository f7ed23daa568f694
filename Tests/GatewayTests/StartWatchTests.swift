import Foundation
import Synchronization
import Testing
import TestSupport

@testable import Gateway

@Suite("A start that takes long")
struct StartWatchTests {
    /// What the start has done, and how often that was looked at.
    private final class Work: Sendable {
        let done = Atomic(0)
        let looks = Atomic(0)

        func look() -> Int {
            looks.add(1, ordering: .relaxed)
            return done.load(ordering: .relaxed)
        }

        func looked(_ times: Int) async throws {
            let before = looks.load(ordering: .relaxed)
            try await waitUntil("it was looked at") { looks.load(ordering: .relaxed) >= before + times }
        }
    }

    @Test("is given more time while it works, none while it hangs, and says no more when it is over")
    func extends() async throws {
        let folder = TemporaryDirectory()
        let (ear, work) = (try NotifySocket(path: folder.path + "/notify"), Work())
        let manager = ServiceManager(environment: ["NOTIFY_SOCKET": ear.path])
        let watch = StartWatch(manager, every: .milliseconds(5)) { work.look() }
        // It hangs, or does what any process does.
        try await work.looked(5)
        work.done.add(99, ordering: .relaxed)
        try await work.looked(2)
        #expect(ear.receive() == nil)
        work.done.add(100, ordering: .relaxed)
        try await work.looked(2)
        let told = try #require(ear.receive())
        #expect(told.hasPrefix("EXTEND_TIMEOUT_USEC=60000000\nSTATUS=starting for "))
        #expect(told.hasSuffix(" s: what was stored is read"))
        #expect(ear.receive() == nil)
        work.done.add(1_000_000, ordering: .relaxed)
        watch.end()
        let looks = work.looks.load(ordering: .relaxed)
        try await Task.sleep(for: .milliseconds(50))
        #expect(work.looks.load(ordering: .relaxed) <= looks + 1)
    }

    @Test("what a process does counts as work")
    func work() throws {
        let before = StartWatch.work()
        let end = clock() + 200 * CLOCKS_PER_SEC / 1000
        while clock() < end {}
        #expect(StartWatch.work() >= before + 190)
    }
}
