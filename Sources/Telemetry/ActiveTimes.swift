public import Basics

/// When something is in force: at any of its spans, by the site's wall clock and by its sun.
///
/// A span belongs to the day on which it begins, over midnight too: from 22:00 to 06:00 on Friday ends on Saturday morning.
/// Where the clock is put forward over a span's begin or end, that is the moment at which it is; where it is put back, a span
/// begins the first time that the clock shows its begin and ends the last time that it shows its end.
public struct ActiveTimes: Equatable, Sendable {
    /// A kind of day.
    public enum Day: String, CaseIterable, Sendable {
        case monday = "mon"
        case tuesday = "tue"
        case wednesday = "wed"
        case thursday = "thu"
        case friday = "fri"
        case saturday = "sat"
        case sunday = "sun"
        /// Monday to Friday, but for holidays.
        case workday
        /// One of the list of holidays, whatever its weekday.
        case holiday
    }

    /// When a span begins and ends on its day.
    public enum Hours: Hashable, Sendable {
        /// As `LocalDays` has it.
        case wholeDay
        /// Minutes of the wall clock, the begin 0 to 1439, the end 1 to 1440 and another: where it is not above the begin it is
        /// on the next day.
        case clock(from: Int, to: Int)
        /// The sun is up, and so long before and after; at most `offsetMax`.
        case sunUp(before: Duration, after: Duration)
        /// The sun is down, and so long before and after. A night belongs to the day on whose evening it begins.
        case sunDown(before: Duration, after: Duration)
    }

    /// Some hours of some days.
    public struct Span: Hashable, Sendable {
        /// Any of them; empty: every day.
        public let days: Set<Day>
        /// On each of those days.
        public let hours: Hours

        /// Of every day where none is given.
        public init(days: Set<Day> = [], hours: Hours) {
            self.days = days
            self.hours = hours
        }
    }

    /// Days on which work rests, counted from 1970-01-01: ranges that may overlap.
    public struct Holidays: Equatable, Sendable {
        /// In the order of the file.
        public let ranges: [ClosedRange<Int64>]

        /// None where nothing is given.
        public init(_ ranges: [ClosedRange<Int64>] = []) { self.ranges = ranges }

        /// Whether the day is one.
        public func contains(_ day: Int64) -> Bool { ranges.contains { $0.contains(day) } }
    }

    /// How long before the sun's rise or after its set a span may begin or end.
    public static let offsetMax = Duration.seconds(3 * 3600)

    /// At least one; in the order of the file.
    public let spans: [Span]
    /// Those that the spans' days go by.
    public let holidays: Holidays

    /// `spans` is not empty.
    public init(_ spans: [Span], holidays: Holidays = Holidays()) {
        precondition(!spans.isEmpty, "active times: without a span it is never")
        self.spans = spans
        self.holidays = holidays
    }

    /// Whether a span asks for the sun.
    public var asksForSun: Bool {
        spans.contains {
            switch $0.hours {
            case .wholeDay, .clock: false
            case .sunUp, .sunDown: true
            }
        }
    }

    /// Minutes that it can be in force without a break, at most; nil where it goes by the sun or by whole days, or its spans may
    /// follow each other from day to day.
    public var clockMinutes: Int? {
        var sum = 0
        for span in spans {
            guard case .clock(let from, let to) = span.hours else { return nil }
            sum += to > from ? to - from : to - from + 1440
        }
        return sum < 1440 ? sum : nil
    }

    /// Whether it is in force at a moment, by the clock of `days` and a sun that is down where `isNight` says so.
    ///
    /// A span by the clock costs some look-ups; one by the sun asks for it once, or about once for each half hour before and
    /// after.
    public func contains(_ at: Timestamp, in days: LocalDays, isNight: (Timestamp) -> Bool) -> Bool {
        spans.contains { contains(at, $0, days, isNight) }
    }

    private func contains(_ at: Timestamp, _ span: Span, _ days: LocalDays, _ isNight: (Timestamp) -> Bool) -> Bool {
        let time = at.milliseconds
        let today = days.day(of: time)
        switch span.hours {
        case .wholeDay: return isOn(today, span)
        case .clock(let from, let to):
            return [today - 1, today].contains { day in
                guard isOn(day, span) else { return false }
                let end = to > from ? day : day + 1
                return time >= days.first(minute: from, of: day) && time < days.last(minute: to, of: end)
            }
        case .sunUp(let before, let after):
            return isOn(today, span) && Self.times(at, before, after).contains { !isNight($0) }
        case .sunDown(let before, let after):
            let evening = days.day(of: time - 43_200_000)
            return isOn(evening, span) && Self.times(at, before, after).contains { isNight($0) }
        }
    }

    /// Moments from `after` ago to `before` ahead, none more than half an hour from the next: a summer's night is short.
    private static func times(_ at: Timestamp, _ before: Duration, _ after: Duration) -> [Timestamp] {
        let step = 1_800_000 as Int64
        var offsets: [Int64] = [-after.milliseconds, 0, before.milliseconds]
        offsets += stride(from: step, to: before.milliseconds, by: Int64.Stride(step))
        offsets += stride(from: step, to: after.milliseconds, by: Int64.Stride(step)).map { -$0 }
        return Set(offsets).map { at + .milliseconds($0) }
    }

    private func isOn(_ day: Int64, _ span: Span) -> Bool {
        guard !span.days.isEmpty else { return true }
        // 1970-01-01 was a Thursday.
        let weekday = Int((day + 3) - (day + 3).flooredDivision(by: 7) * 7)
        if span.days.contains(Day.allCases[weekday]) { return true }
        let isHoliday = holidays.contains(day)
        return span.days.contains(isHoliday ? .holiday : .workday) && (isHoliday || weekday < 5)
    }

    /// All of it in one line: two that say the same in the same words have the same. Checks of it are kept in stores.
    public var content: String {
        let spans = spans.map { span in
            let days = Day.allCases.filter { span.days.contains($0) }.map(\.rawValue).joined(separator: " ")
            let hours =
                switch span.hours {
                case .wholeDay: "all day"
                case .clock(let from, let to): "\(from) to \(to)"
                case .sunUp(let before, let after): "sun up \(before.milliseconds) \(after.milliseconds)"
                case .sunDown(let before, let after): "sun down \(before.milliseconds) \(after.milliseconds)"
                }
            return days.isEmpty ? hours : "\(days) \(hours)"
        }
        let counted = self.spans.contains { !$0.days.isDisjoint(with: [.workday, .holiday]) }
        let rest = counted ? holidays.ranges.map { "\($0.lowerBound)-\($0.upperBound)" } : []
        return (spans + (rest.isEmpty ? [] : ["holidays \(rest.joined(separator: " "))"])).joined(separator: ", ")
    }
}
