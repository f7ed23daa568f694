/// Work on the store's files that goes on beside the turn. One at a time: jobs write the same files.
public enum StoreJob: Sendable {
    case seal(SealJob)
    case compaction(CompactionJob)

    /// Blocks until the work is on disk: to be called beside the turn, not in it. Throws `.stopped` where `stop` asks for it.
    public func run(_ stop: StopRequest = StopRequest()) throws(StoreError) -> StoreOutcome {
        switch self {
        case .seal(let job): .sealed(try job.run(stop))
        case .compaction(let job): .compacted(try job.run(stop))
        }
    }
}

/// What a job has written, and the journal is to take note of.
public enum StoreOutcome: Sendable {
    case sealed(SealedDays)
    case compacted(CompactedDays)
}
