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
    // MARK: References

    /// The node that a reference without `*` leads to; negative where there is none, or where it leads to no node.
    @inline(__always)
    mutating func node(at position: UInt32) -> Int32 {
        let reference = plan.references[position]
        switch reference.base {
        case .item:
            return walk(reference.steps, from: Int32(truncatingIfNeeded: item))
        case .message:
            let known = found[Int(position)]
            if known.stamp == messageStamp { return known.node }
            let node = walk(reference.steps, from: 0)
            found[Int(position)] = FoundReference(stamp: messageStamp, node: node)
            return node
        case .key, .index, .outerKey, .template, .fact: return -1
        }
    }

    @inline(__always)
    private mutating func walk(_ steps: Run, from start: Int32) -> Int32 {
        var node = start
        var index = steps.start
        while index < steps.end {
            node = step(plan.steps[index], from: Int(node))
            if node < 0 { return -1 }
            index &+= 1
        }
        return node
    }

    @inline(__always)
    mutating func step(_ step: Step, from node: Int) -> Int32 {
        let container = tape.nodes[node]
        switch (container.kind, step.kind) {
        case (.object, .member): return member(step.word, of: node)
        case (.array, .member):
            guard step.element >= 0 else { return -1 }
            var child = node &+ 1
            var left = step.element
            while child < Int(container.next) {
                if left == 0 { return Int32(truncatingIfNeeded: child) }
                left &-= 1
                child = Int(tape.nodes[child].next)
            }
            return -1
        case (.array, .filter), (.object, .filter):
            var child = node &+ 1
            while child < Int(container.next) {
                if tape.nodes[child].kind == .object {
                    let key = member(step.word, of: child)
                    if key >= 0, isEqual(scalar(of: Int(key)), step.literal) {
                        return Int32(truncatingIfNeeded: child)
                    }
                }
                child = Int(tape.nodes[child].next)
            }
            return -1
        default: return -1
        }
    }

    /// The first member of that name; negative where there is none.
    @inline(__always)
    private mutating func member(_ word: Word, of object: Int) -> Int32 {
        var child = object &+ 1
        let end = Int(tape.nodes[object].next)
        while child < end {
            let node = tape.nodes + child
            if node.pointee.keyPrefix == word.prefix, node.pointee.keyCount == word.count,
                word.count <= 8 || isKey(node.pointee, word)
            {
                return Int32(truncatingIfNeeded: child)
            }
            if node.pointee.isKeyEscaped, isEscapedKey(node.pointee, word) {
                return Int32(truncatingIfNeeded: child)
            }
            child = Int(node.pointee.next)
        }
        return -1
    }

    private func isKey(_ node: Tape.Node, _ word: Word) -> Bool {
        plan.isEqual(word, keyBase(node) + Int(node.keyStart), count: Int(node.keyCount))
    }

    @inline(never)
    private mutating func isEscapedKey(_ node: Tape.Node, _ word: Word) -> Bool {
        guard Int(node.keyCount) <= Self.namedTextBytesMax, node.keyCount > word.count else { return false }
        let mark = arena.mark
        defer { arena.rewind(to: mark) }
        let key = unescaped(text + Int(node.keyStart), count: Int(node.keyCount))
        return key.count == Int(word.count)
            && plan.isEqual(word, key.baseAddress!.assumingMemoryBound(to: UInt8.self), count: key.count)
    }

    private func keyBase(_ node: Tape.Node) -> UnsafePointer<UInt8> {
        node.isKeyOfPlan ? plan.bytes.pointer : text
    }

    /// Puts every node that a reference with `*` leads to on the stack of matches.
    mutating func collect(_ reference: Reference) {
        collect(
            reference.steps, from: reference.base == .message ? 0 : Int32(truncatingIfNeeded: item),
            iteration: iteration)
    }

    private mutating func collect(_ steps: Run, from start: Int32, iteration: Iteration) {
        var node = start
        var index = steps.start
        while index < steps.end {
            let step = plan.steps[index]
            index &+= 1
            guard step.kind == .every else {
                node = self.step(step, from: Int(node))
                if node < 0 { return }
                continue
            }
            let container = tape.nodes[Int(node)]
            guard container.kind == .array || container.kind == .object else { return }
            let rest = Run(start: index, count: steps.end &- index)
            var child = Int(node) &+ 1
            var inner = Iteration()
            while child < Int(container.next) {
                inner.index &+= 1
                inner.outerKeyNode = iteration.keyNode
                inner.keyNode = container.kind == .object ? Int32(truncatingIfNeeded: child) : -1
                // At most as deep as the reference has stars, which the loader bounds.
                collect(rest, from: Int32(truncatingIfNeeded: child), iteration: inner)
                child = Int(tape.nodes[child].next)
            }
            return
        }
        matches.append(Match(node: node, iteration: iteration))
    }

    // MARK: Values

    @inline(__always)
    func scalar(of node: Int) -> Scalar {
        let node = tape.nodes[node]
        if node.kind == .real { return Scalar(kind: .real, text: text, real: node.real) }
        return Scalar(kind: node.kind, isEscaped: node.isEscaped, text: text + Int(node.start), count: Int(node.count))
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
        case .index: return iteration.index < 0 ? nil : Scalar(kind: .real, text: text, real: Double(iteration.index))
        case .fact: return fact(reference.template)
        case .key, .outerKey:
            let place = reference.base == .key ? iteration.keyNode : iteration.outerKeyNode
            guard place >= 0 else { return nil }
            let node = tape.nodes[Int(place)]
            return Scalar(
                kind: .text, isEscaped: node.isKeyEscaped, text: keyBase(node) + Int(node.keyStart),
                count: Int(node.keyCount))
        case .template:
            guard let name = written(reference.template) else { return nil }
            guard let base = name.baseAddress else { return Scalar(kind: .text, text: text) }
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
            arena.beginText()
            arena.append(whole)
            return arena.endText()
        case .null, .array, .object: return nil
        }
    }

    private static func staticText(_ text: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    mutating func unescaped(_ text: UnsafePointer<UInt8>, count: Int) -> UnsafeRawBufferPointer {
        arena.beginText()
        let written = JSONText.unescape(text, count: count, into: arena.room(count))
        arena.advance(written)
        return arena.endText()
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

    // MARK: Conditions and patterns

    @inline(__always)
    mutating func hold(_ conditions: Run) -> Bool {
        if conditions.isEmpty { return true }
        return holdEach(conditions)
    }

    private mutating func holdEach(_ conditions: Run) -> Bool {
        for position in conditions.range {
            let condition = plan.conditions[position]
            guard let value = value(of: condition.reference) else {
                guard condition.kind == .absent || condition.kind == .noneOf else { return false }
                continue
            }
            switch condition.kind {
            case .exists:
                if value.kind == .null { return false }
            case .absent:
                if value.kind != .null { return false }
            case .noneOf:
                if condition.literals.range.contains(where: { isEqual(value, plan.literals[$0]) }) { return false }
            case .above, .below:
                guard case .value(let number) = numeric(value) else { return false }
                let bound = plan.literals[condition.literals.start].number
                guard condition.kind == .above ? number > bound : number < bound else { return false }
            case .hasWord:
                guard hasWord(value, condition.literals) else { return false }
            case .oneOf:
                guard condition.literals.range.contains(where: { isEqual(value, plan.literals[$0]) }) else {
                    return false
                }
            case .like:
                guard matches(value, condition.pattern) else { return false }
            }
        }
        return true
    }

    /// Whether a text is a list with one of these words in it; blanks, commas, semicolons and bars stand between words.
    mutating func hasWord(_ scalar: Scalar, _ words: Run) -> Bool {
        guard let text = plainText(scalar), text.count <= Self.namedTextBytesMax,
            let base = text.baseAddress?.assumingMemoryBound(to: UInt8.self)
        else { return false }
        var start = 0
        while start < text.count {
            var end = start
            while end < text.count, !Self.isBetweenWords(base[end]) { end += 1 }
            for position in words.range
            where plan.isEqual(plan.literals[position].word, base + start, count: end - start) {
                return true
            }
            start = end + 1
        }
        return false
    }

    private static func isBetweenWords(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "|"), 0x09, 0x0A, 0x0D: true
        default: false
        }
    }

    mutating func matches(_ scalar: Scalar, _ pattern: UInt32) -> Bool {
        guard let text = plainText(scalar), text.count <= Self.namedTextBytesMax else { return false }
        let parts = plan.patterns[pattern].parts
        guard let base = text.baseAddress else { return parts.isEmpty }
        return plan.matches(parts, base.assumingMemoryBound(to: UInt8.self), count: text.count, captures)
    }

    // MARK: Templates and names

    /// The text of a template; nil where a part of it is absent or missing.
    mutating func written(_ position: UInt32) -> UnsafeRawBufferPointer? {
        let template = plan.templates[position]
        if template.parts.count == 1 {
            let part = plan.templateParts[template.parts.start]
            if part.operations.isEmpty {
                // The usual device name: one capture, handed on where it lies.
                switch part.kind {
                case .capture:
                    let text = captures[Int(part.position)]
                    return text.baseAddress == nil ? nil : text
                case .literal: return constant(part.word)
                case .reference:
                    guard let scalar = value(of: part.position), !isMissing(scalar) else { return nil }
                    return plainText(scalar)
                }
            }
        }
        // References are resolved before the text is begun, for they may write texts of their own.
        var buffer = TemplateText()
        for index in template.parts.range {
            guard append(plan.templateParts[index], to: &buffer) else { return nil }
        }
        arena.beginText()
        buffer.withBytes { arena.append($0) }
        return arena.endText()
    }

    private mutating func append(_ part: TemplatePart, to buffer: inout TemplateText) -> Bool {
        switch part.kind {
        case .literal: return buffer.append(constant(part.word))
        case .capture:
            let text = captures[Int(part.position)]
            guard text.baseAddress != nil else { return false }
            if part.operations.isEmpty { return buffer.append(text) }
            guard let number = DecimalNumber.parse(text) else { return false }
            return append(number, part.operations, to: &buffer)
        case .reference:
            guard let scalar = value(of: part.position), !isMissing(scalar) else { return false }
            if part.operations.isEmpty {
                guard let text = plainText(scalar) else { return false }
                return buffer.append(text)
            }
            guard case .value(let number) = numeric(scalar) else { return false }
            return append(number, part.operations, to: &buffer)
        }
    }

    private mutating func append(_ number: Double, _ operations: Run, to buffer: inout TemplateText) -> Bool {
        guard var whole = Int64(exactly: number) else { return false }
        for index in operations.range {
            let operation = plan.operations[index]
            switch operation.kind {
            case .shiftRight: whole >>= operation.operand
            case .add:
                let (sum, overflow) = whole.addingReportingOverflow(operation.operand)
                if overflow { return false }
                whole = sum
            case .and: whole &= operation.operand
            }
        }
        let mark = arena.mark
        defer { arena.rewind(to: mark) }
        arena.beginText()
        arena.append(whole)
        return buffer.append(arena.endText())
    }

    private func constant(_ word: Word) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: plan.bytes.pointer + Int(word.start), count: Int(word.count))
    }

    /// The name that a naming gives; nil where it gives none.
    mutating func name(_ position: UInt32) -> UnsafeRawBufferPointer? {
        let naming = plan.namings[position]
        if naming.reference >= 0, let scalar = value(of: UInt32(naming.reference)) {
            for index in naming.cases.range where isEqual(scalar, plan.namingCases[index].literal) {
                return written(plan.namingCases[index].template)
            }
        }
        return naming.template < 0 ? nil : written(UInt32(naming.template))
    }
}

