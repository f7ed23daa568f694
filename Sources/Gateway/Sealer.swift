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
    private let isInline: Bool
    private var run: Run?
    /// A job that failed, to be run again as it is.
    private var failed: SealJob?
    /// What a job has written, until the journal has taken note of it.
    private var written: SealedDays?
    private var retryAt = Timestamp(milliseconds: 0)

    /// `isInline` runs each job before `begin` returns: for the simulation, in which nothing happens by itself.
    init(isInline: Bool = false) { self.isInline = isInline }

    mutating func begin(_ job: SealJob) {
        let run = Run(job)
        self.run = run
        let work = { @Sendable in
            let outcome = Result { () throws(StoreError) -> SealedDays in try run.job.run() }
            run.outcome.withLock { $0 = outcome }
        }
        if isInline { work() } else { Self.queue.async(group: run.group, execute: work) }
    }

    /// How far the seal is; starts a failed one again when its time has come.
    mutating func poll(at now: Timestamp) -> Progress {
        if now >= retryAt, let job = failed {
            failed = nil
            begin(job)
        }
        if let run, let outcome = run.outcome.withLock({ $0 }) {
            self.run = nil
            switch outcome {
            case .success(let days): written = days
            case .failure(let error):
                failed = run.job
                retryAt = now + Self.retryAfter
                return .failed(error)
            }
        }
        if let written { return now >= retryAt ? .done(written) : .running }
        return run == nil && failed == nil ? .idle : .running
    }

    /// The journal has taken note of what was written.
    mutating func complete() { written = nil }

    /// The journal could not take note; it is asked again later.
    mutating func postpone(at now: Timestamp) { retryAt = now + Self.retryAfter }

    /// For the end: what the seal under way has written, run to its end on this thread where it was not; nil when there
    /// is none.
    mutating func finish() throws(StoreError) -> SealedDays? {
        run?.group.wait()
        if let written { return written }
        if let run, case .success(let days) = run.outcome.withLock({ $0 }) { return days }
        guard let job = failed ?? run?.job else { return nil }
        return try job.run()
    }
}
