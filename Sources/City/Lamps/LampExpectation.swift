public import Basics
import Telemetry

/// Whether a street lamp should burn now, from the sun and from the hours in which it is switched off.
///
/// Lamps are switched by daylight: 35 lx on and 25 lx off are usual. Under a clear sky the ground has 410 to 585 lx when
/// the sun is gone and 2 to 3.5 lx at the end of the civil twilight, 6 degrees below the horizon; dark clouds take nine
/// tenths. So a sound photocell switches between sunset (a tenth of its light is still above 35 lx) and the civil
/// twilight, and one that is off by a degree or switches minutes late (the sun sinks a degree in about 5 minutes)
/// somewhat outside of that. From 1 degree above the horizon down to 8 below either is right.
///
/// Sources: the switching levels, straßenbeleuchtung.de after DIN 13201; the light of the twilight, AMS Glossary of
/// Meteorology; of dark clouds, Janiczek and DeYoung, US Naval Observatory Circular 171 (1987).
public struct LampExpectation: Equatable, Sendable {
    /// What a sound lamp does; `either` where neither is a fault.
    public enum State: Equatable, Sendable {
        case on, off, either
    }

    /// Hours of local time in which the lamp may be off though it is dark, such as from 1 to 5 in the morning.
    public struct PartNight: Equatable, Sendable {
        /// Minutes of the local day, 0 up to 1440; `off` after `on` goes over midnight.
        public let offMinute: Int
        /// Minute from which it burns again, 0 up to 1440.
        public let onMinute: Int
        /// So long before and after either minute both is right: clocks differ.
        public let slack: Duration

        /// Minutes outside of 0 up to 1440 and a negative slack stop the program.
        public init(offMinute: Int, onMinute: Int, slack: Duration = .seconds(600)) {
            precondition(
                (0..<1440).contains(offMinute) && (0..<1440).contains(onMinute) && slack >= .zero,
                "lamp: minutes of a day are 0 up to 1440, and the slack is not negative")
            self.offMinute = offMinute
            self.onMinute = onMinute
            self.slack = slack
        }

        fileprivate func state(minute: Double) -> State {
            let slack = Double(slack.milliseconds) / 60_000
            func past(_ start: Int) -> Double { (minute - Double(start) + 2880).truncatingRemainder(dividingBy: 1440) }
            if [past(offMinute), past(onMinute)].contains(where: { $0 < slack || $0 > 1440 - slack }) {
                return .either
            }
            return past(offMinute) < past(onMinute) ? .off : .on
        }
    }

    /// Degrees of the sun's elevation: below the lamp must burn.
    public let onBelow: Double
    /// Degrees of the sun's elevation: above the lamp must be off.
    public let offAbove: Double
    /// nil: the lamp burns all night.
    public let partNight: PartNight?

    /// Elevations in degrees; `onBelow` above `offAbove` stops the program.
    public init(onBelow: Double = -8, offAbove: Double = 1, partNight: PartNight? = nil) {
        precondition(onBelow <= offAbove, "lamp: it goes on below the elevation that it goes off above")
        self.onBelow = onBelow
        self.offAbove = offAbove
        self.partNight = partNight
    }

    /// `sunElevation` in degrees, nil where the lamp's place is not known; `offsetSeconds` is the local clock's, east of
    /// UTC.
    public func state(sunElevation: Double?, at moment: Timestamp, offsetSeconds: Int = 0) -> State {
        if let sunElevation, sunElevation > offAbove { return .off }
        var state = State.either
        if let sunElevation, sunElevation < onBelow { state = .on }
        guard let partNight else { return state }
        let local = moment.milliseconds &+ Int64(offsetSeconds) &* 1000
        let minute = Double(local - local.flooredDivision(by: 86_400_000) * 86_400_000) / 60_000
        switch partNight.state(minute: minute) {
        case .on: return state
        case .off: return .off
        case .either: return .either
        }
    }
}
