import Basics
import Telemetry

/// One value taken from a message, without its place.
struct Scalar {
    var kind: Tape.Kind
    var isEscaped = false
    /// Of `number` and `text`.
    var text: UnsafePointer<UInt8>
    var count = 0
    /// Of `real`.
    var real = 0.0

    var isContainer: Bool { kind == .array || kind == .object }
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: text, count: count) }
}

/// What a value is as a number.
enum Numeric {
    case value(Double)
    case missing
    case wrong
}

extension MessageDecoder {
    @inline(__always)
    func scalar(of node: Int) -> Scalar {
        let node = document.tape.nodes[node]
        if node.kind == .real { return Scalar(kind: .real, text: document.text, real: node.real) }
        return Scalar(
            kind: node.kind, isEscaped: node.isEscaped, text: document.text + Int(node.start), count: Int(node.count))
    }

    /// The value of a reference without `*`; nil where it is absent.
    @inline(__always)
    mutating func value(of position: UInt32) -> Scalar? {
        let reference = plan.references[position]
        switch reference.base {
        case .item, .message:
            let node = node(at: position)
            return node < 0 ? nil : scalar(of: Int(node))
        case .key, .index, .outerKey, .template, .fact: return value(ofNamed: reference)
        }
    }

    @inline(never)
    private mutating func value(ofNamed reference: Reference) -> Scalar? {
        switch reference.base {
        case .item, .message: return nil
        case .index:
            return item.iteration.index < 0
                ? nil : Scalar(kind: .real, text: document.text, real: Double(item.iteration.index))
        case .fact: return fact(reference.template)
        case .key, .outerKey:
            let place = reference.base == .key ? item.iteration.keyNode : item.iteration.outerKeyNode
            guard place >= 0 else { return nil }
            let node = document.tape.nodes[Int(place)]
            return Scalar(
                kind: .text, isEscaped: node.isKeyEscaped, text: keyBase(node) + Int(node.keyStart),
                count: Int(node.keyCount))
        case .template:
            guard let name = written(reference.template) else { return nil }
            guard let base = name.baseAddress else { return Scalar(kind: .text, text: document.text) }
            return Scalar(kind: .text, text: base.assumingMemoryBound(to: UInt8.self), count: name.count)
        }
    }

    /// Longer texts are not looked into as names, map keys, numbers or times.
    static var namedTextBytesMax: Int { 4096 }

    /// The text of a scalar as it is meant, escapes resolved; nil for containers, null, and texts beyond
    /// `namedTextBytesMax`.
    mutating func plainText(_ scalar: Scalar) -> UnsafeRawBufferPointer? {
        switch scalar.kind {
        case .number: return scalar.bytes
        case .text:
            guard scalar.isEscaped else { return scalar.bytes }
            guard scalar.count <= Self.namedTextBytesMax else { return nil }
            return unescaped(scalar.text, count: scalar.count)
        case .yes: return Self.staticText("true")
        case .no: return Self.staticText("false")
        case .real:
            guard let whole = Int64(exactly: scalar.real) else { return nil }
            scratch.arena.beginText()
            scratch.arena.append(whole)
            return scratch.arena.endText()
        case .null, .array, .object: return nil
        }
    }

    private static func staticText(_ text: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    mutating func unescaped(_ text: UnsafePointer<UInt8>, count: Int) -> UnsafeRawBufferPointer {
        scratch.arena.beginText()
        let written = JSONText.unescape(text, count: count, into: scratch.arena.room(count))
        scratch.arena.advance(written)
        return scratch.arena.endText()
    }

    /// Whether a value is the one that a profile names: the same text, or the same number.
    mutating func isEqual(_ scalar: Scalar, _ literal: Literal) -> Bool {
        if scalar.kind == .number || scalar.kind == .real, case .value(let number) = numeric(scalar) {
            return number == literal.number
        }
        guard let text = plainText(scalar), let base = text.baseAddress else {
            return scalar.kind == .text && literal.word.count == 0
        }
        return plan.isEqual(literal.word, base.assumingMemoryBound(to: UInt8.self), count: text.count)
    }

    /// The value as a number: numbers in strings are numbers, true is 1 and false is 0.
    @inline(__always)
    mutating func numeric(_ scalar: Scalar) -> Numeric {
        if scalar.kind == .number {
            guard let number = DecimalNumber.parse(scalar.text, count: scalar.count) else { return .wrong }
            return number.isFinite ? .value(number) : .missing
        }
        return otherNumeric(scalar)
    }

    @inline(never)
    private mutating func otherNumeric(_ scalar: Scalar) -> Numeric {
        switch scalar.kind {
        case .number, .array, .object: return .wrong
        case .real: return scalar.real.isFinite ? .value(scalar.real) : .missing
        case .yes: return .value(1)
        case .no: return .value(0)
        case .null: return .missing
        case .text:
            guard let text = plainText(scalar) else { return .wrong }
            if MissingText.contains(text) { return .missing }
            guard let number = DecimalNumber.parse(text) else { return .wrong }
            return number.isFinite ? .value(number) : .missing
        }
    }

    /// Whether the value is one of those that always mean "no value".
    mutating func isMissing(_ scalar: Scalar) -> Bool {
        switch scalar.kind {
        case .null: true
        case .text: plainText(scalar).map { MissingText.contains($0) } ?? false
        case .real: !scalar.real.isFinite
        case .number, .yes, .no, .array, .object: false
        }
    }
}
