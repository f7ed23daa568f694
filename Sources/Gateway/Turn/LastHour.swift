import Basics
import Telemetry

/// What the last hour brought, minute by minute on the clock that nobody sets.
struct LastHour {
    private struct Minute {
        var number: Int64 = .min
        var received: Int64 = 0
        var readings: Int64 = 0
    }

    private static let minutes = 60
    private var ring = [Minute](repeating: Minute(), count: minutes)

    /// `readings` are new ones.
    mutating func add(received: Int, readings: Int, at now: SteadyTime) {
        let number = now.milliseconds / 60_000
        let place = Int((number % Int64(Self.minutes) + Int64(Self.minutes)) % Int64(Self.minutes))
        if ring[place].number != number { ring[place] = Minute(number: number) }
        ring[place].received += Int64(received)
        ring[place].readings += Int64(readings)
    }

    func sum(at now: SteadyTime) -> (received: Int64, readings: Int64) {
        let oldest = now.milliseconds / 60_000 - Int64(Self.minutes)
        return ring.reduce(into: (received: 0, readings: 0)) { sum, minute in
            guard minute.number > oldest else { return }
            sum.received += minute.received
            sum.readings += minute.readings
        }
    }
}
