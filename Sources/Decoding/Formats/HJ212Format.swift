import Basics
import Telemetry

/// Packets of HJ/T 212-2005, HJ 212-2017 and HJ 212-2025: each becomes a document of its own.
///
/// `##`, four digits of length, the data segment, four hexadecimal digits of CRC, CR LF. A message may hold several.
enum HJ212Format {
    /// Finds the whole packets of a message and gives their data segments.
    ///
    /// A wrong CRC condemns the message, for nothing in it can be trusted. What is no packet, has no device or is
    /// encrypted condemns itself: the fault is returned beside the packets, and thrown where there are none.
    static func findPackets(
        in payload: UnsafeRawBufferPointer, into segments: inout [Range<Int>]
    ) throws(FormatFault) -> FormatFault? {
        segments.removeAll(keepingCapacity: true)
        var fault: FormatFault?
        func note(_ reason: Reject.Reason, _ sentence: String, at position: Int) {
            fault = fault ?? FormatFault(reason, "\(sentence) at byte \(position)")
        }
        var position = 0
        while true {
            while position < payload.count, payload[position] <= 0x20 { position += 1 }
            guard position < payload.count else { break }
            let start = find("##", in: payload, from: position) ?? payload.count
            if start > position { note(.structure, "bytes that belong to no packet", at: position) }
            guard start < payload.count else { break }
            guard let segment = segment(of: payload, from: start) else {
                note(.structure, "a part of a packet", at: start)
                position = start + 2
                continue
            }
            position = segment.upperBound + 4
            let bytes = UnsafeRawBufferPointer(rebasing: payload[segment])
            let parts = Parts(bytes)
            if let parts, parts.isEncrypted {
                note(.encrypted, "the data area is encrypted; the packet stands", at: start)
                continue
            }
            guard crc(bytes) == hexNumber(payload, at: segment.upperBound) else {
                throw FormatFault(.crc, "the CRC does not match the packet at byte \(start)")
            }
            guard let parts else {
                note(.structure, "no data area between 'CP=&&' and '&&' in the packet", at: start)
                continue
            }
            guard let device = parts.field("MN"), !device.isEmpty else {
                note(.structure, "no MN, the name of the device, in the packet", at: start)
                continue
            }
            guard let command = parts.field("CN"), !command.isEmpty, command.allSatisfy(isDigit) else {
                note(.structure, "no CN, the number of the command, in the packet", at: start)
                continue
            }
            segments.append(segment)
        }
        if segments.isEmpty { throw fault ?? FormatFault(.structure, "no '##' of a packet in the message") }
        return fault
    }

    /// `{ST, CN, MN, Flag, Version, QN, PNUM, PNO, RF, factors: [{code, Rtd, Flag, Mark}], DataTime}`.
    static func lay(
        _ payload: UnsafeRawBufferPointer, _ segment: Range<Int>, into document: inout DocumentWriter
    ) throws(FormatFault) {
        document.begin(payloadBytes: payload.count)
        document.position = segment.lowerBound
        guard let parts = Parts(UnsafeRawBufferPointer(rebasing: payload[segment])) else {
            throw document.fault("a packet without a data area")
        }
        try document.beginObject()
        for name in headerNames {
            guard let value = parts.field(name), isUTF8(value) else { continue }
            try document.name(name)
            try document.text(value)
        }
        if let version = parts.version {
            try document.name("Version")
            try document.number(version)
        }
        let fields = Field.all(in: parts.data)
        try document.name("factors")
        try document.beginArray()
        var first = 0
        while first < fields.count {
            var end = first + 1
            while end < fields.count, compare(fields[end].code, fields[first].code) == 0 { end += 1 }
            if !fields[first].code.isEmpty { try layFactor(fields[first..<end], &document) }
            first = end
        }
        document.end()
        for field in fields where field.code.isEmpty {
            try document.name(field.suffix)
            try value(field.value, &document)
        }
        document.end()
    }

    private static func layFactor(_ fields: ArraySlice<Field>, _ document: inout DocumentWriter) throws(FormatFault) {
        try document.beginObject()
        try document.name("code")
        document.beginText()
        for byte in fields.first!.code { try document.append(lowered(byte)) }
        try document.endText()
        var mark: UnsafeRawBufferPointer?
        for field in fields {
            if let known = suffixes.first(where: { isWord(field.suffix, $0) }) {
                try document.name(known)
            } else {
                try document.name(field.suffix)
            }
            try value(field.value, &document)
            if mark == nil, isWord(field.suffix, "Flag"), !field.value.isEmpty { mark = field.value }
        }
        try document.name("Mark")
        document.beginText()
        if let mark, isUTF8(mark) {
            for byte in mark { try document.append(lowered(byte) == byte && isLetter(byte) ? byte - 0x20 : byte) }
        } else {
            // No mark is allowed and means normal; one that is no text means nothing good.
            try document.append(UInt8(ascii: mark == nil ? "N" : "?"))
        }
        try document.endText()
        document.end()
    }

