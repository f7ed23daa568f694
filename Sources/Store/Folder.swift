import Basics
import Frames
import Glibc
import Telemetry

/// The store's folder: its paths, its permissions and its lock.
struct Folder: Sendable {
    let path: String

    init(_ path: String) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
    }

    var core: String { path + "/core.db" }
    var lock: String { path + "/lock" }
    var raw: String { path + "/raw" }

    var pin: String { path + "/pin" }

    var catalogueCache: String { path + "/catalogue.cache" }

    var schemaCopy: String { path + "/" + SchemaCopy.fileName }

    func path(of part: Part) -> String { path + "/" + part.file }

    func rollup(_ year: Int) -> String { path + "/rollup-\(year).db" }

    static func dayName(_ day: Int64) -> String {
        String(Timestamp(milliseconds: day * FrameKey.dayMilliseconds).description.prefix(10))
    }

    /// Makes the folder and what always lies in it, where they are missing. The folder above must exist.
    func make() throws(StoreError) {
        try Self.makeFolder(path)
        try Self.makeFolder(raw)
        try Self.makeFile(pin)
    }

    private static func makeFolder(_ path: String) throws(StoreError) {
        // Group: read and enter. Set-group-id hands the group on to the files, so that operators of the group can read
        // without being the daemon's user.
        if mkdir(path, 0o750) == 0 {
            chmod(path, 0o2750)
            let above = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            try sync(folder: above.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : above)
            return
        }
        switch errno {
        case EEXIST:
            guard isFolder(path) else { throw .notAFolder(path: path) }
        case ENOENT: throw .parentMissing(folder: path)
        case ENOTDIR: throw .notAFolder(path: path)
        case ENOSPC: throw .diskFull(file: path, detail: reason(errno))
        case let code: throw .notWritable(path: path, detail: reason(code))
        }
    }

    /// Makes an empty file that the group can read. SQLite gives the same mode to the `-wal` and `-shm` beside it.
    static func makeFile(_ path: String) throws(StoreError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
        if descriptor >= 0 {
            fchmod(descriptor, 0o640)
            close(descriptor)
            return
        }
        switch errno {
        case EEXIST: return
        case ENOSPC: throw .diskFull(file: path, detail: reason(errno))
        case let code: throw .notWritable(path: path, detail: reason(code))
        }
    }

    /// Makes the names in a folder durable.
    static func sync(folder: String) throws(StoreError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .ioError(file: folder, detail: reason(errno)) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .ioError(file: folder, detail: reason(errno)) }
    }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Tells a store that is not there from one that may not be read.
    func checkReadable() throws(StoreError) {
        guard !lacksCore else { throw coreMissing() }
        guard access(core, R_OK) != 0 else { return }
        let code = errno
        guard code == ENOENT || code == ENOTDIR else {
            throw .notReadable(path: core, detail: Self.reason(code))
        }
        throw .noStore(folder: path)
    }

    static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }

    /// What cannot be looked at, as on a disk that fails, is there: whoever opens it then is told why he cannot.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 || errno != ENOENT && errno != ENOTDIR }

    /// Throws `.notReadable` where what lies in the folder cannot be listed: nothing may be concluded from what `names` lacks.
    func checkListed() throws(StoreError) {
        for folder in [path, raw] {
            guard let stream = opendir(folder) else {
                if errno == ENOENT || errno == ENOTDIR { continue }
                throw .notReadable(path: folder, detail: Self.reason(errno))
            }
            closedir(stream)
        }
    }

    /// Bytes of all files of the store, those of SQLite beside them included.
    func byteCount() -> Int64 {
        [path, raw].reduce(0) { sum, folder in
            Self.names(in: folder).reduce(sum) { $0 + Self.size(of: folder + "/" + $1) }
        }
    }

    /// The entries of a folder but `.` and `..`, in no order; none where it cannot be read.
    static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// All of a small file; nil where it cannot be read, or is no text.
    static func text(of path: String) -> String? { (try? textIfThere(of: path)) ?? nil }

    /// All of a small file; nil where it is not there, or is no text. Throws `.notReadable`.
    static func textIfThere(of path: String) throws(StoreError) -> String? {
        try bytesIfThere(of: path).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// All of a small file; nil where it is not there. Throws `.notReadable`.
    static func bytesIfThere(of path: String) throws(StoreError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno != ENOENT, errno != ENOTDIR else { return nil }
            throw .notReadable(path: path, detail: reason(errno))
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { throw .notReadable(path: path, detail: reason(errno)) }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
    }

    /// Puts a small file in place of the one before, or leaves that: nothing may depend on it.
    static func replace(_ path: String, with writer: borrowing ByteWriter) {
        let draft = path + ".new"
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { return }
        fchmod(descriptor, 0o640)
        let isWritten = writer.withBytes { bytes in
            Glibc.write(descriptor, bytes.baseAddress, bytes.count) == bytes.count
        }
        close(descriptor)
        if !isWritten || rename(draft, path) != 0 { unlink(draft) }
    }

    /// Of a plain file; 0 for anything else.
    static func size(of path: String) -> Int64 {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return 0 }
        return Int64(status.st_size)
    }

    /// Removes a file and what SQLite keeps beside it. A file that is gone already is no error.
    static func remove(_ path: String) throws(StoreError) {
        for suffix in ["", "-wal", "-shm", "-journal"] where unlink(path + suffix) != 0 {
            guard errno == ENOENT else { throw .notWritable(path: path + suffix, detail: reason(errno)) }
        }
    }

    static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}

