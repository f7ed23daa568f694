/// Rows of text in columns, for people: a header, then the rows; numbers stand right, words left.
struct TextTable {
    enum Alignment { case left, right }

    struct Column {
        let title: String
        /// What programs call it: the key of the JSON answer.
        let key: String
        let alignment: Alignment

        init(_ title: String, _ alignment: Alignment = .left, key: String? = nil) {
            self.title = title
            self.key = key ?? title
            self.alignment = alignment
        }
    }

    let columns: [Column]
    private(set) var rows: [[String]] = []

    init(_ columns: [Column]) { self.columns = columns }

    mutating func append(_ row: [String]) {
        precondition(row.count == columns.count, "table: \(row.count) cells for \(columns.count) columns")
        rows.append(row)
    }

    /// A last column that has less room than this is left as it is: words one below the other say less than a broken line.
    private static let proseMin = 20

    /// Lines without trailing blanks, one a row; for a terminal of so many columns what its last column has no room for goes on
    /// below its beginning.
    func lines(width: Int? = nil) -> [String] {
        guard let width, let last = columns.indices.last, columns[last].alignment == .left else { return lines(rows) }
        let start = columns.indices.dropLast().reduce(0) { sum, column in
            sum + 2 + (([columns[column].title] + rows.map { $0[column] }).map(displayWidth).max() ?? 0)
        }
        guard width - start >= Self.proseMin else { return lines(rows) }
        return lines(
            rows.flatMap { row in
                Paragraphs.wrapped(row[last], width - start).enumerated().map { place, text in
                    (place == 0 ? Array(row.dropLast()) : Array(repeating: "", count: last)) + [text]
                }
            })
    }

    private func lines(_ rows: [[String]]) -> [String] {
        let all = [columns.map(\.title)] + rows
        let widths = all.map { $0.map(displayWidth) }
        let columnWidths = columns.indices.map { column in widths.map { $0[column] }.max() ?? 0 }
        return zip(all, widths).map { row, widths in
            var line = ""
            // Blanks are owed until text follows, so that none trail.
            var owed = 0
            for index in row.indices {
                let padding = columnWidths[index] - widths[index]
                if columns[index].alignment == .right { owed += padding }
                if !row[index].isEmpty {
                    line += String(repeating: " ", count: owed) + row[index]
                    owed = 0
                }
                owed += columns[index].alignment == .left ? padding + 2 : 2
            }
            return line
        }
    }
}

/// Terminal cells that a text takes: two for East Asian wide characters, of which device and area names may have many,
/// none for accents that stand upon the letter before.
func displayWidth(_ text: String) -> Int {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
    return text.unicodeScalars.reduce(0) { $0 + cells(of: $1) }
}

private func cells(of scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case 0..<0x300: return 1
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
        0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
        return 2
    default: break
    }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: return scalar.properties.isEmojiPresentation ? 2 : 1
    }
}
