import Basics
import Telemetry
import Testing

@Suite("ActiveTimes")
struct ActiveTimesTests {
    /// Summer time from 2026-03-29T01:00Z to 2026-10-25T01:00Z.
    private static let berlin = LocalDays(
        offsetSeconds: 3600,
        changes: [(1_774_746_000, 7200), (1_792_890_000, 3600)].map { seconds, offset in
            LocalDays.Change(at: Timestamp(milliseconds: Int64(seconds) * 1000), offsetSeconds: offset)
        })!
    private static let shanghai = LocalDays(offsetSeconds: 8 * 3600)

    private static func moment(_ text: String) -> Timestamp { Timestamp(iso8601: text)! }

    private static func day(_ text: String) -> Int64 {
        moment(text + "T00:00:00Z").milliseconds / 86_400_000
    }

    /// Whether a night from 18:00 to 06:00 in Shanghai.
    private static func isNight(_ at: Timestamp) -> Bool {
        let hour = CivilTime(at, offsetSeconds: 8 * 3600).hour
        return hour >= 18 || hour < 6
    }

    @Test(
        "a span by the clock begins on its day and ends at its end, over midnight too",
        arguments: [
            // Friday is 2026-03-06.
            ("2026-03-06T21:59:59+08:00", false), ("2026-03-06T22:00:00+08:00", true),
            ("2026-03-07T05:59:59+08:00", true), ("2026-03-07T06:00:00+08:00", false),
            ("2026-03-07T22:00:00+08:00", false), ("2026-03-06T05:00:00+08:00", false),
        ])
    func overMidnight(at: String, isActive: Bool) {
        let times = ActiveTimes([.init(days: [.friday], hours: .clock(from: 22 * 60, to: 6 * 60))])
        #expect(times.contains(Self.moment(at), in: Self.shanghai, isNight: { _ in false }) == isActive)
    }

    @Test(
        "where the clock is put forward or back a span has one begin and one end",
        arguments: [
            // From 02:30 to 03:30, on the day on which 02:00 becomes 03:00.
            (150, 210, "2026-03-29T00:59:59Z", false), (150, 210, "2026-03-29T01:00:00Z", true),
            (150, 210, "2026-03-29T01:29:59Z", true), (150, 210, "2026-03-29T01:30:00Z", false),
            // From 01:30 to 02:30: it ends with the hour that is left out.
            (90, 150, "2026-03-29T00:30:00Z", true), (90, 150, "2026-03-29T01:00:00Z", false),
            // Altogether within that hour: it does not come.
            (130, 170, "2026-03-29T00:59:59Z", false), (130, 170, "2026-03-29T01:00:00Z", false),
            // From 02:30 to 03:30, on the day on which 03:00 becomes 02:00: from the first 02:30 on, without a break.
            (150, 210, "2026-10-25T00:29:59Z", false), (150, 210, "2026-10-25T00:30:00Z", true),
            (150, 210, "2026-10-25T01:10:00Z", true), (150, 210, "2026-10-25T02:29:59Z", true),
            (150, 210, "2026-10-25T02:30:00Z", false),
            // From 01:30 to 02:30: to the last 02:30.
            (90, 150, "2026-10-25T00:45:00Z", true), (90, 150, "2026-10-25T01:29:59Z", true),
            (90, 150, "2026-10-25T01:30:00Z", false),
            // Over midnight into such a night.
            (1320, 360, "2026-10-25T04:59:59Z", true), (1320, 360, "2026-10-25T05:00:00Z", false),
            (1320, 360, "2026-03-29T03:59:59Z", true), (1320, 360, "2026-03-29T04:00:00Z", false),
        ])
    func steps(from: Int, to: Int, at: String, isActive: Bool) {
        let times = ActiveTimes([.init(hours: .clock(from: from, to: to))])
        #expect(times.contains(Self.moment(at), in: Self.berlin, isNight: { _ in false }) == isActive)
    }

