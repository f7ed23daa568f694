public import Basics

/// Looks at what a turn brings and says what is amiss: a detector of anomalies, the lamps, the roads, the peers.
///
/// A watcher is a folder with one of these, and a line in `Pipeline.watchers`. It knows which series it watches and how;
/// no other watcher, no rule and no person. It is pure: time comes with the turn, and the same turns give the same
/// findings, also across a restart (`state`, `resume`).
///
/// A class, because each is owned by the one pipeline that made it and handed a whole turn at a time.
public protocol Watcher: AnyObject {
    /// The name of its block in the stored state. It never changes.
    static var stateName: String { get }

    /// The roster is a new one. Called before the first turn too.
    func setRoster(_ roster: Roster, registry: SeriesRegistry)

    /// Takes in a live turn, whose readings are in the windows already.
    func watch(_ turn: Turn, _ scene: Scene, _ noticed: inout Noticed)

    /// Begins anew what was learnt of series of which readings were taken out of the store, and of their devices where it is
    /// learnt of a device as a whole. Called behind `resume`. Returns of whom nothing is known now.
    func forget(_ order: Forgotten, registry: SeriesRegistry) -> Set<Subject>

    /// Circuits have other names in the roster that was set last, by their old ones. Called behind `resume` too.
    func rename(circuits: [String: String])

    /// What was learnt, to go on from; the number of its form comes first. A reader of an older form is kept for as long as
    /// stores with it may be met.
    func state() -> [UInt8]

    /// Takes up what `state` gave, now or in an older form; false, and nothing taken, for any other bytes. The roster is
    /// set already.
    func resume(_ state: [UInt8], registry: SeriesRegistry) -> Bool
}

extension Watcher {
    /// Who knows no circuits has nothing to rename.
    public func rename(circuits: [String: String]) {}
}

/// What a watcher may ask of the rest of the heart while it looks at a turn.
public struct Scene {
    /// The names of the devices and series of the turn.
    public let registry: SeriesRegistry
    /// A series' newest sample by observed time.
    public let newest: (SeriesID) -> (value: Double, observed: Timestamp)?
    /// How old a reading of a device is, by the time that it bears.
    public let age: (DeviceIndex, Timestamp) -> Duration
    /// For how long the gateway has listened to a device without hearing it; nil where it never spoke.
    public let silence: (DeviceIndex) -> Duration?
    /// Whether a series has windows: one that found no room for them is learnt by nobody.
    public let hasWindows: (SeriesID) -> Bool

    package init(
        registry: SeriesRegistry, newest: @escaping (SeriesID) -> (value: Double, observed: Timestamp)?,
        age: @escaping (DeviceIndex, Timestamp) -> Duration, silence: @escaping (DeviceIndex) -> Duration?,
        hasWindows: @escaping (SeriesID) -> Bool = { _ in true }
    ) {
        self.registry = registry
        self.newest = newest
        self.age = age
        self.silence = silence
        self.hasWindows = hasWindows
    }
}

/// What the watchers noticed in one turn.
public struct Noticed: Sendable {
    /// Something that was told before, and still is so.
    public struct Standing: Hashable, Sendable {
        /// What is still so.
        public var kind: Finding.Kind
        /// Of whom it was told.
        public var subject: Subject
        /// When it was last seen to be so.
        public var at: Timestamp

        package init(kind: Finding.Kind, subject: Subject, at: Timestamp) {
            self.kind = kind
            self.subject = subject
            self.at = at
        }
    }

    /// Something that is part of something larger, of which it is told.
    public struct Explained: Hashable, Sendable {
        /// What is not told by itself any more.
        public var kind: Finding.Kind
        /// Of whom it was told.
        public var subject: Subject
        /// What it is part of.
        public var whole: Finding.Kind
        /// Of whom that is told.
        public var by: Subject

        package init(kind: Finding.Kind, subject: Subject, whole: Finding.Kind, by: Subject) {
            self.kind = kind
            self.subject = subject
            self.whole = whole
            self.by = by
        }
    }

    /// New in this turn, in the order of the watchers.
    public var findings: [Finding] = []
    /// Told in an earlier turn and still so: keeps an alert, raises none.
    public var standing: [Standing] = []
    /// Part of what is told of others: ends an alert where there is one of those.
    public var explained: [Explained] = []

    /// Nothing noticed.
    public init() {}

    /// Empties it for the next turn and keeps its memory.
    public mutating func removeAll() {
        findings.removeAll(keepingCapacity: true)
        standing.removeAll(keepingCapacity: true)
        explained.removeAll(keepingCapacity: true)
    }
}
