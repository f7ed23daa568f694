import Basics
import Telemetry

/// Lines of text taken apart by patterns: an array of objects, one for each line that fits a pattern.
enum LinesFormat {
    static func lay(
        _ payload: UnsafeRawBufferPointer, _ format: FormatPlan, _ plan: PlanTables,
        _ holes: UnsafeMutablePointer<UnsafeRawBufferPointer>, into document: inout DocumentWriter
    ) throws(FormatFault) {
        document.begin(payloadBytes: payload.count)
        var cursor = ByteCursor(payload)
        var number: Int64 = 0
        var unknown: Int64 = 0
        var known = 0
        try document.beginArray()
        while !cursor.isAtEnd {
            document.position = cursor.position
            let line = cursor.until(0x0A).trimmed
            cursor.position += 1
            number += 1
            guard let base = line.baseAddress, !line.isEmpty else { continue }
            let text = base.assumingMemoryBound(to: UInt8.self)
            let fitting = format.patterns.range.first {
                plan.matchesLine(plan.patterns[$0].parts, text, count: line.count, holes)
            }
            guard let fitting else {
                unknown = unknown == 0 ? number : unknown
                continue
            }
            known += 1
            try document.beginObject()
            try document.name("line")
            try document.number(number)
            for index in plan.patterns[fitting].parts.range where plan.patternParts[index].kind != .literal {
                let part = plan.patternParts[index]
                try document.name(plan.constant(part.word))
                try document.text(holes[Int(part.capture)])
            }
            document.end()
        }
        document.end()
        // Foreign lines between known ones are usual in telegrams; a payload of nothing else is another format.
        if known == 0, unknown > 0 {
            throw FormatFault(.malformed, "no line fits a pattern of the profile, the first one being line \(unknown)")
        }
    }
}

extension PlanTables {
    func constant(_ word: Word) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: bytes.pointer + Int(word.start), count: Int(word.count))
    }

    /// Whether a whole line fits; the holes, which may hold slashes, are written to `holes`.
    ///
    /// A hole ends before the first place where the text after it fits, the last text stands at the end: linear.
    fileprivate func matchesLine(
        _ parts: Run, _ text: UnsafePointer<UInt8>, count: Int,
        _ holes: UnsafeMutablePointer<UnsafeRawBufferPointer>
    ) -> Bool {
        var position = 0
        var index = parts.start
        while index < parts.end {
            let part = patternParts[index]
            index &+= 1
            let start = position
            switch part.kind {
            case .literal:
                let length = Int(part.word.count)
                guard position + length <= count, isEqual(part.word, text + position, count: length) else {
                    return false
                }
                position += length
                continue
            case .digits:
                while position < count, text[position] &- UInt8(ascii: "0") <= 9 { position += 1 }
                guard position > start else { return false }
            case .level, .rest:
                guard index < parts.end else {
                    position = count
                    break
                }
                let word = patternParts[index].word
                let length = Int(word.count)
                if index + 1 == parts.end { position = max(start, count - length) }
                while position + length <= count, !isEqual(word, text + position, count: length) { position += 1 }
                guard position + length <= count else { return false }
            }
            holes[Int(part.capture)] = UnsafeRawBufferPointer(start: text + start, count: position - start)
        }
        return position == count
    }
}
