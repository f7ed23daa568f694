extension Timestamp: CustomStringConvertible {
    /// RFC 3339 in UTC; milliseconds only where there are any: `2026-03-05T18:15:02Z`, `2026-03-05T18:15:02.250Z`.
    public var description: String {
        let civil = CivilTime(self)
        let date = "\(padded(civil.year, 4))-\(padded(civil.month, 2))-\(padded(civil.day, 2))"
        let time = "\(padded(civil.hour, 2)):\(padded(civil.minute, 2)):\(padded(civil.second, 2))"
        return "\(date)T\(time)\(civil.millisecond == 0 ? "" : "." + padded(civil.millisecond, 3))Z"
    }

    /// Reads RFC 3339 and the ISO 8601 forms met in the field.
    ///
    /// Date and time are parted by `T`, `t` or a blank; seconds and their fraction may be absent (digits beyond the
    /// millisecond are cut off); the zone is `Z`, `z`, `±hh:mm`, `±hhmm` or `±hh`. Without a zone the clock is taken
    /// to run `assumedOffsetSeconds` east of UTC; where that is nil too, the text is refused.
    ///
    /// Returns nil for anything else.
    public init?(iso8601 text: UnsafeRawBufferPointer, assumedOffsetSeconds: Int? = nil) {
        var reader = DigitReader(text)
        guard let year = reader.digits(4), reader.take(UInt8(ascii: "-")),
            let month = reader.digits(2), reader.take(UInt8(ascii: "-")), let day = reader.digits(2)
        else { return nil }
        guard
            reader.take(UInt8(ascii: "T")) || reader.take(UInt8(ascii: "t")) || reader.take(UInt8(ascii: " ")),
            let hour = reader.digits(2), reader.take(UInt8(ascii: ":")), let minute = reader.digits(2)
        else { return nil }
        var second = 0
        var millisecond = 0
        if reader.take(UInt8(ascii: ":")) {
            guard let whole = reader.digits(2) else { return nil }
            second = whole
            if reader.take(UInt8(ascii: ".")) || reader.take(UInt8(ascii: ",")) {
                guard let fraction = reader.fractionMilliseconds() else { return nil }
                millisecond = fraction
            }
        }
        guard let offset = reader.zone() ?? (reader.isAtEnd ? assumedOffsetSeconds : nil), reader.isAtEnd else {
            return nil
        }
        let civil = CivilTime(
            year: year, month: month, day: day, hour: hour, minute: minute, second: second, millisecond: millisecond)
        guard civil.isValid else { return nil }
        self = civil.timestamp(offsetSeconds: offset)
    }

    /// Reads RFC 3339 text; nil for anything else.
    public init?(iso8601 text: String, assumedOffsetSeconds: Int? = nil) {
        var copy = text
        guard
            let parsed = copy.withUTF8({
                Timestamp(iso8601: UnsafeRawBufferPointer($0), assumedOffsetSeconds: assumedOffsetSeconds)
            })
        else { return nil }
        self = parsed
    }
}

private func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

/// Reads fixed-width decimal fields from bytes, front to back.
private struct DigitReader {
    private let text: UnsafeRawBufferPointer
    private var position = 0

    init(_ text: UnsafeRawBufferPointer) { self.text = text }

    var isAtEnd: Bool { position == text.count }

    mutating func take(_ byte: UInt8) -> Bool {
        guard position < text.count, text[position] == byte else { return false }
        position += 1
        return true
    }

    mutating func digits(_ count: Int) -> Int? {
        guard position + count <= text.count else { return nil }
        var number = 0
        for index in position..<position + count {
            let digit = text[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            number = number * 10 + Int(digit)
        }
        position += count
        return number
    }

    mutating func fractionMilliseconds() -> Int? {
        var scale = 100
        var milliseconds = 0
        let start = position
        while position < text.count {
            let digit = text[position] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            milliseconds += Int(digit) * scale
            scale /= 10
            position += 1
        }
        return position > start ? milliseconds : nil
    }

    /// Seconds east of UTC, or nil where no zone stands here.
    mutating func zone() -> Int? {
        if take(UInt8(ascii: "Z")) || take(UInt8(ascii: "z")) { return 0 }
        let before = position
        let sign: Int
        if take(UInt8(ascii: "+")) {
            sign = 1
        } else if take(UInt8(ascii: "-")) {
            sign = -1
        } else {
            return nil
        }
        guard let hours = digits(2), hours <= 23 else {
            position = before
            return nil
        }
        _ = take(UInt8(ascii: ":"))
        let minutes = digits(2) ?? 0
        return minutes <= 59 ? sign * (hours * 3600 + minutes * 60) : nil
    }
}
