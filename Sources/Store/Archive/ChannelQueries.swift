public import Basics
public import Contract
import Telemetry

extension Archive {
    /// How the channels do that ever had something to tell, by name; `now` is the wall clock's.
    public func channels(at now: Timestamp) throws(StoreError) -> [ChannelAnswer] {
        try withSnapshot { connection throws(StoreError) in
            var answers: [ChannelAnswer] = []
            try connection.rows(
                """
                SELECT o.channel, sum(o.delivered_at IS NULL) AS waiting,
                    min(CASE WHEN o.delivered_at IS NULL THEN t.at END) AS oldest,
                    sum(CASE WHEN o.delivered_at IS NULL THEN o.attempts ELSE 0 END) AS failed,
                    sum(o.delivered_at > ?1 AND o.error IS NULL) AS in_day,
                    max(CASE WHEN o.error IS NULL THEN o.delivered_at END) AS last_delivered,
                    sum(o.delivered_at IS NOT NULL AND o.error IS NOT NULL) AS given_up
                FROM outbox o JOIN transition t ON t.id = o.transition_id GROUP BY o.channel ORDER BY o.channel
                """, .integer(now.milliseconds - 86_400_000)
            ) { row throws(StoreError) in
                var answer = ChannelAnswer(channel: row.text("channel"))
                answer.waiting = Int(row.integer("waiting"))
                answer.oldest = row.optionalInteger("oldest").map { Timestamp(milliseconds: $0) }
                answer.failedAttempts = Int(row.integer("failed"))
                answer.deliveredInDay = Int(row.integer("in_day"))
                answer.lastDelivered = row.optionalInteger("last_delivered").map { Timestamp(milliseconds: $0) }
                answer.givenUp = Int(row.integer("given_up"))
                answers.append(answer)
            }
            for index in answers.indices {
                func error(_ condition: String) throws(StoreError) -> String? {
                    var error: String?
                    try connection.rows(
                        "SELECT error FROM outbox WHERE channel = ? AND error IS NOT NULL AND \(condition) ORDER BY id DESC LIMIT 1",
                        .text(answers[index].channel)
                    ) { row throws(StoreError) in error = row.text("error") }
                    return error
                }
                if answers[index].failedAttempts > 0 { answers[index].error = try error("delivered_at IS NULL") }
                if answers[index].givenUp > 0 { answers[index].givenUpReason = try error("delivered_at IS NOT NULL") }
            }
            return answers
        }
    }
}
