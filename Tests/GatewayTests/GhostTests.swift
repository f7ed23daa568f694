import Basics
import ConfigurationFiles
import Contract
import Store
import Telemetry
import Testing

@testable import Gateway

@Suite("Readings ahead of now")
struct GhostTests {
    @Test("doctor names them by device, with the command that takes them out")
    func told() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        try gateway.turn()
        gateway.drain()
        let live = LiveView(LiveStatusAnswer(version: "test", startedAt: gateway.now, broker: "none"))
        let doctor = Doctor(configuration: gateway.configuration, live: live) { [now = gateway.now] in now }
        #expect(doctor.ghosts() == [])
        let journal = try Journal.open(gateway.configuration.store)
        let ahead = gateway.now + .seconds(31_536_000)
        for name in ["lamp-1", "it's"] + (0..<12).map({ "n\($0)" }) {
            var batch = DecodedBatch()
            let device = journal.registry.intern(device: name, profile: "p")!
            let series = journal.registry.intern(device: device, quantity: Quantity(named: "voltage")!, channel: .none)!
            batch.readings = [
                Reading(series: series, observed: gateway.now, value: 1),
                Reading(series: series, observed: ahead, value: 2),
            ]
            journal.registry.closeRow(batch.readings[...])
            _ = try journal.commit(batch, received: 1, at: Moment(gateway.now))
        }
        journal.close()
        let told = doctor.ghosts()
        #expect(told.count == 11 && told.allSatisfy { $0.check == "readings" && $0.level == .warning })
        #expect(told[0].finding.hasPrefix("lamp-1 has 1 reading ahead of now, from \(ahead) to \(ahead)"))
        let store = gateway.configuration.store.folder
        let command =
            "baotu store forget --store \(store) --device=lamp-1 --since \(ahead) --until \(ahead + .milliseconds(1))"
        #expect(told[0].mend?.contains(command) == true, "\(told[0].mend ?? "")")
        #expect(told[1].mend?.contains("--device='it'\\''s' ") == true)
        #expect(told[10].finding == "4 more devices have readings ahead of now")
        #expect(doctor.examine().contains(told[0]))
    }

    @Test("where the devices agree that it is later, doctor blames the machine's clock, and offers to take nothing out")
    func ourClockIsBehind() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        try gateway.turn()
        gateway.drain()
        let truth = gateway.now + .seconds(2 * 86_400)
        let journal = try Journal.open(gateway.configuration.store)
        for number in 0..<6 {
            var batch = DecodedBatch()
            let device = journal.registry.intern(device: "late-\(number)", profile: "p")!
            let series = journal.registry.intern(device: device, quantity: Quantity(named: "voltage")!, channel: .none)!
            batch.readings = [Reading(series: series, observed: truth, value: 1)]
            batch.heard = [Hearing(device: device, at: gateway.now)]
            journal.registry.closeRow(batch.readings[...])
            _ = try journal.commit(batch, received: 1, at: Moment(gateway.now))
        }
        journal.close()
        let live = LiveView(LiveStatusAnswer(version: "test", startedAt: gateway.now, broker: "none"))
        let doctor = Doctor(configuration: gateway.configuration, live: live) { [now = gateway.now] in now }
        let told = doctor.ghosts()
        #expect(told.count == 1 && told[0].level == .bad, "\(told)")
        #expect(told.first?.finding.contains("this machine's clock is probably behind") == true)
        #expect(told.first?.mend?.contains("forget") == false)
    }
}
