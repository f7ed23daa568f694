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
        case full
    }

    /// Decodes the binary text that a rule unwraps and lays its fields on the tape, behind the message.
    mutating func unwrap(_ position: UInt32) -> Unwrapped {
        let unwrap = plan.unwraps[position]
        guard let value = value(of: unwrap.reference), !isMissing(value) else { return .absent }
        guard value.kind == .text else { return .failed(.unexpectedValue, "the field to unwrap is not a text") }
        // Unescaped whole: some encoders write the slash of base64 as `\/`.
        let source = value.isEscaped ? unescaped(value.text, count: value.count) : value.bytes
        binary.removeAll(keepingCapacity: true)
        let isDecoded =
            switch unwrap.encoding {
            case .base64: BinaryText.decodeBase64(source, into: &binary)
            case .hex: BinaryText.decodeHex(source, into: &binary)
            }
        guard isDecoded else { return .failed(.malformed, "the field to unwrap is not \(unwrap.encoding)") }
        var root = Tape.Node()
        root.kind = .object
        guard let node = tape.append(root) else { return .failed(.tooLarge, "more than \(limits.nodesMax) values") }
        var offset = 0
        do {
            try run(unwrap.layout, &offset)
        } catch {
            switch error {
            case .pastEnd(let needed, let at):
                let detail = "\(needed) bytes wanted at byte \(at), but \(binary.count) in all"
                return .failed(.malformed, detail)
            case .mustBe(let at): return .failed(.unexpectedValue, "byte \(at) is not what the profile demands")
            case .full: return .failed(.tooLarge, "more than \(limits.nodesMax) values")
            }
        }
        guard offset == binary.count || unwrap.isRestAllowed else {
            return .failed(.malformed, "\(binary.count - offset) bytes left over at byte \(offset)")
        }
        tape.close(node)
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
                var node = named(step.name)
                node.kind = .real
                node.real = number
                node.next = UInt32(tape.count + 1)
                guard tape.append(node) != nil else { throw .full }
            case .skip:
                guard offset + Int(step.count) <= binary.count else {
                    throw .pastEnd(needed: Int(step.count), at: offset)
                }
                offset += Int(step.count)
            case .mask:
                let mask = UInt64(try take(step, &offset))
                for bit in step.body.range where mask >> UInt64(plan.layout[bit].count) & 1 == 1 {
                    try run(plan.layout[bit].body, &offset)
                }
            case .bit: break
            case .repetition:
                var list = named(step.name)
                list.kind = .array
                guard let listNode = tape.append(list) else { throw .full }
                var left = step.count
                while step.count < 0 ? offset < binary.count : left > 0 {
                    left -= 1
                    var entry = Tape.Node()
                    entry.kind = .object
                    guard let entryNode = tape.append(entry) else { throw .full }
                    try run(step.body, &offset)
                    tape.close(entryNode)
                }
                tape.close(listNode)
            }
        }
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
        guard offset + count <= binary.count else { throw .pastEnd(needed: count, at: offset) }
        var bits: UInt64 = 0
        for index in 0..<count {
            let byte = UInt64(binary[offset + index])
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
