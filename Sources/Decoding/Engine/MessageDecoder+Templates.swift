import Basics
import Telemetry

extension MessageDecoder {
    /// The text of a template; nil where a part of it is absent or missing.
    mutating func written(_ position: UInt32) -> UnsafeRawBufferPointer? {
        let template = plan.templates[position]
        if template.parts.count == 1 {
            let part = plan.templateParts[template.parts.start]
            if part.operations.isEmpty {
                // The usual device name: one capture, handed on where it lies.
                switch part.kind {
                case .capture:
                    let text = scratch.captures[Int(part.position)]
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
        scratch.arena.beginText()
        buffer.withBytes { scratch.arena.append($0) }
        return scratch.arena.endText()
    }

    private mutating func append(_ part: TemplatePart, to buffer: inout TemplateText) -> Bool {
        switch part.kind {
        case .literal: return buffer.append(constant(part.word))
        case .capture:
            let text = scratch.captures[Int(part.position)]
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
        let mark = scratch.arena.mark
        defer { scratch.arena.rewind(to: mark) }
        scratch.arena.beginText()
        scratch.arena.append(whole)
        return buffer.append(scratch.arena.endText())
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
