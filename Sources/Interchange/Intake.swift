import Basics
import Telemetry

/// Where the formats meet: names, units, ranges and times are checked here, and what is good goes into the batch.
struct Intake {
    let options: ImportOptions
    var vocabulary: Vocabulary
    var report = ImportReport()
    var moments = MomentScanner()

    /// 1970-01-01T00:00:00Z: the store keeps nothing older.
    static let timeMin = Timestamp(milliseconds: 0)

    init(_ options: ImportOptions) {
        self.options = options
        vocabulary = Vocabulary(options.mappings)
    }

    /// The time of a line; nil, and refused, where it does not read.
    mutating func moment(_ text: UnsafeRawBufferPointer, _ line: Int) -> Timestamp? {
        guard let moment = moments.read(text) else {
            report.refuse(line, "observed", text, "expected a time with its zone, such as 2026-03-05T18:15:02.250Z")
            return nil
        }
        return checked(moment, text, line)
    }

    mutating func checked(_ moment: Timestamp, _ text: UnsafeRawBufferPointer, _ line: Int) -> Timestamp? {
        guard moment >= Self.timeMin else {
            report.refuse(line, "observed", text, "expected a time from 1970-01-01 on, found \(moment)")
            return nil
        }
        return moment
    }

    /// Whether a device or channel can have the name; refused where not.
    mutating func checkName(_ key: String, _ name: UnsafeRawBufferPointer, _ line: Int) -> Bool {
        var isASCII = true
        var isPlain = name.count <= UsableName.bytesMax
        for byte in name {
            if byte < 0x20 || byte == 0x7F { isPlain = false }
            if byte >= 0x80 { isASCII = false }
        }
        if isPlain, isASCII || String(validating: name, as: UTF8.self) != nil { return true }
        report.refuse(
            line, key, name, "expected at most \(UsableName.bytesMax) bytes of UTF-8 without control characters"
        )
        return false
    }

    mutating func checkDevice(_ name: UnsafeRawBufferPointer, _ line: Int) -> Bool {
        guard !name.isEmpty else {
            report.refuse(line, "device", nil, "expected the device's name")
            return false
        }
        return checkName("device", name, line)
    }

    /// The meaning of a quantity's word; nil where it is none, which is counted, or one to be left out.
    mutating func meaning(_ word: UnsafeRawBufferPointer, _ line: Int) -> Int? {
        guard let meaning = vocabulary.meaning(of: word) else {
            report.refuse(line, "quantity", word, "expected a quantity; there were too many other words already")
            return nil
        }
        return isQuantity(meaning) ? meaning : nil
    }

    mutating func isQuantity(_ meaning: Int) -> Bool {
        if vocabulary.meanings[meaning].quantity != nil { return true }
        if vocabulary.meanings[meaning].isLeftOut {
            report.leftOut += 1
        } else {
            vocabulary.countUnknown(meaning)
            report.countUnknown()
        }
        return false
    }

    /// Into the batch, in the canonical unit; refused where the value cannot be. The names were checked before.
    mutating func put(
        device: UnsafeRawBufferPointer, channel: UnsafeRawBufferPointer, meaning: Int, _ conversion: UnitConversion,
        value written: Double, text: UnsafeRawBufferPointer, observed: Timestamp, line: Int,
        into readings: inout NamedReadings
    ) {
        // Without a conversion the bits stay as they are.
        let value = conversion.isIdentity ? written : conversion(written)
        let meanings = vocabulary.meanings
        guard value >= meanings[meaning].min, value <= meanings[meaning].max,
            let quantity = meanings[meaning].quantity
        else {
            refuseRange(meaning, value, text, line)
            return
        }
        readings.append(
            device: device, channel: channel, quantity: quantity, observed: observed, value: value, line: line)
        report.readings += 1
    }

    private mutating func refuseRange(_ meaning: Int, _ value: Double, _ text: UnsafeRawBufferPointer, _ line: Int) {
        let known = vocabulary.meanings[meaning]
        report.refuse(
            line, "value", text,
            known.quantity.map {
                "\(value) \($0.unit) is not possible; expected \($0) from \(known.min) to \(known.max)"
            } ?? "")
    }

    /// The number; nil, and refused, where it is none.
    mutating func number(_ text: UnsafeRawBufferPointer, _ key: String, _ line: Int) -> Double? {
        guard let number = DecimalNumber.parse(text), number.isFinite else {
            report.refuse(line, key, text, "expected a finite number")
            return nil
        }
        return number
    }

    mutating func conversion(_ meaning: Int, from unit: UnsafeRawBufferPointer, _ line: Int) -> UnitConversion? {
        if let conversion = vocabulary.conversion(of: meaning, from: unit) { return conversion }
        let quantity = vocabulary.meanings[meaning].quantity
        report.refuse(
            line, "unit", unit,
            "expected \(quantity?.unit ?? ""), the unit of \(quantity?.name ?? ""), or one that converts into it")
        return nil
    }
}

/// Reads RFC 3339 times that mostly are of the same day as the one before.
struct MomentScanner {
    private var day: (UInt64, UInt16) = (0, 0)
    private var dayStart: Int64 = 0

    mutating func read(_ text: UnsafeRawBufferPointer) -> Timestamp? {
        // 2026-03-05T18:15:02.250Z and 2026-03-05T18:15:02Z by their places; everything else by the careful reader.
        // (CSV, best of three: 4.5 million lines a second; 2.5 with the careful one alone.)
        guard text.count == 24 || text.count == 20, text[10] == UInt8(ascii: "T"), text[13] == UInt8(ascii: ":"),
            text[16] == UInt8(ascii: ":"), text[text.count &- 1] == UInt8(ascii: "Z")
        else { return Timestamp(iso8601: text) }
        let date = (
            text.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
            text.loadUnaligned(fromByteOffset: 8, as: UInt16.self)
        )
        let hour = Self.two(text, 11)
        let minute = Self.two(text, 14)
        let second = Self.two(text, 17)
        guard date == day, hour <= 23, minute <= 59, second <= 59 else { return slow(text, date) }
        var milliseconds = dayStart &+ Int64((hour &* 60 &+ minute) &* 60 &+ second) &* 1000
        if text.count == 24 {
            let hundredths = Self.two(text, 20)
            let last = text[22] &- UInt8(ascii: "0")
            guard text[19] == UInt8(ascii: "."), hundredths <= 99, last <= 9 else { return slow(text, date) }
            milliseconds &+= Int64(hundredths) &* 10 &+ Int64(last)
        }
        return Timestamp(milliseconds: milliseconds)
    }

    private mutating func slow(_ text: UnsafeRawBufferPointer, _ date: (UInt64, UInt16)) -> Timestamp? {
        guard let moment = Timestamp(iso8601: text) else { return nil }
        // A leap second belongs to the next day; any other time in UTC to the day that is written.
        if Self.two(text, 17) <= 59 {
            day = date
            dayStart = moment.milliseconds.flooredDivision(by: 86_400_000) * 86_400_000
        }
        return moment
    }

    /// Two digits; more than 99 where they are none.
    @inline(__always)
    private static func two(_ text: UnsafeRawBufferPointer, _ start: Int) -> Int {
        let tens = text[start] &- UInt8(ascii: "0")
        let ones = text[start &+ 1] &- UInt8(ascii: "0")
        return tens <= 9 && ones <= 9 ? Int(tens) &* 10 &+ Int(ones) : 1000
    }
}
