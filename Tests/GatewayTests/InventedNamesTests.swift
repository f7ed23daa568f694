import Basics
import ConfigurationFiles
import Contract
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@testable import Gateway

/// A store full of names that somebody invented.
@Suite("Invented names")
struct InventedNamesTests {
    private func message(_ device: String, _ volts: Int, at moment: Timestamp) -> SimulatedBroker.Message {
        SimulatedBroker.Message(
            topic: "lights/\(device)/telemetry", payload: Array(#"{"ts":\#(moment.milliseconds),"u":\#(volts)}"#.utf8))
    }

    private func pass(_ gateway: SimulatedGateway) throws {
        var turns = 0
        repeat {
            try gateway.turn()
            turns += 1
        } while !gateway.broker.isDone && turns < 2000
        #expect(gateway.broker.isDone)
        // The second that publishes how it goes.
        gateway.pass(.seconds(1))
        try gateway.turn()
    }

    @Test(
        "a start makes windows for so many series as the budget has room for, the roster's first, and says what it left out"
    )
    func restart() throws {
        let seed: UInt64 = 17
        var random = SeededGenerator(seed: seed)
        let gateway = try SimulatedGateway(
            seed: seed, mischief: .none, limits: "windowed_series: 60, new_names_per_topic: {burst: 10, per_minute: 60}"
        )
        gateway.broker.messagesMin = 8
        gateway.broker.handsOutMax = 500
        try gateway.start()
        for lamp in 0..<4 { gateway.broker.send(message("lamp-\(lamp)", 230, at: gateway.now)) }
        try pass(gateway)
        gateway.pass(.seconds(60))
        let names = (0..<3000).map { _ in "x\(UInt64.random(in: 0 ... .max, using: &random))" }
        for name in names { gateway.broker.send(message(name, 231, at: gateway.now)) }
        try pass(gateway)
        for round in 0..<3 {
            let room = try #require(gateway.loop?.room(at: Moment(gateway.now)))
            #expect(room.devices == 3004 && room.series == 3004, "round \(round)")
            #expect(room.windowedSeries == 60 && room.unwindowedSeries == 2944, "round \(round)")
            // Those of the roster have theirs, and are judged by them; the others' readings are there.
            for lamp in 0..<4 { gateway.broker.send(message("lamp-\(lamp)", 232 + round, at: gateway.now)) }
            for name in names.suffix(50) { gateway.broker.send(message(name, 240 + round, at: gateway.now)) }
            try pass(gateway)
            for lamp in 0..<4 {
                let answers = try #require(gateway.loop).statistics(
                    StatisticsRequest(device: "lamp-\(lamp)"), at: Moment(gateway.now))
                #expect(answers.contains { $0.last == Double(232 + round) }, "round \(round), lamp \(lamp)")
            }
            let latest = try Archive(folder: gateway.configuration.store.folder).latest()
            #expect(latest.count == 3004)
            #expect(latest.count { $0.value == Double(240 + round) } == 50)
            if round == 1 { gateway.crash() } else { gateway.drain() }
            gateway.pass(.seconds(60))
            try gateway.start()
        }
    }

    @Test("names that come too fast are rejects that can be told by topic, and come in when they are sent again")
    func refused() throws {
        let gateway = try SimulatedGateway(
            seed: 2, mischief: .none,
            limits: "new_names: {burst: 200, per_minute: 600}, new_names_per_topic: {burst: 20, per_minute: 60}")
        gateway.broker.messagesMin = 8
        gateway.broker.handsOutMax = 500
        try gateway.start()
        for number in 0..<300 { gateway.broker.send(message("x\(number)", 230, at: gateway.now)) }
        for lamp in 0..<4 { gateway.broker.send(message("lamp-\(lamp)", 230, at: gateway.now)) }
        try pass(gateway)
        let room = try #require(gateway.loop?.room(at: Moment(gateway.now)))
        #expect(room.refusedNames > 100 && room.refusedTopics.count == 5)
        #expect(room.devices < 150)
        let rejects = try Archive(folder: gateway.configuration.store.folder).rejects(RejectsRequest(limit: 1000))
        let kept = rejects.rejects.filter { $0.reason == Reject.Reason.newNames.rawValue }
        #expect(kept.count == Int(room.refusedNames))
        #expect(kept.allSatisfy { $0.topic.hasPrefix("lights/x") && $0.payload?.contains("230") == true })
        gateway.pass(.seconds(60))
        for number in 0..<300 { gateway.broker.send(message("x\(number)", 230, at: gateway.now)) }
        try pass(gateway)
        #expect(try #require(gateway.journal).registry.deviceCount >= room.devices + 90)
        gateway.drain()
    }

    @Test(
        "the doctor tells of topics that invent names, of names that are nearly all there may be, and of series without windows"
    )
    func doctor() throws {
        let gateway = try SimulatedGateway(seed: 2)
        let live = LiveView(LiveStatusAnswer(version: "test", startedAt: gateway.now, broker: "simulated"))
        let doctor = Doctor(configuration: gateway.configuration, live: live, now: { Timestamp(milliseconds: 0) })
        func room(
            devices: Int = 10, series: Int = 10, without: Int = 0, refused: Int64 = 0, ago: Double? = nil
        ) -> [String] {
            live.update {
                $0.room = .init(
                    memoryBytes: 1 << 30, memorySource: "limits.memory", devicesMax: 1000, devices: devices,
                    seriesMax: 1000, series: series, windowedSeries: 9, unwindowedSeries: without,
                    refusedNames: refused,
                    refusedAt: nil, refusedSecondsAgo: ago,
                    refusedTopics: refused > 0 ? ["a/b": refused] : [:])
            }
            return doctor.newNames().map(\.finding)
        }
        #expect(room() == [])
        #expect(room(devices: 899) == [] && room(devices: 900).first?.contains("soon no new one") == true)
        #expect(room(series: 1000).first?.contains("no new one is taken") == true)
        #expect(room(without: 1).first?.hasPrefix("1 series found no room for windows beside 9, by 1024 MiB") == true)
        #expect(room(refused: 7, ago: 60).first?.contains("most under a/b (7)") == true)
        #expect(room(refused: 7, ago: 90_000) == [])
    }
}
