import Basics
import Store
import Telemetry

/// What the store refuses with, until it takes readings again.
struct StoreTroubles {
    /// What it said last; nil while it takes readings.
    private(set) var current: StoreError?
    /// When each was last told.
    private var told: [String: SteadyTime] = [:]

    private static let tellEvery = Duration.seconds(60)
    private static let toldMax = 50

    /// Whether it is to be told: the same trouble turn after turn is one line, not twenty a second, and where two take turns one
    /// of each a minute.
    mutating func note(_ error: StoreError, at now: SteadyTime) -> Bool {
        guard current != error else { return false }
        current = error
        let said = "\(error)"
        guard told[said].map({ now - $0 >= Self.tellEvery }) ?? true else { return false }
        // A sentence with a number in it may be another each time.
        if told.count >= Self.toldMax { told.removeAll() }
        told[said] = now
        return true
    }

    /// Whether there was one.
    mutating func end() -> Bool {
        defer { self = StoreTroubles() }
        return current != nil
    }
}
