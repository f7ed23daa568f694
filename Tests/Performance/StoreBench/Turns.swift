import Basics
import Dispatch
import Measuring
import Store
import Synchronization
import Telemetry

/// The gateway's turn without broker, decoding and windows: commits on this thread, and beside them seals and
/// compactions on one of their own.
///
/// Moments are those of the readings: a day passes in seconds, and so do the hours between two seals.
final class Turns {
    let journal: Journal
    /// Of the commits while a job was under way, and of those while none was.
    private(set) var busyCommits = Times()
    private(set) var quietCommits = Times()
    /// What the turn did besides on the thread that commits, where it did anything: first and last steps of jobs,
    /// upkeep.
    private(set) var housekeeping = Times()
    private(set) var seals = 0
    private(set) var compactions = 0
    private(set) var readings = 0

    private var run: Run?
    private var asksForCompaction = true
    private var lastUpkeep = 0.0

    private final class Run: Sendable {
        let outcome = Mutex<Result<StoreOutcome, StoreError>?>(nil)
        let group = DispatchGroup()
    }

    private static let queue = DispatchQueue(label: "store-bench.seal", qos: .utility)

    init(_ options: StoreOptions) throws { journal = try Journal.open(options) }

    func turn(_ batch: DecodedBatch, now: Timestamp) throws {
        let begin = Clocks.wall
        let commit = try journal.commit(batch, received: batch.heard.count, at: Moment(now))
        let end = Clocks.wall
        precondition(commit.turn.fresh.count == batch.readings.count, "store-bench: a reading was not fresh")
        readings += commit.turn.fresh.count
        if run == nil { quietCommits.add(end - begin) } else { busyCommits.add(end - begin) }
        if try keepHouse(now: now) { housekeeping.add(Clocks.wall - end) }
    }

    /// False where there was nothing to do.
    private func keepHouse(now: Timestamp) throws -> Bool {
        var isBusy = false
        // By the clock of the wall, as in the gateway: a simulated second is too short to be looked at.
        if Clocks.wall - lastUpkeep >= 1 {
            lastUpkeep = Clocks.wall
            asksForCompaction = true
            _ = try journal.upkeep(now: now)
            isBusy = true
        }
        if let run {
            guard let outcome = run.outcome.withLock({ $0 }) else { return isBusy }
            self.run = nil
            try take(try outcome.get(), now: now)
            asksForCompaction = true
            return true
        }
        if journal.sealIsDue(now: now) {
            start(.seal(try journal.beginSeal(state: [], now: now)))
            return true
        }
        guard asksForCompaction else { return isBusy }
        asksForCompaction = false
        if let job = journal.nextCompaction(now: now) { start(.compaction(job)) }
        return true
    }

    private func start(_ job: StoreJob) {
        let run = Run()
        self.run = run
        Self.queue.async(group: run.group) {
            let outcome = Result { () throws(StoreError) -> StoreOutcome in try job.run() }
            run.outcome.withLock { $0 = outcome }
        }
    }

    private func take(_ outcome: StoreOutcome, now: Timestamp) throws {
        switch outcome {
        case .sealed(let days):
            try journal.finishSeal(days)
            seals += 1
        case .compacted(let days):
            try journal.finishCompaction(days, now: now)
            compactions += 1
        }
    }

    /// Waits for the job under way, seals what is left and compacts every day that is closed at `now`; the files that
    /// went into others are unlinked.
    func finish(now: Timestamp) throws {
        if let run {
            run.group.wait()
            self.run = nil
            try take(try run.outcome.withLock { $0! }.get(), now: now)
        }
        if journal.journalRows > 0 {
            try take(try StoreJob.seal(journal.beginSeal(state: [], now: now)).run(), now: now)
        }
        while let job = journal.nextCompaction(now: now) { try take(try StoreJob.compaction(job).run(), now: now) }
        // The minutes after: replaced files go, and the journal gives back the room of what was sealed.
        for second in 1...240 { _ = try journal.upkeep(now: now + .seconds(second)) }
    }
}
