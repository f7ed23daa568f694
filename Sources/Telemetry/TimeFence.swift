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

    /// 2025-01-01: a gateway whose clock shows an earlier time was never told what time it is, and is no judge of others.
    public static let clockMin = Timestamp(milliseconds: 1_735_689_600_000)

    /// Whether a reading of this time may be kept; the past has no fence here.
    @inlinable
    public static func admits(_ observed: Timestamp, at now: Timestamp) -> Bool {
        observed.milliseconds <= now.milliseconds &+ aheadMilliseconds || now < clockMin
    }

    /// How far ahead of the gateway's clock a series' newest reading may be before one of now takes its place: a clock that
    /// is a little fast is no contradiction.
    public static let slackMilliseconds: Int64 = 10_000

    /// Whether a reading takes the place of the newest one of its series: it is not older, or the newest lies ahead, of a
    /// clock that was wrong, and this one is of now. What was stored under a wrong clock does not hide the present.
    ///
    /// Milliseconds since 1970; `now` by the gateway's clock.
    @inlinable
    public static func follows(_ observed: Int64, newest: Int64, at now: Int64) -> Bool {
        observed >= newest
            || newest > now &+ slackMilliseconds && observed <= now &+ slackMilliseconds
                && observed > now &- aheadMilliseconds
    }
}
