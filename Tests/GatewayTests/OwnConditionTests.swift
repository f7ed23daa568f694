import Broker
import ConfigurationFiles
import Contract
import Foundation
import Store
import Telemetry
import Testing
import TestSupport
import Basics

@testable import Gateway

/// What the gateway has itself, second by second.
@Suite("The gateway's own conditions")
struct OwnConditionTests {
    private let live = LiveView(
        LiveStatusAnswer(version: "test", startedAt: Timestamp(milliseconds: 0), broker: "none"))
    private static func moment(_ second: Int) -> Moment {
        Moment(Timestamp(milliseconds: 1_772_705_640_000) + .seconds(second))
    }

    /// The kinds told after each of the seconds, of facts that are the same all the time.
    private func kinds(
        _ facts: OwnConditions.Facts, seconds: [Int], conditions: inout OwnConditions
    ) -> [Set<Finding.Kind>] {
        seconds.map { second in
            let findings = conditions.look(facts, live, at: Self.moment(second))
            // What this machine has is no part of the test.
            return Set(findings.map(\.kind)).subtracting([.diskLow, .clockUnset])
        }
    }

    @Test("a trouble is told once it lasts, and no more from the second on in which it is over")
    func patience() {
        var conditions = OwnConditions(folder: "/")
        let well = OwnConditions.Facts(isConnected: true, isSaturated: false, storeTrouble: nil)
        let away = OwnConditions.Facts(isConnected: false, isSaturated: true, storeTrouble: nil)
        #expect(kinds(away, seconds: [0, 59], conditions: &conditions) == [[], []])
        #expect(kinds(away, seconds: [60], conditions: &conditions) == [[.brokerLost, .ingestBehind]])
        #expect(kinds(well, seconds: [61], conditions: &conditions) == [[]])
        // It begins anew.
        #expect(kinds(away, seconds: [62, 121], conditions: &conditions) == [[], []])
        let refusing = OwnConditions.Facts(isConnected: false, isSaturated: false, storeTrouble: "the disk is full")
        // The gateway itself drops the line then: one trouble is told, and not two.
        #expect(
            kinds(refusing, seconds: [122, 136, 137, 400], conditions: &conditions)
                == [[], [], [.storeRefuses], [.storeRefuses]])
    }

    @Test("messages that the broker threw away are told once, with their number")
    func dropped() throws {
        var conditions = OwnConditions(folder: "/")
        let well = OwnConditions.Facts(isConnected: true, isSaturated: false, storeTrouble: nil)
        live.remember(.droppedByBroker(total: 7, increase: 7))
        let told = conditions.look(well, live, at: Self.moment(0)).filter { $0.kind == .messagesDropped }
        #expect(told.map(\.subject) == [.broker] && told.map(\.value) == [7])
        #expect(told.first?.sentence.contains("7 messages") == true)
        #expect(kinds(well, seconds: [1, 2], conditions: &conditions) == [[], []])
        live.remember(.droppedByBroker(total: 9, increase: 2))
        #expect(conditions.look(well, live, at: Self.moment(3)).compactMap(\.value).contains(2))
    }

    @Test("a channel is told of from its third failure on, one without a way never: that is the broker's")
    func channel() throws {
        var conditions = OwnConditions(folder: "/")
        let well = OwnConditions.Facts(isConnected: true, isSaturated: false, storeTrouble: nil)
        func trouble(_ rounds: Int, isUnreachable: Bool = false) -> ChannelTrouble {
            ChannelTrouble(
                channel: "duty", since: Timestamp(milliseconds: 0), rounds: rounds, reason: "500",
                isUnreachable: isUnreachable)
        }
        live.remember([trouble(2), trouble(9, isUnreachable: true)])
        #expect(kinds(well, seconds: [0], conditions: &conditions) == [[]])
        live.remember([trouble(3)])
        let told = conditions.look(well, live, at: Self.moment(1)).filter { $0.kind == .channelFailing }
        #expect(told.map(\.subject) == [.gateway] && told.first?.sentence.contains("duty") == true)
        let siren = ChannelTrouble(
            channel: "siren", since: Timestamp(milliseconds: 0), rounds: 5, reason: "no such program",
            isUnreachable: false)
        live.remember([trouble(3), siren])
        let both = conditions.look(well, live, at: Self.moment(1)).filter { $0.kind == .channelFailing }
        #expect(
            both.count == 1 && both[0].value == 2
                && ["duty: 500", "siren: no such program"].allSatisfy { both[0].sentence.contains($0) }, "\(both)")
        live.remember([ChannelTrouble]())
        #expect(kinds(well, seconds: [2], conditions: &conditions) == [[]])
    }

    @Test("a note that the disk refuses once is no store that refuses readings, however quiet the fleet is")
    func quiet() throws {
        let gateway = try SimulatedGateway(
            seed: 5, rules: "rules:\n- {rule: store, finding: {kinds: [store_refuses], clear_after: 1m}}\n")
        try gateway.start()
        gateway.disk.arm(1)
        for _ in 0..<90 {
            gateway.pass(.seconds(1))
            try gateway.turn()
        }
        #expect(gateway.disk.count > 1, "nothing was refused")
        #expect(gateway.loop?.storeTrouble != nil)
        #expect(try Archive(folder: gateway.configuration.store.folder).alerts(at: gateway.now).isEmpty)
    }

    @Test("a store that refuses everything keeps nobody from being told so, and tells again once it takes it")
    func pastStore() throws {
        let folder = TemporaryDirectory()
        let script = folder.path + "/duty"
        // The first attempt is lost.
        try
            "#!/bin/sh\n[ -e \(folder.path)/seen ] || { touch \(folder.path)/seen; exit 1; }\ncat >> \(folder.path)/told\necho >> \(folder.path)/told\n"
            .write(
                toFile: script, atomically: true, encoding: .utf8)
        chmod(script, 0o755)
        let gateway = try SimulatedGateway(
            seed: 6, mischief: .none, notification: "commands: [{name: duty, program: \(script)}]",
            rules: """
                rules:
                - {rule: store, severity: critical, finding: {kinds: [store_refuses], clear_after: 1m}}
                """)
        gateway.broker.messagesMin = 8
        func pass(_ seconds: Int) throws {
            for _ in 0..<seconds {
                gateway.pass(.seconds(1))
                gateway.broker.send(
                    SimulatedBroker.Message(
                        topic: "lights/lamp-9/telemetry",
                        payload: Array(#"{"ts":\#(gateway.now.milliseconds),"u":230}"#.utf8)))
                try gateway.turn()
            }
        }
        func told() -> [String] {
            ((try? String(contentsOfFile: folder.path + "/told", encoding: .utf8)) ?? "").split(separator: "\n").map(
                String.init)
        }
        try gateway.start()
        try pass(5)
        gateway.disk.setFull(true)
        try pass(150)
        try eventually("people are told past the store, at the second attempt") {
            if told().isEmpty { try pass(1) }
            return told().count == 1
        }
        #expect(told()[0].contains(#""id":-1"#) && told()[0].contains("does not take it yet"), "\(told())")
        try pass(60)
        #expect(told().count == 1)
        gateway.disk.setFull(false)
        try pass(120)
        try eventually("and of its beginning and end with its number") { told().count == 3 }
        #expect(told().dropFirst().allSatisfy { $0.contains(#""id":1"#) }, "\(told())")
        gateway.crash()
    }

    @Test("an alert of the broker begins, is told, ends once the line is back, and has its story over a restart")
    func story() throws {
        let gateway = try SimulatedGateway(
            seed: 4,
            rules: """
                rules:
                - {rule: broker-lost, severity: critical, finding: {kinds: [broker_lost], clear_after: 1m}}
                - {rule: store, severity: critical, finding: {kinds: [store_refuses], clear_after: 1m}}
                """)
        func second() throws {
            gateway.pass(.seconds(1))
            try gateway.turn()
        }
        try gateway.start()
        gateway.broker.isDown = true
        for _ in 0..<70 { try second() }
        let archive = try Archive(folder: gateway.configuration.store.folder)
        let firing = try archive.alerts(at: gateway.now)
        #expect(firing.map(\.rule) == ["broker-lost"] && firing.map(\.phase) == [.firing], "\(firing)")
        #expect(firing.first?.subject == "broker" && firing.first?.about == "broker")
        gateway.drain()
        try gateway.start()
        #expect(try archive.alerts(at: gateway.now).map(\.phase) == [.firing])
        // A crash forgets since when the broker is away: that is no reason to say that it is back.
        for _ in 0..<20 { try second() }
        gateway.crash()
        try gateway.start()
        for _ in 0..<130 { try second() }
        #expect(try archive.alert(1).transitions.map(\.to) == [.firing])
        gateway.broker.isDown = false
        for _ in 0..<90 { try second() }
        #expect(try archive.alerts(at: gateway.now).map(\.phase) == [.resolved])
        let missed = try archive.missed(MissedRequest(since: gateway.now - .seconds(600)), at: gateway.now)
        #expect(missed.ofGateway.map(\.rule) == ["broker-lost"] && missed.incidents.isEmpty)
        #expect(missed.runs.map(\.isInOrder) == [true, false, false])
    }
}
