import Basics
import Telemetry
import Testing

@testable import City

@Suite("Air-quality indices")
struct AirIndexTests {
    private func value(
        _ pollutant: AirPollutant, _ averaging: AirAveraging, _ text: String, _ unit: AirUnit = .microgramsPerCubicMetre
    ) -> AirValue {
        AirValue(AirIndicator(pollutant, averaging), AirConcentration(ExactDecimal(text)!, unit))
    }

    private func sub(
        _ standard: AirStandard, _ pollutant: AirPollutant, _ averaging: AirAveraging, _ text: String,
        _ unit: AirUnit = .microgramsPerCubicMetre
    ) -> AirSubIndex {
        let value = value(pollutant, averaging, text, unit)
        return standard.subIndex(of: value.indicator, value.concentration)
    }

    // MARK: China

    @Test("the time of the measurement chooses the Chinese standard: 65 ug/m3 of PM2.5 is 88 and then 105")
    func chineseVersions() throws {
        let before = try #require(Timestamp(iso8601: "2026-02-28T23:59:59.999+08:00"))
        let after = try #require(Timestamp(iso8601: "2026-03-01T00:00:00+08:00"))
        #expect(AirStandardFamily.china.standard(at: before) == .hj633of2012)
        #expect(AirStandardFamily.china.standard(at: after) == .hj633of2026)
        let good = sub(.hj633of2012, .pm2_5, .day, "65")
        #expect(good.index == 88)
        #expect(good.category?.name == "good")
        #expect(good.category?.colour == "#FFFF00")
        let light = sub(.hj633of2026, .pm2_5, .day, "65")
        #expect(light.index == 105)
        #expect(light.category?.name == "lightly polluted")
        #expect(light.category?.localName == "轻度污染")
    }

    @Test("CO is in mg/m3: 3.9 is 98, 300 ug/m3 are 0.3")
    func chineseCarbonMonoxide() {
        #expect(sub(.hj633of2012, .co, .day, "3.9", .milligramsPerCubicMetre).index == 98)
        let small = sub(.hj633of2026, .co, .hour, "300")
        #expect(small.concentration.description == "0.3 mg/m3")
        #expect(small.index == 3)
    }

    @Test("above a short column 2012 has no index and asks the other mean; 2026 stays at the column's end")
    func chineseShortColumns() {
        #expect(sub(.hj633of2012, .so2, .hour, "800").index == 200)
        let so2 = sub(.hj633of2012, .so2, .hour, "800.1")
        #expect(so2.index == nil)
        #expect(so2.undefined == .aboveTable(ExactDecimal("800")!, .microgramsPerCubicMetre))
        #expect(sub(.hj633of2026, .so2, .hour, "5000").index == 200)
        #expect(sub(.hj633of2026, .o3, .eightHours, "801").index == 300)

        let undecided = AirStandard.hj633of2012.index(
            of: [value(.so2, .hour, "900"), value(.pm2_5, .day, "30")], .realTime)
        #expect(undecided.index == nil)
        #expect(undecided.undefined == .undecided(AirIndicator(.so2, .hour)))
        let decided = AirStandard.hj633of2012.index(
            of: [value(.so2, .hour, "900"), value(.so2, .day, "475"), value(.pm2_5, .day, "30")], .realTime)
        #expect(decided.index == 150)
        #expect(decided.primary == [.so2])
        // Up to 800 the hour decides alone, and the mean of 24 hours is no index by itself.
        let low = AirStandard.hj633of2012.index(of: [value(.so2, .hour, "150"), value(.so2, .day, "475")], .realTime)
        #expect(low.index == 50)
        let alone = AirStandard.hj633of2012.index(of: [value(.so2, .day, "475")], .realTime)
        #expect(alone.undefined == .nothingMeasured)
        let ozone = AirStandard.hj633of2012.index(
            of: [value(.o3, .eightHours, "900"), value(.o3, .hour, "1000")], .realTime)
        #expect(ozone.index == 400)
    }

    @Test("above the last row it is 500 by convention, and says so")
    func chineseEnd() {
        let beyond = sub(.hj633of2026, .pm2_5, .day, "2000")
        #expect(beyond.index == 500)
        #expect(beyond.isBeyondTable)
        #expect(!sub(.hj633of2026, .pm2_5, .day, "500").isBeyondTable)
    }

    @Test("1 h means of particles have limits in 2026 alone, those of the day")
    func chineseHours() {
        #expect(sub(.hj633of2026, .pm2_5, .hour, "60").index == 100)
        #expect(sub(.hj633of2012, .pm2_5, .hour, "60").undefined == .noTable)
    }

