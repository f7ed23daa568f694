/// A moment: whole milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Inside Baotu every time is UTC; local time exists only on a screen, with its zone.
public struct Timestamp: Hashable, Comparable, Sendable {
    /// Since 1970-01-01T00:00:00Z; negative before.
    public var milliseconds: Int64

    /// So many milliseconds after 1970-01-01T00:00:00Z.
    @inlinable
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Whether the left moment is the earlier one.
    @inlinable
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// The span counts in whole milliseconds, rounded toward zero; the sum wraps round.
    @inlinable
    public static func + (moment: Timestamp, span: Duration) -> Timestamp {
        Timestamp(milliseconds: moment.milliseconds &+ span.milliseconds)
    }

    /// The span counts in whole milliseconds, rounded toward zero; the difference wraps round.
    @inlinable
    public static func - (moment: Timestamp, span: Duration) -> Timestamp {
        Timestamp(milliseconds: moment.milliseconds &- span.milliseconds)
    }

    /// From `earlier` to `later`; negative where they are the other way round.
    @inlinable
    public static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        .milliseconds(later.milliseconds &- earlier.milliseconds)
    }
}

extension Duration {
    /// Whole milliseconds, rounded toward zero.
    @inlinable
    public var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds &* 1000 &+ attoseconds / 1_000_000_000_000_000
    }

    /// Of whole milliseconds, as answers have them.
    package var inSeconds: Double { Double(milliseconds) / 1000 }
}
