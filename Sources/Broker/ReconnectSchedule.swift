/// When to try again: exponential growth with jitter, started anew after a connection that held.
///
/// The delay after failure `n` (from 0) lies in the upper half of `delayMin * 2^n`, at most `delayMax`: half is kept
/// so that a broken broker is never hammered, half is random so that a city of gateways does not return as one. For the
/// first attempts it stays short: a broker that is started anew is back in seconds, and every second without it the gateway
/// is deaf.
/// Values only: the caller brings the randomness and the time.
public struct ReconnectSchedule: Equatable, Sendable {
    /// The first delay is at most this, and at least half of it.
    public let delayMin: Duration
    /// No delay is longer.
    public let delayMax: Duration
    /// For the first `eagerAttempts` no delay is longer than this, unless `delayMin` is.
    public static let eagerMax = Duration.seconds(1)
    /// About a minute of them.
    public static let eagerAttempts = 80
    /// A connection that held this long was good: the next delay is a first one again.
    public let stableAfter: Duration
    /// Attempts since the last stable connection that came to nothing.
    public private(set) var failures = 0

    /// Traps unless 0 < `delayMin` <= `delayMax`.
    public init(
        delayMin: Duration = .milliseconds(500), delayMax: Duration = .seconds(30),
        stableAfter: Duration = .seconds(30)
    ) {
        precondition(
            delayMin > .zero && delayMin <= delayMax,
            "broker: reconnect delays must satisfy 0 < delayMin <= delayMax, not \(delayMin) and \(delayMax)")
        self.delayMin = delayMin
        self.delayMax = delayMax
        self.stableAfter = stableAfter
    }

    /// The wait after an attempt that did not connect. `jitter` is uniform in 0 to 1.
    public mutating func delayAfterFailure(jitter: Double) -> Duration {
        var ceiling = delayMin
        var doublings = failures < Self.eagerAttempts ? failures : failures - Self.eagerAttempts + 1
        while doublings > 0, ceiling < delayMax {
            ceiling *= 2
            doublings -= 1
        }
        ceiling = min(ceiling, delayMax)
        if failures < Self.eagerAttempts { ceiling = max(delayMin, min(ceiling, Self.eagerMax)) }
        failures += failures < .max ? 1 : 0
        let unit = min(max(jitter, 0), 1)
        return ceiling / 2 + ceiling / 2 * unit
    }

    /// The wait after a connection that was lost. A short one counts as a failure: a broker that accepts and hangs up
    /// must not be asked twice a second for ever.
    public mutating func delayAfterLoss(connectedFor: Duration, jitter: Double) -> Duration {
        if connectedFor >= stableAfter { failures = 0 }
        return delayAfterFailure(jitter: jitter)
    }
}
