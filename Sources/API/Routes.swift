import Basics
import Dispatch
import FoundationEssentials
public import Hummingbird
public import Logging
import NIOCore
public import Store
import Synchronization
import Telemetry

/// The API on a Unix socket: all routes on one page.
///
/// Answers are the JSON of `Answers.swift`; a refusal is `{"error": "sentence"}` with 400 for a wrong question, 404 for
/// what does not exist, 500 for the store's trouble and 503 while the gateway cannot answer.
public enum UnixSocketServer {
    /// The server, to be run by a service group. Throws when the socket's path cannot be used.
    public static func application(
        socketPath: String, archive: sending Archive, live: LiveAnswers, log: Logger
    ) throws(SocketError) -> some ApplicationProtocol {
        try UnixSocket.claim(socketPath)
        let desk = ArchiveDesk(archive)
        let router = Router()
        router.add(middleware: RefusalMiddleware())
        routes(on: router, desk, live)
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

    private static func routes(on router: Router<BasicRequestContext>, _ desk: ArchiveDesk, _ live: LiveAnswers) {
        router.get("v1/status") { _, _ in try await Reply(desk.ask { try $0.status() }) }
        router.get("v1/live") { _, _ in try Reply(live.status()) }
        router.get("v1/doctor") { _, _ in try Reply(live.examine()) }
        router.get("v1/devices") { request, _ in
            let filter = try request.deviceFilter()
            return try await Reply(desk.ask { try $0.devices(filter) })
        }
        router.get("v1/latest") { request, _ in
            let filter = try request.deviceFilter()
            return try await Reply(desk.ask { try $0.latest(filter) })
        }
        router.get("v1/history") { request, _ in
            let asked = try request.historyRequest()
            return try await Reply(desk.ask { try $0.history(asked) })
        }
        router.get("v1/query") { request, _ in
            let asked = try request.queryRequest()
            return try await Reply(desk.ask { try $0.query(asked) })
        }
        router.get("v1/statistics") { request, _ in
            let window = try request.milliseconds("window_ms").map { Duration.milliseconds($0) }
            let (device, quantity) = (request.text("device"), try request.quantity())
            try await desk.ask { try $0.check(device: device) }
            let answers = try await live.statistics(device, quantity, window, statisticsRowsMax + 1)
            guard answers.count <= statisticsRowsMax else {
                throw Refusal(
                    .badRequest,
                    "more than \(statisticsRowsMax) windows fit; ask for fewer devices, one quantity or one window")
            }
            return try Reply(answers)
        }
        router.get("v1/alerts") { request, _ in
            let phase = try request.word("phase", AlertPhase.self)
            let filter = AlertFilter(phase: phase, device: request.text("device"), rule: request.text("rule"))
            return try await Reply(desk.ask { try $0.alerts(filter) })
        }
        router.get("v1/alerts/:id") { _, context in
            let id = try alertID(context.parameters.get("id"))
            return try await Reply(desk.ask { try $0.alert(id) })
        }
        router.post("v1/alerts/:id/acknowledge") { request, context in
            let id = try alertID(context.parameters.get("id"))
            guard let by = request.text("by"), !by.isEmpty, by.utf8.count <= 128 else {
                throw Refusal(.badRequest, "by: expected who acknowledges, 1 to 128 bytes")
            }
            let note = request.text("note") ?? ""
            guard note.utf8.count <= 1024 else { throw Refusal(.badRequest, "note: expected at most 1024 bytes") }
            try await live.acknowledge(id, by, note)
            return try await Reply(desk.ask { try $0.alert(id) })
        }
        router.get("v1/rejects") { request, _ in
            let limit = try request.integer("limit", in: 1...10_000) ?? 100
            let reason = try request.word("reason", Reject.Reason.self)
            let device = request.text("device")
            return try await Reply(desk.ask { try $0.rejects(limit: limit, reason: reason, device: device) })
        }
        ReadingRoutes.add(to: router, desk, live)
    }

    private static func alertID(_ text: String?) throws(Refusal) -> Int64 {
        guard let id = text.flatMap({ Int64($0) }) else {
            throw Refusal(.badRequest, "id: '\(text ?? "")': expected the number of an alert")
        }
        return id
    }

    static let statisticsRowsMax = 100_000
}

/// Closes a connection that `IdleStateHandler` calls silent (a client that says nothing, stops in the middle of its
/// question, or does not take its answer), and one on which something other than HTTP comes: what follows a header that
/// is too long would be read to its end otherwise.
private final class HangUpHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Never

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Runs the store's queries one after another on a queue of its own: they block on the disk, and the archive is for one
/// thread at a time.
final class ArchiveDesk: @unchecked Sendable {
    // Sendable unchecked: `archive` is touched only by blocks of the serial `queue`.
    private let archive: Archive
    private let queue = DispatchQueue(label: "baotu.archive")

    init(_ archive: sending Archive) { self.archive = archive }

    func ask<Answer: Sendable>(_ question: @escaping @Sendable (Archive) throws -> Answer) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try question(self.archive) }) }
        }
    }
}

