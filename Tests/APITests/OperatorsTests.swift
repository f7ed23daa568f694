import Contract
import Glibc
import Testing

@testable import API

@Suite("Who may give orders")
struct OperatorsTests {
    /// A group that every Debian has, and a user who is not in it.
    private let operators = Operators(group: "daemon")
    private let stranger: uid_t = 54_321

    private func refusal(_ operators: Operators, _ peer: Peer?) -> String? {
        do throws(Refusal) {
            _ = try operators.author(peer, of: "acknowledge an alert")
            return nil
        } catch {
            #expect(error.status == 403)
            return "\(error)"
        }
    }

    @Test("the group may, whether it is the user's first or one of others; so may root and the gateway's own user")
    func members() throws {
        let daemon = try #require(getgrnam("daemon")).pointee.gr_gid
        #expect(try operators.author(Peer(user: stranger, groups: [daemon]), of: "x").login == "user 54321")
        #expect(try operators.author(Peer(user: stranger, groups: [54_321, daemon]), of: "x").login == "user 54321")
        #expect(try operators.author(Peer(user: 0, groups: []), of: "x").login == "root")
        let own = String(cString: try #require(getpwuid(geteuid())).pointee.pw_name)
        #expect(try operators.author(Peer(user: geteuid(), groups: []), of: "x").login == own)
    }

    @Test("nobody else may, and the sentence says what would help")
    func strangers() {
        #expect(
            refusal(operators, Peer(user: stranger, groups: [54_321]))?.contains(
                "usermod --append --groups daemon user 54321") == true)
        #expect(
            refusal(Operators(group: "no-such-group"), Peer(user: stranger, groups: [54_321]))?.contains(
                "groupadd --system no-such-group") == true)
        var fenced = operators
        let nobody = Peer(user: Peer.unseenUser, groups: [Peer.unseenUser])
        fenced.seesEveryUser = false
        #expect(refusal(fenced, nobody)?.contains("PrivateUsers") == true)
        fenced.seesEveryUser = true
        #expect(refusal(fenced, nobody)?.contains("usermod --append") == true)
        #expect(refusal(operators, nil) != nil)
    }

    @Test("the kernel says who is at the other end")
    func peer() throws {
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { for end in ends { close(end) } }
        let peer = try #require(Peer(descriptor: ends[0]))
        #expect(peer.user == geteuid())
        #expect(peer.groups.first == getegid())
        var groups = [gid_t](repeating: 0, count: 1024)
        let count = getgroups(Int32(groups.count), &groups)
        #expect(Set(peer.groups) == Set(groups.prefix(Int(count)) + [getegid()]))
        #expect(Peer(descriptor: -1) == nil)
    }

    @Test("a login says who it is by itself; a name of somebody else stands before it")
    func signatures() {
        let author = Author(login: "duty")
        #expect(author.signed("") == "duty")
        #expect(author.signed("duty") == "duty")
        #expect(author.signed("Lei") == "Lei (duty)")
    }

    @Test("one user takes not all connections; root and the gateway's own user may")
    func crowd() {
        let crowd = Crowd()
        let (one, other) = (Peer(user: stranger, groups: []), Peer(user: stranger + 1, groups: []))
        for _ in 0..<Crowd.eachMax { #expect(crowd.enter(one)) }
        #expect(!crowd.enter(one) && crowd.enter(other))
        crowd.leave(one)
        #expect(crowd.enter(one) && !crowd.enter(one))
        for _ in 0...Crowd.eachMax { #expect(crowd.enter(Peer(user: 0, groups: []))) }
        #expect(UnixSocketServer.connectionsMax > Crowd.eachMax)
    }
}
