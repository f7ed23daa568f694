import Contract
import Glibc
public import Store

/// Read-only archives of one store, for questions beside each other.
///
/// They block on the disk, and their answers take a while to be written, so both happen on threads of the pool's own:
/// whatever they do, a socket is served and a status answered. An archive is for one thread at a time, and opened when it
/// is first needed. There are about as many as cores: a quarter for short questions, but two in any case, of which listings
/// leave one free; the others, but two in any case, for long ones, whose threads give way to all others; and one for those who
/// are on duty.
///
/// What has no room waits, first come, first served; the server's connections bound how much that is. A question whose
/// task is cancelled is dropped while it waits, and stops where it is at work; so does one that took its lane's time.
public final class ArchivePool: Sendable {
    /// Questions by how long they may take.
    public enum Lane: Sendable {
        /// How it goes, and what is up: short questions that wait for no other kind.
        case desk
        /// It takes milliseconds whatever is asked.
        case short
        /// An entry for each device or series: it may take a second in a large city.
        case listing
        /// It may read a year. An export takes this lane anew for each page.
        case long
    }

    /// For how long a question may wait and be at work.
    struct Limits: Sendable {
        var short = Duration.seconds(15)
        var long = Duration.seconds(30)

        func time(of lane: Lane) -> Duration {
            switch lane {
            case .desk, .short: short
            case .listing, .long: long
            }
        }
    }

    private let desk: ArchiveLane
    private let short: ArchiveLane
    private let long: ArchiveLane
    private let limits: Limits

    /// `threads` is how many one long question may take, `archivesMax` how many archives the memory has room for: but for
    /// those of the desk, two of each lane are there at least.
    public convenience init(folder: String, threads: Int, archivesMax: Int = .max) {
        self.init(
            folder: folder, threads: threads, cores: min(sysconf(Int32(_SC_NPROCESSORS_ONLN)), archivesMax))
    }

    init(folder: String, threads: Int, cores: Int, limits: Limits = Limits()) {
        self.limits = limits
        // A quarter of the archives for short questions. A copy of the journal's tail is in each.
        let count = min(max(2, cores), Self.archivesMax)
        let longCount = max(2, count - max(1, count / 4))
        // One more than listings may take.
        let shortCount = max(2, count / 4)
        func lane(_ name: String, _ count: Int, listings: Int, niceness: Int32 = 0, threads: Int = 1) -> ArchiveLane {
            ArchiveLane(name: name, count: count, listings: listings, niceness: niceness) {
                () throws(StoreError) in try Archive(folder: folder, threads: threads)
            }
        }
        desk = lane("baotu.desk", 1, listings: 0)
        short = lane("baotu.short", shortCount, listings: shortCount - 1)
        long = lane("baotu.long", longCount, listings: 0, niceness: Self.longNiceness, threads: threads)
    }

    deinit {
        desk.close()
        short.close()
        long.close()
    }

    /// Each holds the catalogue and the journal's tail: beyond this many cores, memory is dearer than waiting.
    static let archivesMax = 16
    /// The turn and whoever is on duty go first.
    private static let longNiceness: Int32 = 10

    /// How many questions of the lane run beside each other.
    func width(of lane: Lane) -> Int {
        switch lane {
        case .desk: desk.count
        case .short: short.count
        case .listing: short.listings
        case .long: long.count
        }
    }

    /// How many questions wait for a thread.
    var waitingCount: Int { desk.waitingCount + short.waitingCount + long.waitingCount }

    /// Answers the question by an archive of the lane, when one is free. Throws `CancellationError` where the task is
    /// cancelled before the answer is there, and `Refusal.unavailable` where the lane's time is over before.
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
            case .desk: desk
            case .short, .listing: short
            case .long: long
            }
        let (abandonment, begun, overdue) = (StopRequest(), StopRequest(), StopRequest())
        let limit = limits.time(of: lane)
        let clock = Task {
            try await Task.sleep(for: limit)
            overdue.make()
            queue.abandon(abandonment)
        }
        defer { clock.cancel() }
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    queue.run(
                        ArchiveLane.Job(
                            abandonment: abandonment, isListing: lane == .listing,
                            run: { lend in
                                begun.make()
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
        } catch is CancellationError where overdue.isMade && !Task.isCancelled {
            throw Self.overdue(hasBegun: begun.isMade, limit)
        }
    }

    private static func overdue(hasBegun: Bool, _ limit: Duration) -> Refusal {
        let seconds = limit.components.seconds
        return .unavailable(
            hasBegun
                ? "the answer would take longer than \(seconds) s; ask for a shorter span, a longer step or fewer devices"
                : "the gateway had so many questions that this one waited for \(seconds) s; try again in a moment")
    }
}
