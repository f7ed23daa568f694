import Pipeline
import Basics
import Store
import Telemetry
import Windows

/// Asks the files themselves, when the daemon is down or away.
struct StoreSource: AnswerSource {
    private let archive: Archive

    /// Throws `StoreError` where there is no store that can be read.
    init(folder: String) throws { archive = try Archive(folder: folder) }

    func close() {}

    func status() throws -> StatusAnswer { try archive.status() }
    func liveStatus() -> LiveStatusAnswer? { nil }
    func devices(_ filter: DeviceFilter) throws -> [DeviceAnswer] { try archive.devices(filter) }
    func latest(_ filter: DeviceFilter) throws -> [LatestAnswer] { try archive.latest(filter) }
    func history(_ request: HistoryRequest) throws -> HistoryAnswer { try archive.history(request) }
    func query(_ request: QueryRequest) throws -> QueryAnswer { try archive.query(request) }
    func alerts(_ filter: AlertFilter) throws -> [AlertAnswer] { try archive.alerts(filter) }
    func alert(_ id: Int64) throws -> AlertStoryAnswer { try archive.alert(id) }

    func rejects(limit: Int, reason: Reject.Reason?, device: String?) throws -> RejectsAnswer {
        try archive.rejects(limit: limit, reason: reason, device: device)
    }

    func acknowledge(_ id: Int64, by: String, note: String) throws -> AlertStoryAnswer {
        throw NoAnswer.wrongQuestion("only the running gateway can acknowledge an alert; leave --store out")
    }

    func findings() throws -> [FindingAnswer] {
        throw NoAnswer.wrongQuestion("only the running gateway can be examined; leave --store out")
    }

    /// The windows as the daemon would have them: the state of the last seal, then the journal's tail through the same
    /// code, at the moment of the last commit.
    func statistics(device: String?, quantity: String?, window: Duration?) throws -> [StatisticsAnswer] {
        try archive.check(device: device)
        let snapshot = try archive.stateSnapshot()
        let registry = archive.registry
        let pipeline = Pipeline()
        pipeline.setRoster(try archive.roster(), registry: registry)
        if let snapshot {
            let unread = pipeline.restore(snapshot.bytes, registry: registry)
            guard unread.isEmpty else { throw NoAnswer.failed(unread.joined(separator: "; ")) }
        }
        var now = Timestamp(milliseconds: 0)
        try archive.replayTail(after: snapshot?.journalID ?? 0) { turn in
            now = max(now, turn.now)
            _ = pipeline.step(turn, registry: registry)
        }
        now = max(now, try archive.status().lastCommitAt ?? now)
        let pattern = device.map { NamePattern($0) }
        var answers: [StatisticsAnswer] = []
        for (index, series) in registry.series.enumerated() {
            if let quantity, series.quantity.name != quantity { continue }
            if let pattern, !pattern.matches(registry.devices[series.device.index].name) { continue }
            for summary in pipeline.summaries(of: SeriesID(rawValue: UInt32(index)), at: now) {
                if let window, summary.window != window { continue }
                answers.append(
                    StatisticsAnswer(summary, registry: registry, clockSkew: pipeline.clocks.skew(of: series.device)))
            }
        }
        return answers
    }
}
