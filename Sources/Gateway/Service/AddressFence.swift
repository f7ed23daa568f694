import Basics
import Broker
import ConfigurationFiles
import Glibc

/// The addresses that a gateway has to reach, as a drop-in for its unit.
struct AddressFence {
    /// A machine that the configuration names.
    struct Peer {
        /// Where it is named: `mqtt.host`, `notification.email duty-room`.
        let place: String
        /// Name or address.
        let host: String
        /// Numeric, each once.
        let addresses: [String]

        var isNamed: Bool { !addresses.contains(host) && host != "localhost" }

        /// Looks the name up. Throws where nobody knows it.
        init(place: String, host: String) throws(AddressUnknown) {
            (self.place, self.host) = (place, host)
            var hints = addrinfo()
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            var found: UnsafeMutablePointer<addrinfo>?
            let code = getaddrinfo(host, nil, &hints, &found)
            guard code == 0 else {
                throw AddressUnknown(place: place, host: host, reason: String(cString: gai_strerror(code)))
            }
            defer { freeaddrinfo(found) }
            var addresses: [String] = []
            var next = found
            while let entry = next {
                var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
                let (address, size) = (entry.pointee.ai_addr, entry.pointee.ai_addrlen)
                if getnameinfo(address, size, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 {
                    let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                    // An interface behind a link-local address is none of the filter's words.
                    let plain = String(address.prefix { $0 != "%" })
                    if !addresses.contains(plain) { addresses.append(plain) }
                }
                next = entry.pointee.ai_next
            }
            self.addresses = addresses.sorted()
        }
    }

    let peers: [Peer]
    /// Channels whose programs may reach anything: what, the gateway does not know.
    let programs: [String]
    /// Numeric; those of the machine, where a peer has a name.
    let nameServers: [String]

    /// Throws a sentence where a name cannot be looked up.
    init(_ configuration: GatewayConfiguration, resolverFile: String = "/etc/resolv.conf") throws(AddressUnknown) {
        var peers: [Peer] = []
        for (place, host) in Self.hosts(of: configuration) { peers.append(try Peer(place: place, host: host)) }
        self.peers = peers
        programs = configuration.notifications.commands.map(\.channel.name)
        nameServers = peers.contains(where: \.isNamed) ? Self.nameServers(resolverFile) : []
    }

    /// The broker first, then the channels.
    static func hosts(of configuration: GatewayConfiguration) -> [(place: String, name: String)] {
        [("mqtt.host", configuration.mqtt.host)] + configuration.notifications.hosts
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
            "# Of baotud --print-drop-in: the gateway reaches this machine, its broker, its channels, and nothing else. Made",
            "# anew when one of their addresses changes:",
            "#   baotud --print-drop-in | sudo tee /etc/systemd/system/baotud.service.d/addresses.conf",
            "#   sudo systemctl daemon-reload && sudo systemctl restart baotud",
            "[Service]",
            "IPAddressDeny=any",
            "IPAddressAllow=localhost",
        ]
        var written: Set<String> = []
        func allow(_ addresses: [String]) {
            lines += addresses.filter { written.insert($0).inserted }.map { "IPAddressAllow=\($0)" }
        }
        for peer in peers {
            lines.append("# \(peer.place): \(peer.host)")
            allow(peer.addresses)
        }
        if !nameServers.isEmpty {
            lines.append("# The name servers of this machine, which know them")
            allow(nameServers)
        }
        if !programs.isEmpty {
            lines.append(
                "# What the programs of notification.commands (\(programs.joined(separator: ", "))) have to reach beyond it is"
            )
            lines.append("# theirs to know: a line IPAddressAllow= for each.")
        }
        return lines.joined(separator: "\n")
    }
}

/// A host of the configuration that no name server knows.
public struct AddressUnknown: Error, CustomStringConvertible {
    let place: String
    let host: String
    let reason: String

    /// One sentence with what would be right.
    public var description: String {
        "\(place): '\(host)' has no address that can be looked up from here (\(reason)); write an address, or ask again on the "
            + "gateway's machine"
    }
}

extension Daemon {
    /// A drop-in for the unit that lets the gateway reach its broker, its channels and this machine alone. Looks names up.
    public func dropIn() throws(AddressUnknown) -> String { try AddressFence(configuration).text }
}
