public import Basics
public import Contract
import Telemetry

extension Archive {
    /// What was in a span, and what stands at `now`.
    public func missed(_ request: MissedRequest, at now: Timestamp) throws(StoreError) -> MissedAnswer {
        var answer = MissedAnswer(since: request.since, until: request.until ?? now)
        var before: Int64?
        // A client that invents names may raise any number: the gravest that nobody took must not be pushed out by them.
        repeat {
            let page = try incidents(
                IncidentsRequest(
                    since: answer.since, until: answer.until, before: before, limit: IncidentsRequest.limits.upperBound),
                at: now)
            for incident in page.incidents where incident.firedAt != nil || incident.state == .unknown {
                if incident.beginningMeaning?.isOwn == true {
                    answer.ofGateway.append(incident)
                } else {
                    answer.incidents.append(incident)
                }
            }
            for list in [\MissedAnswer.incidents, \.ofGateway]
            where answer[keyPath: list].count > MissedAnswer.incidentsMax {
                answer.hasMore = true
                answer[keyPath: list].sort { $0.isBefore($1) }
                answer[keyPath: list].removeLast(answer[keyPath: list].count - MissedAnswer.incidentsMax)
                answer[keyPath: list].sort { $0.id > $1.id }
            }
            before = page.next
        } while before != nil
        for device in try devices(at: now) { answer.devices[device.health.rawValue, default: 0] += 1 }
        answer.lost = try givenUp().filter { ($0.at >= answer.since) && ($0.at < answer.until) }.map {
            .init(at: $0.at, why: $0.why.rawValue, first: $0.first, last: $0.last, rows: $0.rows, detail: $0.detail)
        }
        answer.silences = try silences(since: answer.since, until: answer.until, at: now)
        answer.channels = try channels(at: now).filter { $0.failedAttempts > 0 || $0.givenUp > 0 }
        try withSnapshot { connection throws(StoreError) in
            answer.runs = try runs(since: answer.since, until: answer.until, connection)
            answer.rejects = try rejected(since: answer.since, until: answer.until, connection)
        }
        return answer
    }

    private func rejected(
        since: Timestamp, until: Timestamp, _ connection: Connection
    ) throws(StoreError) -> [MissedAnswer.Rejected] {
        var rejected: [MissedAnswer.Rejected] = []
        try connection.rows(
            """
            SELECT reason, count(*) AS n, CASE WHEN min(device) = max(device) AND count(device) = count(*) THEN min(device) END
                AS device FROM reject WHERE received >= ? AND received < ? GROUP BY reason ORDER BY count(*) DESC, reason
            """, .integer(since.milliseconds), .integer(until.milliseconds)
        ) { row throws(StoreError) in
            let device = row.optionalInteger("device").flatMap {
                (0..<Int64(registry.deviceCount)).contains($0) ? Int($0) : nil
            }
            rejected.append(
                .init(
                    reason: row.text("reason"), count: row.integer("n"),
                    device: device.map { registry.devices[$0].name }))
        }
        return rejected
    }
}

extension IncidentAnswer {
    /// Of more need: not over and taken by nobody first, then the graver, then the newer.
    fileprivate func isBefore(_ other: IncidentAnswer) -> Bool {
        let (waits, otherWaits) = (ended == nil && taken == nil, other.ended == nil && other.taken == nil)
        if waits != otherWaits { return waits }
        return severity == other.severity ? id > other.id : severity > other.severity
    }
}
