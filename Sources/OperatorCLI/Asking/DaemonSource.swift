import AsyncHTTPClient
import Basics
import Contract
import FoundationEssentials
import Glibc
import NIOCore
import NIOHTTP1

/// Asks the daemon over its Unix socket.
struct DaemonSource: AnswerSource, Sendable {
    private static let answerBytesMax = 1 << 30

    /// How long an answer is waited for.
    struct Patience {
        /// Nobody is told of a wait that is shorter.
        var quiet = Duration.seconds(3)
        var question = Duration.seconds(60)
        /// Orders do their work before they answer, and most of it is done in a second.
        var order = Duration.seconds(60)
        /// Whoever reloads stands before the machine and waits.
        var reload = Duration.seconds(30)
        /// A channel has its own time, and one that is blocked by what it does already has it twice.
        var trial = Duration.seconds(120)

        static let forCompletion = Patience(question: .seconds(2))

        func limit<Kind: Order>(of: Kind.Type) -> Duration {
            if Kind.self == ReloadOrder.self { return reload }
            return Kind.self == NotifyTestOrder.self ? trial : order
        }
    }

    /// nil where standard error is none.
    private static var terminal: (@Sendable (String) -> Void)? {
        guard isatty(STDERR_FILENO) != 0 else { return nil }
        return { StandardStreams.complain($0) }
    }

    private let socketPath: String
    private let patience: Patience
    /// nil where nobody sees it.
    private let tellOfWait: (@Sendable (String) -> Void)?
    private let client = HTTPClient(eventLoopGroupProvider: .singleton)

    init(
        socketPath: String, patience: Patience = Patience(),
        tellOfWait: (@Sendable (String) -> Void)? = DaemonSource.terminal
    ) {
        self.socketPath = socketPath
        self.patience = patience
        self.tellOfWait = tellOfWait
    }

    func close() async throws { try await client.shutdown() }

    func liveStatus() async throws -> LiveStatusAnswer? { try await answer(LiveRequest()) }

    func answer<Asked: Question>(_ question: Asked) async throws -> Asked.Answer {
        try await waiting(patience.question) { limit in
            try await decoded(try await ask(question, within: limit), within: limit)
        }
    }

    func carryOut<Kind: Order>(_ order: Kind) async throws -> Kind.Answer {
        try await waiting(patience.limit(of: Kind.self)) { limit in
            do {
                return try await decoded(try await ask(order, sending: order.body, within: limit), within: limit)
            } catch var error as NoAnswer where error.isLate {
                error.description += ". The order stands, and is carried out if the gateway goes on"
                throw error
            }
        }
    }

    /// The readings as text, which comes while it is read, with an `ExportEnd` behind it.
    func export(_ request: ExportRequest) async throws -> HTTPClientResponse {
        try await waiting(patience.question) { limit in try await ask(request, within: limit) }
    }

    /// Says after a while that the answer is waited for.
    private func waiting<R>(_ limit: Duration, _ body: (Duration) async throws -> R) async throws -> R {
        let notice = tellOfWait.map { tell in
            let sentence = "waiting for the gateway on \(socketPath), \(limit.shortForm) at most"
            return Task { [quiet = patience.quiet] in
                do { try await Task.sleep(for: quiet) } catch { return }
                tell(sentence)
            }
        }
        defer { notice?.cancel() }
        return try await body(limit)
    }

    private func ask(
        _ asked: some Request, sending body: [UInt8] = [], within limit: Duration
    ) async throws -> HTTPClientResponse {
        var request = try prepared(asked)
        try knock()
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response: HTTPClientResponse
        do {
            response = try await client.execute(request, timeout: .milliseconds(limit.milliseconds))
        } catch let error as HTTPClientError where Self.isLate(error) {
            throw late(limit)
        } catch {
            throw unreachable(error)
        }
        guard response.status == .ok else {
            let body = try? await response.body.collect(upTo: 1 << 20)
            throw Self.refusal(response, Data((body ?? ByteBuffer()).readableBytesView))
        }
        return response
    }

