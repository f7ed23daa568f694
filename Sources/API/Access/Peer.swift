import Glibc

/// Who is at the other end of a socket, as the kernel knew him when he connected; nothing that he says himself.
struct Peer: Hashable, Sendable {
    /// Of his process.
    var user: uid_t
    /// Its own and its supplementary ones.
    var groups: [gid_t]

    init(user: uid_t, groups: [gid_t]) {
        self.user = user
        self.groups = groups
    }

    /// nil where the kernel does not tell: it is no Unix socket.
    init?(descriptor: Int32) {
        // `struct ucred` of unix(7): process, user, group.
        var found = [UInt32](repeating: 0, count: 3)
        var length = socklen_t(3 * MemoryLayout<UInt32>.stride)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &found, &length) == 0, length == 12 else { return nil }
        user = found[1]
        groups = [found[2]] + Self.supplementaryGroups(descriptor)
    }

    private static func supplementaryGroups(_ descriptor: Int32) -> [gid_t] {
        var count = 64
        // It says how many there are where there is no room for them.
        for _ in 0..<2 {
            var groups = [gid_t](repeating: 0, count: count)
            var length = socklen_t(count * MemoryLayout<gid_t>.stride)
            if getsockopt(descriptor, SOL_SOCKET, soPeerGroups, &groups, &length) == 0 {
                return Array(groups.prefix(Int(length) / MemoryLayout<gid_t>.stride))
            }
            guard errno == ERANGE else { return [] }
            count = Int(length) / MemoryLayout<gid_t>.stride
        }
        return []
    }

    /// `SO_PEERGROUPS` of Linux 4.13 on, which Swift's module of glibc leaves out.
    private static let soPeerGroups: Int32 = 59
    /// What the kernel shows of users that a namespace of users does not have: `kernel.overflowuid`, as everybody has it.
    static let unseenUser: uid_t = 65_534

    /// Whether this process sees every user as he is, so that `unseenUser` is the one who is called nobody.
    ///
    /// Source: user_namespaces(7), `/proc/self/uid_map`: first user here, first user outside, how many.
    static let seesEveryUser: Bool = {
        let descriptor = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return false }
        return String(decoding: bytes[..<count], as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
            == ["0", "0", "4294967295"]
    }()
}
