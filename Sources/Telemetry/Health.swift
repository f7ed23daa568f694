import Basics

/// What is known of a device, or of anything larger: no news is no good news.
public enum Health: String, CaseIterable, Sendable, Codable {
    /// It speaks, and nothing that is watched is wrong.
    case ok
    /// At least one alert about it fires.
    case firing
    /// It never spoke, is silent for longer than it may be, or said that it is gone.
    case unknown

    /// Of a device by what is known of it. An alert that fires outweighs silence: somebody must look in either case, and
    /// the alert says at what.
    ///
    /// `silence`: since it was last heard, nil where it never spoke. `cadence`: nil where the roster expects nothing of it; then
    /// its silence says nothing.
    public init(silence: Duration?, cadence: Duration?, saidOffline: Bool, isFiring: Bool) {
        if isFiring {
            self = .firing
        } else if let silence, !saidOffline, cadence.map({ silence <= Staleness.allowance(cadence: $0) }) ?? true {
            self = .ok
        } else {
            self = .unknown
        }
    }
}
