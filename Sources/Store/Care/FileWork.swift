import Crypto
import Glibc

/// How far a backup, a restore, a check or a repair has come: `done` of `total` files, at `file`.
public struct StoreProgress: Sendable, Hashable {
    /// Files that are through.
    public var done: Int
    /// Files there are, as far as is known: 1 until core.db has told.
    public var total: Int
    /// The one at hand, relative to the folder of the store or the backup.
    public var file: String
}

/// Plain files for backup and repair: copies, links, renames, each told to the hook before it happens.
struct FileWork {
    let effects: EffectHook?

    private func will(_ what: String, _ path: String) throws(StoreError) {
        try effects?(Effect(kind: .file, file: path, sql: what))
    }

    private func failure(_ path: String, _ code: Int32 = errno) -> StoreError {
        switch code {
        case ENOSPC, EDQUOT: .diskFull(file: path, detail: Folder.reason(code))
        case EACCES, EPERM, EROFS: .notWritable(path: path, detail: Folder.reason(code))
        default: .ioError(file: path, detail: Folder.reason(code))
        }
    }

    /// Makes a folder where there is none; the one above must exist.
    func makeFolder(_ path: String) throws(StoreError) {
        try will("mkdir", path)
        guard mkdir(path, 0o750) != 0 else { return }
        guard errno == EEXIST else { throw errno == ENOENT ? .parentMissing(folder: path) : failure(path) }
        guard Folder.isFolder(path) else { throw .notAFolder(path: path) }
    }

    /// Copies a file and syncs the copy; returns what it holds. nil where there is no such file.
    func copy(_ from: String, to: String, mode: mode_t) throws(StoreError) -> (bytes: Int64, sha256: [UInt8])? {
        try will("copy", to)
        let source = open(from, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else {
            if errno == ENOENT { return nil }
            throw .notReadable(path: from, detail: Folder.reason(errno))
        }
        defer { close(source) }
        let target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard target >= 0 else { throw failure(to) }
        defer { close(target) }
        var hash = SHA256()
        var total: Int64 = 0
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { chunk.deallocate() }
        while true {
            let count = read(source, chunk.baseAddress, chunk.count)
            guard count >= 0 else { throw .ioError(file: from, detail: Folder.reason(errno)) }
            guard count > 0 else { break }
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: chunk[..<count]))
            var written = 0
            while written < count {
                let more = Glibc.write(target, chunk.baseAddress! + written, count - written)
                guard more > 0 else { throw failure(to) }
                written += more
            }
            total += Int64(count)
        }
        guard fchmod(target, mode) == 0, fsync(target) == 0 else { throw failure(to) }
        return (total, Array(hash.finalize()))
    }

    /// A second name for a file that is never written again; false where the file system or its rules do not allow it.
    func link(_ from: String, to: String) throws(StoreError) -> Bool {
        try will("link", to)
        return Glibc.link(from, to) == 0
    }

    /// Makes a file durable; returns what it holds.
    func settle(_ path: String) throws(StoreError) -> (bytes: Int64, sha256: [UInt8]) {
        try sync(file: path)
        return try Folder.digest(path)
    }

    /// Makes a file durable.
    func sync(file path: String) throws(StoreError) {
        try will("fsync", path)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .notReadable(path: path, detail: Folder.reason(errno)) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(path) }
    }

    /// Writes into a file that there is; durable with a `sync`.
    func write(_ bytes: [UInt8], to path: String, at offset: Int64) throws(StoreError) {
        try will("write", path)
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        guard pwrite(descriptor, bytes, bytes.count, off_t(offset)) == bytes.count else { throw failure(path) }
    }

    /// Gives a file another length; durable with a `sync`.
    func resize(_ path: String, to bytes: Int64) throws(StoreError) {
        try will("truncate", path)
        guard truncate(path, off_t(bytes)) == 0 else { throw failure(path) }
    }

    /// Writes a small file and makes it durable.
    func write(_ text: String, to path: String) throws(StoreError) { try write(Array(text.utf8), to: path) }

    /// Writes a file anew and makes it durable.
    func write(_ bytes: [UInt8], to path: String) throws(StoreError) {
        try will("write", path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let more = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard more > 0 else { throw failure(path) }
            written += more
        }
        guard fsync(descriptor) == 0 else { throw failure(path) }
    }

    func rename(_ from: String, to: String) throws(StoreError) {
        try will("rename", to)
        guard Glibc.rename(from, to) == 0 else { throw failure(to) }
    }

    func sync(folder: String) throws(StoreError) {
        try will("fsync", folder)
        try Folder.sync(folder: folder)
    }

    func remove(_ path: String) throws(StoreError) {
        try will("unlink", path)
        try Folder.remove(path)
    }

    /// Removes a folder of ours with all that is in it.
    static func removeTree(_ path: String) {
        for name in Folder.names(in: path) {
            let entry = path + "/" + name
            if isPlainFolder(entry) { removeTree(entry) } else { unlink(entry) }
        }
        rmdir(path)
    }

    /// A folder and not a link to one.
    static func isPlainFolder(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The folder that a path lies in, and its name there.
    static func parts(of path: String) -> (parent: String, name: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let parent = parts.dropLast().joined(separator: "/")
        return (parent.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : parent, String(parts.last ?? ""))
    }
}

/// The right to fill a folder, held while the value lives.
struct Workspace: ~Copyable {
    private let descriptor: Int32

    init(_ path: String) throws(StoreError) {
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .notReadable(path: path, detail: Folder.reason(errno)) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw .busy(file: path)
        }
    }

    deinit { close(descriptor) }
}

extension [UInt8] {
    var hex: String {
        let digits = Array<Character>("0123456789abcdef")
        return String(flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }

    static func sha256(of text: String) -> [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }
}
