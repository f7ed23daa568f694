import Basics
import Glibc

/// A file that lies in the store while a gateway has it open: `<boot id>`, or `<boot id> closing` once it ends, or
/// `lost <what>` once commits were found to be gone, until a repair has noted it.
///
/// A gateway that was killed leaves it, and with it core.db's WAL and the index of that WAL in shared memory, which says how
/// many frames were committed. So a WAL that was removed or cut since is told from one that was never there. After a restart
/// of the machine the index may be older than the WAL, and tells nothing.
struct OpenMark {
    private static let closing = " closing"
    private static let lost = "lost "
    private let path: String

    init(_ folder: Folder) { path = folder.path + "/" + Self.fileName }

    static let fileName = "open"

    /// To be called once the store is known to be whole, before its first commit.
    func put() throws(StoreError) { try write(Self.bootID) }

    /// From now on SQLite may take the WAL away. False where that could not be told: then it must stay.
    func close() -> Bool { (try? write(Self.bootID + Self.closing)) != nil || unlink(path) == 0 || errno == ENOENT }

    func remove() { unlink(path) }

    /// Before SQLite opens core.db, and makes a new index of what is left.
    func note(lost detail: String) { try? write(Self.lost + detail) }

    enum Word: Equatable {
        /// A gateway of this boot had the store open and did not close it.
        case left
        /// What was noted.
        case lost(String)
    }

    /// nil where there is none that still counts. Throws `.notReadable`.
    func word() throws(StoreError) -> Word? {
        guard let text = try Folder.textIfThere(of: path) else { return nil }
        if text.hasPrefix(Self.lost) { return .lost(String(text.dropFirst(Self.lost.count))) }
        return text == Self.bootID && !text.isEmpty ? .left : nil
    }

    private func write(_ text: String) throws(StoreError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            if errno == ENOSPC { throw .diskFull(file: path, detail: Folder.reason(errno)) }
            throw .notWritable(path: path, detail: Folder.reason(errno))
        }
        defer { Glibc.close(descriptor) }
        fchmod(descriptor, 0o640)
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw .diskFull(file: path, detail: Folder.reason(errno))
        }
    }

    /// Of the kernel: another one after each start of the machine. Empty where it is not told.
    private static let bootID = (Folder.text(of: "/proc/sys/kernel/random/boot_id") ?? "").filter { !$0.isWhitespace }
}

/// What the index of a WAL, `core.db-shm`, says of it.
///
/// Source: sqlite.org, "WAL-mode File Format", the WAL-index header and the checkpoint information behind it.
struct WALIndex {
    /// Of the last commit.
    var frames: Int
    /// As many of them are in the database too.
    var backfilled: Int

    private static let version: UInt32 = 3_007_000

    /// nil where there is none, or one that says nothing. Throws `.notReadable`.
    init?(of database: String) throws(StoreError) {
        let path = database + "-shm"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno != ENOENT else { return nil }
            throw .notReadable(path: path, detail: Folder.reason(errno))
        }
        defer { close(descriptor) }
        var words = [UInt32](repeating: 0, count: 25)
        let bytes = words.count * 4
        let count = words.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, bytes, 0) }
        guard count >= 0 else { throw .ioError(file: path, detail: Folder.reason(errno)) }
        guard count == bytes,
            // Twice the same header, or it was being written.
            words[0] == Self.version, words[0..<12] == words[12..<24]
        else { return nil }
        (frames, backfilled) = (Int(words[4]), Int(words[24]))
    }
}

extension Folder {
    /// What of core.db's WAL is gone that a gateway which was killed had committed; nil where nothing is.
    ///
    /// Throws `.notReadable` and `.ioError` where that cannot be told now; of a WAL on a disk that fails for good, `isLenient`
    /// takes what does not read for gone.
    func lostCommits(isLenient: Bool = false) throws(StoreError) -> String? {
        let mark = OpenMark(self)
        switch try mark.word() {
        case nil: return nil
        case .lost(let detail): return detail
        case .left:
            guard let detail = try missingFrames(isLenient) else { return nil }
            mark.note(lost: detail)
            return detail
        }
    }

    private func missingFrames(_ isLenient: Bool) throws(StoreError) -> String? {
        guard let index = try WALIndex(of: core) else {
            return Folder.exists(core + "-wal") || Folder.exists(core + "-shm")
                ? nil : "it is gone, with all that was committed since core.db was last brought up to date"
        }
        let wal = isLenient ? WAL(of: core) : try WAL.whole(of: core)
        let left = wal?.frames.count ?? 0
        let lost = index.frames - max(left, index.backfilled)
        guard lost > 0 else { return nil }
        return (Folder.exists(core + "-wal") ? "it has been cut: " : "it is gone: ")
            + "\(lost) of its \(index.frames) frames were committed and are in no file"
    }
}
