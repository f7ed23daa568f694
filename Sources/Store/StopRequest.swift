import Synchronization

/// Asks work on the store to end early, from any thread and for good: a seal beside the turn, whose rows are merged again by
/// whoever does it anew, or a question whose asker is gone.
///
/// It is looked at between streams, days and reads of frames: work of any length stops within milliseconds.
public final class StopRequest: Sendable {
    private let flag = Atomic(false)

    /// Nobody asks yet.
    public init() {}

    /// Whether it was asked for.
    public var isMade: Bool { flag.load(ordering: .relaxed) }

    /// Asks.
    public func make() { flag.store(true, ordering: .relaxed) }

    /// Throws the error once it was asked for.
    public func check(_ error: @autoclosure () -> StoreError) throws(StoreError) {
        if isMade { throw error() }
    }
}
