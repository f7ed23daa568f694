import Glibc
import Telemetry

/// A height that the sun rises and sets over, in degrees of its centre's geometric elevation.
public enum SunHorizon: String, CaseIterable, Sendable {
    /// Sunrise and sunset: 34' of refraction and 16' of radius, as almanacs count.
    case sunrise
    /// The end of reading outdoors; street lights commonly switch by it.
    case civilTwilight = "civil_twilight"
    case nauticalTwilight = "nautical_twilight"
    case astronomicalTwilight = "astronomical_twilight"

    public var elevation: Double {
        switch self {
        case .sunrise: -0.833
        case .civilTwilight: -6
        case .nauticalTwilight: -12
        case .astronomicalTwilight: -18
        }
    }
}

/// What the sun does at one height on one day.
public enum SunCrossing: Equatable, Sendable {
    /// It comes up over the height and goes down under it again.
    case risesAndSets(rise: Timestamp, set: Timestamp)
    /// Polar day: it stays above all day.
    case alwaysAbove
    /// Polar night: it stays below all day.
    case alwaysBelow

    public var rise: Timestamp? { if case .risesAndSets(let rise, _) = self { rise } else { nil } }
    public var set: Timestamp? { if case .risesAndSets(_, let set) = self { set } else { nil } }
}

/// The sun's appointments of one day at one place.
public struct SunDay: Equatable, Sendable {
    /// The sun stands highest.
    public let noon: Timestamp
    private let crossings: [SunCrossing]

    public subscript(_ horizon: SunHorizon) -> SunCrossing { crossings[SunHorizon.allCases.firstIndex(of: horizon)!] }

    public var sunrise: Timestamp? { self[.sunrise].rise }
    public var sunset: Timestamp? { self[.sunrise].set }
    public var civilDawn: Timestamp? { self[.civilTwilight].rise }
    public var civilDusk: Timestamp? { self[.civilTwilight].set }

    /// The day whose noon is nearest to `moment`. Within about 10 s of the position formulas; almanacs agree to a
    /// minute, since refraction at the horizon varies.
    public init(latitude: Double, longitude: Double, near moment: Timestamp) {
        func position(_ moment: Timestamp) -> SunPosition {
            SunPosition(latitude: latitude, longitude: longitude, at: moment)
        }
        var noon = moment
        for _ in 0..<3 { noon = stepped(noon, by: -position(noon).hourAngle) }
        self.noon = noon
        crossings = SunHorizon.allCases.map { horizon in
            func crossing(sign: Double) -> Result<Timestamp, NoCrossing> {
                var moment = noon
                for _ in 0..<4 {
                    let sun = position(moment)
                    let declination = radians(sun.declination)
                    let place = radians(latitude)
                    let cosine =
                        (sin(radians(horizon.elevation)) - sin(place) * sin(declination))
                        / (cos(place) * cos(declination))
                    if cosine > 1 { return .failure(.staysBelow) }
                    guard cosine >= -1 else { return .failure(.staysAbove) }
                    moment = stepped(moment, by: sign * degrees(acos(cosine)) - sun.hourAngle)
                }
                return .success(moment)
            }
            // On the days around a polar one it may cross only once: that day counts with its neighbours.
            switch (crossing(sign: -1), crossing(sign: 1)) {
            case (.success(let rise), .success(let set)): return .risesAndSets(rise: rise, set: set)
            case (.failure(.staysBelow), _), (_, .failure(.staysBelow)): return .alwaysBelow
            case (.failure(.staysAbove), _), (_, .failure(.staysAbove)): return .alwaysAbove
            }
        }
    }

    private enum NoCrossing: Error { case staysBelow, staysAbove }
}

/// The hour angle grows by 360.9856 degrees a day; two steps reach the second.
private func stepped(_ moment: Timestamp, by degrees: Double) -> Timestamp {
    Timestamp(milliseconds: moment.milliseconds + Int64((degrees / 360.985_6 * 86_400_000).rounded()))
}
