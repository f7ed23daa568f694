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
    let operators: Operators
    var budget = BodyBudget()
    var pace = Pace()

    func add(to router: Router<VisitContext>) {
        let (live, now, operators) = (live, now, operators)
        on(router, LiveRequest.route) { _, _ in try Reply(live.status()) }
        answer(router, StatusRequest.self, { _ in .desk }) { _, archive in try archive.status(at: now()) }
        answer(router, DevicesRequest.self, { $0.filter.lane }) { try $1.devices($0.filter, at: now()) }
        answer(router, LatestRequest.self, { $0.filter.lane }) { try $1.latest($0.filter) }
        answer(router, HistoryRequest.self, { _ in .long }) { try $1.history($0) }
        answer(router, QueryRequest.self, { _ in .long }) { try $1.query($0) }
        answer(router, AlertsRequest.self, { _ in .desk }) { try $1.alerts($0, at: now()) }
        answer(router, AlertRequest.self, { _ in .desk }) { try $1.alert($0.id, at: now()) }
        answer(router, WhyRequest.self, { _ in .listing }) { try $1.why($0.id, at: now()) }
        answer(router, MissedRequest.self, { _ in .listing }) { try $1.missed($0, at: now()) }
        answer(router, ChannelsRequest.self, { _ in .listing }) { _, archive in try archive.channels(at: now()) }
        answer(router, HealthRequest.self, { $0.since == nil ? .listing : .long }) { try $1.health($0, at: now()) }
        answer(router, SilencesRequest.self, { _ in .desk }) { try $1.silences($0, at: now()) }
        answer(router, IncidentsRequest.self, { _ in .listing }) { try $1.incidents($0, at: now()) }
        answer(router, IncidentRequest.self, { _ in .desk }) { try $1.incident($0.id, at: now()) }
        answer(router, RejectsRequest.self, { _ in .short }) { try $1.rejects($0) }
        answer(router, CorrectionsRequest.self, { _ in .short }) { try $1.corrections($0) }
        // It waits for the disk, also where no archive can be opened.
        on(router, DoctorRequest.route) { _, asker in
            try await asker.work(.listing) { lend in
                try Reply(live.examine(try? lend().unread()))
            }
        }
        on(router, StatisticsRequest.route) { request, asker in
            let asked = try StatisticsRequest(target: request.target)
            try await asker.ask(.short) { try $0.check(asked) }
            let answers = try await live.statistics(asked)
            guard answers.count <= StatisticsRequest.answersMax else {
                throw Refusal.wrong(
                    "more than \(StatisticsRequest.answersMax) windows fit; ask for fewer devices, one quantity or one window"
                )
            }
            return try await asker.work(.listing) { _ in try Reply(answers) }
        }
        let (budget, pace) = (budget, pace)
        on(router, ExportRequest.route) { request, asker in
            try await ExportStream.response(try ExportRequest(target: request.target), asker, budget, pace)
        }
        for order in live.orders {
            on(router, order.route) { request, asker in
                let author = try await asker.author(of: order.deed, operators)
                let carryOut = try order.read(request.target)
                let length = request.headers[.contentLength].flatMap { Int($0) } ?? order.bodyBytesMax
                let share = try budget.share(min(length, order.bodyBytesMax), isAhead: true)
                defer { withExtendedLifetime(share) {} }
                return try await carryOut(try await request.bytes(atMost: order.bodyBytesMax), author)
            }
        }
    }

    /// The answer is written as JSON where it is found: it may have megabytes.
    private func answer<Asked: Question>(
        _ router: Router<VisitContext>, _: Asked.Type, _ lane: @escaping @Sendable (Asked) -> ArchivePool.Lane,
        _ answer: @escaping @Sendable (Asked, Archive) throws -> Asked.Answer
    ) {
        let budget = budget
        on(router, Asked.route) { request, asker in
            let asked = try Asked(target: request.target)
            let lane = lane(asked)
            return try await asker.work(lane) { lend in
                // On duty there is always room: those answers are few and short.
                if lane != .desk { try budget.check() }
                let found = try answer(asked, try lend())
                try asker.check()
                return try Reply(found)
            }
        }
    }

    private func on(
        _ router: Router<VisitContext>, _ route: Route,
        _ answer: @escaping @Sendable (Hummingbird.Request, Asker) async throws -> some ResponseGenerator
    ) {
        let method: HTTPRequest.Method =
            switch route.method {
            case .get: .get
            case .post: .post
            }
        let (archives, budget, pace) = (archives, budget, pace)
        router.on(RouterPath(route.pattern), method: method) { request, context in
            let visitor = try await context.visitor
            let found = try await answer(request, Asker(archives: archives, visitor: visitor))
            let response = try found.response(from: request, context: context)
            guard let reply = found as? Reply else { return response }
            return try budget.counted(response, body: reply.body, visitor, pace)
        }
    }
}

/// Asks the archives for somebody, as long as he is there.
struct Asker: Sendable {
    let archives: ArchivePool
    let visitor: Visitor

    /// See `ArchivePool`.
    func ask<Answer: Sendable>(
        _ lane: ArchivePool.Lane, _ question: @escaping @Sendable (Archive) throws -> Answer
    ) async throws -> Answer {
        try await work(lane) { lend in try question(try lend()) }
    }

    /// See `ArchivePool`.
    func work<Answer: Sendable>(
        _ lane: ArchivePool.Lane, _ work: @escaping @Sendable (_ lend: () throws -> Archive) throws -> Answer
    ) async throws -> Answer {
        let archives = archives
        return try await visitor.whileHere { try await archives.work(lane, work) }
    }

    /// Who he is, of whom an order is taken; throws `.forbidden` where none is.
    func author(of deed: String, _ operators: Operators) async throws -> Author {
        let peer = visitor.peer
        // The system may ask a directory for a name.
        return try await work(.desk) { _ in try operators.author(peer, of: deed) }
    }

    /// Throws `CancellationError` where he is gone.
    func check() throws {
        if visitor.isGone { throw CancellationError() }
    }
}

extension DeviceFilter {
    /// Of one device or of all.
    fileprivate var lane: ArchivePool.Lane {
        device.map { NamePattern($0).literal != nil } ?? false ? .short : .listing
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
