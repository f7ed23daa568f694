/// A table of facts as CSV: comment lines with `#` say the source, then a header, then rows.
struct FactTable {
    struct Malformed: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    let name: String
    let columns: [String]
    let rows: [Row]

    /// A row by the names of the columns.
    struct Row {
        fileprivate let columns: [String]
        fileprivate let cells: [String]
        fileprivate let place: String

        /// A column that the table does not have is a mistake of the program.
        subscript(_ column: String) -> String {
            guard let index = columns.firstIndex(of: column) else {
                preconditionFailure("\(place): there is no column \(column)")
            }
            return cells[index]
        }

        func decimal(_ column: String) -> ExactDecimal {
            guard let decimal = ExactDecimal(self[column]) else {
                preconditionFailure("\(place), \(column): '\(self[column])' is no number")
            }
            return decimal
        }

        func decimalIfAny(_ column: String) -> ExactDecimal? { self[column].isEmpty ? nil : decimal(column) }

        func integer(_ column: String) -> Int {
            guard let integer = Int(self[column]) else {
                preconditionFailure("\(place), \(column): '\(self[column])' is no whole number")
            }
            return integer
        }
    }

    /// A table of this package: one that cannot be read is a mistake of the program.
    init(embedded bytes: [UInt8], _ name: String) {
        do {
            try self.init(bytes, name)
        } catch {
            preconditionFailure(error.description)
        }
    }

    /// Fields may stand in quotes (RFC 4180), on one line.
    init(_ bytes: [UInt8], _ name: String) throws(Malformed) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Malformed(description: "\(name): not UTF-8")
        }
        self.name = name
        var columns: [String]?
        var rows: [Row] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty && line.first != "#" {
            let place = "\(name), line \(index + 1)"
            guard let cells = Self.cells(line) else {
                throw Malformed(description: "\(place): a quotation mark that does not close, or with text around it")
            }
            guard let header = columns else {
                guard Set(cells).count == cells.count else {
                    throw Malformed(description: "\(place): two columns have the same name")
                }
                columns = cells
                continue
            }
            guard cells.count == header.count else {
                throw Malformed(description: "\(place): \(cells.count) fields for \(header.count) columns")
            }
            rows.append(Row(columns: header, cells: cells, place: place))
        }
        guard let columns, !rows.isEmpty else { throw Malformed(description: "\(name): no header, or no rows") }
        self.columns = columns
        self.rows = rows
    }

    private static func cells(_ line: Substring) -> [String]? {
        var cells: [String] = []
        var rest = line.unicodeScalars[...]
        while true {
            var cell = String.UnicodeScalarView()
            if rest.first == "\"" {
                rest.removeFirst()
                while true {
                    guard let next = rest.popFirst() else { return nil }
                    if next != "\"" {
                        cell.append(next)
                    } else if rest.first == "\"" {
                        cell.append(rest.removeFirst())
                    } else {
                        break
                    }
                }
                guard rest.isEmpty || rest.first == "," else { return nil }
            } else {
                while let next = rest.first, next != "," {
                    guard next != "\"" else { return nil }
                    cell.append(next)
                    rest.removeFirst()
                }
            }
            cells.append(String(cell))
            if rest.popFirst() == nil { return cells }
        }
    }
}
