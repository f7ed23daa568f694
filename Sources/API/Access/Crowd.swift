import Glibc
import Synchronization

/// How many connections each user has: one alone does not take all there may be, and with them the place of who is on duty.
final class Crowd: Sendable {
    /// Of a user other than root and the gateway's own.
    static let eachMax = 192

    private let counts = Mutex<[uid_t: Int]>([:])

    /// Takes one more in; false where its user has as many as may be. Whom the kernel does not name counts as one user.
    func enter(_ peer: Peer?) -> Bool {
        let user = peer?.user ?? .max
        return counts.withLock { counts in
            let count = counts[user, default: 0]
            guard count < Self.eachMax || user == 0 || user == geteuid() else { return false }
            counts[user] = count + 1
            return true
        }
    }

    func leave(_ peer: Peer?) {
        let user = peer?.user ?? .max
        counts.withLock { counts in
            let count = counts[user, default: 0] - 1
            counts[user] = count > 0 ? count : nil
        }
    }
}
