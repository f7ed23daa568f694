import Basics
import City
import Glibc
import Telemetry
import TestSupport

/// A street lamp by the formulas of the simulated city: a photocell of its own, dimmed after ten in the evening, a
/// driver that takes 8 % of its rating whatever the light and 0.4 W asleep.
struct SimulatedLamp {
    static let latitude = 36.65
    static let longitude = 117.12

    enum Fault {
        case none, out, burnsByDay
        case power(factor: Double)
        /// On and off by turns, one report each.
        case flicker
    }

    let ratedWatts: Double
    private let twilight: Double
    /// 1 is a driver whose power follows the level; a logarithmic one has 3.
    let curve: Double
    private var chance: SeededGenerator
    private var turn = false

    init(seed: UInt64, curve: Double = 1) {
        chance = SeededGenerator(seed: seed)
        ratedWatts = [40.0, 60, 60, 90, 120][Int.random(in: 0..<5, using: &chance)]
        twilight = -6 + Double.random(in: -0.5...0.5, using: &chance)
        self.curve = curve
    }

    static func sunElevation(at moment: Timestamp) -> Double {
        SunPosition(latitude: latitude, longitude: longitude, at: moment).elevation
    }

    private static func dimming(at moment: Timestamp) -> Double {
        switch CivilTime(moment, offsetSeconds: 28_800).hour {
        case 22...: 70
        case ..<5: 50
        case ..<12: 70
        default: 100
        }
    }

    mutating func report(at moment: Timestamp, sunElevation: Double, _ fault: Fault = .none) -> LampReport {
        var level = sunElevation < twilight ? Self.dimming(at: moment) : 0
        if case .burnsByDay = fault { level = max(level, 100) }
        let noise = (0..<4).reduce(0) { sum, _ in sum + Double.random(in: -0.5...0.5, using: &chance) } * 1.732
        var watts = level > 0 ? ratedWatts * (0.08 + 0.92 * pow(level / 100, curve)) * (1 + 0.004 * noise) : 0.4
        var reportsFault = false
        switch fault {
        case .none, .burnsByDay: break
        case .out: (watts, reportsFault) = (0, true)
        case .power(let factor): watts *= factor
        case .flicker:
            turn.toggle()
            if turn { watts = 0.4 }
        }
        return LampReport(
            isOn: level > 0, level: level, watts: (watts * 10).rounded() / 10,
            amperes: watts / (229 * (level > 0 ? 0.88 + 0.09 * level / 100 : 0.45)), reportsFault: reportsFault)
    }
}
