import Basics
import Telemetry

extension MessageDecoder {
    enum Unwrapped {
        /// The node that holds what the layout names.
        case root(Int)
        case absent
        case failed(Reject.Reason, String)
    }

    private enum LayoutFailure: Error {
        case pastEnd(needed: Int, at: Int)
        case mustBe(at: Int)
        case unknownTag(UInt64, at: Int)
        case full
    }

    /// Decodes the binary text that a rule unwraps and lays its fields on the tape, behind the message.
    mutating func unwrap(_ position: UInt32) -> Unwrapped {
        let unwrap = plan.unwraps[position]
        scratch.binary.removeAll(keepingCapacity: true)
        if unwrap.encoding == .raw {
            scratch.binary.append(contentsOf: message.payload)
        } else {
            guard let value = value(of: unwrap.reference), !isMissing(value) else { return .absent }
            guard value.kind == .text else { return .failed(.unexpectedValue, "the field to unwrap is not a text") }
            // Unescaped whole: some encoders write the slash of base64 as `\/`.
            let source = value.isEscaped ? unescaped(value.text, count: value.count) : value.bytes
            let isDecoded =
                unwrap.encoding == .hex
                ? BinaryText.decodeHex(source, into: &scratch.binary)
                : BinaryText.decodeBase64(source, into: &scratch.binary)
            guard isDecoded else { return .failed(.malformed, "the field to unwrap is not \(unwrap.encoding)") }
        }
        scratch.binaryEnd = scratch.binary.count
        var root = Tape.Node()
        root.kind = .object
        guard let node = document.tape.append(root) else {
            return .failed(.tooLarge, "more than \(limits.nodesMax) values")
        }
        var offset = 0
        do {
            try run(unwrap.layout, &offset)
        } catch {
            switch error {
            case .pastEnd(let needed, let at):
                let detail = "\(needed) bytes wanted at byte \(at), but \(scratch.binary.count) in all"
                return .failed(.malformed, detail)
            case .unknownTag(let tag, let at):
                let digits = String(tag, radix: 16)
                return .failed(.malformed, "tag 0x\(digits) at byte \(at) is none that the layout knows")
            case .mustBe(let at): return .failed(.unexpectedValue, "byte \(at) is not what the profile demands")
            case .full: return .failed(.tooLarge, "more than \(limits.nodesMax) values")
            }
        }
        guard offset == scratch.binary.count || unwrap.isRestAllowed else {
            return .failed(.malformed, "\(scratch.binary.count - offset) bytes left over at byte \(offset)")
        }
        document.tape.close(node)
        return .root(node)
    }

    /// Layouts nest as deep as the profile writes them, which the YAML reader bounds.
    private mutating func run(_ steps: Run, _ offset: inout Int) throws(LayoutFailure) {
        for position in steps.range {
            let step = plan.layout[position]
            switch step.kind {
            case .field:
                let number = try take(step, &offset)
                if !step.must.isNaN, step.must != number {
                    throw .mustBe(at: offset - step.type.byteCount)
                }
                try lay(number, step.name)
                for part in step.body.range { try lay(part: plan.layout[part], of: number) }
            case .part, .tagCase, .otherwise: break
            case .tagged: try runTagged(step, &offset)
            case .block: try runBlock(step, &offset)
            case .packed: try runPacked(step, &offset)
            case .skip:
                guard offset + Int(step.count) <= scratch.binaryEnd else {
                    throw .pastEnd(needed: Int(step.count), at: offset)
                }
                offset += Int(step.count)
            case .mask:
                // All of 64 bits round up to 2^64, which is no UInt64.
                let mask = UInt64(exactly: try take(step, &offset)) ?? .max
                for bit in step.body.range where mask >> UInt64(plan.layout[bit].count) & 1 == 1 {
                    try run(plan.layout[bit].body, &offset)
                }
            case .bit: break
            case .repetition:
                var list = named(step.name)
                list.kind = .array
                guard let listNode = document.tape.append(list) else { throw .full }
                var left = step.count
                while step.count < 0 ? offset < scratch.binaryEnd : left > 0 {
                    left -= 1
                    var entry = Tape.Node()
                    entry.kind = .object
                    guard let entryNode = document.tape.append(entry) else { throw .full }
                    try run(step.body, &offset)
                    document.tape.close(entryNode)
                }
                document.tape.close(listNode)
            }
        }
    }

    private mutating func lay(_ number: Double, _ name: Word) throws(LayoutFailure) {
        var node = named(name)
        node.kind = .real
        node.real = number
        node.next = UInt32(document.tape.count + 1)
        guard document.tape.append(node) != nil else { throw .full }
    }

    /// Some bits of a whole number as a value of its own.
    private mutating func lay(part: LayoutStep, of number: Double) throws(LayoutFailure) {
        let word = number < 0 ? UInt64(bitPattern: Int64(number)) : UInt64(number)
        try lay(Self.number(word >> UInt64(part.count), part), part.name)
    }

    /// The lowest `width` bits, with or without sign.
    private static func number(_ word: UInt64, _ step: LayoutStep) -> Double {
        let above = 64 - UInt64(step.width)
        let raised = word << above
        return step.isSigned ? Double(Int64(bitPattern: raised) >> Int64(above)) : Double(raised >> above)
    }

