import Basics
import Dispatch
import Store
import Synchronization
import Telemetry

/// Runs the middle step of a seal, or a compaction, on a thread of its own, so that the turn goes on meanwhile.
struct Sealer {
    enum Progress {
        case idle, running
        case done(StoreOutcome)
        case failed(StoreJob, StoreError)
    }

    private final class Run: Sendable {
        let job: StoreJob
        let stop = StopRequest()
        let outcome = Mutex<Result<StoreOutcome, StoreError>?>(nil)
        let group = DispatchGroup()
        init(_ job: StoreJob) { self.job = job }
    }

    private static let queue = DispatchQueue(label: "baotu.seal", qos: .utility)
    private static let retryAfter = Duration.seconds(30)
    private let isInline: Bool
    private var run: Run?
    /// A seal that failed, to be run again as it is. A compaction is left to the journal to ask for again.
    private var failed: SealJob?
    /// What a job has written, until the journal has taken note of it.
    private var written: StoreOutcome?
    private var retryAt = SteadyTime(milliseconds: .min)

    /// `isInline` runs each job before `begin` returns: for the simulation, in which nothing happens by itself.
    init(isInline: Bool = false) { self.isInline = isInline }

    mutating func begin(_ job: StoreJob) {
        let run = Run(job)
        self.run = run
        let work = { @Sendable in
            let outcome = Result { () throws(StoreError) -> StoreOutcome in try run.job.run(run.stop) }
            run.outcome.withLock { $0 = outcome }
        }
        if isInline { work() } else { Self.queue.async(group: run.group, execute: work) }
    }

    /// How far the job is; starts a failed seal again when its time has come.
    mutating func poll(at now: SteadyTime) -> Progress {
        if now >= retryAt, let job = failed {
            failed = nil
            begin(.seal(job))
        }
        if let run, let outcome = run.outcome.withLock({ $0 }) {
            self.run = nil
            switch outcome {
            case .success(let outcome): written = outcome
            case .failure(let error):
                if case .seal(let job) = run.job {
                    failed = job
                    retryAt = now + Self.retryAfter
                }
                return .failed(run.job, error)
            }
        }
        if let written { return now >= retryAt ? .done(written) : .running }
        return run == nil && failed == nil ? .idle : .running
    }

    /// The journal has taken note of what was written.
    mutating func complete() { written = nil }

    /// The journal could not take note; it is asked again later.
    mutating func postpone(at now: SteadyTime) { retryAt = now + Self.retryAfter }

    /// For the end: what the job under way has written by then; a seal that failed is run once more. One that takes longer is
    /// stopped, for systemd does not wait, and the next start replays what it was to take. nil then, and when there is none.
    ///
    /// When it returns no job runs any more.
    mutating func finish(by end: ContinuousClock.Instant) throws(StoreError) -> StoreOutcome? {
        if let written { return written }
        var isRepeated = false
        while let job = run?.job ?? failed.map({ .seal($0) }) {
            if run == nil { begin(job) }
            failed = nil
            guard let outcome = wait(until: end) else { return nil }
            switch (outcome, job) {
            case (.success(let outcome), _): return outcome
            case (.failure(.stopped), _), (.failure, .compaction): return nil
            case (.failure(let error), .seal(let seal)):
                guard !isRepeated else { throw error }
                (isRepeated, failed) = (true, seal)
            }
        }
        return nil
    }

    /// What the run has come to; it is asked to stop where that takes too long.
    private mutating func wait(until end: ContinuousClock.Instant) -> Result<StoreOutcome, StoreError>? {
        guard let run else { return nil }
        let left = max(.zero, end - ContinuousClock.now)
        if run.group.wait(timeout: .now() + .milliseconds(Int(left.milliseconds))) == .timedOut { run.stop.make() }
        run.group.wait()
        self.run = nil
        return run.outcome.withLock { $0 }
    }
}