/// A 200 with the answer as JSON.
struct Reply: ResponseGenerator {
    let body: ByteBuffer

    init(_ answer: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        body = ByteBuffer(bytes: try encoder.encode(answer))
    }

    func response(from request: Request, context: some RequestContext) -> Response {
        Response(status: .ok, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: body))
    }
}

/// Why a question is not answered.
struct Refusal: Error {
    let status: HTTPResponse.Status
    let sentence: String

    init(_ status: HTTPResponse.Status, _ sentence: String) {
        self.status = status
        self.sentence = sentence
    }

    init(_ error: any Error) {
        switch error {
        case let refusal as Refusal: self = refusal
        case LiveRefusal.notFound(let sentence): self.init(.notFound, sentence)
        case LiveRefusal.unavailable(let sentence): self.init(.serviceUnavailable, sentence)
        case let error as StoreError where error.isNotFound: self.init(.notFound, "\(error)")
        case let error as StoreError: self.init(.internalServerError, "\(error)")
        case let error as HTTPError: self.init(error.status, error.body ?? "there is no such route")
        default: self.init(.internalServerError, "\(error)")
        }
    }
}

private struct RefusalMiddleware<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let refusal = Refusal(error)
            let body = (try? JSONEncoder().encode(["error": refusal.sentence])) ?? Data()
            var headers: HTTPFields = [.contentType: "application/json"]
            // Seconds.
            if refusal.status == .serviceUnavailable { headers[.retryAfter] = "1" }
            return Response(
                status: refusal.status, headers: headers,
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
        }
    }
}

extension StoreError {
    fileprivate var isNotFound: Bool {
        switch self {
        case .noSuchAlert, .noSuchDevice, .noSuchArea, .noSuchProfile: true
        default: false
        }
    }
}

// MARK: Reading the question

extension Request {
    func text(_ name: String) -> String? {
        uri.queryParameters[name[...]].map { String($0) }
    }

    func milliseconds(_ name: String) throws(Refusal) -> Int64? {
        guard let text = text(name) else { return nil }
        guard let number = Int64(text), number > 0 else {
            throw Refusal(.badRequest, "\(name): '\(text)': expected milliseconds above 0")
        }
        return number
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(Refusal) -> Int? {
        guard let text = text(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw Refusal(
                .badRequest, "\(name): '\(text)': expected a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func moment(_ name: String) throws(Refusal) -> Timestamp? {
        guard let text = text(name) else { return nil }
        guard let moment = Timestamp(iso8601: text) else {
            throw Refusal(.badRequest, "\(name): '\(text)': expected a time such as 2026-03-05T18:15:02Z")
        }
        return moment
    }

    func word<Word: RawRepresentable & CaseIterable>(
        _ name: String, _: Word.Type
    ) throws(Refusal) -> Word? where Word.RawValue == String {
        guard let text = text(name) else { return nil }
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw Refusal(.badRequest, "\(name): '\(text)': expected one of \(words)")
        }
        return word
    }

    func quantity() throws(Refusal) -> String? {
        guard let text = text("quantity"), Quantity(named: text) == nil else { return text("quantity") }
        let hint = nearest(to: text, in: Quantity.all.lazy.map(\.name)).map { "; did you mean '\($0)'?" } ?? ""
        throw Refusal(.badRequest, "quantity: '\(text)' is not a quantity\(hint)")
    }

    func deviceFilter() throws(Refusal) -> DeviceFilter {
        DeviceFilter(
            device: text("device"), profile: text("profile"), area: text("area"), quantity: try quantity())
    }

    func flag(_ name: String) throws(Refusal) -> Bool {
        switch text(name) {
        case nil, "false": return false
        case "true": return true
        case .some(let text): throw Refusal(.badRequest, "\(name): '\(text)': expected true or false")
        }
    }

    func queryRequest() throws(Refusal) -> QueryRequest {
        guard let since = try moment("since"), let until = try moment("until"), since < until else {
            throw Refusal(.badRequest, "since, until: expected two times, the first one earlier")
        }
        return QueryRequest(
            filter: try deviceFilter(), since: since, until: until,
            step: try milliseconds("step_ms").map { .milliseconds($0) },
            group: try word("by", QueryRequest.Group.self) ?? .series, quantiles: try flag("quantiles"),
            top: try integer("top", in: 1...1_000_000),
            order: try word("order", QueryRequest.Statistic.self) ?? .mean, ascending: try flag("ascending"))
    }

    func historyRequest() throws(Refusal) -> HistoryRequest {
        guard let device = text("device") else { throw Refusal(.badRequest, "device: expected the device's name") }
        guard let since = try moment("since"), let until = try moment("until"), since < until else {
            throw Refusal(.badRequest, "since, until: expected two times, the first one earlier")
        }
        return HistoryRequest(
            device: device, quantity: try quantity(), channel: text("channel"), since: since, until: until,
            step: try milliseconds("step_ms").map { .milliseconds($0) },
            limit: try integer("limit", in: 1...Archive.historyPointsMax) ?? 10_000)
    }
}
