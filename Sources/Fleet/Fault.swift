public import Basics
import Glibc
import Telemetry

/// What can be wrong with a device, with a label that says so.
public enum FaultKind: String, Sendable, CaseIterable {
    /// The lamp is told to burn and takes no power; its controller reports the fault.
    case lampOut = "lamp-out"
    /// The lamp burns at full power by day.
    case dayBurner = "day-burner"
    /// One quantity repeats its value.
    case stuck
    /// One reading far outside what is physically possible.
    case spike
    /// Nothing is heard.
    case silent
    case panelOverheating = "panel-overheating"
    case overcurrent
    /// Particles, nitrogen dioxide and carbon monoxide rise far over their limits.
    case pollutionEpisode = "pollution-episode"
    /// The payload breaks off in the middle.
    case malformed

    /// How long it lasts unless told otherwise.
    public var usualDuration: Duration {
        switch self {
        case .lampOut, .dayBurner, .stuck: .seconds(1800)
        case .silent, .overcurrent: .seconds(900)
        case .spike: .seconds(60)
        case .panelOverheating: .seconds(1200)
        case .pollutionEpisode: .seconds(3600)
        case .malformed: .seconds(300)
        }
    }

    /// The families that can have it.
    var families: [Family] {
        switch self {
        case .lampOut, .dayBurner: [.lamp]
        case .panelOverheating, .overcurrent: [.segment]
        case .pollutionEpisode: [.air]
        case .stuck, .spike, .silent, .malformed: Family.allCases
        }
    }

    /// The key of the payload in which it shows; nil where it is the whole payload.
    func quantity(in family: Family) -> String? {
        switch self {
        case .lampOut, .dayBurner: "p"
        case .stuck:
            switch family {
            // Voltage, because it never rests: a lamp by day may well repeat its power.
            case .lamp: "u"
            case .air: "temperature"
            case .segment: "panel_temperature"
            }
        case .spike:
            switch family {
            case .lamp: "u"
            case .air: "temperature"
            case .segment: "panel_temperature"
            }
        case .silent, .malformed: nil
        case .panelOverheating: "panel_temperature"
        case .overcurrent: "dc_current"
        case .pollutionEpisode: "pm2_5"
        }
    }
}

/// One fault of one device, in observed time.
public struct Fault: Equatable, Sendable {
    /// What is wrong.
    public let kind: FaultKind
    /// Of the device.
    package let family: Family
    /// The device's name.
    public let device: String
    /// The payload's key in which it shows; nil where it is the whole payload.
    public let quantity: String?
    /// Inclusive.
    public let start: Timestamp
    /// Exclusive.
    public let end: Timestamp

    /// From `start` up to but not at `end`.
    public func isActive(at moment: Timestamp) -> Bool { moment >= start && moment < end }

    /// Rises in the first tenth of its time and falls in the last: 0 to 1.
    func strength(at moment: Timestamp) -> Double {
        guard isActive(at: moment) else { return 0 }
        let length = (end - start).inSeconds
        let ramp = max(length / 10, 1)
        return min(1, (moment - start).inSeconds / ramp + 0.2, (end - moment).inSeconds / ramp)
    }

    /// The label as one line of JSON.
    public var json: String {
        let quantity = quantity.map { "\"\($0)\"" } ?? "null"
        return """
            {"start":"\(start)","end":"\(end)","start_ms":\(start.milliseconds),"end_ms":\(end.milliseconds),\
            "device":"\(device)","kind":"\(kind.rawValue)","quantity":\(quantity)}
            """
    }
}

/// A family of devices that speak one dialect.
package enum Family: Int, Sendable, CaseIterable {
    case lamp, air, segment

    /// The name of its profile in `Devices/`.
    package var profile: String {
        switch self {
        case .lamp: "streetlight-controller"
        case .air: "air-station"
        case .segment: "solar-road-segment"
        }
    }

    func name(of index: Int) -> String {
        let (word, width) =
            switch self {
            case .lamp: ("lamp", 4)
            case .air: ("air", 2)
            case .segment: ("segment", 2)
            }
        let digits = String(index + 1)
        return "\(word)-" + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    func topic(of device: String) -> String {
        switch self {
        case .lamp: "lights/\(device)/telemetry"
        case .air: "air/\(device)/telemetry"
        case .segment: "solar-road/\(device)/telemetry"
        }
    }
}
