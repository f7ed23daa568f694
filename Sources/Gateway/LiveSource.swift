import Basics
import API
import Store
import Telemetry

/// Answers the API's questions about the running gateway: from the published numbers, or through the mailbox.
struct LiveSource: Sendable {
    let mailbox: Mailbox
    let live: LiveView
    let doctor: Doctor

    var answers: LiveAnswers {
        LiveAnswers(
            status: { live.current },
            statistics: { (device, quantity, window, rowsMax) async throws(LiveRefusal) -> [StatisticsAnswer] in
                let request = StatisticsRequest(device: device, quantity: quantity, window: window, rowsMax: rowsMax)
                return try await ask { .statistics(request, $0) }
            },
            acknowledge: { (alertID, by, note) async throws(LiveRefusal) in
                try await ask { .acknowledge(alertID: alertID, by: by, note: note, $0) }
            },
            importReadings: { (readings, profile) async throws(LiveRefusal) -> ImportReceipt in
                try await outcome { reply in
                    mailbox.post(Mailbox.ImportLetter(readings: readings, profile: profile, reply: reply))
                }
            },
            examine: { doctor.examine() })
    }

    private func ask<Answer: Sendable>(
        _ letter: (@escaping @Sendable (Result<Answer, GatewayRefusal>) -> Void) -> Mailbox.Letter
    ) async throws(LiveRefusal) -> Answer {
        try await outcome { reply in mailbox.post(letter(reply)) }
    }

    /// What the ingest thread replies to a letter; `post` gives it the reply to call, and is false where there is no room.
    private func outcome<Answer: Sendable>(
        _ post: (@escaping @Sendable (Result<Answer, GatewayRefusal>) -> Void) -> Bool
    ) async throws(LiveRefusal) -> Answer {
        let result: Result<Answer, GatewayRefusal> = await withCheckedContinuation { continuation in
            if !post({ continuation.resume(returning: $0) }) {
                continuation.resume(returning: .failure(mailbox.isStopped ? .stopping : .busy))
            }
        }
        switch result {
        case .success(let answer): return answer
        case .failure(.noSuchAlert(let id)): throw .notFound("there is no alert \(id)")
        case .failure(let refusal): throw .unavailable("\(refusal)")
        }
    }
}
