import Basics

/// A URL of a web service: `https://host:port/path?query`.
struct WebAddress {
    /// Of `https`.
    var isSecure: Bool
    /// Without the brackets of an IPv6 address.
    var host: String

    /// Reads it; nil and a sentence that says what would be right.
    static func read(_ text: String) -> (address: WebAddress?, expected: String) {
        let usual = "expected a URL such as https://alerts.example/notify"
        guard let scheme = text.firstRange(of: "://") else { return (nil, usual) }
        let word = text[..<scheme.lowerBound].lowercased()
        guard word == "https" || word == "http" else { return (nil, usual) }
        // Written out, a blank or a sign beyond ASCII would be sent as it stands.
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") }) else {
            return (nil, "expected a URL without blanks and with % and two digits for a byte beyond ASCII")
        }
        guard !text.contains("#") else { return (nil, "expected a URL without #, which is for browsers alone") }
        let authority = text[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@") else {
            return (nil, "expected no password in the URL; token_file and header_files have secrets")
        }
        guard let (host, port) = HostAndPort.split(String(authority)), HostName.isHost(host) else {
            return (nil, usual)
        }
        if let port, !(1...65_535).contains(Int(port) ?? 0) { return (nil, "expected a port from 1 to 65535") }
        return (WebAddress(isSecure: word == "https", host: host), "")
    }
}

/// `host:port`, `host` or `[::1]:port`.
enum HostAndPort {
    /// nil where it cannot be one.
    static func split(_ text: String) -> (host: String, port: String?)? {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            return (String(text[..<end].dropFirst()), rest.isEmpty ? nil : String(rest.dropFirst()))
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, !parts[0].isEmpty else { return nil }
        return (String(parts[0]), parts.count == 2 ? String(parts[1]) : nil)
    }
}
