import Glibc

/// Names and addresses that a broker or another server can be under.
package enum HostName {
    /// Whether it is this machine, by its name alone: what a name server says of another one may change.
    package static func isLoopback(_ host: String) -> Bool {
        var address = in_addr()
        if inet_pton(AF_INET, host, &address) == 1 { return UInt32(bigEndian: address.s_addr) >> 24 == 127 }
        return ["::1", "localhost", "localhost.", "ip6-localhost"].contains(host.lowercased())
    }

    /// Whether it is a name or an address, and nothing besides.
    static func isHost(_ text: String) -> Bool { fault(text) == nil }

    /// What would be right, where the text is neither a name nor an address; nil for a good one.
    ///
    /// Names are of letters, digits, `-`, `.` and `_`, which machines inside a container's network have.
    static func fault(_ text: String) -> String? {
        let name = "expected a name of letters, digits, '-' and '.', or an address"
        if text.isEmpty { return name }
        if isAddress6(text) { return nil }
        var rest = text
        if let scheme = rest.firstRange(of: "://") { rest = String(rest[scheme.upperBound...]) }
        rest = String(rest.prefix { $0 != "/" })
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]"), isAddress6(String(rest[..<end].dropFirst())) {
            let port = rest[rest.index(after: end)...]
            return "expected the host alone: write host: \"\(rest[..<end].dropFirst())\"\(beside(port.dropFirst()))"
        }
        let parts = rest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let host = parts.first, isName(host) else { return name }
        if host.count == text.count { return nil }
        return "expected the host alone: write host: \(host)\(beside(parts.count > 1 ? parts[1] : ""))"
    }

    private static func beside(_ port: Substring) -> String {
        Int(port).map { " and port: \($0)" } ?? "; the port is the key port, and TLS the section tls"
    }

    private static func isName(_ text: Substring) -> Bool {
        (1...253).contains(text.utf8.count) && !text.hasPrefix("-") && !text.hasPrefix(".")
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0)
                    || [0x2D, 0x2E, 0x5F].contains($0)
            }
    }

    /// With the link it is on, as in `fe80::1%eth0`.
    private static func isAddress6(_ text: String) -> Bool {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        var address = in6_addr()
        return parts.count < 3 && !parts.contains("") && inet_pton(AF_INET6, String(parts[0]), &address) == 1
    }
}
