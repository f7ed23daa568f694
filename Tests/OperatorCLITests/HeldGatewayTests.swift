import Contract
import Foundation
import Glibc
import Synchronization
import Testing
import TestSupport

@testable import OperatorCLI

/// A gateway that is there and says nothing, as one that is held by a signal, or nothing more.
@Suite("A gateway that does not answer")
struct HeldGatewayTests {
    private let folder = TemporaryDirectory()
    private var path: String { folder.path + "/s" }

    /// A socket that listens; the kernel takes connections for it.
    private func listen() throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(descriptor >= 0 && code == 0 && Glibc.listen(descriptor, 8) == 0)
        return descriptor
    }

    private func refusal(
        _ patience: DaemonSource.Patience, _ ask: (DaemonSource) async throws -> Void
    ) async throws -> NoAnswer? {
        let source = DaemonSource(socketPath: path, patience: patience, tellOfWait: nil)
        let error = await #expect(throws: NoAnswer.self) { try await ask(source) }
        try await source.close()
        return error
    }

    @Test("a question and an order end with a sentence when their time is over")
    func silent() async throws {
        let descriptor = try listen()
        defer { close(descriptor) }
        var patience = DaemonSource.Patience()
        patience.question = .milliseconds(150)
        let asked = try await refusal(patience) { _ = try await $0.answer(DoctorRequest()) }
        #expect(asked?.exitCode == 69 && asked?.isLate == true)
        #expect(asked?.description.contains("it listens on \(path), and nothing came within 150ms") == true)
        #expect(asked?.description.contains("The order stands") == false)
        patience = DaemonSource.Patience()
        patience.reload = .milliseconds(150)
        let ordered = try await refusal(patience) { _ = try await $0.carryOut(ReloadOrder()) }
        #expect(ordered?.exitCode == 69)
        #expect(ordered?.description.hasSuffix("The order stands, and is carried out if the gateway goes on") == true)
        patience = DaemonSource.Patience()
        patience.order = .milliseconds(150)
        let other = try await refusal(patience) {
            _ = try await $0.carryOut(AcknowledgeOrder(alert: 1, by: "kim", note: ""))
        }
        #expect(other?.exitCode == 69)
        #expect(DaemonSource.Patience().reload == .seconds(30))
    }

    @Test("an answer that stops in its middle ends too", arguments: ["{", ""])
    func halfAnAnswer(piece: String) async throws {
        let descriptor = try listen()
        defer { close(descriptor) }
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + piece
        let peer = Mutex<Int32>(-1)
        let answering = Thread {
            // The first connection only knocks.
            close(accept(descriptor, nil, nil))
            let one = accept(descriptor, nil, nil)
            peer.withLock { $0 = one }
            _ = Array(head.utf8).withUnsafeBytes { write(one, $0.baseAddress, $0.count) }
        }
        answering.start()
        var patience = DaemonSource.Patience()
        patience.question = .milliseconds(500)
        let asked = try await refusal(patience) { _ = try await $0.answer(DoctorRequest()) }
        peer.withLock { if $0 >= 0 { close($0) } }
        #expect(asked?.exitCode == 69 && asked?.isLate == true, "\(String(describing: asked))")
    }

    @Test("whoever waits is told for how long at most")
    func wait() async throws {
        let descriptor = try listen()
        let (told, continuation) = AsyncStream.makeStream(of: String.self)
        var patience = DaemonSource.Patience()
        patience.quiet = .zero
        let source = DaemonSource(socketPath: path, patience: patience) { continuation.yield($0) }
        let asking = Task { try await source.carryOut(ReloadOrder()) }
        var sentences = told.makeAsyncIterator()
        #expect(await sentences.next() == "waiting for the gateway on \(path), 30s at most")
        // The gateway ends.
        close(descriptor)
        asking.cancel()
        await #expect(throws: (any Error).self) { try await asking.value }
        try await source.close()
    }
}
