import Basics
import CSQLite
import Glibc

/// A check value in every page of a database file: SQLite itself notices no flipped bit in one.
///
/// A VFS, the layer through which SQLite reaches files, laid over the one it comes with. The last 8 bytes of a page are
/// reserved in the file's header, so any SQLite reads the file; one without this layer must not write it.
///
///     crc    4 bytes, little-endian: CRC-32C of the page's number (8 bytes, from 1) and the page up to here
///     mark   4 bytes, the same in every page
///
/// The number is in it, so a page that the disk wrote to the wrong place does not pass. Pages get their value as they
/// are written to the database file and are verified as they are read from it; a wrong one makes the read fail with
/// SQLITE_IOERR_DATA, and `Connection` throws `.corrupt` with its number. Journals, WAL and temporary files pass
/// untouched: the WAL has check values of its own. A file whose header reserves nothing was made before, and is read
/// and written as it is.
///
/// Cost: see `seal`. Source for the reserved bytes and the methods: sqlite.org, "Database File Format" 1.3.4 and
/// "The SQLite OS Interface or VFS".
enum PageChecks {
    /// As the URI of a file names the layer; registered at the first use.
    static let vfsName = "baotu"
    static let reservedBytes = 8
    /// In the URI of a file that is to be made: pages written before the first one get check values too.
    static let newFileParameter = "checks=on"
    /// In the URI of a file whose rows have check values of their own: a wrong page is handed on, and remembered.
    static let tolerantParameter = "wrong_pages=read"
    /// SQLITE_IOERR_DATA, what reading a wrong page gives.
    static let wrongPage = SQLITE_IOERR | 32 << 8
    private static let shortRead = SQLITE_IOERR | 2 << 8

    /// No text ends so, and the first page of an older file ends with the text of its first table.
    static let mark: UInt32 = 0x31FF_0BA0
    /// Asks a file for the page that failed last; not among SQLite's own.
    fileprivate static let badPageQuestion: Int32 = 0x0BA0_0001
    /// Asks a file whether its pages have check values.
    fileprivate static let isCheckedQuestion: Int32 = 0x0BA0_0002

    /// Makes the layer known to SQLite, once for the process.
    static func register() throws(StoreError) {
        guard registration == SQLITE_OK else {
            throw .sqlite(file: vfsName, code: Int(registration), detail: "the page checks cannot be registered")
        }
    }

    private static let registration: Int32 = {
        guard layers.base.pointee.iVersion >= 1 else { return SQLITE_ERROR }
        return sqlite3_vfs_register(layers.own, 0)
    }()

    /// The number of the page of this database that failed last, from 1; nil where none did.
    static func badPage(of database: OpaquePointer?, forgets: Bool = false) -> Int64? {
        var page: Int64 = forgets ? -1 : 0
        guard sqlite3_file_control(database, "main", badPageQuestion, &page) == SQLITE_OK, page > 0 else { return nil }
        return page
    }

    static func isChecked(_ database: OpaquePointer?) -> Bool {
        var answer: Int64 = 0
        return sqlite3_file_control(database, "main", isCheckedQuestion, &answer) == SQLITE_OK && answer == 1
    }

    /// Makes a new, empty database reserve room for the check values. Before its first table.
    static func reserve(in database: OpaquePointer?) -> Int32 {
        var bytes = Int32(reservedBytes)
        return sqlite3_file_control(database, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes)
    }

