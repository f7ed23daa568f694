import AsyncHTTPClient
import Basics
import Contract
import FoundationEssentials
import Glibc
import NIOCore
import NIOHTTP1

/// Asks the daemon over its Unix socket.
struct DaemonSource: AnswerSource, Sendable {
    private static let timeout = TimeAmount.seconds(60)
    private static let answerBytesMax = 1 << 30

    private let socketPath: String
    private let client = HTTPClient(eventLoopGroupProvider: .singleton)

    init(socketPath: String) { self.socketPath = socketPath }

    func close() async throws { try await client.shutdown() }

    func liveStatus() async throws -> LiveStatusAnswer? { try await answer(LiveRequest()) }

    func answer<Asked: Question>(_ question: Asked) async throws -> Asked.Answer {
        try await decoded(try await ask(question))
    }

    func carryOut<Kind: Order>(_ order: Kind) async throws -> Kind.Answer {
        try await decoded(try await ask(order, sending: order.body))
    }

    /// The readings as text, which comes while it is read, with an `ExportEnd` behind it.
    func export(_ request: ExportRequest) async throws -> HTTPClientResponse { try await ask(request) }

    private func ask(_ asked: some Request, sending body: [UInt8] = []) async throws -> HTTPClientResponse {
        var request = try prepared(asked)
        try knock()
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response: HTTPClientResponse
        do {
            response = try await client.execute(request, timeout: Self.timeout)
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

    private func decoded<Answer: Decodable>(_ response: HTTPClientResponse) async throws -> Answer {
        let body: ByteBuffer
        do {
            body = try await response.body.collect(upTo: Self.answerBytesMax)
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
        var request = HTTPClientRequest(url: url.absoluteString)
        request.method = HTTPMethod(rawValue: Asked.route.method.rawValue)
        return request
    }

    func unreachable(_ error: any Error) -> NoAnswer {
        error as? NoAnswer ?? NoAnswer.unreachable(Self.sentence(error, socketPath))
    }

    private static func refusal(_ response: HTTPClientResponse, _ body: Data) -> NoAnswer {
        let told = try? JSONDecoder().decode(Refusal.Body.self, from: body)
        let sentence = told?.error ?? "the gateway answered \(response.status)"
        return .refused(Refusal(status: Int(response.status.code), sentence: sentence))
    }

    /// Why there was no answer, and what to do about it.
    private static func sentence(_ error: any Error, _ path: String) -> String {
        let offline = "With the gateway down, --store DIR asks the files"
        return switch (error as? IOError)?.errnoCode {
        case ENOENT: "there is no socket \(path): the gateway does not run, or has another api.socket. \(offline)"
        case ECONNREFUSED: "nobody answers on \(path): the gateway does not run. \(offline)"
        case EACCES, EPERM: "you may not use \(path): join the group of the socket, which is baotu"
        default: "the gateway does not answer on \(path) (\(error)). \(offline)"
        }
    }
}
