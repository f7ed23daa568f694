public import Basics

/// How far ahead of the gateway's clock a device's time may be: the one law for messages, imports and windows.
///
/// Beyond it a time is no time, for it would move the windows of its series into a future in which the readings of the
/// present are too old for them.
public enum TimeFence {
    /// An hour: what a clock that was set without its summer time is ahead, and no more.
    public static let ahead = Duration.milliseconds(aheadMilliseconds)
    /// `ahead` as a number, for comparisons without a Duration.
    public static let aheadMilliseconds: Int64 = 3_600_000

    /// Whether a reading of this time may be kept; the past has no fence here.
    @inlinable
    public static func admits(_ observed: Timestamp, at now: Timestamp) -> Bool {
        observed.milliseconds <= now.milliseconds &+ aheadMilliseconds
    }
}
