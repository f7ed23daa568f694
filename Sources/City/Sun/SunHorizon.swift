/// A height that the sun rises and sets over, in degrees of its centre's geometric elevation.
public enum SunHorizon: String, CaseIterable, Sendable {
    /// Sunrise and sunset: 34' of refraction and 16' of radius, as almanacs count.
    case sunrise
    /// The end of reading outdoors; street lights commonly switch by it.
    case civilTwilight = "civil_twilight"
    case nauticalTwilight = "nautical_twilight"
    case astronomicalTwilight = "astronomical_twilight"

    /// Degrees: at sunrise -0.833, at the end of a twilight -6, -12 or -18.
    public var elevation: Double {
        switch self {
        case .sunrise: -0.833
        case .civilTwilight: -6
        case .nauticalTwilight: -12
        case .astronomicalTwilight: -18
        }
    }
}
