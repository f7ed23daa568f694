import CSQLite
import Glibc
import Synchronization

/// An effect on a file, named to the hook before it happens.
struct Effect: Sendable {
    /// `file` is one outside SQLite: a sync, a rename, an unlink; its name stands where the statement would.
    enum Kind: String, Sendable { case open, prepare, step, file }
    var kind: Kind
    var file: String
    /// The statement; empty for an opening.
    var sql: String
}

typealias EffectHook = @Sendable (Effect) throws(StoreError) -> Void

enum SQLValue {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])

    static func optional(_ number: Int64?) -> SQLValue { number.map(SQLValue.integer) ?? .null }
    static func optional(_ number: Double?) -> SQLValue { number.map(SQLValue.real) ?? .null }
    static func optional(_ text: String?) -> SQLValue { text.map(SQLValue.text) ?? .null }
}

/// One connection to one SQLite file, with its prepared statements. The only door to the C library.
///
/// Used by one thread at a time. Exactly one connection may ever write a file: SQLite 3.40.1 can lose a WAL when two
/// connections commit or checkpoint at once, so readers open `readOnly` and never checkpoint.
final class Connection {
    enum Mode {
        /// The one writer: WAL, synchronous FULL, both read back.
        case writer(pageBytes: Int)
        /// Reads beside a writer.
        case readOnly
        /// Reads a file that nobody writes, and needs no `-wal` or `-shm` beside it. The caller checks that nobody did.
        case immutable
        /// Fills a file that nobody knows yet, without journal or sync: the caller syncs and names it at the end.
        case draft(pageBytes: Int)
        /// As `draft`, to be filled by `copy`; `isChecked` as the source is.
        case copy(isChecked: Bool)
    }

    let file: String
    private let isWriter: Bool
    /// Files that a connection of this process writes. Other processes are kept out by the folder's lock.
    private static let written = Mutex<Set<String>>([])
    private var handle: OpaquePointer?
    private var statements: [String: Statement] = [:]
    private let effects: EffectHook?

    /// `isTolerant` is for files whose rows have check values of their own: a page that does not match its check value
    /// is read all the same, so that it costs the rows it damaged and not all beside them, and `wrongPage` tells.
    init(_ file: String, _ mode: Mode, isTolerant: Bool = false, effects: EffectHook?) throws(StoreError) {
        self.file = file
        self.effects = effects
        isWriter =
            switch mode {
            case .writer, .draft, .copy: true
            case .readOnly, .immutable: false
            }
        try effects?(Effect(kind: .open, file: file, sql: ""))
        try PageChecks.register()
        if isWriter, !Self.written.withLock({ $0.insert(file).inserted }) { throw .writtenTwice(file: file) }
        var flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_URI
        var uri = "file:" + Self.escaped(file) + "?vfs=" + PageChecks.vfsName
        switch mode {
        case .writer, .draft:
            flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            uri += "&" + PageChecks.newFileParameter
        case .copy(let isChecked):
            flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            if isChecked { uri += "&" + PageChecks.newFileParameter }
        case .readOnly:
            flags |= SQLITE_OPEN_READONLY
            uri += "&mode=ro"
        case .immutable:
            flags |= SQLITE_OPEN_READONLY
            uri += "&immutable=1"
        }
        if isTolerant { uri += "&" + PageChecks.tolerantParameter }
        let code = sqlite3_open_v2(uri, &handle, flags, nil)
        guard code == SQLITE_OK else {
            let error = self.error(code)
            close()
            throw error
        }
        do {
            switch mode {
            case .writer(let pageBytes):
                // One that fails while it opens takes away nothing that it found.
                keepWAL(true)
                try makeDurable(pageBytes: pageBytes)
                keepWAL(false)
            case .readOnly: sqlite3_busy_timeout(handle, 2000)
            case .immutable: break
            case .draft(let pageBytes):
                try shape(pageBytes: pageBytes)
                try run("PRAGMA journal_mode = OFF")
                try run("PRAGMA synchronous = OFF")
            case .copy:
                try run("PRAGMA journal_mode = OFF")
                try run("PRAGMA synchronous = OFF")
            }
        } catch {
            close()
            throw error
        }
    }

