import Basics

/// One line that steers no screen and no log: control characters become blanks, and what is too long ends with `…`.
func plainLine(_ text: String, bytesMax: Int = 300) -> String {
    var line = String.UnicodeScalarView()
    var bytes = 0
    for scalar in text.unicodeScalars {
        let shown: Unicode.Scalar = scalar.isSteering ? " " : scalar
        bytes += UTF8.width(shown)
        guard bytes <= bytesMax else { return String(line) + "…" }
        line.append(shown)
    }
    return String(line)
}

/// The first line of what somebody answered that is not empty; nil where there is none.
func firstLine(_ bytes: some Collection<UInt8>) -> String? {
    bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.lazy
        .map { plainLine(String(decoding: $0, as: UTF8.self)) }.first { $0.contains { !$0.isWhitespace } }
}

/// The last one.
func lastLine(_ bytes: some BidirectionalCollection<UInt8>) -> String? {
    bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.reversed().lazy
        .map { plainLine(String(decoding: $0, as: UTF8.self)) }.first { $0.contains { !$0.isWhitespace } }
}
