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
    private var retryAt = Timestamp(milliseconds: 0)

    /// `isInline` runs each job before `begin` returns: for the simulation, in which nothing happens by itself.
    init(isInline: Bool = false) { self.isInline = isInline }

    mutating func begin(_ job: StoreJob) {
        let run = Run(job)
        self.run = run
        let work = { @Sendable in
            let outcome = Result { () throws(StoreError) -> StoreOutcome in try run.job.run() }
            run.outcome.withLock { $0 = outcome }
        }
        if isInline { work() } else { Self.queue.async(group: run.group, execute: work) }
    }

    /// How far the job is; starts a failed seal again when its time has come.
    mutating func poll(at now: Timestamp) -> Progress {
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
    mutating func postpone(at now: Timestamp) { retryAt = now + Self.retryAfter }

    /// For the end: what the job under way has written; a seal is run to its end on this thread where it was not. nil
    /// when there is none.
    mutating func finish() throws(StoreError) -> StoreOutcome? {
        run?.group.wait()
        if let written { return written }
        if let run, case .success(let outcome) = run.outcome.withLock({ $0 }) { return outcome }
        if let job = failed { return .sealed(try job.run()) }
        guard let run, case .seal(let job) = run.job else { return nil }
        return .sealed(try job.run())
    }
}
