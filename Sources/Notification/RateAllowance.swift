import Basics
public import Telemetry

/// How many notices a channel may tell: so many at once, and as many more each minute.
public struct RateAllowance: Equatable, Sendable {
    /// At least 1.
    public let perMinute: Int
    private var left: Double
    private var lastRefill: SteadyTime?

    /// With all of a minute at hand.
    public init(perMinute: Int) {
        precondition(perMinute > 0, "notification: \(perMinute) notices a minute")
        self.perMinute = perMinute
        left = Double(perMinute)
    }

    /// How many may go now.
    public mutating func available(at now: SteadyTime) -> Int {
        if let lastRefill, now > lastRefill {
            left = min(Double(perMinute), left + Double((now - lastRefill).milliseconds) * Double(perMinute) / 60_000)
        }
        lastRefill = max(now, lastRefill ?? now)
        return Int(left)
    }

    /// So many go.
    public mutating func take(_ count: Int) { left -= Double(count) }
}
