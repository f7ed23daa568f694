public import Basics
public import Hummingbird
public import Logging
import NIOCore
import Telemetry

/// The API on a Unix socket.
public enum UnixSocketServer {
    /// The server, to be run by a service group. Throws when the socket's path cannot be used.
    ///
    /// `now` is the moment of an answer, which says what is silent by then.
    public static func application(
        socketPath: String, archives: ArchivePool, live: LiveAnswers, log: Logger,
        now: @escaping @Sendable () -> Timestamp
    ) throws(SocketError) -> some ApplicationProtocol {
        try UnixSocket.claim(socketPath)
        let router = Router()
        router.add(middleware: RefusalMiddleware())
        Routes(archives: archives, live: live, now: now).add(to: router)
        return Application(
            router: router,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [IdleStateHandler(allTimeout: silenceMax), HangUpHandler()])),
            configuration: .init(
                address: .unixDomainSocket(path: socketPath), serverName: "baotud",
                availableConnectionsDelegate: .maximum(connectionsMax, logger: noLog)),
            onServerRunning: { _ in UnixSocket.open(toGroup: socketPath) },
            logger: noLog)
    }

    /// Connections beyond these wait in the kernel's queue: each costs a descriptor, which the store and the line to the
    /// broker need too.
    static let connectionsMax = 128
    /// A connection on which nothing moved for so long, in either direction, is closed. The command line waits as long.
    private static let silenceMax = TimeAmount.seconds(60)
    private static let noLog = Logger(label: "api") { _ in SwiftLogNoOpLogHandler() }
}
