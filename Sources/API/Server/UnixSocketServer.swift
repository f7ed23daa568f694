public import Basics
import Hummingbird
public import Logging
import NIOCore
public import ServiceLifecycle
import Telemetry

/// The API on a Unix socket.
public enum UnixSocketServer {
    /// How long it waits, and how often it looks.
    struct Patience: Sendable {
        /// A connection on which nothing moved for so long, in either direction, is closed. The command line waits as
        /// long.
        var silence = Duration.seconds(60)
        /// One that has not asked anything by then is closed: it takes the place of one that would.
        var firstQuestion = Duration.seconds(5)
        /// Between looks whether the socket's file is still there.
        var look = Duration.seconds(60)
        /// How fast a long answer has to be taken.
        var pace = Pace()
    }

    /// The server, to be run by a service group. Throws when the socket's path cannot be used.
    ///
    /// Orders are taken of `operators` alone; `now` is the moment of an answer, which says what is silent by then.
    public static func service(
        socketPath: String, archives: ArchivePool, live: LiveAnswers, operators: Operators, log: Logger,
        now: @escaping @Sendable () -> Timestamp
    ) throws(SocketError) -> some Service {
        try service(
            socketPath: socketPath, archives: archives, live: live, operators: operators, log: log,
            patience: Patience(),
            now: now)
    }

    static func service(
        socketPath: String, archives: ArchivePool, live: LiveAnswers, operators: Operators, log: Logger,
        patience: Patience,
        budget: BodyBudget = BodyBudget(), now: @escaping @Sendable () -> Timestamp
    ) throws(SocketError) -> some Service {
        let router = Router(context: VisitContext.self)
        router.add(middleware: RefusalMiddleware())
        Routes(archives: archives, live: live, now: now, operators: operators, budget: budget, pace: patience.pace)
            .add(to: router)
        let responder = router.buildResponder()
        let crowd = Crowd()
        return try SocketKeeper(path: socketPath, log: log, every: patience.look) {
            (isListening) throws(SocketError) -> any Service in
            try UnixSocket.claim(socketPath)
            return Application(
                responder: responder,
                server: .http1(
                    configuration: .init(
                        additionalChannelHandlers: [
                            IdleStateHandler(allTimeout: TimeAmount(patience.silence)),
                            HangUpHandler(TimeAmount(patience.firstQuestion), crowd),
                        ])),
                configuration: .init(
                    address: .unixDomainSocket(path: socketPath), serverName: "baotud",
                    availableConnectionsDelegate: .maximum(connectionsMax, logger: noLog)),
                onServerRunning: { _ in
                    isListening()
                    UnixSocket.open(toGroup: socketPath)
                },
                logger: noLog)
        }
    }

    /// Connections beyond these wait in the kernel's queue: each costs a descriptor, which the store and the line to the
    /// broker need too.
    static let connectionsMax = 256
    private static let noLog = Logger(label: "api") { _ in SwiftLogNoOpLogHandler() }
}
