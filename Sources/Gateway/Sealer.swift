import Dispatch
import Store
import Synchronization
import Telemetry

/// Runs the middle step of a seal on a thread of its own, so that the turn goes on meanwhile.
struct Sealer {
    enum Progress {
        case idle, running
        case done(SealedDays)
        case failed(StoreError)
    }

    private final class Run: Sendable {
        let job: SealJob
        let outcome = Mutex<Result<SealedDays, StoreError>?>(nil)
        let group = DispatchGroup()
        init(_ job: SealJob) { self.job = job }
    }

    private static let queue = DispatchQueue(label: "baotu.seal", qos: .utility)
    private static let retryAfter = Duration.seconds(30)
    private var run: Run?
    /// A job that failed and when it is run again, as it is.
    private var failed: (job: SealJob, retryAt: Timestamp)?
    /// Day files that are written and whose rows the journal has not forgotten yet, and when that is tried again.
    private var written: (days: SealedDays, retryAt: Timestamp)?

    mutating func begin(_ job: SealJob) {
        let run = Run(job)
        self.run = run
        Self.queue.async(group: run.group) {
            let outcome = Result { () throws(StoreError) -> SealedDays in try run.job.run() }
            run.outcome.withLock { $0 = outcome }
        }
    }

    /// How far the seal is; starts a failed one again when its time has come.
    ///
    /// `done` comes again after a while until `settle` says that the journal has taken it: the journal holds a seal
    /// under way till then and would refuse to begin another.
    mutating func poll(at now: Timestamp) -> Progress {
        if let again = written {
            guard now >= again.retryAt else { return .running }
            written = (again.days, now + Self.retryAfter)
            return .done(again.days)
        }
        if let again = failed, now >= again.retryAt {
            failed = nil
            begin(again.job)
        }
        guard let run else { return failed == nil ? .idle : .running }
        guard let outcome = run.outcome.withLock({ $0 }) else { return .running }
        self.run = nil
        switch outcome {
        case .success(let days):
            written = (days, now + Self.retryAfter)
            return .done(days)
        case .failure(let error):
            failed = (run.job, now + Self.retryAfter)
            return .failed(error)
        }
    }

    /// The journal has finished the seal.
    mutating func settle() { written = nil }

    /// For the end: the job under way or waiting, once more on this thread and to its end; nil when there is none.
    mutating func finish() throws(StoreError) -> SealedDays? {
        if let written { return written.days }
        run?.group.wait()
        guard let job = run?.job ?? failed?.job else { return nil }
        run = nil
        failed = nil
        return try job.run()
    }
}
