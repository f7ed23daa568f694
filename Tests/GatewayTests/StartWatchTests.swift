import Foundation
import Synchronization
import Testing
import TestSupport

@testable import Gateway

@Suite("A start that takes long")
struct StartWatchTests {
    /// What systemd would hear.
    private final class Ear: Sendable {
        let path: String
        private let descriptor: Int32

        init(_ path: String) {
            self.path = path
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
            _ = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }

        deinit { close(descriptor) }

        /// nil where nothing was said.
        func next() -> String? {
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
        }
    }

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
        let (ear, work) = (Ear(folder.path + "/notify"), Work())
        let manager = ServiceManager(environment: ["NOTIFY_SOCKET": ear.path])
        let watch = StartWatch(manager, every: .milliseconds(5)) { work.look() }
        // It hangs, or does what any process does.
        try await work.looked(5)
        work.done.add(99, ordering: .relaxed)
        try await work.looked(2)
        #expect(ear.next() == nil)
        work.done.add(100, ordering: .relaxed)
        try await work.looked(2)
        let told = try #require(ear.next())
        #expect(told.hasPrefix("EXTEND_TIMEOUT_USEC=60000000\nSTATUS=starting for "))
        #expect(told.hasSuffix(" s: what was stored is read"))
        #expect(ear.next() == nil)
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
