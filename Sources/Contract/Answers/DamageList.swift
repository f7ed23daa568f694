/// Sentences about damaged frames, each once: a frame of several series is met once a series.
public struct DamageList: Sendable {
    private var known: Set<String> = []
    /// In the order in which they came, at most 50.
    public private(set) var sentences: [String] = []
    /// A store with more is in need of a backup and not of a list.
    private static let countMax = 50

    package init() {}

    /// Adds those that are new, and returns them.
    @discardableResult
    public mutating func add(_ damaged: [String]) -> [String] {
        let fresh = damaged.filter { known.count < Self.countMax && known.insert($0).inserted }
        sentences += fresh
        return fresh
    }
}
