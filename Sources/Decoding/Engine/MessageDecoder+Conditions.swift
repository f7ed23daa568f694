import Basics
import Telemetry

extension MessageDecoder {
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
        return plan.matches(
            parts, base.assumingMemoryBound(to: UInt8.self), count: text.count, scratch.captures.pointer)
    }
}
