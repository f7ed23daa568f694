import AsyncHTTPClient
import Foundation
import NIOCore
import Store
import Telemetry

/// Asks the daemon over its Unix socket.
struct DaemonSource: AnswerSource {
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

    func statistics(device: String?, quantity: String?, window: Duration?) async throws -> [StatisticsAnswer] {
        try await get(
            "statistics",
            ["device": device, "quantity": quantity, "window_ms": window.map { "\($0.milliseconds)" }])
    }

    func alerts(_ filter: AlertFilter) async throws -> [AlertAnswer] {
        try await get("alerts", ["phase": filter.phase?.rawValue, "device": filter.device, "rule": filter.rule])
    }

    func alert(_ id: Int64) async throws -> AlertStoryAnswer { try await get("alerts/\(id)") }

    func acknowledge(_ id: Int64, by: String, note: String) async throws {
        let _: AlertStoryAnswer = try await ask(isPost: true, "alerts/\(id)/acknowledge", ["by": by, "note": note])
    }

    func rejects(limit: Int, reason: Reject.Reason?, device: String?) async throws -> RejectsAnswer {
        try await get("rejects", ["limit": "\(limit)", "reason": reason?.rawValue, "device": device])
    }

    private func query(_ filter: DeviceFilter) -> [String: String?] {
        ["device": filter.device, "profile": filter.profile, "area": filter.area, "quantity": filter.quantity]
    }

    private func get<Answer: Decodable>(_ route: String, _ query: [String: String?] = [:]) async throws -> Answer {
        try await ask(isPost: false, route, query)
    }

    private func ask<Answer: Decodable>(
        isPost: Bool, _ route: String, _ query: [String: String?]
    ) async throws -> Answer {
        var parts = URLComponents()
        parts.path = "/v1/\(route)"
        let items = query.compactMap { name, value in value.map { URLQueryItem(name: name, value: $0) } }
        if !items.isEmpty { parts.queryItems = items.sorted { $0.name < $1.name } }
        // A plus sign in a query means a blank to most readers; names and times may have one.
        parts.percentEncodedQuery = parts.percentEncodedQuery?.replacing("+", with: "%2B")
        guard let url = URL(httpURLWithSocketPath: socketPath, uri: parts.string ?? "/") else {
            throw NoAnswer.failed("\(socketPath) cannot be the path of a socket")
        }
        var request = HTTPClientRequest(url: url.absoluteString)
        if isPost { request.method = .POST }
        let response: HTTPClientResponse
        let body: ByteBuffer
        do {
            response = try await client.execute(request, timeout: Self.timeout)
            body = try await response.body.collect(upTo: Self.answerBytesMax)
        } catch {
            throw NoAnswer.unreachable(
                "the gateway does not answer on \(socketPath): is baotud running, and are you in the group of its "
                    + "socket? With the gateway down, --store DIR asks the files (\(error))")
        }
        guard response.status == .ok else {
            let refusal = try? JSONDecoder().decode([String: String].self, from: Data(body.readableBytesView))
            throw NoAnswer.failed(refusal?["error"] ?? "the gateway answered \(response.status)")
        }
        return try JSONDecoder().decode(Answer.self, from: Data(body.readableBytesView))
    }
}
