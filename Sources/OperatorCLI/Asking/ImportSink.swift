import Alerting
import Basics
import Contract
import Glibc
import Interchange
import Pipeline
import Store
import Telemetry
import Windows

/// Where imported readings go: the daemon, or the files when it is down.
protocol ImportSink: Sendable {
    /// Returns when the readings are on disk. Lines of the receipt are those of the readings.
    func commit(_ readings: NamedReadings, profile: String?) async throws -> ImportReceipt
    func close() async throws
}

/// Sends batches to the daemon, and again while it has no room.
struct DaemonSink: ImportSink {
    private static let retryAfter = Duration.seconds(1)

    let source: DaemonSource
    /// Told why it waits, once, and nil when it goes on.
    let waits: @Sendable (String?) -> Void
    let isStopped: @Sendable () -> Bool

    func commit(_ readings: NamedReadings, profile: String?) async throws -> ImportReceipt {
        var writer = ReadingWriter(.csv)
        var body = Array(writer.header.utf8)
        for entry in readings.entries {
            writer.begin(
                device: readings.device(of: entry), quantity: entry.quantity.name, channel: readings.channel(of: entry),
                unit: "")
            writer.append(entry.observed, entry.value, to: &body)
        }
        let order = ImportOrder(profile: profile ?? ImportOrder.usualProfile, body: body)
        var hasWaited = false
        while true {
            do {
                var receipt = try await source.carryOut(order)
                if hasWaited { waits(nil) }
                for index in receipt.refusals.indices {
                    // The body's first line is the header.
                    let place = receipt.refusals[index].line - 2
                    receipt.refusals[index].line =
                        readings.entries.indices.contains(place) ? readings.entries[place].line : 0
                }
                return receipt
            } catch let refusal as NoAnswer where refusal.isForNow {
                if !hasWaited { waits(refusal.description) }
                hasWaited = true
                if isStopped() { throw refusal }
                try await Task.sleep(for: Self.retryAfter)
            }
        }
    }

    func close() async throws { try await source.close() }
}

/// Writes the files as the gateway does, and keeps the windows with them.
///
/// Owned by one command and used by it alone.
final class StoreSink: ImportSink, @unchecked Sendable {
    // Sendable unchecked: a command waits for each commit before it asks for the next, or closes.
    private let journal: Journal
    private let folder: String
    /// Without watchers: what they learnt is carried along, as imports are no news to them.
    private let pipeline = Pipeline()
    private let person: String

    /// Throws `.locked` beside a daemon, and refuses a store that a gateway left without sealing: those rows are for it
    /// to replay, with the alerts they may raise.
    init(_ options: StoreOptions, by person: String = loginName()) throws {
        self.person = person
        folder = options.folder
        var status = stat()
        guard stat(options.folder, &status) != 0 || status.st_uid == geteuid() else {
            // Files of another user would lock the gateway out of its own store.
            let owner = getpwuid(status.st_uid).map { String(cString: $0.pointee.pw_name) } ?? "\(status.st_uid)"
            throw NoAnswer.failed(
                "\(options.folder) is the store of user \(owner); do it as that user: sudo -u \(owner) …")
        }
        journal = try Journal.open(options)
        var isOfGateway = false
        do {
            pipeline.setRoster(Roster(try journal.expectedDevices()), registry: journal.registry)
            if let snapshot = journal.snapshot {
                // A gateway would learn it anew, and say so; a tool must not be the one to lose it.
                let unread = pipeline.restore(snapshot.bytes, registry: journal.registry)
                guard unread.isEmpty else {
                    throw NoAnswer.failed(
                        "nothing was done: \(unread.joined(separator: "; ")); start the gateway once, which keeps what does not read aside, and say this again"
                    )
                }
            }
            try journal.replay { turn in
                switch turn.origin {
                case .live: isOfGateway = true
                case .imported: _ = pipeline.step(turn, registry: journal.registry)
                }
            }
        } catch {
            journal.close()
            throw error
        }
        guard !isOfGateway else {
            journal.close()
            throw NoAnswer.failed(
                "a gateway ended on \(options.folder) without sealing what it had taken in; start and stop it once")
        }
    }

    func commit(_ readings: NamedReadings, profile: String?) throws -> ImportReceipt {
        let now = presentMoment()
        let (commit, receipt) = try journal.commit(
            imported: readings, profile: profile ?? ImportOrder.usualProfile, by: person,
            at: journal.storedClock?.moment(at: now) ?? Moment(now))
        _ = pipeline.step(commit.turn, registry: journal.registry)
        if journal.sealIsDue(now: now) { try seal(now) }
        return receipt
    }

    /// Takes readings out. The windows go first, and with them the note that what was learnt begins anew: after a crash they
    /// lack what the store still has, and not the other way.
    func forget(_ request: ForgetRequest, by person: String) throws -> GivenUp? {
        let now = presentMoment()
        if journal.journalRows > 0 { try seal(now) }
        let archive = try Archive(folder: folder)
        let registry = journal.registry
        let affected = try archive.affected(by: request)
        guard !affected.isEmpty else { return nil }
        for series in request.series(registry) {
            let reach = pipeline.windows.plan.lengths(of: registry.series[series.index].quantity).max() ?? .zero
            var readings: [Reading] = []
            try archive.forEachReading(of: series, since: now - reach, until: Timestamp(milliseconds: .max)) {
                time, value in
                if !(request.since..<request.until).contains(time) {
                    readings.append(Reading(series: series, observed: time, value: value))
                }
                return true
            }
            pipeline.rebuild(series, from: readings, registry: registry, at: now)
        }
        pipeline.forget(
            Forgotten(series: Set(affected), span: request.since..<request.until, at: now), registry: registry)
        try seal(now)
        return try journal.forget(request, by: person, now: now)
    }

    private func seal(_ now: Timestamp) throws {
        try journal.finishSeal(try journal.beginSeal(state: pipeline.state(), now: now).run())
    }

    func close() throws {
        defer { journal.close() }
        if journal.journalRows > 0 { try seal(presentMoment()) }
    }
}
