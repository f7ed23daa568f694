import NIOHTTP1
import Basics
import AsyncHTTPClient
import FoundationEssentials
import Glibc
import NIOCore
import Store
import Telemetry

/// Asks the daemon over its Unix socket.
struct DaemonSource: AnswerSource, Sendable {
    private static let timeout = TimeAmount.seconds(60)
    private static let answerBytesMax = 1 << 30

    private let socketPath: String
    private let client = HTTPClient(eventLoopGroupProvider: .singleton)

    init(socketPath: String) { self.socketPath = socketPath }

    func close() async throws { try await client.shutdown() }

    func status() async throws -> StatusAnswer { try await get("status") }
    func liveStatus() async throws -> LiveStatusAnswer? { try await get("live") as LiveStatusAnswer }
    func findings() async throws -> [FindingAnswer] { try await get("doctor") }
    func devices(_ filter: DeviceFilter) async throws -> [DeviceAnswer] { try await get("devices", query(filter)) }
    func latest(_ filter: DeviceFilter) async throws -> [LatestAnswer] { try await get("latest", query(filter)) }

    func history(_ request: HistoryRequest) async throws -> HistoryAnswer {
        try await get(
            "history",
            [
                "device": request.device, "quantity": request.quantity, "channel": request.channel,
                "since": request.since.description, "until": request.until.description,
                "step_ms": request.step.map { "\($0.milliseconds)" }, "limit": "\(request.limit)",
            ])
    }

    func query(_ request: QueryRequest) async throws -> QueryAnswer {
        var items = query(request.filter)
        items["since"] = request.since.description
        items["until"] = request.until.description
        items["step_ms"] = request.step.map { "\($0.milliseconds)" }
        items["by"] = request.group.rawValue
        items["quantiles"] = "\(request.quantiles)"
        items["top"] = request.top.map { "\($0)" }
        items["order"] = request.order.rawValue
        items["ascending"] = "\(request.ascending)"
        return try await get("query", items)
    }

    func statistics(device: String?, quantity: String?, window: Duration?) async throws -> [StatisticsAnswer] {
        try await get(
            "statistics",
            ["device": device, "quantity": quantity, "window_ms": window.map { "\($0.milliseconds)" }])
    }

    func alerts(_ filter: AlertFilter) async throws -> [AlertAnswer] {
        try await get("alerts", ["phase": filter.phase?.rawValue, "device": filter.device, "rule": filter.rule])
    }

    func alert(_ id: Int64) async throws -> AlertStoryAnswer { try await get("alerts/\(id)") }

    func acknowledge(_ id: Int64, by: String, note: String) async throws -> AlertStoryAnswer {
        try await ask(isPost: true, "alerts/\(id)/acknowledge", ["by": by, "note": note])
    }

    func rejects(limit: Int, reason: Reject.Reason?, device: String?) async throws -> RejectsAnswer {
        try await get("rejects", ["limit": "\(limit)", "reason": reason?.rawValue, "device": device])
    }

    // MARK: Readings out and in

    /// The readings as text, which comes while it is read, with an `ExportEnd` behind it.
    func export(_ request: ExportRequest, format: String) async throws -> HTTPClientResponse {
        var items = query(request.filter)
        items["channel"] = .some(request.channel)
        items["since"] = .some(request.since?.description)
        items["until"] = .some(request.until?.description)
        items["format"] = format
        items["end"] = "marked"
        let response: HTTPClientResponse
        do {
            response = try await client.execute(try prepared("export", items), timeout: Self.timeout)
        } catch {
            throw unreachable(error)
        }
        guard response.status == .ok else {
            let body = try? await response.body.collect(upTo: 1 << 20)
            throw refusal(response, Data((body ?? ByteBuffer()).readableBytesView))
        }
        return response
    }

    /// Sends readings as CSV. Returns when they are on disk.
    func importReadings(_ body: ByteBuffer, profile: String?) async throws -> ImportReceipt {
        try await ask(isPost: true, "readings", ["format": "csv", "profile": profile], body)
    }

    private func query(_ filter: DeviceFilter) -> [String: String?] {
        ["device": filter.device, "profile": filter.profile, "area": filter.area, "quantity": filter.quantity]
    }

    private func get<Answer: Decodable>(_ route: String, _ query: [String: String?] = [:]) async throws -> Answer {
        try await ask(isPost: false, route, query)
    }

    private func ask<Answer: Decodable>(
        isPost: Bool, _ route: String, _ query: [String: String?], _ sent: ByteBuffer? = nil
    ) async throws -> Answer {
        var request = try prepared(route, query)
        if isPost { request.method = .POST }
        if let sent { request.body = .bytes(sent) }
        let response: HTTPClientResponse
        let body: ByteBuffer
        do {
            response = try await client.execute(request, timeout: Self.timeout)
            body = try await response.body.collect(upTo: Self.answerBytesMax)
        } catch {
            throw unreachable(error)
        }
        let data = Data(body.readableBytesView)
        guard response.status == .ok else { throw refusal(response, data) }
        do {
            return try JSONDecoder().decode(Answer.self, from: data)
        } catch {
            throw NoAnswer.failed(
                "the gateway's answer does not read (\(error)): baotu and baotud must be of the same version")
        }
    }

    private func prepared(_ route: String, _ query: [String: String?]) throws -> HTTPClientRequest {
        var parts = URLComponents()
        parts.path = "/v1/\(route)"
        let items = query.compactMap { name, value in value.map { URLQueryItem(name: name, value: $0) } }
        if !items.isEmpty { parts.queryItems = items.sorted { $0.name < $1.name } }
        // A plus sign in a query means a blank to most readers; names and times may have one.
        parts.percentEncodedQuery = parts.percentEncodedQuery?.replacing("+", with: "%2B")
        // 107: `sun_path` of unix(7) without its end.
        guard (1...107).contains(socketPath.utf8.count),
            let url = URL(httpURLWithSocketPath: socketPath, uri: parts.string ?? "/")
        else { throw NoAnswer.wrongQuestion("'\(socketPath)' cannot be a socket: expected a path of 1 to 107 bytes") }
        return HTTPClientRequest(url: url.absoluteString)
    }

    func unreachable(_ error: any Error) -> NoAnswer {
        error as? NoAnswer ?? NoAnswer.unreachable(Self.sentence(error, socketPath))
    }

    private func refusal(_ response: HTTPClientResponse, _ body: Data) -> NoAnswer {
        let refusal = try? JSONDecoder().decode([String: String].self, from: body)
        return NoAnswer(
            description: refusal?["error"] ?? "the gateway answered \(response.status)",
            exitCode: Self.exitCode(of: response.status.code), isForNow: response.status == .serviceUnavailable)
    }

    static func exitCode(of status: UInt) -> Int32 {
        switch status {
        case 400: 64
        case 503: 69
        default: 1
        }
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
