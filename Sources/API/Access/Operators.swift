import Contract
import Glibc

/// Who may give orders: acknowledge, import, reload. Everybody who gets to the socket may ask.
public struct Operators: Sendable {
    /// The name of the group; root and the gateway's own user need not be in it.
    let group: String
    /// Else one who is called nobody may be anybody.
    var seesEveryUser = Peer.seesEveryUser

    /// `group` by its name in the system, where it need not exist yet.
    public init(group: String) { self.group = group }

    /// Who gives an order. Throws `.forbidden` for who may not; `deed` says what it would be, as `Order.deed`.
    ///
    /// Asks the system for names, which may take it a while.
    func author(_ peer: Peer?, of deed: String) throws(Refusal) -> Author {
        guard let peer else { throw .forbidden("the kernel does not say who asks, so nobody may \(deed)") }
        let login = Self.login(of: peer.user)
        if peer.user == 0 || peer.user == geteuid() { return Author(login: login) }
        guard let id = Self.groupID(named: group) else {
            throw .forbidden(
                "\(login) may ask the gateway, and not \(deed): orders are for the group \(group), which does not exist here; as root: "
                    + "groupadd --system \(group)")
        }
        guard peer.groups.contains(id) else {
            guard peer.user != Peer.unseenUser || seesEveryUser else {
                throw .forbidden(
                    "the gateway does not see who asks, so he may not \(deed): its service runs among users of its own (PrivateUsers)"
                )
            }
            throw .forbidden(
                "\(login) may ask the gateway, and not \(deed): orders are for the group \(group); as root: "
                    + "usermod --append --groups \(group) \(login), and from the next login on it is so")
        }
        return Author(login: login)
    }

    private static func login(of user: uid_t) -> String {
        named(bytes: 1024) { buffer in
            var (entry, found) = (passwd(), nil as UnsafeMutablePointer<passwd>?)
            let code = getpwuid_r(user, &entry, buffer.baseAddress!, buffer.count, &found)
            return (code, found.map { String(cString: $0.pointee.pw_name) })
        } ?? "user \(user)"
    }

    /// Whether the system knows the group. Asks it, which may take it a while.
    package var areKnown: Bool { Self.groupID(named: group) != nil }

    private static func groupID(named name: String) -> gid_t? {
        named(bytes: 4096) { buffer in
            var (entry, found) = (Glibc.group(), nil as UnsafeMutablePointer<Glibc.group>?)
            let code = getgrnam_r(name, &entry, buffer.baseAddress!, buffer.count, &found)
            return (code, found?.pointee.gr_gid)
        }
    }

    /// Asks again with more room where an entry takes it, such as that of a group with a thousand members.
    private static func named<Found>(
        bytes: Int, _ ask: (UnsafeMutableBufferPointer<CChar>) -> (code: Int32, found: Found?)
    ) -> Found? {
        var bytes = bytes
        while bytes <= 1 << 22 {
            let answer = withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes, ask)
            guard answer.code == ERANGE else { return answer.found }
            bytes *= 4
        }
        return nil
    }
}

/// Who gives an order, as the system knows him.
public struct Author: Hashable, Sendable {
    /// The name he logs in with.
    public let login: String

    package init(login: String) { self.login = login }

    /// Under which name a deed is kept. Several may share a login, so one may say who of them he is; the login stands beside it.
    package func signed(_ name: String) -> String { name.isEmpty || name == login ? login : "\(name) (\(login))" }
}
