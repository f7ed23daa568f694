import Glibc

/// Lines of text under headings in capitals at the left, wrapped to the width of the terminal.
struct Paragraphs {
    private static let indent = 10
    /// As wide as people like to read, where the terminal has room for it.
    private static let widthMax = 100

    let width: Int
    private(set) var lines: [String] = []

    init(width: Int = Self.terminalWidth()) { self.width = max(40, min(width, Self.widthMax)) }

    /// Columns of the terminal; of a file or a pipe 80.
    static func terminalWidth() -> Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// A sentence across the whole width.
    mutating func add(_ text: String) { lines += Self.wrapped(text, width) }

    /// Lines under one heading; nothing where there are none.
    mutating func add(_ heading: String, _ texts: [String]) {
        for (place, text) in texts.enumerated() {
            let head = place == 0 ? heading : ""
            let label = head + String(repeating: " ", count: max(1, Self.indent - displayWidth(head)))
            for (row, line) in Self.wrapped(text, width - Self.indent).enumerated() {
                lines.append((row == 0 ? label : String(repeating: " ", count: Self.indent)) + line)
            }
        }
    }

    /// At blanks; a word that is longer than a line keeps its own.
    static func wrapped(_ text: String, _ width: Int) -> [String] {
        guard displayWidth(text) > width else { return [text] }
        var lines = [""]
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if displayWidth(line) + 1 + displayWidth(String(word)) <= width {
                lines[lines.count - 1] = "\(line) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