/// A name in the making: as long as a name can be, and a little more so that a longer one is refused, not cut.
private struct TemplateText {
    private var bytes = InlineArray<256, UInt8>(repeating: 0)
    private var count = 0

    mutating func append(_ text: UnsafeRawBufferPointer) -> Bool {
        guard count + text.count <= 256 else { return false }
        for byte in text {
            bytes[count] = byte
            count += 1
        }
        return true
    }

    func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        bytes.span.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
}

/// The texts that mean "no value" in every dialect.
enum MissingText {
    static func contains(_ text: UnsafeRawBufferPointer) -> Bool {
        switch text.count {
        case 0: return true
        case 3: return isWord(text, "nan") || isWord(text, "inf")
        case 4: return isExactly(text, "None") || isExactly(text, "null") || isSignedInfinity(text)
        case 7: return isExactly(text, "unknown")
        case 8: return isWord(text, "infinity")
        case 9: return isSignedInfinity(text)
        case 11: return isExactly(text, "unavailable")
        case 16: return isExactly(text, "urn:ngsi-ld:null")
        default: return false
        }
    }

    private static func isExactly(_ text: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        text.indices.allSatisfy { text[$0] == word.utf8Start[$0] }
    }

    /// Compares without regard to case; the word is in small letters.
    private static func isWord(_ text: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        text.indices.allSatisfy { text[$0] | 0x20 == word.utf8Start[$0] }
    }

    private static func isSignedInfinity(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text[0] == UInt8(ascii: "-") || text[0] == UInt8(ascii: "+") else { return false }
        let rest = UnsafeRawBufferPointer(rebasing: text.dropFirst())
        return rest.count == 3 ? isWord(rest, "inf") : isWord(rest, "infinity")
    }
}
