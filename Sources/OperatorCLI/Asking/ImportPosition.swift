import FoundationEssentials
import Glibc

/// How far the import of a file has come, kept beside it, so that the same command goes on there after an end of any kind.
struct ImportPosition: Codable, Equatable {
    /// What must be the same for the position to mean anything: the file, and what the command made of it.
    struct Identity: Codable, Equatable {
        var bytes: Int
        /// Modification time in nanoseconds.
        var modified: Int64
        /// FNV-1a of the first 64 KiB, in hexadecimal.
        var head: String
        /// Target, format and words of the command.
        var command: String
    }

    var identity: Identity
    /// Behind the last batch that is on disk.
    var offset: Int
    var lines: Int
    /// What was told so far.
    var counts: ImportCounts

    static let headBytes = 1 << 16

    /// Fowler, Noll and Vo: enough to tell one file from another that took its name.
    static func hash(_ bytes: some Sequence<UInt8>) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }
}

/// What became of the readings of a file.
struct ImportCounts: Codable, Equatable {
    var fresh = 0
    var duplicates = 0
    var corrected = 0
    var refused = 0
    var texts = 0
    var leftOut = 0

    var committed: Int { fresh + duplicates + corrected }
}

/// The small file in which a position rests.
struct ImportPositionFile {
    let path: String

    /// Beside the input; where its folder may not be written, in the user's state folder (XDG Base Directory
    /// Specification).
    init(input: String, environment: [String: String] = ProcessInfo.processInfo.environment) {
        let url = URL(filePath: input).standardizedFileURL
        let folder = url.deletingLastPathComponent().path(percentEncoded: false)
        if access(folder, W_OK | X_OK) == 0 {
            path = url.path(percentEncoded: false) + ".baotu-import"
            return
        }
        let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        let state = environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? home + "/.local/state"
        // Two files of one name in different folders are two.
        let name = url.lastPathComponent + "-" + ImportPosition.hash(url.path(percentEncoded: false).utf8)
        path = state + "/baotu/\(name).baotu-import"
    }

    /// nil where there is none, or it does not read: then the import begins anew, and what came twice counts once.
    func load() -> ImportPosition? {
        FileManager.default.contents(atPath: path).flatMap { try? JSONDecoder().decode(ImportPosition.self, from: $0) }
    }

    /// Under another name first, so that a crash leaves the old one or the new one. Not synced: a position that is too
    /// early costs duplicates and nothing else.
    func save(_ position: ImportPosition) throws {
        let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = Array(try encoder.encode(position)) + [UInt8(ascii: "\n")]
        let part = path + ".part"
        let descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        let isWritten =
            descriptor >= 0 && bytes.withUnsafeBytes { StandardStreams.write($0, to: descriptor) } == 0
            && close(descriptor) == 0 && rename(part, path) == 0
        guard isWritten else {
            throw NoAnswer.failed("cannot keep the position in \(path): \(String(cString: strerror(errno)))")
        }
    }

    func remove() { unlink(path) }
}