    /// Texts in other encodings than UTF-8 are met in old stations; they name states and are no values.
    private static func value(
        _ value: UnsafeRawBufferPointer, _ document: inout DocumentWriter
    ) throws(FormatFault) {
        if isUTF8(value) { try document.text(value) } else { try document.null() }
    }

    // MARK: The password

    /// Overwrites passwords in what is kept of a payload: the value of `PW`, and of every field before the data area
    /// whose name is not known, since the name may be what was damaged.
    ///
    /// A packet whose check sum was right gets that of its masked bytes: it can be decoded again, once a profile is mended.
    /// One that was damaged stays damaged.
    static func maskPasswords(_ payload: inout [UInt8]) {
        let whole = payload.withUnsafeBytes { wholeSegments(of: $0) }
        overwritePasswords(&payload)
        for segment in whole {
            let sum = payload.withUnsafeBytes { crc(UnsafeRawBufferPointer(rebasing: $0[segment])) }
            for digit in 0..<4 {
                let number = UInt8(sum >> UInt16(4 * (3 - digit)) & 0xF)
                payload[segment.upperBound + digit] =
                    number + (number < 10 ? UInt8(ascii: "0") : UInt8(ascii: "A") - 10)
            }
        }
    }

    /// The segments whose check sum is right.
    private static func wholeSegments(of payload: UnsafeRawBufferPointer) -> [Range<Int>] {
        var segments: [Range<Int>] = []
        var position = 0
        while let start = find("##", in: payload, from: position) {
            position = start + 2
            guard let segment = segment(of: payload, from: start) else { continue }
            position = segment.upperBound + 4
            if crc(UnsafeRawBufferPointer(rebasing: payload[segment])) == hexNumber(payload, at: segment.upperBound) {
                segments.append(segment)
            }
        }
        return segments
    }

    private static func overwritePasswords(_ payload: inout [UInt8]) {
        func mask(from start: Int) {
            var position = start
            while position < payload.count, payload[position] != UInt8(ascii: ";"),
                payload[position] != UInt8(ascii: "&")
            {
                payload[position] = UInt8(ascii: "*")
                position += 1
            }
        }
        var nameStart = 0
        var isHeader = true
        for position in payload.indices {
            switch payload[position] {
            case UInt8(ascii: ";"): nameStart = position + 1
            case UInt8(ascii: "&"): isHeader = false
            case UInt8(ascii: "#"): (isHeader, nameStart) = (true, position + 1)
            case UInt8(ascii: "="):
                let isPassword =
                    position >= 2 && lowered(payload[position - 2]) == UInt8(ascii: "p")
                    && lowered(payload[position - 1]) == UInt8(ascii: "w")
                var name = payload[min(nameStart, position)..<position]
                name = name.drop(while: isDigit)
                let isKnown = name.withUnsafeBytes { name in
                    isWord(name, "CP") || headerNames.contains { isWord(name, $0) }
                }
                if isPassword || isHeader && !isKnown { mask(from: position + 1) }
            default: break
            }
        }
    }

    // MARK: Packets

    /// The segment of the packet that starts here; nil for a part of a packet.
    private static func segment(of payload: UnsafeRawBufferPointer, from start: Int) -> Range<Int>? {
        let first = start + 6
        guard first + 4 <= payload.count, payload[start + 2..<first].allSatisfy(isDigit) else { return nil }
        let length = payload[start + 2..<first].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        let told = first + length
        if hexNumber(payload, at: told) != nil {
            let after = told + 4
            if after == payload.count || payload[after] <= 0x20 || find("##", in: payload, from: after) == after {
                return first..<told
            }
        }
        // Some count the head and the length too. The packet then ends with its line, and the last four digits count.
        var end = find("##", in: payload, from: first) ?? payload.count
        if let line = payload[first..<end].firstIndex(where: { $0 == 0x0D || $0 == 0x0A }) { end = line }
        while end > first, payload[end - 1] <= 0x20 { end -= 1 }
        let last = end - 4
        guard last >= first, hexNumber(payload, at: last) != nil else { return nil }
        let isClosed =
            last >= first + 2 && payload[last - 1] == UInt8(ascii: "&") && payload[last - 2] == UInt8(ascii: "&")
        return isClosed || last >= told ? first..<last : nil
    }

