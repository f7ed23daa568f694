/// How much of the detector watches a series. Each takes 148 bytes of the table beside the state that is named.
public enum DetectorTier: UInt8, CaseIterable, Hashable, Sendable {
    /// Record range and slow mean: 80 bytes a series, for large fleets.
    case light = 1
    /// And the profile of the day: for what follows the sun or the clock, such as lamps and solar panels; 1,432 bytes.
    case daily = 2
    /// And the novelty of the recent shape; 5,032 bytes.
    case full = 3

    /// By its name in the configuration: `light`, `daily` or `full`; nil for any other.
    public init?(named name: some StringProtocol) {
        switch name {
        case "light": self = .light
        case "daily": self = .daily
        case "full": self = .full
        default: return nil
        }
    }

    /// The score that an alert takes. It belongs to the parts that add up to it.
    var threshold: Double {
        switch self {
        case .light: 0.55
        case .daily: 0.95
        case .full: 2.85
        }
    }
}