    /// Entries of a tag and what it says: each becomes an object of the list.
    private mutating func runTagged(_ step: LayoutStep, _ offset: inout Int) throws(LayoutFailure) {
        var list = named(step.name)
        list.kind = .array
        guard let listNode = document.tape.append(list) else { throw .full }
        entries: while offset < scratch.binaryEnd {
            let begin = offset
            let before = document.tape.count
            var entry = Tape.Node()
            entry.kind = .object
            guard let entryNode = document.tape.append(entry) else { throw .full }
            var tag: UInt64 = 0
            var length: Int?
            var body: LayoutStep?
            for (place, position) in step.body.range.enumerated() {
                let part = plan.layout[position]
                switch part.kind {
                case .field:
                    let number = try take(part, &offset)
                    try lay(number, part.name)
                    if place == Int(step.choice) {
                        length = Int(number)
                    } else if part.choice != 0 {
                        tag = tag << UInt64(8 * part.type.byteCount) | UInt64(number)
                    }
                case .tagCase where part.must == Double(tag): body = part
                case .otherwise where body == nil: body = part
                default: break
                }
            }
            let end = length.map { offset + $0 }
            if let end, end > scratch.binaryEnd { throw .pastEnd(needed: length!, at: offset) }
            if let body, body.kind == .tagCase || body.choice == 2 {
                let outer = scratch.binaryEnd
                if let end { scratch.binaryEnd = end }
                defer { scratch.binaryEnd = outer }
                try run(body.body, &offset)
            } else if end == nil {
                guard body?.choice == 1 else { throw .unknownTag(tag, at: begin) }
                document.tape.truncate(to: before)
                offset = scratch.binaryEnd
                break entries
            }
            // With a length what is not known is passed over.
            if let end { offset = end }
            document.tape.close(entryNode)
        }
        document.tape.close(listNode)
    }

    private mutating func runBlock(_ step: LayoutStep, _ offset: inout Int) throws(LayoutFailure) {
        let length = Int(try take(step, &offset))
        guard offset + length <= scratch.binaryEnd else { throw .pastEnd(needed: length, at: offset) }
        var block = named(step.name)
        block.kind = .object
        guard let node = document.tape.append(block) else { throw .full }
        let outer = scratch.binaryEnd
        scratch.binaryEnd = offset + length
        defer { scratch.binaryEnd = outer }
        try run(step.body, &offset)
        offset = scratch.binaryEnd
        document.tape.close(node)
    }

    /// A list of `count` numbers of `width` bits, the highest bit first, or the lowest where the order is little.
    private mutating func runPacked(_ step: LayoutStep, _ offset: inout Int) throws(LayoutFailure) {
        let width = Int(step.width)
        let count = step.count < 0 ? (scratch.binaryEnd - offset) * 8 / width : Int(step.count)
        let bytes = step.count < 0 ? scratch.binaryEnd - offset : (count * width + 7) / 8
        guard offset + bytes <= scratch.binaryEnd else { throw .pastEnd(needed: bytes, at: offset) }
        var list = named(step.name)
        list.kind = .array
        guard let listNode = document.tape.append(list) else { throw .full }
        for index in 0..<count {
            var word: UInt64 = 0
            for bit in 0..<width {
                let place = index * width + bit
                let byte = scratch.binary[offset + place / 8]
                if step.isLittleEndian {
                    word |= UInt64(byte >> UInt8(place % 8) & 1) << UInt64(bit)
                } else {
                    word = word << 1 | UInt64(byte >> UInt8(7 - place % 8) & 1)
                }
            }
            try lay(Self.number(word, step), Word())
        }
        offset += bytes
        document.tape.close(listNode)
    }

    private func named(_ name: Word) -> Tape.Node {
        var node = Tape.Node()
        node.keyPrefix = name.prefix
        node.keyStart = name.start
        node.keyCount = name.count
        node.isKeyOfPlan = true
        return node
    }

    private func take(_ step: LayoutStep, _ offset: inout Int) throws(LayoutFailure) -> Double {
        let count = step.type.byteCount
        guard offset + count <= scratch.binaryEnd else { throw .pastEnd(needed: count, at: offset) }
        var bits: UInt64 = 0
        for index in 0..<count {
            let byte = UInt64(scratch.binary[offset + index])
            bits = step.isLittleEndian ? bits | byte << UInt64(8 * index) : bits << 8 | byte
        }
        offset += count
        return switch step.type {
        case .u8, .u16, .u24, .u32, .u64: Double(bits)
        case .i8: Double(Int8(truncatingIfNeeded: bits))
        case .i16: Double(Int16(truncatingIfNeeded: bits))
        case .i24: Double(Int32(truncatingIfNeeded: bits << 8) >> 8)
        case .i32: Double(Int32(truncatingIfNeeded: bits))
        case .i64: Double(Int64(bitPattern: bits))
        case .f32: Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
        case .f64: Double(bitPattern: bits)
        }
    }
}

/// Bytes written as text.
enum BinaryText {
    /// Base64 with the standard or the URL alphabet, padded or not; false for anything else.
    static func decodeBase64(_ text: UnsafeRawBufferPointer, into bytes: inout [UInt8]) -> Bool {
        var text = text[...]
        for _ in 0..<2 where text.last == UInt8(ascii: "=") { text = text.dropLast() }
        guard text.count % 4 != 1 else { return false }
        var bits: UInt32 = 0
        var bitCount = 0
        for byte in text {
            guard let sextet = sextet(byte) else { return false }
            bits = bits << 6 | UInt32(sextet)
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
            }
        }
        return true
    }

    /// Two digits a byte, large or small letters, nothing between them.
    static func decodeHex(_ text: UnsafeRawBufferPointer, into bytes: inout [UInt8]) -> Bool {
        guard text.count % 2 == 0 else { return false }
        for index in stride(from: 0, to: text.count, by: 2) {
            guard let high = JSONText.hexDigit(text[index]), let low = JSONText.hexDigit(text[index + 1]) else {
                return false
            }
            bytes.append(high << 4 | low)
        }
        return true
    }

    private static func sextet(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