/// While one lives, the gateway unlinks no file that a seal or a compaction has replaced, nor a day that is given up:
/// a backup needs them to stay. Any reader may take it.
struct Pin: ~Copyable {
    private let descriptor: Int32

    init(_ folder: Folder) throws(StoreError) {
        descriptor = open(folder.pin, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .notReadable(path: folder.pin, detail: Folder.reason(errno)) }
        guard flock(descriptor, LOCK_SH) == 0 else {
            let code = errno
            close(descriptor)
            throw .ioError(file: folder.pin, detail: Folder.reason(code))
        }
    }

    deinit {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// Whether anybody holds one.
    static func isHeld(_ folder: Folder) -> Bool {
        let descriptor = open(folder.pin, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return true }
        flock(descriptor, LOCK_UN)
        return false
    }
}

/// What a file was when it was last looked at: any write to it changes this.
struct FileStamp: Equatable {
    private var inode: UInt64
    private var size: Int64
    private var seconds: Int
    private var nanoseconds: Int

    var modifiedAt: Timestamp { Timestamp(milliseconds: Int64(seconds) * 1000 + Int64(nanoseconds) / 1_000_000) }

    func isLater(than other: FileStamp) -> Bool { (seconds, nanoseconds) > (other.seconds, other.nanoseconds) }

    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}

/// The right to write a store, held while the value lives. The kernel drops it with the process, however that ends.
struct FolderLock: ~Copyable {
    private let descriptor: Int32

    init(_ folder: Folder) throws(StoreError) {
        descriptor = open(folder.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            switch errno {
            case ENOSPC: throw .diskFull(file: folder.lock, detail: Folder.reason(errno))
            case let code: throw .notWritable(path: folder.lock, detail: Folder.reason(code))
            }
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            let holder = Self.holder(descriptor)
            close(descriptor)
            guard code == EWOULDBLOCK else { throw .ioError(file: folder.lock, detail: Folder.reason(code)) }
            throw .locked(folder: folder.path, pid: holder)
        }
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
            let code = errno
            close(descriptor)
            if code == ENOSPC { throw .diskFull(file: folder.lock, detail: Folder.reason(code)) }
            throw .ioError(file: folder.lock, detail: Folder.reason(code))
        }
    }

    deinit {
        // Said and not left to the closing: a child process forked elsewhere at this moment shares the open file, and
        // would keep the lock until it has become its own program.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    private static func holder(_ descriptor: Int32) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: bytes[..<count], as: UTF8.self).prefix(while: \.isNumber))
    }
}
