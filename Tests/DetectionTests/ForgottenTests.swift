import Basics
import Telemetry
import Testing

@testable import Detection

@Suite("Series that begin anew")
struct ForgottenTests {
    @Test("a series of which readings were taken out is as one that never spoke, and its neighbours are as they were")
    func detectors() throws {
        let settings = DetectorSettings(tier: .full, rules: PlausibilityRules(), interval: .seconds(60))
        let (one, other) = (SeriesID(rawValue: 0), SeriesID(rawValue: 1))
        var table = DetectorTable()
        var expected = DetectorTable()
        for series in [one, other] {
            table.watch(series, settings)
            expected.watch(series, settings)
        }
        var found: [[Anomaly]] = [[], []]
        func value(_ step: Int) -> Double { step == 350 ? 500 : Double(step % 17) }
        for round in 0..<2 {
            for step in 0..<400 {
                let time = Timestamp(milliseconds: 1_772_705_640_000 + Int64(round * 400 + step) * 60_000)
                // A year ahead, and far off.
                let ghost = Reading(series: one, observed: time + .seconds(31_536_000), value: 1e6)
                let reading = Reading(series: one, observed: time, value: value(step))
                let beside = Reading(series: other, observed: time, value: value(step))
                _ = table.add(beside)
                _ = expected.add(beside)
                if round == 0 {
                    _ = table.add(step % 2 == 0 ? reading : ghost)
                } else {
                    found[0] += [table.add(reading)].compactMap { $0 }
                    found[1] += [expected.add(reading)].compactMap { $0 }
                }
            }
            if round == 0 {
                #expect(table.state() != expected.state())
                table.forget(one)
                #expect(table.state() == expected.state())
            }
        }
        #expect(found[0] == found[1])
        table.forget(SeriesID(rawValue: 7))
        #expect(table.state() == expected.state())
    }

    @Test("a peer that stood apart by what was taken out stands apart no more")
    func peers() {
        var group = PeerGroup(rounds: 2)
        func readings(_ values: [Double]) -> [Reading] {
            values.enumerated().map {
                Reading(
                    series: SeriesID(rawValue: UInt32($0)), observed: Timestamp(milliseconds: 1), value: $1)
            }
        }
        let apart = readings([1, 2, 3, 2, 1, 90, 95])
        #expect(group.compare(apart) == [])
        #expect(group.compare(apart).count == 2)
        group.forget([SeriesID(rawValue: 5)])
        #expect(group.standing == [SeriesID(rawValue: 6)])
        // Told again only after as many rounds as anybody.
        #expect(group.compare(apart) == [])
        #expect(group.compare(apart).map(\.series) == [SeriesID(rawValue: 5)])
    }
}
