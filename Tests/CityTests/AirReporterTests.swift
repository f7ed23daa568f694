import Basics
import Telemetry
import Testing

@testable import City

@Suite("Air-quality reports from hours")
struct AirReporterTests {
    private static func moment(_ text: String) -> Timestamp { Timestamp(iso8601: text)! }
    private static let in2026 = moment("2026-05-01T00:00:00+08:00")
    private static let in2015 = moment("2015-05-01T00:00:00+08:00")

    private func history(
        _ start: Timestamp, _ series: [AirPollutant: [Double?]], unit: AirUnit = .microgramsPerCubicMetre,
        coverage: Double? = nil
    ) -> AirHistory {
        AirHistory(
            start: start,
            series: series.mapValues { hours in
                AirHistory.Series(unit: unit, hours: hours.map { $0.map { AirHour(mean: $0, coverage: coverage) } })
            })
    }

    private func concentration(_ index: AirIndex?, _ pollutant: AirPollutant, _ averaging: AirAveraging) -> String? {
        index?.subIndices.first { $0.indicator == AirIndicator(pollutant, averaging) }?.concentration.description
    }

    @Test("an hour needs 45 of its minutes")
    func coverage() {
        var reporter = AirReporter(.europe)
        #expect(reporter.hour(0, of: history(Self.in2026, [.o3: [70]], coverage: 0.75)).index == 2)
        #expect(reporter.hour(0, of: history(Self.in2026, [.o3: [70]], coverage: 0.74)).undefined == .nothingMeasured)
        #expect(reporter.hour(0, of: history(Self.in2026, [.o3: [70]])).index == 2)
        #expect(reporter.hour(0, of: history(Self.in2026, [.o3: [.nan]])).undefined == .nothingMeasured)
        #expect(reporter.hour(1, of: history(Self.in2026, [.o3: [70]])).undefined == .nothingMeasured)
        #expect(reporter.hour(-1, of: history(Self.in2026, [.o3: [70]])).undefined == .nothingMeasured)
    }

    @Test("China in real time: 24 h running means with 20 hours before March 2026, 1 h means since")
    func chineseHours() {
        var reporter = AirReporter(.china)
        let gaps: [Double?] = Array(repeating: nil, count: 4) + Array(repeating: 75, count: 20)
        let old = reporter.hour(23, of: history(Self.in2015, [.pm2_5: gaps]))
        #expect(old.standard == .hj633of2012)
        #expect(old.index == 100)
        let few = reporter.hour(23, of: history(Self.in2015, [.pm2_5: [nil] + gaps.dropFirst().dropLast() + [nil]]))
        #expect(few.undefined == .nothingMeasured)
        #expect(few.missing.contains(AirIndicator(.pm2_5, .day)))
        let new = reporter.hour(23, of: history(Self.in2026, [.pm2_5: gaps]))
        #expect(new.standard == .hj633of2026)
        #expect(new.index == 114)
        #expect(concentration(new, .pm2_5, .hour) == "75 ug/m3")

        let eight: [Double?] = [nil, nil, 160, 160, 160, 160, 160, 160]
        let ozone = reporter.hour(7, of: history(Self.in2015, [.o3: eight]))
        #expect(concentration(ozone, .o3, .eightHours) == "160 ug/m3")
        #expect(ozone.index == 100)
        let five = reporter.hour(7, of: history(Self.in2015, [.o3: [nil] + eight.dropLast()]))
        #expect(concentration(five, .o3, .eightHours) == nil)
    }

    @Test("the hour that spans the change belongs to the standard under which it began")
    func chineseChange() {
        var reporter = AirReporter(.china)
        let air = history(
            Self.moment("2026-02-28T00:00:00+08:00"), [.pm2_5: Array(repeating: 65, count: 25)])
        #expect(reporter.hour(23, of: air).index == 88)
        #expect(reporter.hour(24, of: air).index == 105)
    }

    @Test("China by the day: 20 hours, and the greatest 8 h mean that ends at 8 to 24 o'clock")
    func chineseDay() {
        let reporter = AirReporter(.china)
        var hours: [Double?] = Array(repeating: 20, count: 31)
        // Eight hours that end at 7 o'clock of the day: four of them count in the first mean, which ends at 8.
        for hour in 3..<11 { hours[hour] = 100 }
        let air = history(Self.in2026 - .seconds(7 * 3600), [.o3: hours, .no2: hours])
        let day = reporter.day(from: 7, of: air)
        #expect(day?.standard == .hj633of2026)
        #expect(concentration(day, .o3, .eightHours) == "60 ug/m3")
        #expect(concentration(day, .o3, .hour) == nil)
        #expect(concentration(day, .no2, .day) == "33 ug/m3")
        let old = reporter.day(from: 7, of: AirHistory(start: Self.in2015 - .seconds(7 * 3600), series: air.series))
        #expect(concentration(old, .o3, .hour) == "100 ug/m3")

        var few = hours
        for hour in 7..<12 { few[hour] = nil }
        let missing = reporter.day(from: 7, of: history(Self.in2026 - .seconds(7 * 3600), [.no2: few]))
        #expect(missing?.missing.contains(AirIndicator(.no2, .day)) == true)
    }

