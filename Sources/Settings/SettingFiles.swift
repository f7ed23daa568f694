public import Basics
import Glibc
import Telemetry

/// Reads the files that configuration stands in.
public enum SettingFiles {
    /// Longest file that is read, in bytes: a configuration of this size is another file, named by mistake.
    public static let bytesMax = 16 * 1024 * 1024

    /// The text of a UTF-8 file, without the byte order mark that some editors put before it.
    ///
    /// Throws one mistake, with the reason in words, when the file is missing, is a directory, may not be read, is
    /// longer than `bytesMax`, or is not UTF-8; then with the line of the first byte that is not.
    public static func text(of path: String) throws(Mistakes) -> String {
        func mistake(_ expected: String, line: Int? = nil) -> Mistakes {
            Mistakes([Mistake(file: path, line: line, key: "", value: nil, expected: expected)])
        }
        guard let kind = kind(of: path) else { throw mistake("there is no such file") }
        if kind == S_IFDIR { throw mistake("expected a file; this is a directory") }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw mistake("the file cannot be opened for reading; check its owner and mode")
        }
        defer { close(descriptor) }
        guard let bytes = bytes(from: descriptor, bytesMax: bytesMax + 1) else {
            throw mistake("the file cannot be read: \(String(cString: strerror(errno)))")
        }
        guard bytes.count <= bytesMax else { throw mistake("expected at most \(bytesMax) bytes") }
        switch TextEncoding(bytes) {
        case .utf8(let text): return text
        case .other(let line, let sentence): throw mistake(sentence, line: line)
        }
    }

    /// Whether a file or a folder is there.
    public static func exists(_ path: String) -> Bool { kind(of: path) != nil }

    /// Whether a Unix socket is there.
    public static func isSocket(_ path: String) -> Bool { kind(of: path) == S_IFSOCK }

    /// The first bytes of a file as text, with a sign for each that is not UTF-8; nil where it cannot be read.
    public static func beginning(of path: String, bytesMax: Int = 1 << 20) -> String? {
        bytes(of: path, bytesMax: bytesMax).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether the file exists and this process may read it.
    public static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }

    /// Whether a file is there that this process may run.
    public static func isRunnable(_ path: String) -> Bool { kind(of: path) == S_IFREG && access(path, X_OK) == 0 }

    /// Whether a directory is there, or what leads to one.
    public static func isDirectory(_ path: String) -> Bool { kind(of: path) == S_IFDIR }

    /// Paths of all files called `name` under a directory, however deep, sorted by path.
    ///
    /// Throws one mistake when the directory is missing or cannot be listed. Hidden folders are passed over.
    public static func paths(named name: String, under directory: String) throws(Mistakes) -> [String] {
        func mistake(_ expected: String) -> Mistakes {
            Mistakes([Mistake(file: directory, line: nil, key: "", value: nil, expected: expected)])
        }
        guard kind(of: directory) == S_IFDIR else { throw mistake("there is no such directory") }
        guard access(directory, R_OK | X_OK) == 0 else { throw mistake("the directory cannot be listed") }
        var found: [String] = []
        var folders = [directory.hasSuffix("/") ? directory : directory + "/"]
        while let folder = folders.popLast() {
            guard let stream = opendir(folder) else { continue }
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                let child = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if child.hasPrefix(".") { continue }
                if child == name { found.append(folder + child) }
                // Not through symbolic links: they may lead in a circle.
                let isFolder =
                    Int(entry.pointee.d_type) == Int(DT_DIR)
                    || Int(entry.pointee.d_type) == Int(DT_UNKNOWN) && isFolder(folder + child)
                if isFolder { folders.append(folder + child + "/") }
            }
        }
        return found.sorted()
    }

    /// `S_IFREG`, `S_IFDIR` and so on, of what a symbolic link leads to; nil where there is nothing.
    private static func kind(of path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The bytes of a file, not more than `bytesMax`; nil where it cannot be read.
    static func bytes(of path: String, bytesMax: Int) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return bytes(from: descriptor, bytesMax: bytesMax)
    }

    /// The next bytes up to the end or to `bytesMax`; nil, and `errno`, where reading fails.
    public static func bytes(from descriptor: Int32, bytesMax: Int = .max) -> [UInt8]? {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < bytesMax {
            let count = piece.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { break }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            bytes += piece[..<min(count, bytesMax - bytes.count)]
        }
        return bytes
    }
}
