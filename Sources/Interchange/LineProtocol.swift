import Basics
import Telemetry

/// InfluxDB line protocol: `measurement,tag=value field=1.5,other=2i 1556813561098000000`.
///
/// A field is a reading: its key is the quantity, or the measurement where the key is `value`. Source of the syntax and
/// its escapes: docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol.
struct LineProtocol {
    private enum Kind { case float, integer, unsigned, truth, text }

    private struct Value {
        var key: Field
        var value: Field
        var kind: Kind
    }

    private let deviceTags: [[UInt8]]
    private let channelTag: [UInt8]
    private var values: [Value] = []

    private static let comma = UInt8(ascii: ",")
    private static let blank = UInt8(ascii: " ")
    private static let equals = UInt8(ascii: "=")
    private static let backslash = UInt8(ascii: "\\")
    private static let quote = UInt8(ascii: "\"")
    private static let usualField = Array("value".utf8)

    init(_ options: ImportOptions) {
        deviceTags = options.deviceTags.map { Array($0.utf8) }
        channelTag = Array(options.channelTag.utf8)
    }

    // Long: one line of the protocol part by part, without a copy between the parts.
    mutating func read(
        _ line: UnsafeMutableBufferPointer<UInt8>, _ number: Int, _ intake: inout Intake,
        into readings: inout NamedReadings
    ) {
        guard let base = line.baseAddress else { return }
        var scanner = Scanner(base: base, end: line.count)
        scanner.skipBlanks()
        if scanner.position == scanner.end || base[scanner.position] == UInt8(ascii: "#") { return }
        func refuse(_ expected: String) {
            intake.report.refuse(number, "", UnsafeRawBufferPointer(line), expected)
        }
        let measurement = scanner.name(until: Self.comma, or: Self.blank, isMeasurement: true)
        guard measurement.count > 0 else { return refuse("expected the measurement's name first") }

        var device = Field()
        var deviceRank = Int.max
        var channel = Field()
        while scanner.take(Self.comma) {
            let key = scanner.name(until: Self.equals, or: Self.blank)
            guard key.count > 0, scanner.take(Self.equals) else { return refuse("expected tag=value behind a comma") }
            let value = scanner.name(until: Self.comma, or: Self.blank)
            guard value.count > 0 else { return refuse("expected a value for each tag") }
            for rank in deviceTags.indices where rank < deviceRank && Self.isSame(base, key, deviceTags[rank]) {
                (device, deviceRank) = (value, rank)
            }
            if Self.isSame(base, key, channelTag) { channel = value }
        }
        guard scanner.take(Self.blank) else { return refuse("expected a blank and the fields behind the tags") }
        scanner.skipBlanks()

        values.removeAll(keepingCapacity: true)
        repeat {
            let key = scanner.name(until: Self.equals, or: Self.blank)
            guard key.count > 0, scanner.take(Self.equals) else { return refuse("expected field=value") }
            guard let (value, kind) = scanner.value() else {
                return refuse("expected a number, a number with i or u, a truth value or a text in quotation marks")
            }
            guard values.count < ReadingReader.lineReadingsMax else {
                return refuse("expected at most \(ReadingReader.lineReadingsMax) fields in a line")
            }
            values.append(Value(key: key, value: value, kind: kind))
        } while scanner.take(Self.comma)

        guard scanner.take(Self.blank) else {
            return refuse(
                scanner.position == scanner.end
                    ? "expected a timestamp behind the fields: a value without its time cannot be kept"
                    : "expected a comma or a blank behind the field's value")
        }
        scanner.skipBlanks()
        let time = scanner.rest()
        guard let moment = moment(time.text(line), intake.options.precision) else {
            return intake.report.refuse(
                number, "timestamp", time.text(line),
                "expected a whole number, the time since 1970 in \(intake.options.precision.rawValue)")
        }
        guard let observed = intake.checked(moment, time.text(line), number) else { return }
        guard deviceRank != .max else {
            let names = intake.options.deviceTags.joined(separator: ", ")
            return refuse("no tag names the device; expected one of \(names), or say which with --device-tag")
        }
        guard intake.checkDevice(device.text(line), number), intake.checkName("channel", channel.text(line), number)
        else { return }
        for value in values {
            put(
                value, measurement, line, number, device: device, channel: channel, observed, &intake,
                into: &readings)
        }
    }

