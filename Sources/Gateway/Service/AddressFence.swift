import Basics
import Glibc

/// The addresses that a gateway has to reach, as a drop-in for its unit.
struct AddressFence {
    /// Who is reached, as the configuration names it.
    let host: String
    /// Numeric, each once.
    let addresses: [String]
    /// Those of the machine's name servers, where `host` is a name.
    let nameServers: [String]

    /// Throws a sentence where the name cannot be looked up.
    init(host: String, resolverFile: String = "/etc/resolv.conf") throws(AddressUnknown) {
        self.host = host
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &found)
        guard code == 0 else { throw AddressUnknown(host: host, reason: String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(found) }
        var addresses: [String] = []
        var next = found
        while let entry = next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let size = socklen_t(text.count)
            if getnameinfo(entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, size, nil, 0, NI_NUMERICHOST) == 0 {
                let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                // An interface behind a link-local address is none of the filter's words.
                let plain = String(address.prefix { $0 != "%" })
                if !addresses.contains(plain) { addresses.append(plain) }
            }
            next = entry.pointee.ai_next
        }
        self.addresses = addresses.sorted()
        let isName = !addresses.contains(host) && host != "localhost"
        nameServers = isName ? Self.nameServers(resolverFile) : []
    }

    static func nameServers(_ file: String) -> [String] {
        guard let handle = fopen(file, "r") else { return [] }
        defer { fclose(handle) }
        var servers: [String] = []
        var line = [CChar](repeating: 0, count: 1024)
        while fgets(&line, Int32(line.count), handle) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let words = text.split(whereSeparator: \.isWhitespace)
            if words.count >= 2, words[0] == "nameserver" { servers.append(String(words[1].prefix { $0 != "%" })) }
        }
        return servers
    }

    /// For `/etc/systemd/system/baotud.service.d/addresses.conf`.
    ///
    /// Source: systemd.resource-control(5), IPAddressAllow=.
    var text: String {
        var lines = [
            "# Of baotud --print-drop-in: the gateway reaches this machine, its broker, and nothing else. Made anew when the",
            "# broker's address changes:",
            "#   baotud --print-drop-in | sudo tee /etc/systemd/system/baotud.service.d/addresses.conf",
            "#   sudo systemctl daemon-reload && sudo systemctl restart baotud",
            "[Service]",
            "IPAddressDeny=any",
            "IPAddressAllow=localhost",
            "# mqtt.host: \(host)",
        ]
        lines += addresses.map { "IPAddressAllow=\($0)" }
        if !nameServers.isEmpty {
            lines.append("# The name servers of this machine, which know it")
            lines += nameServers.map { "IPAddressAllow=\($0)" }
        }
        return lines.joined(separator: "\n")
    }
}

/// A host of the configuration that no name server knows.
public struct AddressUnknown: Error, CustomStringConvertible {
    let host: String
    let reason: String

    /// One sentence with what would be right.
    public var description: String {
        "mqtt.host: '\(host)' has no address that can be looked up from here (\(reason)); write an address, or ask again on the "
            + "gateway's machine"
    }
}

extension Daemon {
    /// A drop-in for the unit that lets the gateway reach its broker and this machine alone. Looks names up.
    public func dropIn() throws(AddressUnknown) -> String { try AddressFence(host: brokerHost).text }
}