    @Test("2026: without one indicator only an index above 100 is published")
    func chineseMissing() {
        let five = [
            value(.pm10, .hour, "60"), value(.o3, .hour, "100"), value(.no2, .hour, "40"), value(.so2, .hour, "10"),
            value(.co, .hour, "1", .milligramsPerCubicMetre),
        ]
        let clean = AirStandard.hj633of2026.index(of: five, .realTime)
        #expect(clean.index == nil)
        #expect(clean.undefined == .incomplete(upTo: 58))
        #expect(clean.missing == [AirIndicator(.pm2_5, .hour)])
        let full = AirStandard.hj633of2026.index(of: five + [value(.pm2_5, .hour, "35")], .realTime)
        #expect(full.index == 58)
        #expect(full.missing.isEmpty)
        let foul = AirStandard.hj633of2026.index(of: five.dropFirst() + [value(.pm2_5, .hour, "61")], .realTime)
        #expect(foul.index == 101)
        #expect(foul.missing == [AirIndicator(.pm10, .hour)])
        #expect(AirStandard.hj633of2012.index(of: [value(.pm2_5, .day, "30")], .daily).index == 43)
    }

    @Test("no primary pollutant up to 50; equal ones stand together")
    func chinesePrimary() {
        let clean = AirStandard.hj633of2012.index(of: [value(.pm2_5, .day, "35")], .daily)
        #expect(clean.index == 50)
        #expect(clean.primary.isEmpty)
        let tie = AirStandard.hj633of2026.index(
            of: [value(.o3, .hour, "250"), value(.pm10, .hour, "185"), value(.no2, .hour, "100")], .realTime)
        #expect(tie.index == 125)
        #expect(tie.primary == [.pm10, .o3])
    }

    @Test("a sensor's zero may be a little below; what does not round to zero is no concentration")
    func belowZero() {
        #expect(sub(.hj633of2026, .o3, .hour, "-0.4").index == 0)
        #expect(sub(.usEPA2024, .pm2_5, .day, "-0.09").index == 0)
        #expect(sub(.hj633of2026, .o3, .hour, "-0.6").undefined == .negative)
        #expect(sub(.eaqi2025, .o3, .hour, "-0.1").undefined == .negative)
        let index = AirStandard.eaqi2025.index(of: [value(.o3, .hour, "-3"), value(.no2, .hour, "11")], .realTime)
        #expect(index.index == 2)
        #expect(index.missing.contains(AirIndicator(.o3, .hour)))
    }

    // MARK: United States

