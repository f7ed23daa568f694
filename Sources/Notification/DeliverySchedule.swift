/// When a failed delivery is tried again: doubling from a second to five minutes, until it is given up.
public struct DeliverySchedule: Equatable, Sendable {
    /// The wait after the first failure.
    public var delayMin: Duration
    /// No wait is longer.
    public var delayMax: Duration
    /// What waits for so long on a channel that fails is given up.
    public var giveUpAfter: Duration

    /// So many rounds a channel has failed before anything is given up: what comes first after a long stop is tried.
    public static let roundsMin = 5

    package init(
        delayMin: Duration = .seconds(1), delayMax: Duration = .seconds(300),
        giveUpAfter: Duration = .seconds(7 * 86_400)
    ) {
        self.delayMin = delayMin
        self.delayMax = delayMax
        self.giveUpAfter = giveUpAfter
    }

    /// The wait after this many failed attempts, at least one.
    public func delay(afterAttempts attempts: Int) -> Duration {
        var delay = delayMin
        for _ in 1..<max(1, min(attempts, 32)) where delay < delayMax { delay *= 2 }
        return min(delay, delayMax)
    }
}
