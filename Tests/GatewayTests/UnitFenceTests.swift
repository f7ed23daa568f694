import Contract
import Foundation
import Testing
import TestSupport
import Basics
import Telemetry

@testable import ConfigurationFiles
@testable import Gateway

@Suite("The addresses that a unit allows")
struct UnitFenceTests {
    private let folder = TemporaryDirectory()
    private let live = LiveView(
        LiveStatusAnswer(version: "test", startedAt: Timestamp(milliseconds: 0), broker: "none"))

    private func fence(_ files: [(path: String, text: String)]) throws -> UnitFence {
        for file in files {
            let path = URL(filePath: "\(folder.path)/\(file.path)")
            try FileManager.default.createDirectory(
                at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
            try file.text.write(to: path, atomically: false, encoding: .utf8)
        }
        return UnitFence(unit: "b.service", roots: ["\(folder.path)/lib", "\(folder.path)/etc"])
    }

    @Test("without a word on addresses all may be reached, and nothing is told")
    func open() throws {
        let fence = try fence([("lib/b.service", "[Service]\nUser=b\n")])
        #expect(fence.file == nil && fence.admits("10.0.0.7") && fence.admits("2001:db8::1"))
    }

    @Test("what is allowed wins over what is denied, and a prefix counts its bits")
    func prefixes() throws {
        let fence = try fence([
            ("lib/b.service", "[Service]\nIPAddressDeny=any\nIPAddressAllow=localhost 10.1.0.0/20 2001:db8::/32\n")
        ])
        #expect(fence.admits("127.0.0.1") && fence.admits("::1"))
        #expect(fence.admits("10.1.15.255") && !fence.admits("10.1.16.0") && !fence.admits("10.0.0.7"))
        #expect(fence.admits("2001:db8::7") && !fence.admits("2001:db9::7"))
        #expect(fence.file?.hasSuffix("lib/b.service") == true)
    }

    @Test("drop-ins are read by name, those of a later folder in place of others, and an empty word forgets")
    func order() throws {
        var fence = try fence([
            ("lib/b.service", "IPAddressDeny=any\n"), ("lib/b.service.d/10.conf", "IPAddressAllow=10.0.0.7\n"),
            ("etc/b.service.d/20.conf", "IPAddressAllow=\nIPAddressAllow=10.0.0.8\n"),
            ("etc/b.service.d/notes.txt", "IPAddressAllow=10.0.0.9\n"),
        ])
        #expect(!fence.admits("10.0.0.7") && fence.admits("10.0.0.8") && !fence.admits("10.0.0.9"))
        fence = try self.fence([("etc/b.service.d/10.conf", ""), ("etc/b.service.d/30.conf", "IPAddressDeny=\n")])
        #expect(fence.file == nil && fence.admits("10.0.0.7"))
    }

    private static let channels = """
        mqtt: {host: 192.0.2.7}
        store: {folder: /nowhere}
        notification:
          webhooks:
            - {name: duty, url: "https://192.0.2.9:8443/x"}
            - {name: again, url: "https://192.0.2.9/y"}
          email:
            - {name: mail, server: "[2001:db8::25]:587", from: a@city.example, to: b@city.example}
          commands:
            - {name: siren, program: /bin/true}
        """

    @Test(
        "the drop-in that baotud prints admits what it is printed for, each address once, and says what it cannot know")
    func printed() throws {
        let configuration = try GatewayConfiguration(yaml: Self.channels, file: "baotu.yaml")
        let printed = try AddressFence(configuration).text
        let fence = try fence([("etc/b.service.d/addresses.conf", printed)])
        for address in ["192.0.2.7", "127.0.0.1", "192.0.2.9", "2001:db8::25"] { #expect(fence.admits(address)) }
        #expect(!fence.admits("192.0.2.8") && !fence.admits("2001:db8::26"))
        #expect(printed.components(separatedBy: "IPAddressAllow=192.0.2.9").count == 2, "\(printed)")
        #expect(printed.contains("notification.webhooks again") && printed.contains("(siren)"), "\(printed)")
    }

    @Test("the doctor names the channel whose address the unit forbids, and a group of operators that a service lacks")
    func forbidden() throws {
        let configuration = try GatewayConfiguration(
            yaml: Self.channels + "\napi: {operators: nobody-has-this-group}\n", file: "baotu.yaml")
        let doctor = Doctor(configuration: configuration, live: live) { Timestamp(milliseconds: 0) }
        let fence = try fence([
            ("lib/b.service", "IPAddressDeny=any\nIPAddressAllow=192.0.2.7 2001:db8::/32\n")
        ])
        let told = doctor.forbidden(fence)
        #expect(told.map(\.check) == ["channel", "channel"] && told.allSatisfy { $0.level == .bad }, "\(told)")
        #expect(told.first?.finding.contains("notification.webhooks duty: 192.0.2.9") == true, "\(told)")
        #expect(doctor.orders(isService: false) == [])
        #expect(doctor.orders(isService: true).first?.finding.contains("nobody-has-this-group") == true)
    }
}
