import Basics
import Contract
import Pipeline
import Store
import Telemetry
import Windows

/// Asks the files themselves, when the daemon is down or away.
struct StoreSource: AnswerSource {
    private let archive: Archive
    /// The moment of an answer, which says what is silent by then.
    private let now: () -> Timestamp

    /// Throws where there is no store that can be read.
    init(folder: String, now: @escaping () -> Timestamp = presentMoment) throws {
        archive = try Self.reading { try Archive(folder: folder) }
        self.now = now
    }

    func close() {}

    func answer(_ question: StatusRequest) throws -> StatusAnswer { try ask { try $0.status(at: now()) } }
    func liveStatus() -> LiveStatusAnswer? { nil }
    func answer(_ question: DevicesRequest) throws -> [DeviceAnswer] {
        try ask { try $0.devices(question.filter, at: now()) }
    }
    func answer(_ question: LatestRequest) throws -> [LatestAnswer] { try ask { try $0.latest(question.filter) } }
    func answer(_ question: HistoryRequest) throws -> HistoryAnswer { try ask { try $0.history(question) } }
    func answer(_ question: QueryRequest) throws -> QueryAnswer { try ask { try $0.query(question) } }
    func answer(_ question: AlertsRequest) throws -> [AlertAnswer] { try ask { try $0.alerts(question, at: now()) } }
    func answer(_ question: AlertRequest) throws -> AlertStoryAnswer {
        try ask { try $0.alert(question.id, at: now()) }
    }
    func answer(_ question: WhyRequest) throws -> WhyAnswer { try ask { try $0.why(question.id, at: now()) } }
    func answer(_ question: MissedRequest) throws -> MissedAnswer { try ask { try $0.missed(question, at: now()) } }
    func answer(_ question: ChannelsRequest) throws -> [ChannelAnswer] { try ask { try $0.channels(at: now()) } }
    func answer(_ question: HealthRequest) throws -> HealthAnswer { try ask { try $0.health(question, at: now()) } }
    func answer(_ question: SilencesRequest) throws -> [SilenceAnswer] {
        try ask { try $0.silences(question, at: now()) }
    }
    func answer(_ question: IncidentsRequest) throws -> IncidentsAnswer {
        try ask { try $0.incidents(question, at: now()) }
    }
    func answer(_ question: IncidentRequest) throws -> IncidentStoryAnswer {
        try ask { try $0.incident(question.id, at: now()) }
    }
    func answer(_ question: RejectsRequest) throws -> RejectsAnswer { try ask { try $0.rejects(question) } }
    func answer(_ question: CorrectionsRequest) throws -> CorrectionsAnswer {
        try ask { try $0.corrections(question) }
    }
    func answer(_ question: StatisticsRequest) throws -> [StatisticsAnswer] { try ask { try statistics(question, $0) } }

    func answer(_ question: DoctorRequest) throws -> [Diagnosis] {
        throw NoAnswer.wrongQuestion("only the running gateway can be examined; leave --store out")
    }

    func carryOut<Kind: Order>(_ order: Kind) throws -> Kind.Answer {
        throw NoAnswer.wrongQuestion("only the running gateway can \(Kind.deed); leave --store out")
    }

    private func ask<Answer>(_ question: (Archive) throws -> Answer) throws -> Answer {
        try Self.reading { try question(archive) }
    }

    /// The store's trouble, as the daemon tells it.
    private static func reading<R>(_ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as StoreError {
            throw NoAnswer.refused(Refusal(error))
        }
    }

    private static func windows(_ request: StatisticsRequest, _ plan: WindowPlan) throws {
        do throws(Refusal) {
            try request.check(windows: plan.lengths(asked: request.quantity))
        } catch {
            throw NoAnswer.refused(error)
        }
    }

    /// The windows as the daemon would have them: the state of the last seal, then the journal's tail through the same
    /// code, at the moment of the last commit.
    private func statistics(_ request: StatisticsRequest, _ archive: Archive) throws -> [StatisticsAnswer] {
        try archive.check(request)
        let snapshot = try archive.stateSnapshot()
        let registry = archive.registry
        let pipeline = Pipeline()
        pipeline.setRoster(Roster(try archive.expectedDevices()), registry: registry)
        if let snapshot {
            let unread = pipeline.restore(snapshot.bytes, registry: registry)
            guard unread.isEmpty else { throw NoAnswer.failed(unread.joined(separator: "; ")) }
        }
        var now = Timestamp(milliseconds: 0)
        try archive.replayTail(after: snapshot?.journalID ?? 0) { turn in
            now = turn.now
            _ = pipeline.step(turn, registry: registry)
        }
        now = try archive.status().lastCommitAt ?? now
        try Self.windows(request, pipeline.windows.plan)
        let pattern = request.device.map { NamePattern($0) }
        var answers: [StatisticsAnswer] = []
        for (index, series) in registry.series.enumerated() {
            if let quantity = request.quantity, series.quantity.name != quantity { continue }
            if let pattern, !pattern.matches(registry.devices[series.device.index].name) { continue }
            for summary in pipeline.summaries(of: SeriesID(rawValue: UInt32(index)), at: now) {
                if let window = request.window, summary.window != window { continue }
                answers.append(
                    StatisticsAnswer(summary, registry: registry, clockSkew: pipeline.clocks.skew(of: series.device)))
            }
        }
        return answers
    }
}