    @Test("in a year of minutes a span has one begin and one end a day, and as long as the clock says but for two days")
    func year() {
        let times = ActiveTimes([.init(hours: .clock(from: 90, to: 195))])
        var begins: [Int64] = []
        var minutes: [Int64: Int] = [:]
        var wasActive = false
        let start = Self.moment("2026-01-01T00:00:00+01:00")
        for minute in 0..<Int64(365 * 1440) {
            let at = start + .milliseconds(minute * 60_000)
            let isActive = times.contains(at, in: Self.berlin, isNight: { _ in false })
            let day = Self.berlin.day(of: at.milliseconds)
            if isActive { minutes[day, default: 0] += 1 }
            if isActive && !wasActive { begins.append(day) }
            wasActive = isActive
        }
        #expect(begins.count == 365 && Set(begins).count == 365)
        #expect(minutes[Self.day("2026-03-29")] == 45 && minutes[Self.day("2026-10-25")] == 165)
        #expect(minutes.values.count { $0 == 105 } == 363)
    }

    @Test(
        "workdays are Monday to Friday but for holidays, and a holiday is one whatever its weekday",
        arguments: [
            ("2026-10-01", false, true), ("2026-10-03", false, true), ("2026-10-05", false, true),
            ("2026-10-08", true, false), ("2026-10-10", false, false), ("2026-10-11", false, false),
        ])
    func holidays(date: String, isWorkday: Bool, isHoliday: Bool) {
        let week = ActiveTimes.Holidays([Self.day("2026-10-01")...Self.day("2026-10-07")])
        let noon = Self.moment(date + "T12:00:00+08:00")
        func isOn(_ day: ActiveTimes.Day) -> Bool {
            ActiveTimes([.init(days: [day], hours: .wholeDay)], holidays: week)
                .contains(noon, in: Self.shanghai, isNight: { _ in false })
        }
        #expect(isOn(.workday) == isWorkday && isOn(.holiday) == isHoliday)
    }

    @Test("each moment is of one weekday, from local midnight to midnight")
    func weekdays() {
        let monday = Self.moment("2026-03-02T00:00:00+08:00")
        for hour in 0..<168 {
            let at = monday + .seconds(hour * 3600)
            let found = ActiveTimes.Day.allCases.prefix(7).filter {
                ActiveTimes([.init(days: [$0], hours: .wholeDay)]).contains(
                    at, in: Self.shanghai, isNight: { _ in false })
            }
            #expect(found == [ActiveTimes.Day.allCases[hour / 24]])
        }
    }

    @Test(
        "a night is of the evening on which it begins, and lasts from before the sun's set to after its rise",
        arguments: [
            ("2026-03-06T17:29:00+08:00", false), ("2026-03-06T17:30:00+08:00", true),
            ("2026-03-07T03:00:00+08:00", true), ("2026-03-07T06:59:00+08:00", true),
            ("2026-03-07T07:01:00+08:00", false), ("2026-03-07T19:00:00+08:00", false),
            ("2026-03-06T03:00:00+08:00", false),
        ])
    func nights(at: String, isActive: Bool) {
        let times = ActiveTimes([
            .init(days: [.friday], hours: .sunDown(before: .seconds(1800), after: .seconds(3600)))
        ])
        #expect(times.asksForSun)
        #expect(times.contains(Self.moment(at), in: Self.shanghai, isNight: Self.isNight) == isActive)
    }

    @Test("by day the sun is up, and so long before and after")
    func days() {
        let times = ActiveTimes([.init(hours: .sunUp(before: .seconds(600), after: .zero))])
        let found = ["05:49", "05:50", "12:00", "17:59", "18:01"].map {
            times.contains(Self.moment("2026-03-06T\($0):00+08:00"), in: Self.shanghai, isNight: Self.isNight)
        }
        #expect(found == [false, true, true, true, false])
    }

    @Test("any span is enough, and what says something else is another")
    func several() {
        let spans = [
            ActiveTimes.Span(days: [.saturday, .sunday], hours: .wholeDay),
            ActiveTimes.Span(hours: .clock(from: 0, to: 360)),
        ]
        let times = ActiveTimes(spans)
        let found = ["2026-03-06T05:00", "2026-03-06T12:00", "2026-03-07T12:00", "2026-03-08T12:00"].map {
            times.contains(Self.moment($0 + ":00+08:00"), in: Self.shanghai, isNight: { _ in false })
        }
        #expect(found == [true, false, true, true])
        let holidays = ActiveTimes.Holidays([1...2])
        #expect(times.content == ActiveTimes(spans, holidays: holidays).content)
        let work = [ActiveTimes.Span(days: [.workday], hours: .wholeDay)]
        #expect(ActiveTimes(work).content != ActiveTimes(work, holidays: holidays).content)
        #expect(times.content != ActiveTimes(spans.reversed()).content)
    }
}
