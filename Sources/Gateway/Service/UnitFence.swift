import Broker
import ConfigurationFiles
import Contract
import FoundationEssentials
import Glibc
import Settings

/// Which addresses systemd lets this process reach, as its unit's files say.
///
/// Read anew each time: the files may be newer than what is in force, and then the next start is what they tell of. Source:
/// systemd.resource-control(5), IPAddressAllow= and IPAddressDeny=; systemd.unit(5) for the folders and their order.
struct UnitFence {
    /// An address with how many of its bits count.
    private struct Prefix {
        var bytes: [UInt8]
        var bits: Int

        /// nil for what is no address.
        init?(_ text: Substring) {
            let parts = text.split(separator: "/", maxSplits: 1)
            guard let first = parts.first, let bytes = UnitFence.bytes(of: String(first)) else { return nil }
            self.bytes = bytes
            bits = bytes.count * 8
            if parts.count == 2 {
                guard let told = Int(parts[1]), (0...bits).contains(told) else { return nil }
                bits = told
            }
        }

        func has(_ address: [UInt8]) -> Bool {
            guard address.count == bytes.count else { return false }
            return (0..<bits).allSatisfy { bit in
                let mask: UInt8 = 0x80 >> UInt8(bit % 8)
                return address[bit / 8] & mask == bytes[bit / 8] & mask
            }
        }
    }

    private var allowed: [Prefix] = []
    private var denied: [Prefix] = []
    /// The file that forbids most lately; nil where none does.
    private(set) var file: String?

    private static let words = [
        "any": ["0.0.0.0/0", "::/0"], "localhost": ["127.0.0.0/8", "::1/128"],
        "link-local": ["169.254.0.0/16", "fe80::/64"], "multicast": ["224.0.0.0/4", "ff00::/8"],
    ]

    /// Of the unit that this process runs in; nil where it is none.
    static var own: UnitFence? { ownUnit.map { UnitFence(unit: $0) } }

    /// The service that this process is of: `baotud.service`; nil where it is none.
    static var ownUnit: String? {
        guard let group = SettingFiles.beginning(of: "/proc/self/cgroup") else { return nil }
        let name = group.split(separator: "\n").first?.split(separator: "/").last.map(String.init) ?? ""
        return name.hasSuffix(".service") ? name : nil
    }

    /// `roots`: where units lie, those that win last.
    init(
        unit: String,
        roots: [String] = [
            "/lib/systemd/system", "/usr/lib/systemd/system", "/run/systemd/system", "/etc/systemd/system",
        ]
    ) {
        var own: String?
        var dropIns: [String: String] = [:]
        for root in roots {
            if SettingFiles.isReadable("\(root)/\(unit)") { own = "\(root)/\(unit)" }
            let folder = "\(root)/\(unit).d"
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            where name.hasSuffix(".conf") {
                dropIns[name] = "\(folder)/\(name)"
            }
        }
        let files = [own].compactMap { $0 } + dropIns.sorted { $0.key < $1.key }.map(\.value)
        for file in files {
            guard let text = try? SettingFiles.text(of: file) else { continue }
            for line in text.split(separator: "\n") { take(line, of: file) }
        }
    }

    private mutating func take(_ line: Substring, of file: String) {
        let sides = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2 else { return }
        let entries = sides[1].split(whereSeparator: \.isWhitespace)
        let prefixes = entries.flatMap { Self.words[String($0)]?.map { Substring($0) } ?? [$0] }.compactMap {
            Prefix($0)
        }
        switch sides[0].drop(while: \.isWhitespace).prefix(while: { !$0.isWhitespace }) {
        case "IPAddressAllow": allowed = entries.isEmpty ? [] : allowed + prefixes
        case "IPAddressDeny":
            denied = entries.isEmpty ? [] : denied + prefixes
            self.file = denied.isEmpty ? nil : file
        default: break
        }
    }

    /// Whether a numeric address may be reached.
    func admits(_ address: String) -> Bool {
        guard let bytes = Self.bytes(of: address) else { return true }
        return allowed.contains { $0.has(bytes) } || !denied.contains { $0.has(bytes) }
    }

    private static func bytes(of text: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: four) { Array($0) } }
        var six = in6_addr()
        if inet_pton(AF_INET6, text, &six) == 1 { return withUnsafeBytes(of: six) { Array($0) } }
        return nil
    }
}

extension Doctor {
    /// An address that the gateway needs and its unit forbids: a connection to it waits, and says no reason.
    func forbidden(_ fence: UnitFence? = .own, resolverFile: String = "/etc/resolv.conf") -> [Diagnosis] {
        guard let fence, let file = fence.file else { return [] }
        var unknown: [String: [String]] = [:]
        var findings: [Diagnosis] = []
        func find(_ check: String, _ what: String) {
            findings.append(
                Diagnosis(
                    check: check, level: .bad, finding: "\(what), by IPAddressDeny in \(file)",
                    mend:
                        "sudo baotud --print-drop-in | sudo tee /etc/systemd/system/baotud.service.d/addresses.conf, then sudo systemctl "
                        + "daemon-reload && sudo systemctl restart baotud"))
        }
        for (place, host) in AddressFence.hosts(of: configuration) {
            let check = place.hasPrefix("mqtt.") ? "broker" : "channel"
            do throws(AddressUnknown) {
                let needed = try AddressFence.Peer(place: place, host: host).addresses
                // One of several is enough, as the connection tries them all.
                if !needed.isEmpty, !needed.contains(where: fence.admits) {
                    find(check, "the unit forbids the address of \(place): \(needed.joined(separator: ", "))")
                }
            } catch {
                unknown[check, default: []].append("\(place) '\(host)'")
            }
        }
        let servers = unknown.isEmpty ? [] : AddressFence.nameServers(resolverFile)
        guard !servers.isEmpty, !servers.contains(where: fence.admits) else { return findings }
        for (check, places) in unknown.sorted(by: { $0.key < $1.key }) {
            find(
                check,
                "the unit forbids the name servers that would know \(places.joined(separator: ", ")): "
                    + servers.joined(separator: ", "))
        }
        return findings
    }
}
