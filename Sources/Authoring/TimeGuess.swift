import Basics
import Telemetry

/// A member that holds the observed time, and how it is written.
struct TimeGuess {
    var path: String
    var form: String
    var zone: String?

    private static let names: Set<String> = [
        "ts", "time", "timestamp", "t", "date", "datetime", "epoch", "unixtime", "utc", "measuredat", "observedat",
        "sampletime", "measurementtime", "updated", "updatedat", "lastupdate", "created", "createdat", "resulttime",
        "phenomenontime", "dateobserved", "tst", "tm", "reporttime", "readingtime", "recordedat", "localtime",
        "sampledat", "receivedat",
    ]

    var written: String {
        "{at: \(YAMLText.quoted(path)), as: \(YAMLText.quoted(form))" + (zone.map { ", zone: \($0)" } ?? "") + "}"
    }

    /// The same time, seen from an item of a list.
    var outside: TimeGuess { TimeGuess(path: "^" + path, form: form, zone: zone) }

    /// The first member with the name of a time and values that are times; then one a level deeper.
    static func find(in shape: MessageShape, at base: String = "", depth: Int = 0) -> TimeGuess? {
        for (key, member) in shape.members where names.contains(QuantityAliases.words(of: key).joined()) {
            guard let path = FieldWalk.pointer(base, key), let (form, zone) = form(of: member.values) else { continue }
            return TimeGuess(path: path, form: form, zone: zone)
        }
        guard depth < 2 else { return nil }
        for (key, member) in shape.members where member.isObject {
            if let path = FieldWalk.pointer(base, key), let found = find(in: member, at: path, depth: depth + 1) {
                return found
            }
        }
        return nil
    }

    private static func form(of values: [MessageShape.Value]) -> (form: String, zone: String?)? {
        guard !values.isEmpty else { return nil }
        // From 1971 to 2100, which no number is in two forms of. A count of the first year is rather a running time, or a date
        // or an hour written as one number.
        for (form, scale) in [("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)]
        where values.allSatisfy({ value in
            guard !value.isFlag, let number = value.number else { return false }
            return number >= 31_536_000 * scale && number < 4_102_444_800 * scale && !isCalendarWritten(number)
        }) {
            return (form, nil)
        }
        let texts = values.map(\.text)
        if texts.allSatisfy({ Timestamp(iso8601: $0) != nil }) { return ("iso", nil) }
        if texts.allSatisfy({ $0.count >= 10 && Timestamp(iso8601: $0, assumedOffsetSeconds: 0) != nil }) {
            return ("iso", "site")
        }
        for pattern in ["dd.MM.yyyy HH:mm:ss", "yyyy/MM/dd HH:mm:ss", "dd/MM/yyyy HH:mm:ss", "yyyyMMddHHmmss"]
        where texts.allSatisfy({ isLike($0, pattern) }) {
            return (pattern, "site")
        }
        return nil
    }

    /// Whether the digits of a number are those of `yyMMddHHmmss` or `yyyyMMddHHmm`, which as milliseconds would be of the
    /// last century.
    private static func isCalendarWritten(_ number: Double) -> Bool {
        guard number >= 1e11, number < 1e12 else { return false }
        let digits = Int64(number)
        func pair(_ place: Int64) -> Int64 { digits / place % 100 }
        func isMoment(month: Int64, day: Int64, hour: Int64, minute: Int64) -> Bool {
            (1...12).contains(month) && (1...31).contains(day) && hour < 24 && minute < 60
        }
        return isMoment(month: pair(100_000_000), day: pair(1_000_000), hour: pair(10_000), minute: pair(100))
            && pair(1) < 60
            || (19...20).contains(pair(10_000_000_000))
                && isMoment(month: pair(1_000_000), day: pair(10_000), hour: pair(100), minute: pair(1))
    }

    private static func isLike(_ text: String, _ pattern: String) -> Bool {
        text.count == pattern.count
            && zip(text, pattern).allSatisfy { $1.isLetter ? $0.isASCII && $0.isNumber : $0 == $1 }
    }
}
