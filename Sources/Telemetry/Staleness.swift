import Basics

/// When what was heard last says nothing about now any more: the one law for alerts, peers, circuits and answers.
public enum Staleness {
    /// A device may miss so many of its messages.
    public static let cadences = 3
    /// However short the cadence, or where none is known.
    public static let atLeast = Duration.seconds(300)

    /// How long a device of this cadence may be silent before its last word counts for nothing: three cadences, at least
    /// 5 minutes; the latter where `cadence` is nil.
    public static func allowance(cadence: Duration?) -> Duration {
        max(.milliseconds((cadence?.milliseconds ?? 0) * Int64(cadences)), atLeast)
    }
}
