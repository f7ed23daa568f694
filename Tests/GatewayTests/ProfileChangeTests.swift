import Alerting
import Basics
import ConfigurationFiles
import Contract
import Foundation
import Telemetry
import Testing

@testable import Gateway
@testable import Store

/// Alerts about series that no profile brings any more.
@Suite("Alerts of profiles that change")
struct ProfileChangeTests {
    /// lamp-9, of whom no roster says anything, is too hot, at a low voltage, and told so.
    private func alarmed() throws -> SimulatedGateway {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        gateway.broker.messagesMin = 8
        try gateway.start()
        for _ in 0..<4 {
            gateway.pass(.seconds(10))
            gateway.broker.send(message(gateway))
            try gateway.turn()
        }
        #expect(try alerts(gateway).mapValues(\.phase) == ["hot": .firing, "low": .firing])
        return gateway
    }

    private func message(_ gateway: SimulatedGateway) -> SimulatedBroker.Message {
        SimulatedBroker.Message(
            topic: "lights/lamp-9/telemetry",
            payload: Array(#"{"ts":\#(gateway.now.milliseconds),"t":90,"u":180}"#.utf8))
    }

    private func alerts(_ gateway: SimulatedGateway) throws -> [String: AlertAnswer] {
        let alerts = try Archive(folder: gateway.configuration.store.folder).alerts()
        return Dictionary(uniqueKeysWithValues: alerts.map { ($0.rule, $0) })
    }

    private func reload(_ gateway: SimulatedGateway, devices folders: String...) throws {
        var configuration = gateway.configuration
        configuration.devicesFolders = folders
        let loop = try #require(gateway.loop)
        try loop.reload(try LoadedFiles.load(configuration), at: loop.clock.moment)
    }

    /// The lamps' profile without the lines that have `words`, in a folder of its own.
    private func lamps(without words: String, _ gateway: SimulatedGateway) throws -> String {
        let folder = gateway.folder.appending(path: "profiles-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let its = folder.appending(path: "streetlight-controller")
        try FileManager.default.copyItem(
            at: URL(filePath: gateway.configuration.devicesFolders[0])
                .appending(path: "lighting/streetlight-controller"), to: its)
        let file = its.appending(path: "profile.yaml")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        try lines.filter { !$0.contains(words) }.joined(separator: "\n").write(
            to: file, atomically: true, encoding: .utf8)
        return folder.path
    }

    /// Meters bring voltages too, and none of a lamp.
    @Test(
        "what the profile brings no more is over with that reason, and the rest goes on",
        arguments: [("control_gear_temperature", "hot", "low"), ("voltage", "low", "hot")])
    func readingGone(quantity: String, over: String, stays: String) throws {
        let gateway = try alarmed()
        let meters = gateway.configuration.devicesFolders[0] + "/energy"
        try reload(gateway, devices: try lamps(without: quantity, gateway), meters)
        let after = try alerts(gateway)
        #expect(after.mapValues(\.phase) == [over: .resolved, stays: .firing])
        #expect(after[over]?.meaning?.endReason == .profileChanged)
        #expect(after[over]?.sentence.contains("the profile changed") == true)
        let incidents = try Archive(folder: gateway.configuration.store.folder).incidents(
            IncidentsRequest(rule: over), at: gateway.now
        ).incidents
        #expect(incidents.map(\.endReason) == [.profileChanged])
        for _ in 0..<4 {
            gateway.pass(.seconds(10))
            gateway.broker.send(message(gateway))
            try gateway.turn()
        }
        #expect(try alerts(gateway).mapValues(\.phase) == [over: .resolved, stays: .firing])
    }

    @Test("with a profile all that it brought is over; over a reload that changes nothing, nothing is")
    func profileGone() throws {
        let gateway = try alarmed()
        try reload(gateway, devices: gateway.configuration.devicesFolders[0])
        try reload(gateway, devices: try lamps(without: "no line has this", gateway))
        #expect(try alerts(gateway).mapValues(\.phase) == ["hot": .firing, "low": .firing])
        try reload(gateway, devices: gateway.configuration.devicesFolders[0] + "/parking")
        let after = try alerts(gateway)
        #expect(after.mapValues(\.phase) == ["hot": .resolved, "low": .resolved])
        #expect(after.values.allSatisfy { $0.meaning?.endReason == .profileChanged })
    }

    @Test("what a profile brings again is judged at once by what is known of it, and nothing while none does")
    func profileBack() throws {
        let gateway = try alarmed()
        let others = gateway.configuration.devicesFolders[0] + "/energy"
        for _ in 0..<2 {
            try reload(gateway, devices: others)
            #expect(try alerts(gateway).mapValues(\.phase) == ["hot": .resolved, "low": .resolved])
        }
        gateway.pass(.seconds(5))
        try gateway.turn()
        try reload(gateway, devices: gateway.configuration.devicesFolders[0])
        // The one has a hold, which begins anew.
        #expect(try alerts(gateway).mapValues(\.phase) == ["hot": .pending, "low": .firing])
    }

    @Test("a device that comes under a rule is judged at once by what is known of it")
    func moved() throws {
        let gateway = try SimulatedGateway(
            seed: 1, mischief: .none,
            rules: """
                rules:
                - rule: north
                  devices: {area: North}
                  threshold: {quantity: control_gear_temperature, above: 80, clear: 75}
                """)
        gateway.broker.messagesMin = 8
        try gateway.start()
        gateway.pass(.seconds(10))
        gateway.broker.send(
            SimulatedBroker.Message(
                topic: "lights/lamp-1/telemetry", payload: Array(#"{"ts":\#(gateway.now.milliseconds),"t":90}"#.utf8)))
        try gateway.turn()
        #expect(try alerts(gateway) == [:])
        try "device,profile,area,cadence\nlamp-1,streetlight-controller,North,60s\n".write(
            to: gateway.folder.appending(path: "roster.csv"), atomically: true, encoding: .utf8)
        try reload(gateway, devices: gateway.configuration.devicesFolders[0])
        #expect(try alerts(gateway).mapValues(\.phase) == ["north": .firing])
    }
}
