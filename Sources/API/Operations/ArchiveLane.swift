import Dispatch
import Store
import Synchronization

/// Threads with archives, and the jobs that wait for them: at most `count` run at a time, each with an archive for itself.
///
/// One thread is there from the start, the others from when they are first needed. They rest until the lane is closed.
final class ArchiveLane: Sendable {
    /// What is to be done; either `run` or `drop` is called, once.
    struct Job: Sendable {
        let abandonment: StopRequest
        /// Whether it must leave a thread free.
        let isListing: Bool
        let run: @Sendable (_ lend: () throws -> Archive) -> Void
        /// Instead, where nobody waits for it any more.
        let drop: @Sendable () -> Void
    }

    /// Sendable unchecked: the thread that took it has it alone.
    private struct Lent: @unchecked Sendable {
        let archive: Archive
    }

    private struct State {
        /// Archives that no thread has.
        var idle: [Lent] = []
        var waiting: [Job] = []
        var threads = 0
        /// Threads that have a job, and those of them that have a listing.
        var running = 0
        var runningListings = 0
        var isClosed = false
    }

    let count: Int
    /// Listings that run at a time at most; fewer than `count`.
    let listings: Int
    private let name: String
    private let niceness: Int32
    private let open: @Sendable () throws(StoreError) -> Archive
    private let state = Mutex(State())
    /// A signal for each job that came; a thread that finds nothing rests again.
    private let arrived = DispatchSemaphore(value: 0)

    /// `niceness` of its threads, as nice(2) has it.
    init(
        name: String, count: Int, listings: Int, niceness: Int32 = 0,
        open: @escaping @Sendable () throws(StoreError) -> Archive
    ) {
        precondition(listings < count, "api: listings must leave a thread free")
        self.name = name
        self.count = count
        self.listings = listings
        self.niceness = niceness
        self.open = open
        let isStarted = startThread()
        precondition(isStarted, "api: no thread could be started to read the store")
    }

    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Has the job done after those that wait.
    func run(_ job: Job) {
        let outcome: (isTaken: Bool, needsThread: Bool) = state.withLock { state in
            guard !job.abandonment.isMade, !state.isClosed else { return (false, false) }
            state.waiting.append(job)
            return (true, state.threads < count && state.running + state.waiting.count > state.threads)
        }
        guard outcome.isTaken else { return job.drop() }
        arrived.signal()
        // Where there is no room for another thread, those that are there do it later.
        if outcome.needsThread { _ = startThread() }
    }

    /// Drops the job that waits, or tells the one at work to stop.
    func abandon(_ abandonment: StopRequest) {
        // Before the lock: `run` looks under it, so one of the two sees the other.
        abandonment.make()
        let dropped = state.withLock { state in
            state.waiting.firstIndex { $0.abandonment === abandonment }.map { state.waiting.remove(at: $0) }
        }
        dropped?.drop()
    }

    /// Ends the threads once no job waits; no job may come after.
    func close() {
        let threads = state.withLock { state in
            state.isClosed = true
            return state.threads
        }
        for _ in 0..<threads { arrived.signal() }
    }

    private func startThread() -> Bool {
        let isWanted = state.withLock { state in
            guard state.threads < count else { return false }
            state.threads += 1
            return true
        }
        guard isWanted else { return true }
        let isStarted = BlockingThread.start(
            name: name, stackBytes: BlockingThread.readerStackBytes, niceness: niceness
        ) { self.work() }
        if !isStarted { state.withLock { $0.threads -= 1 } }
        return isStarted
    }

    private func work() {
        while true {
            while let (job, lent) = next() { finish(job, carryOut(job, lent)) }
            if state.withLock({ $0.isClosed }) { return }
            arrived.wait()
        }
    }

    /// The first job that may run, with an archive where one is at hand.
    private func next() -> (Job, Lent?)? {
        state.withLock { state in
            let isRoomForListing = state.runningListings < listings
            guard let place = state.waiting.firstIndex(where: { !$0.isListing || isRoomForListing }) else { return nil }
            let job = state.waiting.remove(at: place)
            state.running += 1
            if job.isListing { state.runningListings += 1 }
            return (job, state.idle.popLast())
        }
    }

    /// Returns the archive, or nil where the job needed none or none could be opened.
    private func carryOut(_ job: Job, _ lent: Lent?) -> Lent? {
        var lent = lent
        job.run {
            if lent == nil { lent = Lent(archive: try open()) }
            let archive = lent!.archive
            archive.abandonment = job.abandonment
            return archive
        }
        return lent
    }

    private func finish(_ job: Job, _ lent: Lent?) {
        lent?.archive.abandonment = nil
        state.withLock { state in
            if let lent { state.idle.append(lent) }
            state.running -= 1
            if job.isListing { state.runningListings -= 1 }
        }
    }
}