    @Test("ozone: 1 h counts from 0.125 ppm, 8 h up to 0.200, and the greater one decides")
    func americanOzone() {
        #expect(
            sub(.usEPA2024, .o3, .hour, "0.1249", .ppm).undefined == .belowTable(ExactDecimal("0.125")!, .ppm))
        #expect(
            sub(.usEPA2024, .o3, .eightHours, "0.2010", .ppm).undefined == .aboveTable(ExactDecimal("0.2")!, .ppm))
        let both = AirStandard.usEPA2024.index(
            of: [value(.o3, .eightHours, "71", .ppb), value(.o3, .hour, "0.165", .ppm)], .daily)
        #expect(both.index == 151)
        let low = AirStandard.usEPA2024.index(
            of: [value(.o3, .nowcast, "71", .ppb), value(.o3, .hour, "90", .ppb)], .realTime)
        #expect(low.index == 101)
        let undecided = AirStandard.usEPA2024.index(of: [value(.o3, .eightHours, "0.3", .ppm)], .daily)
        #expect(undecided.undefined == .undecided(AirIndicator(.o3, .eightHours)))
    }

    @Test("SO2 above 304 ppb: 200 from the hour, and more only if the day's mean is 305 or more")
    func americanSulphur() {
        let hour = value(.so2, .hour, "400", .ppb)
        func index(_ day: String?) -> Int? {
            AirStandard.usEPA2024.index(of: [hour] + (day.map { [value(.so2, .day, $0, .ppb)] } ?? []), .daily).index
        }
        #expect(index(nil) == 200)
        #expect(index("304.9") == 200)
        #expect(index("305") == 201)
        #expect(sub(.usEPA2024, .so2, .hour, "305", .ppb).isBeyondTable)
    }

    @Test("only particles and ozone have a NowCast")
    func americanNowCast() {
        #expect(sub(.usEPA2024, .pm10, .nowcast, "54.9").index == 50)
        #expect(sub(.usEPA2024, .o3, .nowcast, "0.0549", .ppm).index == 50)
        for pollutant in [AirPollutant.so2, .no2, .co] {
            #expect(sub(.usEPA2024, pollutant, .nowcast, "10", .ppb).undefined == .noTable)
        }
    }

    @Test("above 500 the line goes on, as hazardous air")
    func americanBeyond() {
        let beyond = sub(.usEPA2024, .pm2_5, .day, "400")
        #expect(beyond.index == 649)
        #expect(beyond.isBeyondTable)
        #expect(beyond.category?.name == "Hazardous")
        #expect(sub(.usEPA2012, .pm2_5, .day, "9.3").category?.name == "Good")
    }

    // MARK: Europe and the WHO

    @Test("Europe: the worst band, open at its lower end")
    func europe() {
        let air = AirStandard.eaqi2025.index(
            of: [value(.pm2_5, .hour, "15"), value(.no2, .hour, "60.000000001"), value(.o3, .hour, "0")], .realTime)
        #expect(air.index == 4)
        #expect(air.category?.name == "poor")
        #expect(air.category?.colour == "#FF5050")
        #expect(air.primary == [.no2])
        #expect(air.missing == [AirIndicator(.pm10, .hour), AirIndicator(.so2, .hour)])
        #expect(sub(.eaqi2025, .co, .hour, "1").undefined == .noTable)
    }

    @Test("WHO: the level that is met, and how many times the guideline level it is")
    func who() {
        let pm = sub(.who2021, .pm2_5, .day, "37.5")
        #expect(pm.category?.name == "interim target 3 met")
        #expect(pm.timesGuideline == 2.5)
        #expect(pm.index == nil)
        #expect(sub(.who2021, .so2, .day, "40").category?.name == "guideline level met")
        #expect(sub(.who2021, .so2, .day, "40.1").category?.name == "interim target 2 met")
        #expect(sub(.who2021, .co, .day, "7.1", .milligramsPerCubicMetre).category?.level == 6)
        #expect(sub(.who2021, .o3, .peakSeason, "60").category?.level == 1)
        #expect(sub(.who2021, .no2, .year, "11").category?.name == "interim target 3 met")
        let air = AirStandard.who2021.index(of: [value(.pm2_5, .day, "16"), value(.no2, .day, "51")], .daily)
        #expect(air.index == nil)
        #expect(air.undefined == nil)
        #expect(air.category?.level == 5)
        #expect(air.primary == [.no2])
        #expect(AirStandard.who2021.index(of: [value(.pm2_5, .day, "5")], .daily).primary.isEmpty)
    }

    @Test("nothing measured is no index")
    func nothing() {
        for standard in AirStandard.allCases {
            for report in AirReport.allCases {
                let air = standard.index(of: [], report)
                #expect(air.undefined == .nothingMeasured)
                #expect(air.missing == standard.indicators(report))
                #expect(air.rank == nil)
            }
        }
    }

    @Test("every indicator of a report has a table")
    func reportsHaveTables() {
        for standard in AirStandard.allCases {
            for report in AirReport.allCases {
                for indicator in standard.indicators(report) + standard.supplements(report) {
                    #expect(
                        standard.subIndex(of: indicator, AirConcentration(.zero, .microgramsPerCubicMetre)).undefined
                            != .noTable, "\(standard) \(report) \(indicator)")
                }
            }
        }
    }

    // MARK: Units

    @Test("units change at the reference state of the standard")
    func units() throws {
        func converted(_ text: String, _ unit: AirUnit, _ wanted: AirUnit, _ pollutant: AirPollutant, _ by: AirStandard)
            -> ExactDecimal?
        {
            AirConcentration(ExactDecimal(text)!, unit).converted(to: wanted, of: pollutant, by: by)
        }
        #expect(converted("71", .ppb, .ppm, .o3, .usEPA2024) == ExactDecimal("0.071"))
        #expect(
            converted("1234", .microgramsPerCubicMetre, .milligramsPerCubicMetre, .co, .hj633of2026)
                == ExactDecimal("1.234"))
        // 47.998 / 24.465 and 47.998 / 24.055, by hand.
        let china = try #require(converted("1", .ppb, .microgramsPerCubicMetre, .o3, .hj633of2026)).double
        #expect(abs(china - 1.961_904_762) < 1e-9)
        let europe = try #require(converted("1", .ppb, .microgramsPerCubicMetre, .o3, .eaqi2025)).double
        #expect(abs(europe - 1.995_344_003) < 1e-9)
        let carbon = try #require(converted("1", .ppm, .milligramsPerCubicMetre, .co, .hj633of2026)).double
        #expect(abs(carbon - 1.144_900_879) < 1e-9)
        #expect(converted("1", .ppb, .microgramsPerCubicMetre, .pm10, .hj633of2026) == nil)
        #expect(sub(.hj633of2026, .pm10, .hour, "1", .ppb).undefined == .noSuchUnit(.ppb))
    }
}
