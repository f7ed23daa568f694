import Synchronization

/// Asks work beside the turn to end early, from any thread.
///
/// What it has written stays: the same rows are merged again by whoever does the work anew.
public final class StopRequest: Sendable {
    private let isMade = Atomic(false)

    /// Nobody asks yet.
    public init() {}

    /// The work ends at the next stream that it comes to.
    public func make() { isMade.store(true, ordering: .relaxed) }

    /// Throws `.stopped` once it was asked for.
    func check(_ folder: Folder) throws(StoreError) {
        if isMade.load(ordering: .relaxed) { throw .stopped(folder: folder.path) }
    }
}