    /// Reads every page of the file beneath a database, and calls `body` with the numbers of the wrong ones.
    ///
    /// Looks past the WAL: where it `isWritten`, a page may be so at this moment, by a thread that has to wait for a processor
    /// in the middle of it. There a wrong one is read again for a quarter of a second before it counts, and for less once many
    /// are. Returns how many pages there are; 0 for a file without check values.
    static func verifyAll(
        of database: OpaquePointer?, pageBytes: Int, isWritten: Bool, _ body: (Int64) -> Void
    ) -> Int64 {
        var pointer: UnsafeMutablePointer<sqlite3_file>?
        guard sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &pointer) == SQLITE_OK,
            let file = pointer, file.pointee.pMethods == UnsafePointer(layers.methods)
        else { return 0 }
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: pageBytes, alignment: 8)
        defer { buffer.deallocate() }
        var size: Int64 = 0
        guard file.below.methods.xFileSize(file.below, &size) == SQLITE_OK else { return 0 }
        let pages = (size + Int64(pageBytes) - 1) / Int64(pageBytes)
        // SQLite never writes the page of its locks, at 1 GB.
        let lockPage = 0x4000_0000 / Int64(pageBytes) + 1
        var patience: Int32 = isWritten ? 2000 : 0
        for page in stride(from: Int64(1), through: pages, by: 1) where page != lockPage {
            var (attempt, waited, isWrong) = (0, Int32(0), false)
            while readStrictly(file, buffer, Int32(pageBytes), (page - 1) * Int64(pageBytes)) == wrongPage {
                attempt += 1
                guard isWritten, attempt < 5 || waited < min(250, patience) else {
                    body(page)
                    isWrong = true
                    break
                }
                let wait = Int32(min(2 << attempt, 64))
                sqlite3_sleep(wait)
                waited += wait
            }
            patience = max(0, patience - waited)
            // The first page says whether there are check values at all, when it can be read.
            if page == 1, !isWrong, !file.state.pointee.isChecked { return 0 }
        }
        return pages
    }

    // MARK: Check values

    /// Writes the check value of a page into its last bytes.
    ///
    /// 2 to 3 us for 4 KB, 8 to 13 us for 16 KB. Only checkpoints write pages, four for a commit of 1000 readings (13 kB):
    /// about 10 us beside the 0.5 to 1 ms of the commit. Reading 2000 pages of 16 KB out of the kernel's cache takes 31 to
    /// 75 ms where it took 9 to 18 (loaded machine).
    ///
    /// `isRight` false writes a wrong one: what the page holds is not to be relied on.
    static func seal(_ page: UnsafeMutableRawBufferPointer, number: Int64, isRight: Bool = true) {
        let end = page.count - reservedBytes
        let value = check(UnsafeRawBufferPointer(page), number)
        page.storeBytes(of: (isRight ? value : ~value).littleEndian, toByteOffset: end, as: UInt32.self)
        page.storeBytes(of: mark.littleEndian, toByteOffset: end + 4, as: UInt32.self)
    }

    static func isRight(_ page: UnsafeRawBufferPointer, number: Int64) -> Bool {
        isMarked(page)
            && UInt32(littleEndian: page.loadUnaligned(fromByteOffset: page.count - 8, as: UInt32.self))
                == check(page, number)
    }

    fileprivate static func isMarked(_ page: UnsafeRawBufferPointer) -> Bool {
        UInt32(littleEndian: page.loadUnaligned(fromByteOffset: page.count - 4, as: UInt32.self)) == mark
    }

    /// What the check value of a page must be.
    static func check(_ page: UnsafeRawBufferPointer, _ number: Int64) -> UInt32 {
        UInt32(CRC32C.check(key: number, UnsafeRawBufferPointer(rebasing: page[..<(page.count - reservedBytes)])))
    }

    // MARK: The layer

    /// The layer and the one below it. Made once and never freed or written again.
    fileprivate struct Layers {
        let base: UnsafeMutablePointer<sqlite3_vfs>
        let own: UnsafeMutablePointer<sqlite3_vfs>
        let methods: UnsafeMutablePointer<sqlite3_io_methods>
    }

    // Written here and, its place in SQLite's list, by SQLite under its own lock.
    nonisolated(unsafe) fileprivate static let layers: Layers = {
        sqlite3_initialize()
        guard let base = sqlite3_vfs_find(nil) else { preconditionFailure("store: this SQLite reaches no files") }
        let own = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        // Its other methods take no notice of whose they are.
        own.initialize(to: base.pointee)
        own.pointee.zName = UnsafePointer(strdup(vfsName))
        own.pointee.pNext = nil
        own.pointee.szOsFile = Int32(MemoryLayout<State>.stride) + base.pointee.szOsFile
        own.pointee.xOpen = { _, name, file, flags, outFlags in PageChecks.open(name, file!, flags, outFlags) }
        let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        methods.initialize(to: ioMethods)
        return Layers(base: base, own: own, methods: methods)
    }()

    /// What SQLite holds for an open file; the file of the layer below follows it in memory.
    fileprivate struct State {
        var file = sqlite3_file()
        var isChecked: Bool
        let isTolerant: Bool
        /// A file with a rollback journal may have pages that were freed in the transaction that made them and never
        /// written: zeros. With a WAL every page is written.
        var mayHaveHoles = true
        var badPage: Int64 = 0
        /// A page on its way to the file: what SQLite hands over is not ours to write into.
        var scratch: UnsafeMutableRawBufferPointer?

        /// Learns from the first bytes of the file what it is.
        mutating func note(header: UnsafeRawBufferPointer) {
            guard header.starts(with: "SQLite format 3\0".utf8) else { return }
            isChecked = header[20] == reservedBytes
            mayHaveHoles = header[18] == 1
        }
    }

    fileprivate typealias File = UnsafeMutablePointer<sqlite3_file>

    private static func open(
        _ name: UnsafePointer<CChar>?, _ file: File, _ flags: Int32, _ outFlags: UnsafeMutablePointer<Int32>?
    ) -> Int32 {
        let base = layers.base
        guard flags & SQLITE_OPEN_MAIN_DB != 0 else { return base.pointee.xOpen(base, name, file, flags, outFlags) }
        let isNew = sqlite3_uri_boolean(name, "checks", 0) != 0
        let isTolerant = sqlite3_uri_parameter(name, "wrong_pages") != nil
        file.state.initialize(to: State(isChecked: isNew, isTolerant: isTolerant))
        let below = file.below
        below.initialize(to: sqlite3_file())
        let code = base.pointee.xOpen(base, name, below, flags, outFlags)
        // SQLite closes what has methods, also after a failure.
        if below.pointee.pMethods != nil { file.pointee.pMethods = UnsafePointer(layers.methods) }
        return code
    }

    fileprivate static func close(_ file: File) -> Int32 {
        file.state.pointee.scratch?.deallocate()
        file.state.pointee.scratch = nil
        return file.below.methods.xClose(file.below)
    }

    /// Whether these bytes are a page: SQLite also reads parts of the first one.
    private static func isPage(_ count: Int32, _ offset: Int64) -> Bool {
        count >= 512 && count & (count - 1) == 0 && offset % Int64(count) == 0
    }

    fileprivate static func read(
        _ file: File, _ bytes: UnsafeMutableRawPointer, _ count: Int32, _ offset: Int64
    ) -> Int32 {
        let code = readStrictly(file, bytes, count, offset)
        guard code == wrongPage else { return code }
        file.state.pointee.badPage = offset / Int64(count) + 1
        return file.state.pointee.isTolerant ? SQLITE_OK : code
    }

    private static func readStrictly(
        _ file: File, _ bytes: UnsafeMutableRawPointer, _ count: Int32, _ offset: Int64
    ) -> Int32 {
        let below = file.below
        let code = below.methods.xRead(below, bytes, count, offset)
        guard code == SQLITE_OK || code == shortRead else { return code }
        let page = UnsafeRawBufferPointer(start: bytes, count: Int(count))
        let state = file.state
        if offset == 0, count >= 100 { state.pointee.note(header: page) }
        guard isPage(count, offset) else { return code }
        if offset == 0 {
            // Before SQLite knows the size of pages it may try another; it comes again.
            let size = Int(page[16]) << 8 | Int(page[17]) << 16 & 0x1_0000
            guard code == SQLITE_OK, size == page.count else { return code }
            // So that a header which no longer reserves the bytes does not pass for an older file.
            if isMarked(page) { state.pointee.isChecked = true }
        }
        guard state.pointee.isChecked else { return code }
        let number = offset / Int64(count) + 1
        if code == SQLITE_OK, isRight(page, number: number) { return code }
        if state.pointee.mayHaveHoles, offset > 0, page.allSatisfy({ $0 == 0 }) { return code }
        return wrongPage
    }

    fileprivate static func write(
        _ file: File, _ bytes: UnsafeRawPointer, _ count: Int32, _ offset: Int64
    ) -> Int32 {
        let below = file.below
        let page = UnsafeRawBufferPointer(start: bytes, count: Int(count))
        let state = file.state
        if offset == 0, count >= 100 { state.pointee.note(header: page) }
        guard state.pointee.isChecked, isPage(count, offset) else {
            return below.methods.xWrite(below, bytes, count, offset)
        }
        if state.pointee.scratch?.count != page.count {
            state.pointee.scratch?.deallocate()
            state.pointee.scratch = .allocate(byteCount: page.count, alignment: 8)
        }
        let scratch = state.pointee.scratch!
        scratch.copyMemory(from: page)
        seal(scratch, number: offset / Int64(count) + 1)
        return below.methods.xWrite(below, scratch.baseAddress, count, offset)
    }

    fileprivate static func control(_ file: File, _ operation: Int32, _ argument: UnsafeMutableRawPointer?) -> Int32 {
        if operation == badPageQuestion {
            let forgets = argument?.load(as: Int64.self) == -1
            argument?.storeBytes(of: file.state.pointee.badPage, as: Int64.self)
            if forgets { file.state.pointee.badPage = 0 }
            return SQLITE_OK
        }
        if operation == isCheckedQuestion {
            argument?.storeBytes(of: file.state.pointee.isChecked ? 1 : 0, as: Int64.self)
            return SQLITE_OK
        }
        return file.below.methods.xFileControl(file.below, operation, argument)
    }

    /// Version 2: shared memory for the WAL, but no mapping of the file, which would go past `read`.
    private static var ioMethods: sqlite3_io_methods {
        var methods = sqlite3_io_methods()
        methods.iVersion = 2
        methods.xClose = { PageChecks.close($0!) }
        methods.xRead = { PageChecks.read($0!, $1!, $2, $3) }
        methods.xWrite = { PageChecks.write($0!, $1!, $2, $3) }
        methods.xFileControl = { PageChecks.control($0!, $1, $2) }
        // The others are handed down as they are.
        methods.xTruncate = { $0!.below.methods.xTruncate($0!.below, $1) }
        methods.xSync = { $0!.below.methods.xSync($0!.below, $1) }
        methods.xFileSize = { $0!.below.methods.xFileSize($0!.below, $1) }
        methods.xLock = { $0!.below.methods.xLock($0!.below, $1) }
        methods.xUnlock = { $0!.below.methods.xUnlock($0!.below, $1) }
        methods.xCheckReservedLock = { $0!.below.methods.xCheckReservedLock($0!.below, $1) }
        methods.xSectorSize = { $0!.below.methods.xSectorSize($0!.below) }
        methods.xDeviceCharacteristics = { $0!.below.methods.xDeviceCharacteristics($0!.below) }
        methods.xShmMap = { $0!.below.methods.xShmMap($0!.below, $1, $2, $3, $4) }
        methods.xShmLock = { $0!.below.methods.xShmLock($0!.below, $1, $2, $3) }
        methods.xShmBarrier = { $0!.below.methods.xShmBarrier($0!.below) }
        methods.xShmUnmap = { $0!.below.methods.xShmUnmap($0!.below, $1) }
        return methods
    }
}

extension UnsafeMutablePointer<sqlite3_file> {
    fileprivate var state: UnsafeMutablePointer<PageChecks.State> {
        UnsafeMutableRawPointer(self).assumingMemoryBound(to: PageChecks.State.self)
    }

    /// The same file in the layer below.
    fileprivate var below: UnsafeMutablePointer<sqlite3_file> {
        (UnsafeMutableRawPointer(self) + MemoryLayout<PageChecks.State>.stride).assumingMemoryBound(
            to: sqlite3_file.self)
    }

    fileprivate var methods: sqlite3_io_methods { pointee.pMethods.pointee }
}
