import Basics

/// What is known of a device, or of anything larger: no news is no good news.
public enum Health: String, CaseIterable, Sendable, Codable {
    /// It speaks, is read, and nothing that is watched is wrong.
    case ok
    /// At least one alert about it fires.
    case firing
    /// It is silent for longer than it may be, or said that it is gone.
    case unknown
    /// It was never heard.
    case neverHeard = "never-heard"
    /// Its messages come, and no reading does: it never gave one, or gives none any more (`Unread.isStanding`).
    case unread = "nothing-read"
    /// All its readings were taken out of the store by order, and none came since.
    case forgotten = "readings-forgotten"

    /// Of a device by what is known of it. An alert that fires outweighs silence: somebody must look in either case, and
    /// the alert says at what.
    ///
    /// `silence`: since it was last heard, nil where it never spoke. `cadence`: nil where the roster expects nothing of it; then
    /// its silence says nothing.
    public init(
        silence: Duration?, cadence: Duration?, saidOffline: Bool, isFiring: Bool, isUnread: Bool = false,
        isForgotten: Bool = false
    ) {
        if isFiring {
            self = .firing
        } else if saidOffline {
            self = .unknown
        } else if let silence {
            let isSilent = cadence.map { silence > Staleness.allowance(cadence: $0) } ?? false
            self = isSilent ? .unknown : isForgotten ? .forgotten : isUnread ? .unread : .ok
        } else {
            self = .neverHeard
        }
    }
}
