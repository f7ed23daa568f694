import Glibc
import Logging
import ServiceLifecycle
import Synchronization

/// Serves on a socket, and makes it anew where its file is taken away under the running gateway: by a clean-up of the
/// folder, say, after which nobody could ask any more.
struct SocketKeeper: Service {
    let path: String
    let log: Logger
    /// How often it looks.
    let every: Duration
    /// A server on the path, which is claimed for it.
    let server: @Sendable (_ isListening: @escaping @Sendable () -> Void) throws(SocketError) -> any Service

    private let first: any Service
    private let file: SocketFile

    /// Throws where the path cannot be used: then the gateway does not start.
    init(
        path: String, log: Logger, every: Duration,
        server: @escaping @Sendable (_ isListening: @escaping @Sendable () -> Void) throws(SocketError) -> any Service
    ) throws(SocketError) {
        (self.path, self.log, self.every, self.server) = (path, log, every, server)
        let file = SocketFile(path)
        self.file = file
        first = try server { file.remember() }
    }

    private enum Event {
        /// A server has ended, as all do with the gateway.
        case ended
        case isGone
        case isStopping
    }

    func run() async throws {
        try await withThrowingTaskGroup(of: Event.self) { tasks in
            func serve(_ server: any Service) {
                tasks.addTask {
                    try await server.run()
                    return .ended
                }
            }
            serve(first)
            tasks.addTask { await watch() }
            while let event = try await tasks.next() {
                switch event {
                // While the gateway stops, each has its time to end by itself.
                case .ended: if !Task.isShuttingDownGracefully { tasks.cancelAll() }
                case .isStopping: break
                case .isGone:
                    // The one before stays for those it answers: nobody else finds it, and a descriptor is all it costs.
                    if let next = remade() { serve(next) }
                    tasks.addTask { await watch() }
                }
            }
        }
    }

    /// Until the file is gone, or the gateway stops.
    private func watch() async -> Event {
        while true {
            // nil where it stops meanwhile.
            guard await cancelWhenGracefulShutdown({ (try? await Task.sleep(for: every)) != nil }),
                !Task.isShuttingDownGracefully
            else { return .isStopping }
            if file.isGone { return .isGone }
        }
    }

    private func remade() -> (any Service)? {
        do throws(SocketError) {
            let next = try server { file.remember() }
            // It is not there before that server listens.
            file.forget()
            log.error("the socket's file was taken away; it is made again", metadata: ["socket": "\(path)"])
            return next
        } catch {
            log.error("the socket's file was taken away and cannot be made again", metadata: ["reason": "\(error)"])
            return nil
        }
    }
}

/// The file at a socket's path, as it was when the server began to listen.
private final class SocketFile: Sendable {
    private let path: String
    /// nil before the server listens.
    private let inode = Mutex<ino_t?>(nil)

    init(_ path: String) { self.path = path }

    func remember() { inode.withLock { $0 = found } }

    func forget() { inode.withLock { $0 = nil } }

    /// Whether another file is there than that of the server, or none.
    var isGone: Bool { inode.withLock { $0 != nil && $0 != found } }

    private var found: ino_t? {
        var file = stat()
        return lstat(path, &file) == 0 ? file.st_ino : nil
    }
}
