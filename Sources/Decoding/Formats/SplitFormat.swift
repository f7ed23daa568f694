/// Texts between separators: an array, or an object where the profile names them.
enum SplitFormat {
    static func lay(
        _ payload: UnsafeRawBufferPointer, _ format: FormatPlan, _ plan: PlanTables,
        into document: inout DocumentWriter
    ) throws(FormatFault) {
        document.begin(payloadBytes: payload.count)
        let text = payload.trimmed
        let separator = format.separator
        let width = Int(separator.count)
        let base = text.baseAddress.map { $0.assumingMemoryBound(to: UInt8.self) }
        if format.names.isEmpty { try document.beginArray() } else { try document.beginObject() }
        var start = 0
        var position = 0
        var index: UInt32 = 0
        while let base {
            let isEnd = position + width > text.count
            guard isEnd || plan.isEqual(separator, base + position, count: width) else {
                position += 1
                continue
            }
            document.position = start
            if !format.names.isEmpty {
                if index < format.names.count {
                    try document.name(plan.constant(plan.literals[format.names.start + index].word))
                } else {
                    // More than the profile names: known by their place.
                    document.beginText()
                    try document.append(magnitude: UInt64(index), isNegative: false)
                    try document.nameText()
                }
            }
            let end = isEnd ? text.count : position
            try document.text(UnsafeRawBufferPointer(rebasing: text[start..<end]).trimmed)
            if isEnd { break }
            position += width
            start = position
            index += 1
        }
        document.end()
    }
}
