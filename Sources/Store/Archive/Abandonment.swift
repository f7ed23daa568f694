import Synchronization

/// Says to an archive at work that nobody waits for the answer any more.
///
/// It is looked at between days and reads of frames: an answer of any length stops within milliseconds.
public final class Abandonment: Sendable {
    private let flag = Atomic(false)

    /// Somebody waits.
    public init() {}

    /// Whether nobody waits any more.
    public var isAbandoned: Bool { flag.load(ordering: .relaxed) }

    /// From any thread; for good.
    public func abandon() { flag.store(true, ordering: .relaxed) }

    /// Throws `.abandoned` where nobody waits any more.
    public func check() throws(StoreError) {
        if isAbandoned { throw .abandoned }
    }
}
