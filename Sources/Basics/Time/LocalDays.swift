/// The days of a site's wall clock: what statistics by day are about.
///
/// A day begins at the first moment at which the clock shows its date, or a later one. So days follow each other without
/// gap or overlap whatever the clock does: where it is put forward at midnight the day begins at 01:00, of two midnights
/// of one date the first counts, and a date that was left out is an empty day. With summer time days are 23 to 25 hours
/// long.
public struct LocalDays: Hashable, Sendable {
    /// What the clock is ahead of UTC from a moment on.
    public struct Change: Hashable, Sendable {
        /// The first moment with the new offset.
        public var at: Timestamp
        /// East of UTC.
        public var offsetSeconds: Int

        package init(at: Timestamp, offsetSeconds: Int) {
            self.at = at
            self.offsetSeconds = offsetSeconds
        }
    }

    /// Seconds east of UTC before the first change.
    public let offsetSeconds: Int
    /// By rising moment; each changes something.
    public let changes: [Change]
    /// The clock's courses between changes; the first begins with time.
    private let courses: [Course]

    private struct Course: Hashable {
        var begin: Int64
        /// Milliseconds.
        var offset: Int64
        /// The last day that was reached before.
        var reached: Int64

        func day(of time: Int64) -> Int64 {
            max(reached, (time + offset).flooredDivision(by: dayMilliseconds))
        }
    }

    /// Zones are less than 26 hours from UTC (RFC 9636, 3.2).
    public static let offsetSecondsMax = 26 * 3600
    /// A year has two changes, four where Ramadan interrupts the summer time.
    public static let changesMax = 4096
    private static let dayMilliseconds: Int64 = 86_400_000
    /// Of one day, in milliseconds.
    package static let lengthMax = dayMilliseconds + 2000 * Int64(offsetSecondsMax)
    /// Years 1 to 9999 and more: far from where sums overflow.
    private static let momentsMax: Int64 = 1 << 53

    /// Days of a clock that is always equally far ahead of UTC, at most `offsetSecondsMax`.
    public init(offsetSeconds: Int = 0) {
        precondition(
            abs(offsetSeconds) <= Self.offsetSecondsMax, "days: a clock \(offsetSeconds) seconds ahead of UTC")
        self.offsetSeconds = offsetSeconds
        changes = []
        courses = [Course(begin: .min, offset: Int64(offsetSeconds) * 1000, reached: .min)]
    }

    /// Days of a clock that is put forward and back. nil where the changes do not rise, or where there are more of them,
    /// or further from UTC, than any clock has.
    public init?(offsetSeconds: Int, changes: [Change]) {
        let offsets = -Self.offsetSecondsMax...Self.offsetSecondsMax
        guard offsets.contains(offsetSeconds), changes.count <= Self.changesMax,
            changes.allSatisfy({
                offsets.contains($0.offsetSeconds) && $0.at.milliseconds.magnitude <= Self.momentsMax.magnitude
            }), zip(changes, changes.dropFirst()).allSatisfy({ $0.at < $1.at })
        else { return nil }
        self.offsetSeconds = offsetSeconds
        var kept: [Change] = []
        var courses = [Course(begin: .min, offset: Int64(offsetSeconds) * 1000, reached: .min)]
        for change in changes where change.offsetSeconds != kept.last?.offsetSeconds ?? offsetSeconds {
            let begin = change.at.milliseconds
            kept.append(change)
            courses.append(
                Course(
                    begin: begin, offset: Int64(change.offsetSeconds) * 1000, reached: courses.last!.day(of: begin - 1))
            )
        }
        self.changes = kept
        self.courses = courses
    }

    /// The day that a moment lies in, counted from 1970-01-01, the local one.
    package func day(of time: Int64) -> Int64 {
        courses[courses.partitioningIndex { $0.begin > time } - 1].day(of: time)
    }

    /// When a day begins, in milliseconds since 1970.
    package func start(of day: Int64) -> Int64 {
        let next = courses.partitioningIndex { $0.reached >= day }
        // The first course cannot have been reached before.
        let course = courses[max(0, next - 1)]
        return max(course.begin, day * Self.dayMilliseconds - course.offset)
    }

    /// The first moment at which the clock shows so many minutes of a day, or more: where it is put forward over that, the
    /// moment at which it is.
    package func first(minute: Int, of day: Int64) -> Int64 {
        let local = day * Self.dayMilliseconds + Int64(minute) * 60_000
        var place = around(local).lowerBound
        while place + 1 < courses.count, local - courses[place].offset >= courses[place + 1].begin { place += 1 }
        return max(courses[place].begin, local - courses[place].offset)
    }

    /// The moment from which on the clock shows so many minutes of a day, or more, and never less.
    package func last(minute: Int, of day: Int64) -> Int64 {
        let local = day * Self.dayMilliseconds + Int64(minute) * 60_000
        var place = around(local).upperBound
        while place > 0, local - courses[place].offset <= courses[place].begin { place -= 1 }
        let end = place + 1 < courses.count ? courses[place + 1].begin : .max
        return min(end, local - courses[place].offset)
    }

    /// The courses in which the clock may show a local time.
    private func around(_ local: Int64) -> ClosedRange<Int> {
        let reach = Int64(Self.offsetSecondsMax) * 1000
        let first = courses.partitioningIndex { $0.begin > local - reach } - 1
        return first...max(first, courses.partitioningIndex { $0.begin > local + reach } - 1)
    }

    package func span(of day: Int64) -> Range<Int64> { start(of: day)..<start(of: day + 1) }

    /// The days that share time with `span`, which is not empty.
    package func overlapping(_ span: Range<Int64>) -> [Range<Int64>] {
        (day(of: span.lowerBound)...day(of: span.upperBound - 1)).map { self.span(of: $0) }.filter { !$0.isEmpty }
    }

    /// Whether all days that share time with `span` begin and end with hours, UTC.
    package func areHourly(in span: Range<Int64>) -> Bool {
        guard !span.isEmpty else { return true }
        let begin = start(of: day(of: span.lowerBound))
        let end = start(of: day(of: span.upperBound - 1) + 1)
        let hour = Int64(3_600_000)
        guard begin % hour == 0 else { return false }
        let courses = courses[
            (courses.partitioningIndex { $0.begin > begin } - 1)..<courses.partitioningIndex { $0.begin >= end }]
        return courses.allSatisfy { $0.offset % hour == 0 } && courses.dropFirst().allSatisfy { $0.begin % hour == 0 }
    }
}
