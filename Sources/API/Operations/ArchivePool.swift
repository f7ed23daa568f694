import Dispatch
import Glibc
public import Store
import Synchronization

/// Read-only archives of one store, for questions beside each other.
///
/// They block on the disk, so they run on threads of their own, and an archive is for one thread at a time. As many as
/// there are cores, at least two; each is opened when it is first needed. Short questions have a lane of their own: however
/// many long ones and exports are under way, a status is not behind them.
///
/// What has no room waits, first come, first served; the server's connections bound how much that is.
public final class ArchivePool: Sendable {
    /// Questions by how long they may take.
    public enum Lane: Sendable {
        /// It takes milliseconds whatever is asked.
        case short
        /// It may read a year. An export takes this lane anew for each page.
        case long
    }

    private let short: Queue
    private let long: Queue

    /// `threads` is how many one long question may take.
    public convenience init(folder: String, threads: Int) {
        self.init(folder: folder, threads: threads, cores: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    init(folder: String, threads: Int, cores: Int) {
        // A quarter of the archives for short questions. A copy of the journal's tail is in each.
        let count = min(max(2, cores), Self.archivesMax)
        let shortCount = max(1, count / 4)
        short = Queue(count: shortCount) { () throws(StoreError) in try Archive(folder: folder, threads: 1) }
        long = Queue(count: count - shortCount) { () throws(StoreError) in
            try Archive(folder: folder, threads: threads)
        }
    }

    /// Each holds the catalogue and the journal's tail: beyond this many cores, memory is dearer than waiting.
    static let archivesMax = 16

    /// How many questions of the lane run beside each other.
    func width(of lane: Lane) -> Int { queue(lane).count }

    /// Answers the question by an archive of the lane, when one is free.
    public func ask<Answer: Sendable>(
        _ lane: Lane, _ question: @escaping @Sendable (Archive) throws -> Answer
    ) async throws -> Answer {
        let queue = queue(lane)
        return try await withCheckedThrowingContinuation { continuation in
            queue.run { archive in
                continuation.resume(with: Result { try question(try archive.get()) })
            }
        }
    }

    private func queue(_ lane: Lane) -> Queue {
        switch lane {
        case .short: short
        case .long: long
        }
    }

    /// At most `count` jobs at a time, each with an archive for itself.
    private final class Queue: Sendable {
        typealias Job = @Sendable (Result<Archive, StoreError>) -> Void

        /// Sendable unchecked: the job that took it has it alone.
        private struct Lent: @unchecked Sendable {
            let archive: Archive
        }

        private struct State {
            var idle: [Lent] = []
            var running = 0
            var waiting: [Job] = []
        }

        let count: Int
        private let open: @Sendable () throws(StoreError) -> Archive
        private let state = Mutex(State())
        private let threads = DispatchQueue(label: "baotu.archives", attributes: .concurrent)

        init(count: Int, open: @escaping @Sendable () throws(StoreError) -> Archive) {
            self.count = count
            self.open = open
        }

        func run(_ job: @escaping Job) {
            let isNext = state.withLock { state in
                guard state.running < count else {
                    state.waiting.append(job)
                    return false
                }
                state.running += 1
                return true
            }
            if isNext { threads.async { self.work(from: job) } }
        }

        /// Runs the job, then those that wait, with the same archive.
        private func work(from first: @escaping Job) {
            var lent = state.withLock { $0.idle.popLast() }
            var next: Job? = first
            while let job = next {
                if let lent {
                    job(.success(lent.archive))
                } else {
                    let opened = Result { () throws(StoreError) in try open() }
                    if case .success(let archive) = opened { lent = Lent(archive: archive) }
                    job(opened)
                }
                next = state.withLock { state in
                    if !state.waiting.isEmpty { return state.waiting.removeFirst() }
                    if let lent { state.idle.append(lent) }
                    state.running -= 1
                    return nil
                }
            }
        }
    }
}