    /// The check sum of the standard, which is not that of Modbus: the byte meets the high half of the register.
    static func crc(_ bytes: UnsafeRawBufferPointer) -> UInt16 {
        var register: UInt16 = 0xFFFF
        for byte in bytes {
            register = register >> 8 ^ UInt16(byte)
            for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ 0xA001 : register >> 1 }
        }
        return register
    }

    /// A data segment: the fields before the data area, and the data area.
    private struct Parts {
        let header: UnsafeRawBufferPointer
        let data: UnsafeRawBufferPointer

        init?(_ segment: UnsafeRawBufferPointer) {
            guard let start = find("CP=&&", in: segment, from: 0) else { return nil }
            var end = segment.count - 2
            while end >= start + 5, segment[end] != UInt8(ascii: "&") || segment[end + 1] != UInt8(ascii: "&") {
                end -= 1
            }
            guard end >= start + 5 else { return nil }
            header = UnsafeRawBufferPointer(rebasing: segment[..<start])
            data = UnsafeRawBufferPointer(rebasing: segment[start + 5..<end])
        }

        func field(_ name: StaticString) -> UnsafeRawBufferPointer? {
            var cursor = ByteCursor(header)
            while !cursor.isAtEnd {
                let field = cursor.until(UInt8(ascii: ";"))
                cursor.position += 1
                guard let equals = field.firstIndex(of: UInt8(ascii: "=")) else { continue }
                let key = UnsafeRawBufferPointer(rebasing: field[..<equals]).trimmed
                if isWord(key, name) { return UnsafeRawBufferPointer(rebasing: field[(equals + 1)...]).trimmed }
            }
            return nil
        }

        /// 0 is the edition of 2005, 1 of 2017, 2 of 2025.
        var version: Int64? {
            guard let flag = field("Flag"), flag.count <= 3, !flag.isEmpty, flag.allSatisfy(isDigit) else { return nil }
            return flag.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) } >> 2
        }

        var isEncrypted: Bool {
            version == 2 && (!isUTF8(data) || data.contains { $0 < 0x20 && $0 != 0x0D && $0 != 0x0A && $0 != 0x09 })
        }
    }

    /// `code-suffix=value` of the data area; a plain `name=value` has no code.
    private struct Field {
        var code: UnsafeRawBufferPointer
        var suffix: UnsafeRawBufferPointer
        var value: UnsafeRawBufferPointer

        /// Those of one code side by side, wherever they stand: a mark may come in another group than its value.
        static func all(in data: UnsafeRawBufferPointer) -> [Field] {
            var fields: [Field] = []
            var start = 0
            for position in 0...data.count {
                if position < data.count, data[position] != UInt8(ascii: ";"), data[position] != UInt8(ascii: ",") {
                    continue
                }
                let text = UnsafeRawBufferPointer(rebasing: data[start..<position])
                start = position + 1
                guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else { continue }
                let name = UnsafeRawBufferPointer(rebasing: text[..<equals]).trimmed
                let value = UnsafeRawBufferPointer(rebasing: text[(equals + 1)...]).trimmed
                guard !name.isEmpty, isUTF8(name) else { continue }
                let hyphen = name.lastIndex(of: UInt8(ascii: "-"))
                fields.append(
                    Field(
                        code: UnsafeRawBufferPointer(rebasing: name[..<(hyphen ?? 0)]),
                        suffix: UnsafeRawBufferPointer(rebasing: name[(hyphen.map { $0 + 1 } ?? 0)...]), value: value))
            }
            let order = fields.indices.sorted { left, right in
                let order = compare(fields[left].code, fields[right].code)
                return order == 0 ? left < right : order < 0
            }
            return order.map { fields[$0] }
        }
    }

    // MARK: Texts

    private static let headerNames: [StaticString] = ["QN", "ST", "CN", "MN", "Flag", "PNUM", "PNO", "RF"]
    private static let suffixes: [StaticString] = [
        "Rtd", "Avg", "Min", "Max", "Cou", "Flag", "EFlag", "SampleTime", "Data", "DayData", "NightData", "ZsRtd",
        "ZsAvg", "ZsMin", "ZsMax",
    ]

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") <= 9 }

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 }

    private static func lowered(_ byte: UInt8) -> UInt8 { isLetter(byte) ? byte | 0x20 : byte }

    private static func isUTF8(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let base = text.baseAddress else { return true }
        return UTF8Check.isValid(base.assumingMemoryBound(to: UInt8.self), count: text.count)
    }

    /// Compares without regard to case.
    private static func isWord(_ text: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        text.count == word.utf8CodeUnitCount
            && text.indices.allSatisfy { lowered(text[$0]) == lowered(word.utf8Start[$0]) }
    }

    /// Negative, zero or positive, without regard to case.
    private static func compare(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        for index in 0..<min(left.count, right.count) {
            let difference = Int(lowered(left[index])) - Int(lowered(right[index]))
            if difference != 0 { return difference }
        }
        return left.count - right.count
    }

    private static func hexNumber(_ bytes: UnsafeRawBufferPointer, at position: Int) -> UInt16? {
        guard position + 4 <= bytes.count, let base = bytes.baseAddress else { return nil }
        let text = base.assumingMemoryBound(to: UInt8.self) + position
        return JSONText.hexUnit(text, atMost: 4).map { UInt16(truncatingIfNeeded: $0) }
    }

    private static func find(_ word: StaticString, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        let count = word.utf8CodeUnitCount
        var position = start
        while position + count <= bytes.count {
            if (0..<count).allSatisfy({ bytes[position + $0] == word.utf8Start[$0] }) { return position }
            position += 1
        }
        return nil
    }
}
