import Foundation
import Testing
import TestSupport

@testable import Broker

@Suite("The file of client ids")
struct HeldSessionsTests {
    private let folder = TemporaryDirectory()
    private var file: HeldSessionsFile { HeldSessionsFile(path: folder.path + "/sessions") }
    private static let sessions = HeldSessions(
        ownID: HeldSessions.clientID(of: [0, 1, 0xFFFF_FFFF, 0xBAD_CAFE]), clientIDs: ["baotu", "100 %\n of\r#%0A"])

    @Test("gives back what was written, for its owner and the store's group alone")
    func roundTrip() throws {
        #expect(try file.read() == nil)
        for sessions in [Self.sessions, HeldSessions(), HeldSessions(clientIDs: ["a"])] {
            try file.write(sessions)
            #expect(try file.read() == sessions)
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
            #expect(mode == 0o640)
        }
    }

    @Test("an id is made of 128 bits, and they can be had back of it")
    func words() {
        let words: [UInt32] = [0, 1, 0xFFFF_FFFF, 0xBAD_CAFE]
        let id = HeldSessions.clientID(of: words)
        #expect(id == "baotu-0000000000000001ffffffff0badcafe")
        #expect(HeldSessions.words(of: id) == words)
        for other in ["baotu", id + "0", id.uppercased(), "other-" + id.dropFirst(6)] {
            #expect(HeldSessions.words(of: other) == nil, "\(other)")
        }
    }

    @Test("no part of it is taken for the whole, and no other byte for the right one")
    func damage() throws {
        try file.write(Self.sessions)
        let whole = try Data(contentsOf: URL(filePath: file.path))
        func isRefused(_ bytes: Data) throws -> Bool {
            try bytes.write(to: URL(filePath: file.path))
            do throws(BrokerError) {
                _ = try file.read()
                return false
            } catch {
                return "\(error)".contains(file.path)
            }
        }
        for length in 0..<whole.count { #expect(try isRefused(whole.prefix(length)), "\(length) bytes") }
        for place in whole.indices {
            var other = whole
            other[place] ^= 1
            #expect(try isRefused(other), "byte \(place)")
        }
    }

    @Test("what cannot be written is an error, and what was there stays")
    func unwritable() throws {
        let nowhere = HeldSessionsFile(path: folder.path + "/none/sessions")
        #expect(throws: BrokerError.self) { try nowhere.write(Self.sessions) }
        try file.write(Self.sessions)
        try FileManager.default.createDirectory(atPath: file.path + ".new/x", withIntermediateDirectories: true)
        #expect(throws: BrokerError.self) { try file.write(HeldSessions()) }
        #expect(try file.read() == Self.sessions)
    }
}
