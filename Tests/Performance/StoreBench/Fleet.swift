import Basics
import Glibc
import Measuring
import Telemetry

/// A city of 1,000 devices with five quantities each and a reading of them a minute, as the decoder would hand it on.
///
/// The same numbers from the same seed. A device reports at its own second of the minute, with 40 ms of jitter.
struct Fleet {
    static let devices = 1000
    static let columns = 5
    static let minutesPerDay = 1440
    static let readingsPerMinute = devices * columns
    static let readingsPerDay = readingsPerMinute * minutesPerDay
    /// Midnight, so that days of the fleet are days of the store.
    static let start = Timestamp(iso8601: "2026-03-01T00:00:00Z")!

    private static let quantities = ["pm2_5", "panel_temperature", "solar_irradiance", "active_power", "voltage"]

    private var random: Gauss
    private var states: [State]
    /// By device, then column.
    private var series: [SeriesID] = []

    /// What the values of a device remember, in the steps in which they are reported.
    private struct State {
        var pm25 = 350.0
        var temperature = 300.0
        var voltage = 2300.0
        var cloud = 0.0
    }

    init(seed: UInt64 = 1, registry: inout SeriesRegistry) {
        random = Gauss(seed: seed)
        states = Array(repeating: State(), count: Self.devices)
        for index in 0..<Self.devices {
            let device = registry.intern(device: Self.name(of: index), profile: "city-sensor")!
            var row: [Reading] = []
            for quantity in Self.quantities {
                let series = registry.intern(device: device, quantity: Quantity(named: quantity)!, channel: .none)!
                row.append(Reading(series: series, observed: Self.start, value: 0))
            }
            registry.closeRow(row[...])
            series += row.map(\.series)
        }
    }

    static func name(of device: Int) -> String { "sensor-\(device)" }

    static func time(ofMinute minute: Int) -> Timestamp {
        Timestamp(milliseconds: start.milliseconds + Int64(minute) * 60_000)
    }

    /// Replaces the readings of `batch` by those of one minute of some devices; returns the moment that it is received.
    mutating func fill(_ batch: inout DecodedBatch, minute: Int, devices: Range<Int>) -> Timestamp {
        batch.removeAll()
        let hour = Double(minute % Self.minutesPerDay) / 60
        let sun = max(0, sin((hour - 6) / 12 * .pi))
        let isDark = hour < 6 || hour > 18
        var received = Self.time(ofMinute: minute)
        for device in devices {
            let phase = Int64(device * 60_000 / Self.devices)
            let observed = Self.time(ofMinute: minute) + .milliseconds(phase + Int64((random.next() * 40).rounded()))
            received = Self.time(ofMinute: minute) + .milliseconds(phase + 500)
            var state = states[device]
            state.pm25 = max(10, state.pm25 + random.next() * 15 - (state.pm25 - 350) * 0.01)
            state.cloud = 0.95 * state.cloud + random.next() * 0.02
            state.temperature += 0.02 * (250 + 200 * sun - state.temperature) + random.next() * 2.2
            state.voltage = 2300 + 0.95 * (state.voltage - 2300) + random.next() * 4
            states[device] = state
            let place = device * Self.columns
            func put(_ column: Int, _ value: Double) {
                batch.readings.append(Reading(series: series[place + column], observed: observed, value: value))
            }
            put(0, state.pm25.rounded() / 10)
            put(1, state.temperature.rounded() / 10)
            put(2, max(0, (900 * sun * (0.9 + state.cloud)).rounded()))
            put(3, isDark ? (120 + random.next() * 2.5).rounded() : 0)
            put(4, state.voltage.rounded() / 10)
            batch.heard.append(Hearing(device: DeviceIndex(rawValue: UInt32(device)), at: received))
        }
        return received
    }
}

/// Normally distributed numbers of mean 0 and deviation 1, the same from the same seed.
///
/// Source: SplitMix64 (Steele, Lea and Flood, 2014) for the bits, Box and Muller (1958) for the distribution.
private struct Gauss {
    private var state: UInt64
    private var spare: Double?

    init(seed: UInt64) { state = seed }

    private mutating func uniform() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        bits ^= bits >> 31
        return (Double(bits >> 11) + 0.5) * 0x1p-53
    }

    mutating func next() -> Double {
        if let spare {
            self.spare = nil
            return spare
        }
        let radius = (-2 * log(uniform())).squareRoot()
        let angle = 2 * .pi * uniform()
        spare = radius * sin(angle)
        return radius * cos(angle)
    }
}