    /// Throws where nobody can be behind the socket. The client would try again and again for ten seconds, as if it were a
    /// host that comes up.
    private func knock() throws {
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { Glibc.close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(socketPath.utf8)) }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 ? 0 : errno
            }
        }
        // A row that is full (EAGAIN) has somebody behind it.
        guard [ENOENT, ECONNREFUSED, EACCES, EPERM].contains(code) else { return }
        throw unreachable(IOError(errnoCode: code, reason: "connect"))
    }

    private func decoded<Answer: Decodable>(
        _ response: HTTPClientResponse, within limit: Duration
    ) async throws -> Answer {
        var body = ByteBuffer()
        do {
            var pieces = response.body.makeAsyncIterator()
            while var piece = try await next(&pieces, within: limit) {
                guard body.readableBytes + piece.readableBytes <= Self.answerBytesMax else {
                    throw NoAnswer.failed("the gateway's answer is longer than \(Self.answerBytesMax) bytes")
                }
                body.writeBuffer(&piece)
            }
        } catch {
            throw unreachable(error)
        }
        do {
            return try JSONDecoder().decode(Answer.self, from: Data(body.readableBytesView))
        } catch {
            throw NoAnswer.failed(
                "the gateway's answer does not read (\(error)): baotu and baotud must be of the same version")
        }
    }

    private func prepared<Asked: Request>(_ asked: Asked) throws -> HTTPClientRequest {
        // 107: `sun_path` of unix(7) without its end.
        guard (1...107).contains(socketPath.utf8.count),
            let url = URL(httpURLWithSocketPath: socketPath, uri: asked.target)
        else { throw NoAnswer.wrongQuestion("'\(socketPath)' cannot be a socket: expected a path of 1 to 107 bytes") }
        guard asked.target.utf8.count <= Self.targetBytesMax else {
            throw NoAnswer.wrongQuestion(
                "what you ask has \(asked.target.utf8.count) bytes, of which the gateway takes \(Self.targetBytesMax): give a "
                    + "shorter text or fewer names")
        }
        var request = HTTPClientRequest(url: url.absoluteString)
        request.method = HTTPMethod(rawValue: Asked.route.method.rawValue)
        return request
    }

    /// The next piece of an answer, nil at its end. The client's own limit is for the first line of an answer; one that stops in
    /// its middle would be waited for without end. Throws where nothing comes within the limit, by default that of a question.
    func next(
        _ pieces: inout HTTPClientResponse.Body.AsyncIterator, within limit: Duration? = nil
    ) async throws -> ByteBuffer? {
        let limit = limit ?? patience.question
        // One task of the group touches it, and the group has ended before it is read again.
        nonisolated(unsafe) var iterator = pieces
        defer { pieces = iterator }
        return try await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
            group.addTask { try await iterator.next() }
            group.addTask { [self] in
                try await Task.sleep(for: limit)
                throw late(limit)
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    /// The gateway's HTTP reader hangs up on a line of 80 KB.
    private static let targetBytesMax = 65_536

    private static func isLate(_ error: HTTPClientError) -> Bool {
        [.deadlineExceeded, .connectTimeout, .getConnectionFromPoolTimeout, .readTimeout].contains(error)
    }

    private func late(_ limit: Duration) -> NoAnswer {
        var error = NoAnswer.unreachable(
            "the gateway does not answer: it listens on \(socketPath), and nothing came within \(limit.shortForm). It is held "
                + "(ps shows state T) or has too much to do; systemctl status baotud and its log say more. \(Self.offline)"
        )
        error.isLate = true
        return error
    }

    func unreachable(_ error: any Error) -> NoAnswer {
        error as? NoAnswer ?? NoAnswer.unreachable(Self.sentence(error, socketPath))
    }

    private static func refusal(_ response: HTTPClientResponse, _ body: Data) -> NoAnswer {
        let told = try? JSONDecoder().decode(Refusal.Body.self, from: body)
        let sentence = told?.error ?? "the gateway answered \(response.status)"
        return .refused(Refusal(status: Int(response.status.code), sentence: sentence))
    }

    private static let offline = "With the gateway down, --store DIR asks the files"

    /// nil where it cannot be looked at, or has no name.
    private static func group(of path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return getgrgid(status.st_gid).flatMap { $0.pointee.gr_name }.map { String(cString: $0) }
    }

    /// Why there was no answer, and what to do about it.
    private static func sentence(_ error: any Error, _ path: String) -> String {
        switch (error as? IOError)?.errnoCode {
        case ENOENT: "there is no socket \(path): the gateway does not run, or has another api.socket. \(offline)"
        case ECONNREFUSED: "nobody answers on \(path): the gateway does not run. \(offline)"
        case EACCES, EPERM:
            "you may not use \(path): join the group of the socket" + (group(of: path).map { ", which is \($0)" } ?? "")
        default: "the gateway does not answer on \(path) (\(error)). \(offline)"
        }
    }
}
