import Basics
import Telemetry
import Windows

/// Series that take their turns: each reports once a cadence, with noise, and one reading in 64 a minute late. Counters
/// count: one that fell with every other reading would measure what is asked of a broken meter.
struct City: ~Copyable {
    static let kinds = ["pm2_5", "vehicle_count", "active_energy_import", "lamp_on", "wind_direction"]

    private(set) var table = WindowTable(plan: .standard)
    private let seriesCount: Int
    private let isCounter: [Bool]
    private let step: Int64
    private var now: Int64 = 1_772_705_640_000
    private var next = 0
    private var number: UInt64 = 1
    private var sum = 0.0

    init(seriesCount: Int, quantities: [String], cadenceMilliseconds cadence: Int64) {
        self.seriesCount = seriesCount
        isCounter = (0..<seriesCount).map { Self.quantity(quantities[$0 % quantities.count]).kind == .counter }
        step = max(1, cadence / Int64(seriesCount))
        carried = cadence - step * Int64(seriesCount)
        for place in 0..<seriesCount {
            table.open(Self.quantity(quantities[place % quantities.count]), cadence: nil)
        }
    }

    /// What a round lacks of the cadence when steps are whole milliseconds.
    private let carried: Int64

    static func quantity(_ name: String) -> Quantity {
        guard let quantity = Quantity(named: name) else { preconditionFailure("\(name) is no quantity") }
        return quantity
    }

    mutating func turn(readings: Int) {
        for _ in 0..<readings {
            now += step
            // An LCG's high bits, Knuth's MMIX constants: enough for noise.
            number = number &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let late: Int64 = number >> 58 == 0 ? 60_000 : 0
            let noise = 20 + Double(number >> 40) * 0x1p-20
            let value = isCounter[next] ? Double(now - late - 1_772_705_000_000) / 60_000 + 20 : noise
            table.add(
                Reading(
                    series: SeriesID(rawValue: UInt32(next)), observed: Timestamp(milliseconds: now - late),
                    value: value), at: Timestamp(milliseconds: now))
            next += 1
            if next == seriesCount {
                next = 0
                now += max(0, carried)
            }
        }
    }

    /// Asks for the summaries of every series, each after a reading where that is wished.
    mutating func summarizeAll(afterReading: Bool) {
        for place in 0..<seriesCount {
            if afterReading { turn(readings: 1) }
            for summary in table.summaries(
                of: SeriesID(rawValue: UInt32(place)), at: Timestamp(milliseconds: now))
            {
                sum += summary.median ?? 0
            }
        }
        precondition(sum > 0, "the city has no summaries")
    }
}
