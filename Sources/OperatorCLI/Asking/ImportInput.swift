import Glibc
import Interchange
import Settings

/// The file, or standard input, piece by piece.
final class ImportInput {
    private static let pieceBytes = 1 << 18

    let isFile: Bool
    private let name: String
    private let descriptor: Int32
    private var head: [UInt8] = []
    private var headIsDue = true
    private var piece = [UInt8](repeating: 0, count: ImportInput.pieceBytes)
    private var status = stat()
    private(set) var isAtEnd = false

    init(_ name: String) throws {
        self.name = name
        descriptor = name == "-" ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            throw NoAnswer.failed("\(name) cannot be read: \(String(cString: strerror(errno)))")
        }
        isFile = name != "-" && status.st_mode & S_IFMT == S_IFREG
        guard status.st_mode & S_IFMT != S_IFDIR else { throw NoAnswer.failed("\(name) is a folder; expected a file") }
        while head.count < ImportPosition.headBytes, let more = try readPiece(), !more.isEmpty { head += more }
    }

    deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

    var formatOfHead: InterchangeFormat { head.withUnsafeBytes { InterchangeFormat(firstBytes: $0) } }

    /// What the first lines are written in, where that is not UTF-8.
    var otherEncoding: (line: Int, sentence: String)? {
        let lines =
            head.count < ImportPosition.headBytes ? head[...] : head[..<(head.lastIndex(of: 0x0A) ?? head.count)]
        guard case .other(let line, let sentence) = TextEncoding(Array(lines)) else { return nil }
        return (line, sentence)
    }

    /// The header of CSV.
    var firstLine: String {
        // Empty lines before it are passed over, as the reader does.
        let text = head.drop { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        var line = text.prefix { $0 != UInt8(ascii: "\n") }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return String(decoding: line, as: UTF8.self)
    }

    func identity(command: String) -> ImportPosition.Identity {
        ImportPosition.Identity(
            bytes: Int(status.st_size),
            modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec),
            head: ImportPosition.hash(head.prefix(ImportPosition.headBytes)), command: command)
    }

    func seek(to offset: Int) throws {
        guard lseek(descriptor, off_t(offset), SEEK_SET) == off_t(offset) else {
            throw NoAnswer.failed("\(name) cannot be read from byte \(offset): \(String(cString: strerror(errno)))")
        }
        headIsDue = false
    }

    /// Lends the next bytes; nil at the end.
    func next(_ body: (UnsafeRawBufferPointer?) -> Void) throws {
        if headIsDue, !head.isEmpty {
            headIsDue = false
            head.withUnsafeBytes { body($0) }
            return
        }
        guard let more = try readPiece(), !more.isEmpty else {
            isAtEnd = true
            return body(nil)
        }
        more.withUnsafeBytes { body($0) }
    }

    private func readPiece() throws -> ArraySlice<UInt8>? {
        while true {
            let count = piece.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 { return piece[..<count] }
            if errno != EINTR { throw NoAnswer.failed("\(name) cannot be read: \(String(cString: strerror(errno)))") }
        }
    }
}
