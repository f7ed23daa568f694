import Alerting
import Basics
import ConfigurationFiles
import Contract
import Pipeline
import Telemetry
import Testing
import Windows

@testable import Gateway
@testable import Store

/// What a gateway knows after readings were taken out while it was stopped.
@Suite("A start after readings were taken out")
struct ForgottenTests {
    private func send(_ gateway: SimulatedGateway, _ lamp: Int, _ value: Double, ahead: Duration = .zero) {
        let time = (gateway.now + ahead).milliseconds
        gateway.broker.send(
            SimulatedBroker.Message(
                topic: "lights/lamp-\(lamp)/telemetry",
                payload: Array("{\"id\":\"lamp-\(lamp)\",\"ts\":\(time),\"t\":\(value)}".utf8)))
    }

    /// Lamp 1 is hot in half an hour only; lamp 2 is hot, and was hotter in half an hour; lamp 3 is hot. All fire.
    private func makeGateway() throws -> SimulatedGateway {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        for second in 0..<80 {
            let isGhost = second >= 40
            if second < 10 || isGhost { send(gateway, 1, isGhost ? 90 : 40, ahead: isGhost ? .seconds(1800) : .zero) }
            let isHotter = (20..<50).contains(second)
            send(gateway, 2, isHotter ? 95 : 85, ahead: isHotter ? .seconds(1800) : .zero)
            send(gateway, 3, 80)
            gateway.pass(.seconds(1))
            try gateway.turn()
        }
        gateway.drain()
        return gateway
    }

    /// As the operators' tool does it.
    private func forget(_ gateway: SimulatedGateway, _ device: String, takesOut: Bool = true) throws {
        let request = ForgetRequest(
            device: device, since: gateway.now + .seconds(600), until: gateway.now + .seconds(7200))
        let journal = try Journal.open(gateway.configuration.store)
        defer { journal.close() }
        let tool = Pipeline()
        tool.setRoster(Roster(try journal.expectedDevices()), registry: journal.registry)
        #expect(tool.restore(try #require(journal.snapshot).bytes, registry: journal.registry) == [])
        let archive = try Archive(folder: gateway.configuration.store.folder)
        let affected = try archive.affected(by: request)
        #expect(affected.count == (takesOut ? 1 : affected.count))
        for series in affected {
            var rest: [Reading] = []
            try archive.forEachReading(
                of: series, since: gateway.now - .seconds(86_400), until: Timestamp(milliseconds: .max)
            ) { time, value in
                if time < request.since { rest.append(Reading(series: series, observed: time, value: value)) }
                return true
            }
            tool.rebuild(series, from: rest, registry: journal.registry, at: gateway.now)
        }
        tool.forget(
            Forgotten(series: Set(affected), span: request.since..<request.until, at: gateway.now),
            registry: journal.registry)
        try journal.finishSeal(try journal.beginSeal(state: tool.state(), now: gateway.now).run())
        if takesOut { #expect(try journal.forget(request, by: "anna", now: gateway.now) != nil) }
    }

    private func alerts(_ gateway: SimulatedGateway) throws -> [String: StoredAlert] {
        let journal = try #require(gateway.journal)
        return Dictionary(
            uniqueKeysWithValues: try journal.alertStates().filter { $0.key.rule == "hot" }.map {
                ($0.key.subject.name(in: journal.registry), $0)
            })
    }

    @Test("alerts that stand on them are over or judged by what is left, once, whatever crashes")
    func alerts() throws {
        let gateway = try makeGateway()
        try gateway.start()
        let before = try alerts(gateway)
        #expect(before.mapValues(\.phase) == ["lamp-1": .firing, "lamp-2": .firing, "lamp-3": .firing])
        #expect(before["lamp-2"]?.peak?.value == 95)
        gateway.drain()
        try forget(gateway, "lamp-1")
        // A second order waits beside the first.
        try forget(gateway, "lamp-2")
        for round in 0..<3 {
            try gateway.start()
            let after = try alerts(gateway)
            #expect(after.mapValues(\.phase) == ["lamp-1": .resolved, "lamp-2": .firing, "lamp-3": .firing])
            #expect(after["lamp-1"]?.meaning.key == .readingsForgotten, "round \(round)")
            #expect(after["lamp-2"]?.peak?.value == 85, "round \(round)")
            #expect(after["lamp-3"] == before["lamp-3"])
            let journal = try #require(gateway.journal)
            #expect(
                try journal.core.integer("SELECT count(*) FROM transition WHERE sentence_key = 'readings_forgotten'")
                    == 1, "round \(round)")
            gateway.crash()
        }
    }

    @Test("what fires after them stays, though a crash repeats the start")
    func laterAlert() throws {
        let gateway = try makeGateway()
        try forget(gateway, "lamp-1")
        try gateway.start()
        for _ in 0..<30 {
            send(gateway, 1, 75)
            gateway.pass(.seconds(1))
            try gateway.turn()
        }
        #expect(try alerts(gateway)["lamp-1"]?.phase == .firing)
        let device = try #require(gateway.journal?.registry.device(named: "lamp-1"))
        // No clock of a year ahead keeps them out.
        let watermark = try #require(gateway.loop?.pipeline.clocks.watermark(of: device))
        #expect(watermark <= gateway.now && watermark > gateway.now - .seconds(10))
        gateway.crash()
        try gateway.start()
        #expect(try alerts(gateway)["lamp-1"]?.phase == .firing)
        gateway.drain()
        try gateway.start()
        #expect(gateway.loop?.pipeline.ordersToForget == [])
        #expect(try alerts(gateway)["lamp-1"]?.phase == .firing)
        gateway.crash()
    }

    @Test("a crash before the readings went costs no more than what was learnt")
    func crashBetween() throws {
        let gateway = try makeGateway()
        try forget(gateway, "lamp-1", takesOut: false)
        try forget(gateway, "lamp-1")
        try gateway.start()
        #expect(try alerts(gateway)["lamp-1"]?.meaning.key == .readingsForgotten)
        gateway.crash()
    }
}
