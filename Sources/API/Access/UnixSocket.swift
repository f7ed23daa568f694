import Glibc

/// The socket file on which the API listens.
enum UnixSocket {
    /// Makes room for a new socket: takes away the file that a daemon left behind when it was killed.
    ///
    /// Throws when a process answers on it, or something that is not a socket stands there.
    static func claim(_ path: String) throws(SocketError) {
        guard path.utf8.count <= pathBytesMax else {
            throw .unusable(path: path, reason: "the path is longer than \(pathBytesMax) bytes")
        }
        var file = stat()
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard access(folder, W_OK | X_OK) == 0 else {
            throw .unusable(path: path, reason: String(cString: strerror(errno)))
        }
        guard lstat(path, &file) == 0 else {
            if errno == ENOENT { return }
            throw .unusable(path: path, reason: String(cString: strerror(errno)))
        }
        guard file.st_mode & S_IFMT == S_IFSOCK else {
            throw .unusable(path: path, reason: "something that is not a socket stands there")
        }
        if isAnswered(path) { throw .taken(path: path) }
        guard unlink(path) == 0 else { throw .unusable(path: path, reason: String(cString: strerror(errno))) }
    }

    /// `sun_path` of unix(7) with its end.
    static let pathBytesMax = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    private static func isAnswered(_ path: String) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }

    /// Lets the owner and the group in, and nobody else. The folder decides who gets that far.
    static func open(toGroup path: String) { chmod(path, 0o660) }
}

/// Why the API cannot listen.
public enum SocketError: Error, Equatable, CustomStringConvertible {
    case taken(path: String)
    case unusable(path: String, reason: String)

    /// One line that begins with `api:` and says on which path, why, and what would be right.
    public var description: String {
        switch self {
        case .taken(let path):
            "api: another gateway answers on \(path); stop that one or give another api.socket"
        case .unusable(let path, let reason):
            "api: cannot listen on \(path): \(reason); api.socket must be in a folder that the gateway's user may write"
        }
    }
}
