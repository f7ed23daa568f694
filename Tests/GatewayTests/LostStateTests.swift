import Basics
import ConfigurationFiles
import Contract
import Foundation
import Store
import Telemetry
import Testing

@testable import Gateway

/// What a start says of a stored state that is damaged beneath pages that are whole, and what it keeps of it.
@Suite("A damaged stored state")
struct LostStateTests {
    /// A gateway that was sealed and ended, and its state.
    private func sealed() throws -> (SimulatedGateway, StateSnapshot) {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        for second in 0..<6 {
            gateway.broker.send(
                SimulatedBroker.Message(
                    topic: "lights/lamp-1/telemetry",
                    payload: Array("{\"id\":\"lamp-1\",\"ts\":\(gateway.now.milliseconds),\"t\":\(second)}".utf8)))
            gateway.pass(.seconds(1))
            try gateway.turn()
        }
        gateway.drain()
        let journal = try Journal.open(gateway.configuration.store)
        defer { journal.close() }
        return (gateway, try #require(journal.snapshot))
    }

    private func replaceState(_ gateway: SimulatedGateway, by bytes: [UInt8]) throws {
        let journal = try Journal.open(gateway.configuration.store)
        defer { journal.close() }
        try journal.finishSeal(try journal.beginSeal(state: bytes, now: gateway.now).run())
    }

    private func kept(_ gateway: SimulatedGateway) -> [String] {
        let folder = gateway.configuration.store.folder + "/damaged"
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }

    @Test(
        "is told block by block, with what there is to do, and its bytes are kept once", arguments: ["health", "peers"])
    func told(name: String) throws {
        let (gateway, snapshot) = try sealed()
        let block = try #require(StateBlocks(bytes: snapshot.bytes)?[name])
        let place = try #require(snapshot.bytes.firstRange(of: Array(name.utf8))).upperBound + 4
        var bytes = snapshot.bytes
        bytes[place] ^= 0x40
        try replaceState(gateway, by: bytes)
        for _ in 0..<2 {
            try gateway.start()
            let live = try #require(gateway.loop?.live)
            let losses = try #require(live.losses)
            #expect(losses.sentences.count == 1 && losses.sentences[0].contains(name), "\(losses.sentences)")
            #expect(losses.since == gateway.now)
            let doctor = Doctor(configuration: gateway.configuration, live: live) { [now = gateway.now] in now }
            let told = doctor.examine().filter { $0.check == "state" }
            #expect(told.count == 1 && told[0].mend?.contains("nothing has to be done") == true)
            #expect(told[0].finding.contains("since the start at"))
            #expect(kept(gateway).count == 1)
            let file = try #require(losses.kept.first)
            let data = try Data(
                contentsOf: URL(filePath: gateway.configuration.store.folder).appending(path: file))
            var damaged = block
            damaged[0] ^= 0x40
            #expect(Array(data) == damaged)
            gateway.crash()
        }
    }

    @Test("that is gone is told")
    func gone() throws {
        let (gateway, _) = try sealed()
        try replaceState(gateway, by: [])
        try gateway.start()
        #expect(gateway.loop?.live.losses?.sentences.count == 1)
        #expect(kept(gateway).isEmpty)
        gateway.crash()
    }

    @Test("of which nothing is lost says nothing")
    func whole() throws {
        let (gateway, _) = try sealed()
        try gateway.start()
        #expect(gateway.loop?.live.losses == nil)
        gateway.crash()
    }
}