    private func put(
        _ value: Value, _ measurement: Field, _ line: UnsafeMutableBufferPointer<UInt8>, _ number: Int,
        device: Field, channel: Field, _ observed: Timestamp, _ intake: inout Intake,
        into readings: inout NamedReadings
    ) {
        if value.kind == .text {
            intake.report.texts += 1
            return
        }
        guard let meaning = meaning(of: value.key, measurement, line, number, &intake) else { return }
        let text = value.value.text(line)
        let amount: Double
        switch value.kind {
        case .truth: amount = text[0] | 0x20 == UInt8(ascii: "t") ? 1 : 0
        case .float, .integer, .unsigned, .text:
            guard let read = intake.number(text, "value", number) else { return }
            amount = read
        }
        intake.put(
            device: device.text(line), channel: channel.text(line), meaning: meaning,
            intake.vocabulary.meanings[meaning].conversion, value: amount, text: text, observed: observed,
            line: number, into: &readings)
    }

    /// The quantity of a field: a mapping of `measurement.field`, of the field, the field's own name, or the
    /// measurement's where the field is called `value`.
    private func meaning(
        of key: Field, _ measurement: Field, _ line: UnsafeMutableBufferPointer<UInt8>, _ number: Int,
        _ intake: inout Intake
    ) -> Int? {
        if intake.vocabulary.hasMappings {
            let both = Array(measurement.text(line)) + [UInt8(ascii: ".")] + Array(key.text(line))
            if let mapped = both.withUnsafeBytes({ intake.vocabulary.knownMeaning(of: $0) }) {
                return intake.isQuantity(mapped) ? mapped : nil
            }
        }
        if Self.isSame(line.baseAddress!, key, Self.usualField),
            intake.vocabulary.knownMeaning(of: key.text(line)) == nil
        {
            return intake.meaning(measurement.text(line), number)
        }
        return intake.meaning(key.text(line), number)
    }

    private static func isSame(_ base: UnsafeMutablePointer<UInt8>, _ field: Field, _ name: [UInt8]) -> Bool {
        guard field.count == name.count else { return false }
        for index in name.indices where base[field.start &+ index] != name[index] { return false }
        return true
    }

    private func moment(_ text: UnsafeRawBufferPointer, _ precision: ImportOptions.Precision) -> Timestamp? {
        var position = 0
        let isNegative = text.first == UInt8(ascii: "-")
        if isNegative { position = 1 }
        // 19 digits are the most that an Int64 of nanoseconds has; they cannot overflow the 64 bits without a sign.
        guard position < text.count, text.count &- position <= 19 else { return nil }
        var number: UInt64 = 0
        while position < text.count {
            let digit = text[position] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            number = number &* 10 &+ UInt64(digit)
            position &+= 1
        }
        guard let whole = Int64(exactly: number) else { return nil }
        let signed = isNegative ? -whole : whole
        switch precision {
        case .ns: return Timestamp(milliseconds: signed.flooredDivision(by: 1_000_000))
        case .us: return Timestamp(milliseconds: signed.flooredDivision(by: 1000))
        case .ms: return Timestamp(milliseconds: signed)
        case .s:
            let (milliseconds, isTooLarge) = signed.multipliedReportingOverflow(by: 1000)
            return isTooLarge ? nil : Timestamp(milliseconds: milliseconds)
        }
    }

    /// Walks over the bytes of one line and takes escapes away in place.
    private struct Scanner {
        let base: UnsafeMutablePointer<UInt8>
        let end: Int
        var position = 0

