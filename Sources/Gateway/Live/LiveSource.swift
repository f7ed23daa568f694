import API
import Basics
import ConfigurationFiles
import Contract
import Logging
import Store
import Telemetry

/// Answers and orders of the running gateway: from the published numbers, or through the mailbox.
struct LiveSource: Sendable {
    let mailbox: Mailbox
    let live: LiveView
    let doctor: Doctor
    let archives: ArchivePool
    let log: Logger
    /// Reads profiles, rules and roster anew.
    let loadFiles: @Sendable () throws(Mistakes) -> LoadedFiles

    var answers: LiveAnswers {
        LiveAnswers(
            status: { live.current }, examine: { doctor.examine(unread: $0) },
            statistics: { (request) async throws(Refusal) -> [StatisticsAnswer] in
                try await betweenTurns { (loop, moment) throws(Refusal) in try loop.statistics(request, at: moment) }
            },
            orders: carriedOutOrders.map { route($0) })
    }

    private func route<Kind: CarriedOut>(_: Kind.Type) -> OrderRoute {
        OrderRoute(Kind.self) { (order, author) async throws(Refusal) -> Kind.Answer in
            try await order.carryOut(by: self, for: author)
        }
    }

    /// Has the ingest thread do it between two turns. Refused at once while too many wait, or when the gateway stops.
    func betweenTurns<Answer: Sendable>(
        _ work: @escaping @Sendable (IngestLoop, Moment) throws(Refusal) -> Answer
    ) async throws(Refusal) -> Answer {
        try await outcome { reply in
            mailbox.post(
                Mailbox.Letter { loop, moment in
                    reply(Result { () throws(Refusal) in try work(loop, moment) })
                })
        }
    }

    /// Commits readings of a client; they wait in a queue of their own. `person` is who brings them.
    func commit(_ readings: NamedReadings, profile: String, by person: String) async throws(Refusal) -> ImportReceipt {
        try await outcome { reply in
            mailbox.post(Mailbox.ImportLetter(readings: readings, profile: profile, person: person, reply: reply))
        }
    }

    /// A short question to the files.
    func read<Answer: Sendable>(
        _ question: @escaping @Sendable (Archive) throws(StoreError) -> Answer
    ) async throws(Refusal) -> Answer {
        do {
            return try await archives.ask(.short, question)
        } catch let error as StoreError {
            throw Refusal(error)
        } catch {
            throw .failed("\(error)")
        }
    }

    func load() throws(Refusal) -> LoadedFiles {
        do throws(Mistakes) {
            return try loadFiles()
        } catch {
            throw .misconfigured("\(error)")
        }
    }

    /// What the ingest thread replies to a letter; `post` gives it the reply to call, and is false where there is no room.
    private func outcome<Answer: Sendable>(
        _ post: (@escaping @Sendable (Result<Answer, Refusal>) -> Void) -> Bool
    ) async throws(Refusal) -> Answer {
        let result: Result<Answer, Refusal> = await withCheckedContinuation { continuation in
            if !post({ continuation.resume(returning: $0) }) {
                continuation.resume(returning: .failure(mailbox.isStopped ? .stopping : .busy))
            }
        }
        return try result.get()
    }
}
