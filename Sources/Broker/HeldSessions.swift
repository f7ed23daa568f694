import Basics
import Glibc

/// Under which client ids the broker may keep a session, and messages, for this gateway.
///
/// An id stands here before the first connection under it, and until the session is known to be ended: whatever happens in
/// between, the next start finds them all.
public struct HeldSessions: Equatable, Sendable {
    /// The id that was made for this gateway; nil where none was needed yet.
    public var ownID: String?
    /// Each once, the oldest first; not empty once there was a connection.
    public var clientIDs: [String]

    package init(ownID: String? = nil, clientIDs: [String] = []) {
        self.ownID = ownID
        self.clientIDs = clientIDs
    }

    /// `baotu-` and 32 hexadecimal digits: a broker may ask for a beginning (`clientid_prefixes`), and nobody guesses the rest.
    package static func clientID(of words: [UInt32]) -> String {
        "baotu-" + words.map { String(UInt64($0) + 1 << 32, radix: 16).dropFirst() }.joined()
    }

    /// The words of an id that was made so; nil of another.
    package static func words(of clientID: String) -> [UInt32]? {
        let digits = Array(clientID.utf8)
        guard digits.count == 38 else { return nil }
        let words = (0..<4).compactMap { word in
            UInt32(String(decoding: digits[(6 + word * 8)..<(14 + word * 8)], as: UTF8.self), radix: 16)
        }
        return words.count == 4 && Self.clientID(of: words) == clientID ? words : nil
    }
}

/// The file that they stand in: text, with a check value in its last line, so that half of it is not taken for all.
package struct HeldSessionsFile: Sendable {
    private static let title = """
        # The client ids under which the broker keeps messages for this gateway. Who knows one, and may connect, can throw them
        # away: keep this file from others, and give no two gateways the same.
        """
    /// Readable by the owner, and by the group as the rest of the store is: whoever may make a backup, and nobody else.
    private static let mode: mode_t = 0o640
    private static let bytesMax = 65_536

    package let path: String

    package init(path: String) { self.path = path }

    /// nil where there is no such file. Throws `.sessionsUnreadable` where it cannot be read, or is not whole.
    package func read() throws(BrokerError) -> HeldSessions? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw unreadable("cannot be read (\(String(cString: strerror(errno))))")
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.bytesMax)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw unreadable("cannot be read (\(String(cString: strerror(errno))))") }
        guard count > 0 else { throw unreadable("is empty") }
        return try parse(String(decoding: bytes[..<count], as: UTF8.self))
    }

    private func parse(_ text: String) throws(BrokerError) -> HeldSessions {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard text.hasSuffix("\n"), lines.count >= 2, let last = lines.dropLast().last, last.hasPrefix("check "),
            last == Self.checkLine(of: lines.dropLast(2).map { $0 + "\n" }.joined())
        else { throw unreadable("is damaged: its last line does not fit the others") }
        var sessions = HeldSessions()
        for line in lines.dropLast(2) where !line.hasPrefix("#") {
            let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            guard words.count == 2, let id = Self.unescaped(words[1]), !id.isEmpty else {
                throw unreadable("is damaged: a line does not read")
            }
            switch words[0] {
            case "own": sessions.ownID = id
            case "session": sessions.clientIDs.append(id)
            default: throw unreadable("has a line '\(words[0])' of a newer version")
            }
        }
        return sessions
    }

    /// On disk when it returns, whole or not at all.
    package func write(_ sessions: HeldSessions) throws(BrokerError) {
        var text = Self.title + "\n"
        if let own = sessions.ownID { text += "own \(Self.escaped(own))\n" }
        for id in sessions.clientIDs { text += "session \(Self.escaped(id))\n" }
        text += Self.checkLine(of: text) + "\n"
        let draft = path + ".new"
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw notWritten() }
        let bytes = Array(text.utf8)
        let isWritten =
            Glibc.write(descriptor, bytes, bytes.count) == bytes.count && fchmod(descriptor, Self.mode) == 0
            && fsync(descriptor) == 0
        let error = isWritten ? nil : notWritten()
        close(descriptor)
        if let error {
            unlink(draft)
            throw error
        }
        guard rename(draft, path) == 0 else { throw notWritten() }
        let folder = open(
            path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/.",
            O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw notWritten() }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw notWritten() }
    }

    private static func checkLine(of text: String) -> String {
        var text = text
        var check = CRC32C()
        text.withUTF8 { check.add(UnsafeRawBufferPointer($0)) }
        return "check \(check.value)"
    }

    /// An id may hold any character, and a line of the file no end of a line.
    private static func escaped(_ id: String) -> String {
        id.replacing("%", with: "%25").replacing("\n", with: "%0A").replacing("\r", with: "%0D")
    }

    private static func unescaped(_ text: Substring) -> String? {
        String(text).replacing("%0A", with: "\n").replacing("%0D", with: "\r").replacing("%25", with: "%")
    }

    private func unreadable(_ reason: String) -> BrokerError { .sessionsUnreadable(path: path, reason: reason) }

    private func notWritten() -> BrokerError {
        .sessionsNotWritten(path: path, reason: String(cString: strerror(errno)))
    }
}