        init(base: UnsafeMutablePointer<UInt8>, end: Int) {
            self.base = base
            self.end = end
        }

        mutating func skipBlanks() { while position < end, base[position] == LineProtocol.blank { position &+= 1 } }

        @inline(__always)
        mutating func take(_ byte: UInt8) -> Bool {
            guard position < end, base[position] == byte else { return false }
            position &+= 1
            return true
        }

        /// A name up to one of two marks or the end. A backslash before a comma, a blank or (but for a measurement) an
        /// equals sign takes the mark's meaning away; before anything else it stands for itself.
        mutating func name(until first: UInt8, or second: UInt8, isMeasurement: Bool = false) -> Field {
            let start = position
            while position < end {
                let byte = base[position]
                if byte == first || byte == second { return Field(start: start, count: position &- start) }
                if byte == LineProtocol.backslash { return escaped(start, first, second, isMeasurement) }
                position &+= 1
            }
            return Field(start: start, count: position &- start)
        }

        private mutating func escaped(_ start: Int, _ first: UInt8, _ second: UInt8, _ isMeasurement: Bool) -> Field {
            var to = position
            while position < end {
                var byte = base[position]
                if byte == first || byte == second { break }
                if byte == LineProtocol.backslash, position + 1 < end {
                    let next = base[position + 1]
                    if next == LineProtocol.comma || next == LineProtocol.blank
                        || (next == LineProtocol.equals && !isMeasurement)
                    {
                        byte = next
                        position += 1
                    }
                }
                base[to] = byte
                to += 1
                position += 1
            }
            return Field(start: start, count: to - start)
        }

        /// A field's value with its kind; the letter of an integer is not part of it. nil where it is none.
        mutating func value() -> (Field, Kind)? {
            let start = position
            if take(LineProtocol.quote) {
                while position < end, base[position] != LineProtocol.quote {
                    // In a text only the quotation mark and the backslash itself are escaped.
                    let isEscape = base[position] == LineProtocol.backslash && position + 1 < end
                    position &+= isEscape ? 2 : 1
                }
                guard position < end else { return nil }
                position += 1
                return (Field(start: start + 1, count: position - start - 2), .text)
            }
            while position < end, base[position] != LineProtocol.comma, base[position] != LineProtocol.blank {
                position &+= 1
            }
            let count = position &- start
            guard count > 0 else { return nil }
            switch base[position &- 1] {
            case UInt8(ascii: "i"):
                return isWhole(start, count - 1) ? (Field(start: start, count: count - 1), .integer) : nil
            case UInt8(ascii: "u"):
                let isUnsigned = isWhole(start, count - 1) && base[start] != UInt8(ascii: "-")
                return isUnsigned ? (Field(start: start, count: count - 1), .unsigned) : nil
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."):
                return (Field(start: start, count: count), .float)
            default: return isTruth(start, count) ? (Field(start: start, count: count), .truth) : nil
            }
        }

        private func isWhole(_ start: Int, _ count: Int) -> Bool {
            let first = count > 0 && base[start] == UInt8(ascii: "-") ? start + 1 : start
            guard first < start + count else { return false }
            return (first..<start + count).allSatisfy { base[$0] &- UInt8(ascii: "0") <= 9 }
        }

        private func isTruth(_ start: Int, _ count: Int) -> Bool {
            let word = UnsafeBufferPointer(start: base + start, count: count)
            return LineProtocol.truths.contains { $0.elementsEqual(word) }
        }

        /// All that is left, without blanks at its end.
        mutating func rest() -> Field {
            let start = position
            var last = end
            while last > start, base[last - 1] == LineProtocol.blank { last -= 1 }
            position = end
            return Field(start: start, count: last - start)
        }
    }

    private static let truths: [[UInt8]] = [
        "t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE",
    ].map { Array($0.utf8) }
}
