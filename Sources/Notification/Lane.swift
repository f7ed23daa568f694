import Dispatch
import Synchronization

/// The deliveries of one channel, outside the turn: it takes parcels, works on a few at one time, and keeps its reports
/// until they are asked for. Nothing waits for a channel but its own workers, and they run on a thread of the lane: a
/// channel that blocks instead of waiting blocks itself alone.
public final class Lane: Sendable {
    /// A notice on its way, under its number in the outbox.
    public struct Parcel: Sendable {
        /// Under which the store is told what became of it.
        public var id: Int64
        /// Of this notice on this channel, before this one.
        public var attempts: Int
        /// What is to be told.
        public var notice: AlertNotice

        package init(id: Int64, attempts: Int, notice: AlertNotice) {
            self.id = id
            self.attempts = attempts
            self.notice = notice
        }
    }

    /// What became of a parcel.
    public struct Report: Sendable {
        /// As it was taken on.
        public var parcel: Parcel
        /// What the channel said; a delivery out of time has failed.
        public var delivery: Delivery
    }

    private struct State {
        /// Oldest last.
        var waiting: [Parcel] = []
        var reports: [Report] = []
        /// Workers, each with a parcel in hand.
        var workers = 0
        var isStopped = false
    }

    /// Parcels that a lane holds at most: waiting, under way, or reported and not yet taken.
    public static let parcelsMax = 200

    private let channel: any NotificationChannel
    private let executor: LaneExecutor
    private let state = Mutex(State())

    /// A lane with a thread of its own, idle until it takes a parcel.
    public init(_ channel: any NotificationChannel) {
        self.channel = channel
        executor = LaneExecutor(name: channel.name)
    }

    /// Of the channel.
    public var name: String { channel.name }

    /// Takes parcels on, in order; the caller sees to it that no more than `parcelsMax` are here at one time.
    public func take(_ parcels: [Parcel]) {
        let begun = state.withLock { state in
            guard !state.isStopped else { return [Parcel]() }
            state.waiting.insert(contentsOf: parcels.reversed(), at: 0)
            var begun: [Parcel] = []
            while state.workers < max(1, channel.width), let next = state.waiting.popLast() {
                state.workers += 1
                begun.append(next)
            }
            return begun
        }
        for parcel in begun { Task(executorPreference: executor) { await self.work(on: parcel) } }
    }

    /// What was delivered or failed since this was last asked, in that order.
    public func takeReports() -> [Report] {
        state.withLock { state in
            defer { state.reports = [] }
            return state.reports
        }
    }

    /// Nothing that waits is begun any more.
    public func stop() {
        state.withLock { state in
            state.isStopped = true
            state.waiting = []
        }
    }

    /// How many have been taken on and not yet reported.
    public var unreported: Int { state.withLock { $0.waiting.count + $0.workers } }

    /// Delivers a notice at once, beside the parcels and on the same thread; it is of no parcel, and reported to nobody else.
    public func trial(_ notice: AlertNotice) async -> Delivery {
        await Task(executorPreference: executor) { await self.deliver(notice) }.value
    }

    private func work(on first: Parcel) async {
        var next: Parcel? = first
        while let parcel = next {
            next = exchange(Report(parcel: parcel, delivery: await deliver(parcel.notice)))
        }
    }

    /// Leaves what became of a parcel, and takes the one that has waited longest; nil ends the worker.
    private func exchange(_ report: Report) -> Parcel? {
        state.withLock { state in
            state.reports.append(report)
            let next = state.waiting.popLast()
            if next == nil { state.workers -= 1 }
            return next
        }
    }

    private func deliver(_ notice: AlertNotice) async -> Delivery {
        guard let limit = channel.timeLimit else { return await channel.deliver(notice) }
        return await withTaskGroup(of: Delivery?.self) { group in
            group.addTask { await self.channel.deliver(notice) }
            group.addTask {
                try? await Task.sleep(for: limit)
                return nil
            }
            var outcome = await group.next() ?? nil
            group.cancelAll()
            // What arrives while it is being cancelled has arrived.
            if outcome == nil, await group.next() == .delivered { outcome = .delivered }
            return outcome ?? .failed(reason: "no answer within \(limit)")
        }
    }
}

/// Runs the workers of one lane, one at a time, beside the process's pool of tasks.
private final class LaneExecutor: TaskExecutor {
    private let queue: DispatchQueue

    init(name: String) { queue = DispatchQueue(label: "baotu.lane.\(name)") }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
