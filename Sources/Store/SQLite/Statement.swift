import CSQLite
import Synchronization

/// A prepared statement. Parameters count from 1; columns are read by their names.
final class Statement {
    private let handle: OpaquePointer
    private let sql: String
    private unowned let connection: Connection
    /// Columns that were asked for by name.
    // No access lasts longer than a line of `column` or `find`, neither calls the other within one: the check of that
    // took two thirds of what a name costs.
    @exclusivity(unchecked) private var columns: [(name: UnsafePointer<UInt8>, place: Int)] = []

    init(_ handle: OpaquePointer, _ sql: String, _ connection: Connection) {
        self.handle = handle
        self.sql = sql
        self.connection = connection
    }

    deinit { sqlite3_finalize(handle) }

    func bind(_ values: [SQLValue]) {
        for (offset, value) in values.enumerated() {
            let index = Int32(offset + 1)
            switch value {
            case .null: sqlite3_bind_null(handle, index)
            case .integer(let number): sqlite3_bind_int64(handle, index, number)
            case .real(let number): sqlite3_bind_double(handle, index, number)
            case .text(let text):
                var text = text
                text.withUTF8 { bytes in
                    bytes.withMemoryRebound(to: CChar.self) { characters in
                        // An empty string may have no address, and no address would bind NULL.
                        if let base = characters.baseAddress {
                            _ = sqlite3_bind_text(
                                handle, index, base, Int32(characters.count), baotu_sqlite_transient())
                        } else {
                            _ = sqlite3_bind_text(handle, index, "", 0, baotu_sqlite_transient())
                        }
                    }
                }
            case .blob(let bytes):
                bytes.withUnsafeBytes { bind(index, copying: $0) }
            }
        }
    }

    func bind(_ index: Int, _ number: Int64) { sqlite3_bind_int64(handle, Int32(index), number) }
    func bind(_ index: Int, _ number: Double) { sqlite3_bind_double(handle, Int32(index), number) }

    private func bind(_ index: Int32, copying bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress, !bytes.isEmpty {
            sqlite3_bind_blob(handle, index, base, Int32(bytes.count), baotu_sqlite_transient())
        } else {
            sqlite3_bind_zeroblob(handle, index, 0)
        }
    }

    /// Runs with `bytes` as parameter `index`, lent to SQLite and not copied.
    func run(lending bytes: UnsafeRawBufferPointer, at index: Int) throws(StoreError) {
        defer { reset() }
        sqlite3_bind_blob(handle, Int32(index), bytes.baseAddress, Int32(bytes.count), baotu_sqlite_static())
        defer { sqlite3_bind_null(handle, Int32(index)) }
        while try step() {}
    }

    /// Runs to the end and is ready for the next values.
    func run() throws(StoreError) {
        defer { reset() }
        while try step() {}
    }

    /// Moves to the next row; false at the end.
    func step() throws(StoreError) -> Bool {
        try connection.willStep(sql)
        let code = sqlite3_step(handle)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw connection.error(code)
        }
    }

    func reset() { sqlite3_reset(handle) }

    /// Reads all of the row, values that go over many pages included.
    func touch() {
        for column in 0..<Int(sqlite3_column_count(handle)) { withBlob(column) { _ in } }
    }

    // MARK: Reading

    /// A moment in milliseconds, an id or a count: what a damaged page or a hand wrote beyond `Meta.possible` is brought to its edge,
    /// so that no sum of such overflows.
    func integer(_ name: StaticString) -> Int64 { Meta.possible(word(name)) }
    /// All 64 bits: keys and check values.
    func word(_ name: StaticString) -> Int64 { integer(column(name)) }
    func real(_ name: StaticString) -> Double { real(column(name)) }
    func text(_ name: StaticString) -> String { text(column(name)) }
    func isNull(_ name: StaticString) -> Bool { isNull(column(name)) }
    /// As `integer`.
    func optionalInteger(_ name: StaticString) -> Int64? { optionalInteger(column(name)).map(Meta.possible) }
    func optionalReal(_ name: StaticString) -> Double? { optionalReal(column(name)) }
    func optionalText(_ name: StaticString) -> String? { optionalText(column(name)) }
    /// nil where it is empty.
    func filledText(_ name: StaticString) -> String? { optionalText(name).flatMap { $0.isEmpty ? nil : $0 } }
    func value(_ name: StaticString) -> SQLValue { value(column(name)) }

    /// Lends the bytes of a BLOB; they end with the next step.
    func withBlob<R, E>(_ name: StaticString, _ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try withBlob(column(name), body)
    }

    /// The place of the column that the statement calls so: of a plain column its own name, of all else that of its AS.
    private func column(_ name: StaticString) -> Int {
        // The text of a literal stays where it is, so its address tells it: 38 instructions a read, as valgrind counts
        // them over the rows of a catalogue.
        for known in columns where known.name == name.utf8Start { return known.place }
        return find(name)
    }

    @inline(never)
    private func find(_ name: StaticString) -> Int {
        // Case does not matter to SQL, and a name comes as the file spells it, in which a bit may have changed.
        let places = (0..<Int(sqlite3_column_count(handle))).filter { place in
            name.withUTF8Buffer { wanted in
                wanted.withMemoryRebound(to: CChar.self) {
                    sqlite3_stricmp(sqlite3_column_name(handle, Int32(place)), $0.baseAddress) == 0
                }
            }
        }
        precondition(places.count == 1, "store: \(places.count) columns are called \(name) in \(sql)")
        columns.append((name.utf8Start, places[0]))
        return places[0]
    }

    // By place: for rows whose columns are taken as they come, whatever their names.

    func value(_ column: Int) -> SQLValue {
        switch sqlite3_column_type(handle, Int32(column)) {
        case SQLITE_INTEGER: .integer(integer(column))
        case SQLITE_FLOAT: .real(real(column))
        case SQLITE_TEXT: .text(text(column))
        case SQLITE_BLOB: .blob(withBlob(column) { Array($0) })
        default: .null
        }
    }

    func integer(_ column: Int) -> Int64 { sqlite3_column_int64(handle, Int32(column)) }
    func real(_ column: Int) -> Double { sqlite3_column_double(handle, Int32(column)) }
    func isNull(_ column: Int) -> Bool { sqlite3_column_type(handle, Int32(column)) == SQLITE_NULL }
    func optionalInteger(_ column: Int) -> Int64? { isNull(column) ? nil : integer(column) }
    func optionalReal(_ column: Int) -> Double? { isNull(column) ? nil : real(column) }

    func text(_ column: Int) -> String {
        guard let bytes = sqlite3_column_text(handle, Int32(column)) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, Int32(column)))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    func optionalText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }

    func withBlob<R, E>(_ column: Int, _ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        let start = sqlite3_column_blob(handle, Int32(column))
        return try body(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, Int32(column)))))
    }
}