    @Test("13 of 17 means do not do for China, unless the greatest is above the limit")
    func chineseFewMeans() {
        let reporter = AirReporter(.china)
        func day(_ level: Double, hours count: Int) -> AirIndex? {
            let hours: [Double?] = (0..<24).map { $0 < count ? level : nil }
            return reporter.day(from: 0, of: history(Self.in2026, [.o3: hours]))
        }
        // The last mean with six hours begins six hours before the end of the measured ones.
        #expect(concentration(day(100, hours: 19), .o3, .eightHours) == "100 ug/m3")
        #expect(concentration(day(100, hours: 18), .o3, .eightHours) == nil)
        #expect(concentration(day(160, hours: 18), .o3, .eightHours) == nil)
        #expect(day(161, hours: 18)?.index == 101)
    }

    @Test("US EPA in real time: NowCast of particles and ozone, 8 h of CO")
    func americanHour() throws {
        var reporter = AirReporter(.unitedStates)
        let before = reporter.hoursBefore(.realTime)
        #expect(before == 337)
        let ozone = [nil, nil] + (try VectorTests.ozoneExample())
        let particles: [Double?] =
            Array(repeating: nil, count: 326)
            + [13, 16, 10, 21, 74, 64, 53, 82, 90, 75, 80, 50].reversed().map { Double($0) }
        var air = history(Self.in2026, [.o3: ozone], unit: .ppb)
        air.series[.pm2_5] = .init(
            unit: .microgramsPerCubicMetre, hours: particles.map { $0.map { AirHour(mean: $0) } })
        air.series[.co] = .init(
            unit: .milligramsPerCubicMetre, hours: Array(repeating: AirHour(mean: 5), count: 338))
        let index = reporter.hour(337, of: air)
        #expect(index.index == 66)
        #expect(index.primary == [.pm2_5])
        #expect(concentration(index, .pm2_5, .nowcast) == "17.4 ug/m3")
        #expect(concentration(index, .o3, .nowcast) == "0.019 ppm")
        #expect(concentration(index, .co, .eightHours) == "4.3 ppm")
        #expect(
            index.missing == [AirIndicator(.pm10, .nowcast), AirIndicator(.no2, .hour), AirIndicator(.so2, .hour)])
    }

    @Test("ozone in ug/m3 has the NowCast of the same air in ppb")
    func americanUnits() throws {
        var reporter = AirReporter(.unitedStates)
        let ozone = try VectorTests.ozoneExample()
        let mass = history(Self.in2026, [.o3: ozone.map { $0.map { $0 * 47.998 / 24.465 } }])
        #expect(concentration(reporter.hour(335, of: mass), .o3, .nowcast) == "0.019 ppm")
    }

    @Test("US EPA by the day: ozone's means that begin at 7 to 23 o'clock, CO's that end in the day")
    func americanDay() {
        let reporter = AirReporter(.unitedStates)
        var hours: [Double?] = Array(repeating: 30, count: 38)
        for hour in 0..<7 { hours[7 + hour] = 90 }
        for hour in 24..<31 { hours[7 + hour] = 54 }
        var air = history(Self.in2026 - .seconds(7 * 3600), [.o3: hours], unit: .ppb)
        air.series[.co] = .init(unit: .ppm, hours: hours.map { $0.map { AirHour(mean: $0 / 10) } })
        let day = reporter.day(from: 7, of: air)
        // 7 h of 54 and one of 30.
        #expect(concentration(day, .o3, .eightHours) == "0.051 ppm")
        #expect(concentration(day, .co, .eightHours) == "8.2 ppm")
        #expect(day?.index == 88)
    }

    @Test("WHO: 18 of 24 hours; Europe has no day")
    func others() {
        var who = AirReporter(.who)
        let hours: [Double?] = Array(repeating: nil, count: 6) + Array(repeating: 15.1, count: 18)
        let index = who.hour(23, of: history(Self.in2026, [.pm2_5: hours]))
        #expect(index.category?.name == "interim target 4 met")
        #expect(who.hour(22, of: history(Self.in2026, [.pm2_5: hours])).undefined == .nothingMeasured)
        #expect(AirReporter(.europe).day(from: 0, of: history(Self.in2026, [.o3: hours])) == nil)
        #expect(!AirReporter(.europe).hasDays)
    }
}
