/// Which levels of a topic vary, and which of them names the device.
struct TopicGuess {
    /// As a profile writes it.
    private(set) var pattern = ""
    /// Whether the topic names the device, as `{device}`.
    private(set) var namesDevice = false
    /// Whether the last varying level says what is measured, as `{field}`.
    private(set) var namesField = false
    /// The texts of the level that is `{field}`.
    private(set) var fields: [String] = []

    /// `deviceNames` are texts of the payload that look like names; `wantsField` where the payload is a bare value.
    init(_ topics: [String], deviceNames: Set<String>, wantsField: Bool) {
        let rows = topics.map { $0.split(separator: "/", omittingEmptySubsequences: false).map(String.init) }
        let count = rows.map(\.count).min() ?? 0
        let columns = (0..<count).map { level in rows.map { $0[level] } }
        var isHole = columns.map { column in
            Set(column).count > 1 || column.contains { Self.isSerial($0) || $0.contains { "{}+#".contains($0) } }
        }
        var field: Int?
        if wantsField, let last = isHole.indices.last(where: { Set(columns[$0]).count > 1 }),
            !columns[last].allSatisfy(Self.isSerial),
            columns[last].contains(where: { QuantityAliases.guess($0) != nil })
        {
            field = last
            fields = Array(Set(columns[last])).sorted()
        }
        let candidates = isHole.indices.filter { isHole[$0] && $0 != field }
        var device =
            candidates.first { level in columns[level].allSatisfy { deviceNames.contains($0) } }
            ?? candidates.max { Self.score(columns[$0]) <= Self.score(columns[$1]) }
        if device == nil, deviceNames.isEmpty, count > 1 {
            // Nothing looks like a serial number: the level before the last mostly says who speaks.
            let level = count > 2 ? count - 2 : count - 1
            if level != field {
                device = level
                isHole[level] = true
            }
        }
        namesDevice = device != nil
        namesField = field != nil
        var others = 0
        pattern = columns.indices.map { level in
            if level == device { return "{device}" }
            if level == field { return "{field}" }
            guard isHole[level] else { return columns[level][0] }
            others += 1
            return others == 1 ? "{any}" : "{any\(others)}"
        }.joined(separator: "/")
    }

    private static func score(_ column: [String]) -> Int {
        (column.allSatisfy(isSerial) ? 1000 : 0) + Set(column).count + (column.allSatisfy { $0.count > 3 } ? 10 : 0)
    }

    /// Whether a level looks like the name of one device among many.
    static func isSerial(_ level: String) -> Bool {
        let digits = level.count { $0.isASCII && $0.isNumber }
        guard digits > 0 else { return false }
        if digits >= 3 { return true }
        // `lamp-17`, `dev_2`: a number behind a sign.
        if let sign = level.lastIndex(where: { $0 == "-" || $0 == "_" || $0 == ":" }), sign > level.startIndex {
            let tail = level[level.index(after: sign)...]
            // `weather-v2` is a version.
            if !tail.isEmpty, tail.allSatisfy({ $0.isASCII && $0.isNumber }) { return true }
        }
        return level.count >= 8 && level.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "-" }
    }
}
