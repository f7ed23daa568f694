/// When a failed delivery is tried again: doubling from a second to five minutes, for as long as it takes.
public struct DeliverySchedule: Equatable, Sendable {
    /// The wait after the first failure.
    public var delayMin: Duration
    /// No wait is longer.
    public var delayMax: Duration

    package init(delayMin: Duration = .seconds(1), delayMax: Duration = .seconds(300)) {
        self.delayMin = delayMin
        self.delayMax = delayMax
    }

    /// The wait after this many failed attempts, at least one.
    public func delay(afterAttempts attempts: Int) -> Duration {
        var delay = delayMin
        for _ in 1..<max(1, min(attempts, 32)) where delay < delayMax { delay *= 2 }
        return min(delay, delayMax)
    }
}
