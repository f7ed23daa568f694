import Glibc
public import Store

/// Read-only archives of one store, for questions beside each other.
///
/// They block on the disk, and their answers take a while to be written, so both happen on threads of the pool's own:
/// whatever they do, a socket is served and a status answered. An archive is for one thread at a time, and opened when it
/// is first needed. There are as many as cores, at least two: a quarter for short questions, but two in any case,
/// of which listings leave one free.
///
/// What has no room waits, first come, first served; the server's connections bound how much that is. A question whose
/// task is cancelled is dropped while it waits, and stops where it is at work.
public final class ArchivePool: Sendable {
    /// Questions by how long they may take.
    public enum Lane: Sendable {
        /// It takes milliseconds whatever is asked.
        case short
        /// An entry for each device or series: it may take a second in a large city.
        case listing
        /// It may read a year. An export takes this lane anew for each page.
        case long
    }

    private let short: ArchiveLane
    private let long: ArchiveLane

    /// `threads` is how many one long question may take.
    public convenience init(folder: String, threads: Int) {
        self.init(folder: folder, threads: threads, cores: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    init(folder: String, threads: Int, cores: Int) {
        // A quarter of the archives for short questions. A copy of the journal's tail is in each.
        let count = min(max(2, cores), Self.archivesMax)
        let longCount = count - max(1, count / 4)
        // One more than listings may take.
        let shortCount = max(2, count / 4)
        short = ArchiveLane(name: "baotu.short", count: shortCount, listings: shortCount - 1) {
            () throws(StoreError) in try Archive(folder: folder, threads: 1)
        }
        long = ArchiveLane(name: "baotu.long", count: longCount, listings: 0) {
            () throws(StoreError) in try Archive(folder: folder, threads: threads)
        }
    }

    deinit {
        short.close()
        long.close()
    }

    /// Each holds the catalogue and the journal's tail: beyond this many cores, memory is dearer than waiting.
    static let archivesMax = 16

    /// How many questions of the lane run beside each other.
    func width(of lane: Lane) -> Int {
        switch lane {
        case .short: short.count
        case .listing: short.listings
        case .long: long.count
        }
    }

    /// How many questions wait for a thread.
    var waitingCount: Int { short.waitingCount + long.waitingCount }

    /// Answers the question by an archive of the lane, when one is free. Throws `CancellationError` where the task is
    /// cancelled before the answer is there.
    public func ask<Answer: Sendable>(
        _ lane: Lane, _ question: @escaping @Sendable (Archive) throws -> Answer
    ) async throws -> Answer {
        try await work(lane) { lend in try question(try lend()) }
    }

    /// As `ask`, for what may block and needs no archive, or not always.
    func work<Answer: Sendable>(
        _ lane: Lane, _ work: @escaping @Sendable (_ lend: () throws -> Archive) throws -> Answer
    ) async throws -> Answer {
        let queue =
            switch lane {
            case .short, .listing: short
            case .long: long
            }
        let abandonment = StopRequest()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                queue.run(
                    ArchiveLane.Job(
                        abandonment: abandonment, isListing: lane == .listing,
                        run: { lend in
                            let outcome = Result { try work(lend) }
                            // What was cut short by the asker's going is no trouble of the store.
                            continuation.resume(
                                with: abandonment.isMade ? .failure(CancellationError()) : outcome)
                        },
                        drop: { continuation.resume(throwing: CancellationError()) }))
            }
        } onCancel: {
            queue.abandon(abandonment)
        }
    }
}
