import Basics
import Broker
import ConfigurationFiles
import Foundation
import Logging
import Store
import Testing
import TestSupport

@testable import Gateway

/// Which client id a start takes, and which ones of before it takes up.
@Suite("The gateway's names at the broker")
struct SessionNamesTests {
    private let folder = TemporaryDirectory()
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private var store: String { folder.path + "/store" }
    private var file: HeldSessionsFile { HeldSessionsFile(path: store + "/broker-sessions") }
    private var spare: HeldSessionsFile { HeldSessionsFile(path: store + ".broker-sessions") }

    /// One start and its end.
    @discardableResult
    private func start(_ clientID: String? = nil, _ body: (inout SessionNames, Journal) throws -> Void = { _, _ in })
        throws
        -> SessionNames
    {
        let configuration = try GatewayConfiguration(
            yaml: "mqtt: {\(clientID.map { "client_id: \($0)" } ?? "")}\nstore: {folder: \(store), ballast_bytes: 0}\n",
            file: folder.path + "/baotu.yaml")
        let journal = try Journal.open(configuration.store)
        defer { journal.close() }
        var names = try SessionNames(configuration, journal, log)
        try body(&names, journal)
        return names
    }

    /// A store that no file beside it speaks of, as those of before.
    private func olderStore() throws {
        let configuration = try GatewayConfiguration(
            yaml: "store: {folder: \(store), ballast_bytes: 0}\n", file: folder.path + "/baotu.yaml")
        try Journal.open(configuration.store).close()
    }

    private func remove(_ files: HeldSessionsFile...) throws {
        for file in files { try FileManager.default.removeItem(atPath: file.path) }
    }

    @Test("the first start makes an id, which every later one has, and no other gateway")
    func own() throws {
        let first = try start { (names, journal) throws in
            #expect(try journal.clientNumber?.words == HeldSessions.words(of: names.clientID))
        }
        #expect(first.isOwn && first.former.isEmpty && first.clientID.utf8.count == 38)
        #expect(try start().clientID == first.clientID)
        #expect(try file.read() == spare.read())
        #expect(try SessionNamesTests().start().clientID != first.clientID)
    }

    @Test("a file that is gone is made anew of what remembers it: its copy, else the store")
    func gone() throws {
        let id = try start("one") { _, _ in }.clientID
        #expect(id == "one")
        let own = try start().clientID
        try remove(file)
        let names = try start()
        #expect(names.clientID == own && names.former == ["one"])
        try remove(file, spare)
        let later = try start()
        #expect(later.clientID == own && later.former.isEmpty)
        #expect(try file.read()?.ownID == own)
    }

    @Test("a start that ended between the file and the store goes on with the id of the file")
    func interrupted() throws {
        try olderStore()
        let sessions = HeldSessions(
            ownID: HeldSessions.clientID(of: [1, 2, 3, 4]),
            clientIDs: ["baotu", HeldSessions.clientID(of: [1, 2, 3, 4])])
        try file.write(sessions)
        let names = try start { (_, journal) throws in #expect(try journal.clientNumber?.words == [1, 2, 3, 4]) }
        #expect(names.clientID == sessions.ownID && names.former == ["baotu"])
    }

    @Test("a store of before was known under the name that all had, or under the one that is given")
    func older() throws {
        try olderStore()
        #expect(try start("given").former.isEmpty)
        try remove(file, spare)
        #expect(try start().former == ["baotu"])
        // Not done yet: the next start has it again, and then no more.
        #expect(try start { names, _ in try names.forget("baotu") }.former.isEmpty)
        #expect(try start().former.isEmpty)
    }

    @Test("every id that there was a connection under is kept in mind until it is ended")
    func chain() throws {
        let own = try start().clientID
        #expect(try start("a").former == [own])
        #expect(try start("b").former == [own, "a"])
        #expect(try start { names, _ in try names.forget("a") }.former == ["b"])
        #expect(try start("b").former == [own])
    }

    @Test("where it cannot be written down no id is taken, and none remembered")
    func unwritable() throws {
        try olderStore()
        try FileManager.default.createDirectory(atPath: file.path + ".new/x", withIntermediateDirectories: true)
        #expect(throws: BrokerError.self) { try start() }
        try FileManager.default.removeItem(atPath: file.path + ".new")
        #expect(try start().former == ["baotu"])
    }

    @Test("takeovers are counted over restarts")
    func takeovers() throws {
        try start { (_, journal) throws in
            #expect(try journal.takeovers == Takeovers())
            for second in 1...3 { _ = try journal.noteTakeover(at: .init(milliseconds: Int64(second) * 1000)) }
        }
        try start { (_, journal) throws in
            #expect(try journal.takeovers.count == 3)
            #expect(try journal.takeovers.lastAt == .init(milliseconds: 3000))
        }
    }
}
