import Basics
import Telemetry
import Testing

@testable import Detection

@Suite("A gap and who is to blame for it")
struct GapWitnessTests {
    static let start = Timestamp(iso8601: "2026-04-01T00:00:00Z")!
    static let series = SeriesID(rawValue: 3)

    struct Case: CustomTestStringConvertible, Sendable {
        let what: String
        /// Seconds: what the device's times say lies between, what the wall clock and the time listened went on, and how long
        /// after it was measured the first one came.
        let silence: Int
        let wall: Int
        let listened: Int
        var lag = 0
        let isBelieved: Bool
        var testDescription: String { what }
    }

    @Test(
        "a step of the clock and a deaf gateway make none; a silence that was listened to, or that a buffer tells, is one",
        arguments: [
            Case(what: "silent for 10 min", silence: 600, wall: 600, listened: 600, isBelieved: true),
            Case(what: "a clock set on an hour", silence: 3601, wall: 3601, listened: 1, isBelieved: false),
            Case(
                what: "a clock unset at boot", silence: 1_796_000_000, wall: 1_796_000_000, listened: 1,
                isBelieved: false),
            Case(what: "the gateway was away for 14 s", silence: 16, wall: 16, listened: 2, isBelieved: false),
            Case(
                what: "silent for an hour, away for a minute of it", silence: 3600, wall: 3600, listened: 3540,
                isBelieved: true),
            Case(
                what: "an hour's buffer with a hole", silence: 1200, wall: 0, listened: 0, lag: 3000, isBelieved: true),
            Case(
                what: "a device whose clock began at 1970", silence: 1_796_000_000, wall: 1, listened: 1,
                lag: 1_796_000_000, isBelieved: false),
        ])
    func blame(row: Case) {
        var witness = GapWitness()
        let first = Reading(series: Self.series, observed: Self.start, value: 1)
        let second = Reading(series: Self.series, observed: Self.start + .seconds(row.silence), value: 1)
        let begin = Self.start + .seconds(row.lag)
        func moment(_ wall: Int, _ listened: Int) -> Moment {
            Moment(
                wall: begin + .seconds(wall), steady: SteadyTime(milliseconds: Int64(wall) * 1000),
                listened: SteadyTime(milliseconds: Int64(listened) * 1000))
        }
        let gap = Anomaly(
            series: Self.series, observed: second.observed, value: 1, severity: 0.5,
            evidence: .gap(silence: .seconds(row.silence), interval: .seconds(2)))
        #expect(!witness.believes(gap, of: second, at: moment(row.wall, row.listened)), "nobody knows before the first")
        witness.note(first, at: moment(0, 0))
        #expect(witness.believes(gap, of: second, at: moment(row.wall, row.listened)) == row.isBelieved)
        let other = Anomaly(
            series: Self.series, observed: second.observed, value: 1, severity: 0.5,
            evidence: .mean(mean: 1, usual: 1, spread: 1))
        #expect(witness.believes(other, of: second, at: moment(row.wall, row.listened)))
    }
}
