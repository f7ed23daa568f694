/// When a failed delivery is tried again: doubling from a second to five minutes, until it is given up.
public struct DeliverySchedule: Equatable, Sendable {
    /// The wait after the first failure.
    public var delayMin: Duration
    /// No wait is longer.
    public var delayMax: Duration
    /// A notice of a step so long ago is not tried any more, once it failed `attemptsMin` times.
    public var giveUpAfter: Duration

    /// A clock that was set ahead gives up nothing that is new.
    public static let attemptsMin = 10

    package init(
        delayMin: Duration = .seconds(1), delayMax: Duration = .seconds(300), giveUpAfter: Duration = .seconds(7 * 86_400)
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

    /// Whether a notice of this age is given up after so many failed attempts.
    public func isOver(age: Duration, attempts: Int) -> Bool { age >= giveUpAfter && attempts >= Self.attemptsMin }
}
