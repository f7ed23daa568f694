import NIOCore
import Synchronization

/// Who is at the other end of a connection: what is done for him alone ends when he is gone.
///
/// The server itself does not look at the line while it makes an answer. A client that has closed his half only still
/// waits for the answer, and is not gone.
final class Visitor: Sendable {
    private struct State {
        var isGone = false
        var ends: [Int: @Sendable () -> Void] = [:]
        var next = 0
        var line: (any Channel)?
        var peer: Peer?
    }

    private let state = Mutex(State())

    var isGone: Bool { state.withLock { $0.isGone } }

    /// Does it as long as he is there. Throws `CancellationError` where he is gone before.
    func whileHere<Answer: Sendable>(
        _ work: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        let task = Task { try await work() }
        let number = begin { task.cancel() }
        defer { state.withLock { _ = $0.ends.removeValue(forKey: number) } }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    /// As the kernel knows him; nil where it does not tell.
    var peer: Peer? { state.withLock { $0.peer } }

    /// On the line's event loop.
    func comes(by line: any Channel) {
        let peer = try? line.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            Peer(descriptor: $0)
        }
        state.withLock { ($0.line, $0.peer) = (line, peer ?? nil) }
    }

    /// Ends his line; he leaves by it.
    func hangUp() { state.withLock { $0.line }?.close(promise: nil) }

    /// Until his line has all that was written to it, so that it says whether it takes more. Throws `CancellationError` where he
    /// is gone.
    func catchUp() async throws {
        guard let line = state.withLock({ $0.line }) else { throw CancellationError() }
        try await line.eventLoop.submit {}.get()
    }

    /// For good.
    func leave() {
        let ends = state.withLock { state in
            (state.isGone, state.line) = (true, nil)
            return state.ends.values.map { $0 }
        }
        for end in ends { end() }
    }

    private func begin(_ end: @escaping @Sendable () -> Void) -> Int {
        let (number, isGone) = state.withLock { state in
            state.next += 1
            state.ends[state.next] = end
            return (state.next, state.isGone)
        }
        if isGone { end() }
        return number
    }
}
