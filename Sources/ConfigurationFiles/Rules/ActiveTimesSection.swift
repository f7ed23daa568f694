package import Basics
package import Settings
package import Telemetry

/// Reads `times:` of a rule, a route or a maintenance window, and the `holidays:` that their days go by.
package enum ActiveTimesSection {
    /// A list of spans of which any is enough, or a single one; nil where `setting` is nil or nothing of it can be read, and
    /// every mistake is noted.
    package static func parse(
        _ setting: Setting?, holidays: ActiveTimes.Holidays, _ mistakes: inout [Mistake]
    ) -> ActiveTimes? {
        guard let setting else { return nil }
        let items = setting.items ?? [setting]
        if items.isEmpty {
            mistakes.append(setting.mistake("never comes: expected at least one span; left out, it is always"))
        }
        let spans = items.compactMap { span($0, &mistakes) }
        let times = spans.isEmpty ? nil : ActiveTimes(spans, holidays: holidays)
        if let times, times.spans.allSatisfy({ $0.days == [.holiday] }), holidays.ranges.isEmpty {
            mistakes.append(setting.mistake("never comes: there are no holidays (a list of dates at the top)"))
        }
        return times
    }

    /// `holidays`: a list of dates such as 2026-10-01, or ranges of them such as 2026-10-01..2026-10-07.
    package static func holidays(_ setting: Setting?, _ mistakes: inout [Mistake]) -> ActiveTimes.Holidays {
        guard let setting else { return ActiveTimes.Holidays() }
        guard let items = setting.items ?? (setting.text == nil ? nil : [setting]) else {
            mistakes.append(setting.mistake("expected a list of dates, such as [2026-01-01, 2026-10-01..2026-10-07]"))
            return ActiveTimes.Holidays()
        }
        return ActiveTimes.Holidays(
            items.compactMap { item in
                guard let text = item.text else {
                    if !item.isMissing { mistakes.append(item.mistake("expected a date, such as 2026-10-01")) }
                    return nil
                }
                let sides = text.split(separator: "..", omittingEmptySubsequences: false).map { day(String($0)) }
                guard let first = sides[0], let last = sides[sides.count - 1], sides.count <= 2 else {
                    mistakes.append(
                        item.mistake(
                            "expected a date that the calendar has, such as 2026-10-01, or a range such as 2026-10-01..2026-10-07"
                        ))
                    return nil
                }
                guard first <= last else {
                    mistakes.append(item.mistake("expected a range that ends on the day on which it begins, or later"))
                    return nil
                }
                return first...last
            })
    }

    private static func day(_ text: String) -> Int64? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [4, 2, 2],
            parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } })
        else { return nil }
        let date = CivilTime(year: Int(parts[0])!, month: Int(parts[1])!, day: Int(parts[2])!)
        return date.isValid ? date.timestamp().milliseconds.flooredDivision(by: 86_400_000) : nil
    }

    private static func span(_ setting: Setting, _ mistakes: inout [Mistake]) -> ActiveTimes.Span? {
        guard !setting.isMissing else { return nil }
        let before = mistakes.count
        var reader = SettingReader(setting, &mistakes)
        let days = reader.optional("days").map { Self.days($0, &mistakes) } ?? []
        let from = reader.optional("from")
        let to = reader.optional("to")
        let sun = reader.optional("sun")
        let offsets = ["before", "after"].map { key in
            reader.duration(key, in: .zero...ActiveTimes.offsetMax, default: .zero, &mistakes)
        }
        if sun == nil {
            for key in ["before", "after"] {
                guard let found = setting[key], !found.isMissing else { continue }
                mistakes.append(found.mistake("is about the sun, and this span has none: write sun: night or sun: day"))
            }
        }
        reader.finish(&mistakes)
        let hours: ActiveTimes.Hours?
        if let sun {
            for found in [from, to].compactMap({ $0 }) {
                mistakes.append(
                    found.mistake("expected either sun or from and to; two spans of the list are two lines"))
            }
            hours = self.hours(sun, before: offsets[0], after: offsets[1], &mistakes)
        } else if from != nil || to != nil {
            hours = self.hours(from, to, setting, &mistakes)
        } else {
            hours = .wholeDay
            if days.isEmpty, mistakes.count == before {
                mistakes.append(setting.mistake("expected days, from and to, or sun"))
            }
        }
        guard mistakes.count == before, let hours else { return nil }
        return ActiveTimes.Span(days: days, hours: hours)
    }

    private static func days(_ setting: Setting, _ mistakes: inout [Mistake]) -> Set<ActiveTimes.Day> {
        let known = ActiveTimes.Day.allCases.map(\.rawValue)
        let items = setting.items ?? [setting]
        if items.isEmpty {
            mistakes.append(setting.mistake("never comes: expected at least one day; left out, all are meant"))
        }
        var days: Set<ActiveTimes.Day> = []
        for item in items where !item.isMissing {
            if let day = item.text.flatMap({ ActiveTimes.Day(rawValue: $0) }) {
                days.insert(day)
                continue
            }
            // Weekdays are three letters here, and have more elsewhere.
            let word = item.shown.lowercased()
            let meant = known.first { word.hasPrefix($0) } ?? nearest(to: word, in: known)
            mistakes.append(
                item.mistake(
                    "expected one of \(known.joined(separator: ", "))\(meant.map { "; did you mean '\($0)'?" } ?? "")"))
        }
        return days
    }

    private static func hours(
        _ sun: Setting, before: Duration, after: Duration, _ mistakes: inout [Mistake]
    ) -> ActiveTimes.Hours? {
        switch sun.text {
        case "night": return .sunDown(before: before, after: after)
        case "day": return .sunUp(before: before, after: after)
        default:
            let hint = nearest(to: sun.shown, in: ["night", "day"]).map { "; did you mean '\($0)'?" } ?? ""
            mistakes.append(sun.mistake("expected night (the sun is down) or day (it is up)\(hint)"))
            return nil
        }
    }

    private static func hours(
        _ from: Setting?, _ to: Setting?, _ setting: Setting, _ mistakes: inout [Mistake]
    ) -> ActiveTimes.Hours? {
        guard let from, let to else {
            let (missing, other) = from == nil ? ("from", "to") : ("to", "from")
            mistakes.append(
                Mistake(
                    file: setting.file, line: setting.line,
                    key: setting.path + ".\(missing)", value: nil,
                    expected: "missing: a time of day beside its \(other), such as \"22:00\""))
            return nil
        }
        let begin = minute(from, in: 0...1439, &mistakes)
        let end = minute(to, in: 1...1440, &mistakes)
        guard let begin, let end else { return nil }
        if begin == end {
            mistakes.append(to.mistake("expected another time than from; for the whole day leave both out"))
            return nil
        }
        return .clock(from: begin, to: end)
    }

    /// `22:00` in minutes.
    private static func minute(
        _ setting: Setting, in range: ClosedRange<Int>, _ mistakes: inout [Mistake]
    ) -> Int? {
        let parts = (setting.text ?? "").split(separator: ":", omittingEmptySubsequences: false)
        let numbers = parts.map { part in part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(part) : nil }
        let latest = range.upperBound == 1440 ? "24:00" : "23:59"
        let earliest = range.lowerBound == 0 ? "00:00" : "00:01"
        let expected = "expected a time of day from \(earliest) to \(latest), such as \"22:00\""
        // A program that took 22:00 without quotes for a number to the base of 60 wrote what it had read.
        if parts.count == 1, let number = numbers.first ?? nil, number >= 60, range.contains(number) {
            let minute = number % 60
            mistakes.append(
                setting.mistake(
                    "\(expected); without quotes some programs read \(number / 60):\(minute < 10 ? "0" : "")\(minute) as this number"
                ))
            return nil
        }
        guard parts.count == 2, (1...2).contains(parts[0].utf8.count), parts[1].utf8.count == 2, let hour = numbers[0],
            let minute = numbers[1], minute < 60, range.contains(hour * 60 + minute)
        else {
            mistakes.append(setting.mistake(expected))
            return nil
        }
        return hour * 60 + minute
    }
}
