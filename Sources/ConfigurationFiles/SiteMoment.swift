import Basics

/// A date or a time as people write it, by the clock of the site where it has no zone.
struct SiteMoment {
    /// Of a date its beginning.
    let first: Timestamp
    /// Of a date the beginning of the next.
    let end: Timestamp
    let isDate: Bool

    /// nil for anything but `2026-11-27`, `2026-11-27T14:10` with or without seconds, and RFC 3339.
    init?(_ text: String, _ days: LocalDays) {
        let dayMilliseconds: Int64 = 86_400_000
        if text.utf8.count == 10, let date = Timestamp(iso8601: text + "T00:00Z") {
            let day = date.milliseconds / dayMilliseconds
            first = Timestamp(milliseconds: days.start(of: day))
            end = Timestamp(milliseconds: days.start(of: day + 1))
            isDate = true
            return
        }
        isDate = false
        if let moment = Timestamp(iso8601: text) {
            (first, end) = (moment, moment)
            return
        }
        guard let shown = Timestamp(iso8601: text, assumedOffsetSeconds: 0)?.milliseconds, shown >= 0 else {
            return nil
        }
        let inDay = shown % dayMilliseconds
        let minute = days.first(minute: Int(inDay / 60_000), of: shown / dayMilliseconds)
        first = Timestamp(milliseconds: minute + inDay % 60_000)
        end = first
    }
}
