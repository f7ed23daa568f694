import Basics
import Contract
import Hummingbird
import NIOCore
import Store

/// All routes on one page.
///
/// Requests and answers are those of `Contract`. A refusal is `{"error": "sentence"}` with 400 for a wrong question, 404
/// for what does not exist, 500 for the store's trouble and 503 while the gateway cannot answer.
struct Routes {
    let archives: ArchivePool
    let live: LiveAnswers
    let now: @Sendable () -> Timestamp

    func add(to router: Router<BasicRequestContext>) {
        let (archives, live, now) = (archives, live, now)
        router.answer(StatusRequest.self) { _ in try await archives.ask(.short) { try $0.status() } }
        router.answer(LiveRequest.self) { _ in live.status() }
        router.answer(DoctorRequest.self) { _ in live.examine() }
        router.answer(DevicesRequest.self) { asked in
            let now = now()
            return try await archives.ask(.short) { try $0.devices(asked.filter, at: now) }
        }
        router.answer(LatestRequest.self) { asked in try await archives.ask(.short) { try $0.latest(asked.filter) } }
        router.answer(HistoryRequest.self) { asked in try await archives.ask(.long) { try $0.history(asked) } }
        router.answer(QueryRequest.self) { asked in try await archives.ask(.long) { try $0.query(asked) } }
        router.answer(StatisticsRequest.self) { asked in
            try await archives.ask(.short) { try $0.check(asked) }
            let answers = try await live.statistics(asked)
            guard answers.count <= StatisticsRequest.answersMax else {
                throw Refusal.wrong(
                    "more than \(StatisticsRequest.answersMax) windows fit; ask for fewer devices, one quantity or one window"
                )
            }
            return answers
        }
        router.answer(AlertsRequest.self) { asked in try await archives.ask(.short) { try $0.alerts(asked) } }
        router.answer(AlertRequest.self) { asked in try await archives.ask(.short) { try $0.alert(asked.id) } }
        router.answer(RejectsRequest.self) { asked in try await archives.ask(.short) { try $0.rejects(asked) } }
        router.on(ExportRequest.route) { request in
            try await ExportStream.response(try ExportRequest(target: request.target), archives)
        }
        for order in live.orders {
            router.on(order.route) { request in
                let carryOut = try order.read(request.target)
                return try await carryOut(try await request.bytes(atMost: order.bodyBytesMax))
            }
        }
    }
}

extension Router<BasicRequestContext> {
    fileprivate func answer<Asked: Question>(
        _: Asked.Type, _ answer: @escaping @Sendable (Asked) async throws -> Asked.Answer
    ) {
        on(Asked.route) { request in try Reply(try await answer(try Asked(target: request.target))) }
    }

    fileprivate func on(
        _ route: Route, _ answer: @escaping @Sendable (Hummingbird.Request) async throws -> some ResponseGenerator
    ) {
        let method: HTTPRequest.Method =
            switch route.method {
            case .get: .get
            case .post: .post
            }
        on(RouterPath(route.pattern), method: method) { request, _ in try await answer(request) }
    }
}

extension Hummingbird.Request {
    /// The path and the query as they came.
    fileprivate var target: String { uri.query.map { "\(uri.path)?\($0)" } ?? uri.path }

    /// The body; that of an order without one is left unread.
    fileprivate func bytes(atMost limit: Int) async throws -> [UInt8] {
        guard limit > 0 else { return [] }
        do {
            return Array(buffer: try await body.collect(upTo: limit))
        } catch is NIOTooManyBytesError {
            throw HTTPError(.contentTooLarge, message: "the body is longer than \(limit) bytes; send it in parts")
        }
    }
}
