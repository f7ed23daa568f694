extension Duration {
    /// Reads `250ms`, `30s`, `5m`, `1h`, `7d`; nil for anything else. A number without unit is refused: it would be
    /// read as seconds by one and milliseconds by another.
    public init?(shortForm text: String) {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let number = Double(digits), number.isFinite, number < 1e9 else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": self = .milliseconds(Int64(number))
        case "s": self = .milliseconds(Int64(number * 1000))
        case "m", "min": self = .milliseconds(Int64(number * 60_000))
        case "h": self = .milliseconds(Int64(number * 3_600_000))
        case "d": self = .milliseconds(Int64(number * 86_400_000))
        default: return nil
        }
    }

    /// The shortest of `250ms`, `30s`, `5m`, `1h`, `7d` that says it exactly; a single day is `24h`.
    public var shortForm: String {
        let milliseconds = milliseconds
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] as [(String, Int64)]
        where milliseconds != 0 && milliseconds % size == 0 && (unit != "d" || milliseconds > size) {
            return "\(milliseconds / size)\(unit)"
        }
        return milliseconds == 0 ? "0s" : "\(milliseconds)ms"
    }
}