    deinit { close() }

    /// Whether the WAL stays, brought into the file, when the last connection closes: else SQLite takes it away.
    func keepWAL(_ isKept: Bool) {
        guard handle != nil else { return }
        var value: Int32 = isKept ? 1 : 0
        sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &value)
    }

    /// Finalizes all statements and closes the file; SQLite checkpoints when a writer was the last to close it.
    func close() {
        guard handle != nil else { return }
        statements.removeAll()
        sqlite3_close_v2(handle)
        handle = nil
        if isWriter { _ = Self.written.withLock { $0.remove(file) } }
    }

    /// What can be chosen only before the first table of a new file.
    private func shape(pageBytes: Int) throws(StoreError) {
        try run("PRAGMA page_size = \(pageBytes)")
        guard try integer("PRAGMA page_count") == 0 else { return }
        let code = PageChecks.reserve(in: handle)
        guard code == SQLITE_OK else { throw error(code) }
    }

    private func makeDurable(pageBytes: Int) throws(StoreError) {
        sqlite3_busy_timeout(handle, 2000)
        try shape(pageBytes: pageBytes)
        var mode = ""
        try rows("PRAGMA journal_mode = WAL") { row throws(StoreError) in mode = row.text("journal_mode") }
        guard mode == "wal" else { throw .notDurable(file: file, pragma: "journal_mode", found: mode) }
        try run("PRAGMA synchronous = FULL")
        // Read back: a build option or another layer may have the last word (a pool was seen to set NORMAL again).
        let synchronous = try integer("PRAGMA synchronous") ?? -1
        guard synchronous == 2 else {
            throw .notDurable(file: file, pragma: "synchronous", found: "\(synchronous), not 2 (FULL)")
        }
        // 4 MB: a commit that ends in a checkpoint took 11 to 20 ms (p99 of commits of 65 kB, disk shared with builds).
        try run("PRAGMA wal_autocheckpoint = \(4_194_304 / pageBytes)")
    }

    /// Copies all of the WAL into the file and empties it. Only the writer may call it.
    func checkpoint() throws(StoreError) {
        try run("PRAGMA wal_checkpoint(TRUNCATE)")
    }

    /// Whether the pages of the file have check values; known once it was looked at.
    var isChecked: Bool { PageChecks.isChecked(handle) }

    /// Copies the database as it is at one moment, the WAL included, into a new one; a writer may go on meanwhile.
    func copy(to target: Connection) throws(StoreError) {
        try target.effects?(Effect(kind: .file, file: target.file, sql: "backup"))
        guard let backup = sqlite3_backup_init(target.handle, "main", handle, "main") else {
            throw target.error(sqlite3_extended_errcode(target.handle))
        }
        let code = sqlite3_backup_step(backup, -1)
        let end = sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE else {
            // The page is known to the file that was read; all else the target can tell as well.
            throw code == PageChecks.wrongPage ? error(code) : target.error(code)
        }
        guard end == SQLITE_OK else { throw target.error(end) }
    }

    /// The page that last failed its check in a read through this connection, from 1.
    var wrongPage: Int64? { PageChecks.badPage(of: handle) }

    /// As `wrongPage`, and forgets it.
    func takeWrongPage() -> Int64? { PageChecks.badPage(of: handle, forgets: true) }

    /// The numbers of the pages in the file that do not match their check values, and how many pages were looked at:
    /// none in a file without check values.
    func badPages(isWritten: Bool = true) throws(StoreError) -> (bad: [Int64], pages: Int64) {
        let pageBytes = Int(try integer("PRAGMA page_size") ?? 0)
        var bad: [Int64] = []
        let pages = PageChecks.verifyAll(of: handle, pageBytes: pageBytes, isWritten: isWritten) { bad.append($0) }
        return (bad, pages)
    }

    /// The statement of this text, prepared once and kept.
    func statement(_ sql: String) throws(StoreError) -> Statement {
        if let known = statements[sql] { return known }
        try effects?(Effect(kind: .prepare, file: file, sql: sql))
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw error(code) }
        let statement = Statement(prepared, sql, self)
        statements[sql] = statement
        return statement
    }

    func run(_ sql: String, _ values: SQLValue...) throws(StoreError) {
        let statement = try statement(sql)
        defer { statement.reset() }
        statement.bind(values)
        while try statement.step() {}
    }

    /// Calls `body` for each row. The read transaction ends before this returns, also when `body` throws.
    func rows(
        _ sql: String, _ values: SQLValue..., body: (Statement) throws(StoreError) -> Void
    ) throws(StoreError) {
        let statement = try statement(sql)
        defer { statement.reset() }
        statement.bind(values)
        while try statement.step() { try body(statement) }
    }

    /// The first column of the first row; nil where there is no row or it is NULL.
    func integer(_ sql: String, _ values: SQLValue...) throws(StoreError) -> Int64? {
        let statement = try statement(sql)
        defer { statement.reset() }
        statement.bind(values)
        guard try statement.step() else { return nil }
        let number = statement.optionalInteger(0)
        // To the end: a statement that writes and returns commits at its last step, and that step may fail.
        while try statement.step() {}
        return number
    }

    /// Rows that the last statement inserted, changed or deleted.
    var changes: Int { Int(sqlite3_changes(handle)) }

    /// Of the row that this connection inserted last.
    var lastInsertedID: Int64 { sqlite3_last_insert_rowid(handle) }

    /// All of `body` or nothing of it. A failure at the commit itself is a failure of all of it.
    func transaction<R>(
        _ kind: String = "BEGIN IMMEDIATE", _ body: () throws(StoreError) -> R
    ) throws(StoreError) -> R {
        try run(kind)
        do {
            let result = try body()
            try run("COMMIT")
            return result
        } catch {
            // After FULL or IOERR SQLite may have rolled back by itself; then there is nothing left to end.
            if sqlite3_get_autocommit(handle) == 0 { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
            throw error
        }
    }

    func willStep(_ sql: String) throws(StoreError) {
        try effects?(Effect(kind: .step, file: file, sql: sql))
    }

    func error(_ code: Int32) -> StoreError {
        let message = handle.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
        let detail = "\(message) (\(code))"
        if code == PageChecks.wrongPage, let page = wrongPage {
            return .corrupt(file: file, detail: "page \(page) does not match its check value")
        }
        return switch code & 0xFF {
        case SQLITE_FULL: .diskFull(file: file, detail: detail)
        case SQLITE_IOERR:
            isDiskFull ? .diskFull(file: file, detail: detail) : .ioError(file: file, detail: detail)
        case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt(file: file, detail: detail)
        case SQLITE_BUSY, SQLITE_LOCKED: .busy(file: file)
        case SQLITE_READONLY: .notWritable(path: file, detail: detail)
        case SQLITE_CANTOPEN, SQLITE_PERM: .notReadable(path: file, detail: detail)
        default: .sqlite(file: file, code: Int(code), detail: message)
        }
    }

    /// Where it cannot make the index of a WAL, SQLite says that input and output failed, and not why.
    private var isDiskFull: Bool {
        guard isWriter else { return false }
        let code = handle.map { sqlite3_system_errno($0) } ?? 0
        return code == ENOSPC || code == EDQUOT || Folder(FileWork.parts(of: file).parent).room().free == 0
    }

    /// `?`, `#` and `%` mean something in a URI.
    private static func escaped(_ path: String) -> String {
        var text = ""
        for character in path {
            switch character {
            case "?": text += "%3f"
            case "#": text += "%23"
            case "%": text += "%25"
            default: text.append(character)
            }
        }
        return text
    }
}
