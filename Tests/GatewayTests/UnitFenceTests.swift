import Foundation
import Testing
import TestSupport

@testable import Gateway

@Suite("The addresses that a unit allows")
struct UnitFenceTests {
    private let folder = TemporaryDirectory()

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

    @Test("the drop-in that baotud prints admits what it is printed for")
    func printed() throws {
        let printed = try AddressFence(host: "192.0.2.7").text
        let fence = try fence([("etc/b.service.d/addresses.conf", printed)])
        #expect(fence.admits("192.0.2.7") && fence.admits("127.0.0.1") && !fence.admits("192.0.2.8"))
    }
}
