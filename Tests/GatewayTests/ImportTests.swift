import Alerting
import Basics
import Contract
import Foundation
import Pipeline
import Synchronization
import Telemetry
import Testing
import TestSupport

@testable import Gateway
@testable import Store

/// Readings that come beside the live ones, in virtual time.
@Suite("Imported readings")
struct ImportTests {
    /// What the ingest thread replied, in order.
    private final class Replies: Sendable {
        private let list = Mutex<[Result<ImportReceipt, Refusal>]>([])
        var all: [Result<ImportReceipt, Refusal>] { list.withLock { $0 } }
        var receipts: [ImportReceipt] { all.compactMap { try? $0.get() } }
        func letter(_ readings: NamedReadings) -> Mailbox.ImportLetter {
            Mailbox.ImportLetter(readings: readings, profile: "old", person: "kim") { reply in
                self.list.withLock { $0.append(reply) }
            }
        }
    }

    private func readings(
        _ device: String, _ quantity: String, _ values: [(observed: Timestamp, value: Double)]
    ) -> NamedReadings {
        var readings = NamedReadings()
        for (index, point) in values.enumerated() {
            Array(device.utf8).withUnsafeBytes { name in
                readings.append(
                    device: name, channel: UnsafeRawBufferPointer(start: nil, count: 0),
                    quantity: Quantity(named: quantity)!, observed: point.observed, value: point.value, line: index + 1)
            }
        }
        return readings
    }

    private func temperature(_ lamp: Int, _ value: Double, at moment: Timestamp) -> SimulatedBroker.Message {
        SimulatedBroker.Message(
            topic: "lights/lamp-\(lamp)/telemetry",
            payload: Array("{\"id\":\"lamp-\(lamp)\",\"ts\":\(moment.milliseconds),\"t\":\(value)}".utf8))
    }

    private func live(_ lamp: Int, at moment: Timestamp) -> SimulatedBroker.Message {
        guard lamp == 1 else { return temperature(lamp, 40, at: moment) }
        return SimulatedBroker.Message(
            topic: "lights/lamp-1/telemetry",
            payload: Array("{\"id\":\"lamp-1\",\"ts\":\(moment.milliseconds),\"u\":230}".utf8))
    }

    /// The first lamps speak of their temperature, and `lamp-1` of its voltage instead.
    private func pass(_ gateway: SimulatedGateway, seconds: Int, lamps: Int = 4) {
        for _ in 0..<seconds {
            gateway.pass(.seconds(1))
            for lamp in 0..<lamps { gateway.broker.send(live(lamp, at: gateway.now)) }
            gateway.loop?.turn()
        }
    }

    @Test("last month's values raise no alert, mark nobody as heard, and are there", arguments: [false, true])
    func raisesNothing(isCrashing: Bool) throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none, lamps: 3)
        try gateway.start()
        pass(gateway, seconds: 200, lamps: 2)
        // lamp-2 never spoke, and is absent by now. lamp-0 speaks and never of its voltage, lamp-1 never of its
        // temperature: what comes of them now is the newest there is.
        let before = try #require(gateway.loop?.pipeline.book.active)
        #expect(before.keys.map(\.rule) == ["silent"])
        let month = gateway.now - .seconds(30 * 86_400)
        let replies = Replies()
        // Far beyond the limits of the rules 'hot' (60) and 'low' (215).
        for (lamp, quantity, value) in [
            (0, "control_gear_temperature", 90.0), (0, "voltage", 100), (1, "control_gear_temperature", 90),
            (2, "control_gear_temperature", 90),
        ] {
            let points = (0..<100).map { (observed: month + .seconds($0 * 10), value: value) }
            #expect(gateway.mailbox.post(replies.letter(readings("lamp-\(lamp)", quantity, points))))
        }
        for _ in 0..<4 {
            gateway.pass(.milliseconds(10))
            gateway.loop?.turn()
        }
        #expect(replies.receipts.map(\.fresh) == [100, 100, 100, 100])
        if isCrashing {
            let state = gateway.loop?.pipeline.state()
            gateway.crash()
            try gateway.start()
            #expect(gateway.loop?.pipeline.state() == state)
        }
        pass(gateway, seconds: 40, lamps: 2)
        #expect(gateway.loop?.pipeline.book.active == before)
        let silent = try #require(gateway.journal?.registry.device(named: "lamp-2"))
        #expect(gateway.loop?.pipeline.health.lastHeard(silent) == nil)
        gateway.drain()
        let archive = try Archive(folder: gateway.folder.appending(path: "store").path)
        #expect(try archive.alerts().map(\.rule) == ["silent"])
        #expect(try archive.devices(DeviceFilter(device: "lamp-2"), at: gateway.now).first?.lastHeard == nil)
        #expect(try gateway.stored()["lamp-0 voltage"]?.count == 100)
        #expect(try gateway.stored()["lamp-2 control_gear_temperature"]?.count == 100)
    }

    @Test("values of the last minutes are in the windows as late readings are")
    func fillsWindows() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        pass(gateway, seconds: 10, lamps: 1)
        let replies = Replies()
        let points = (1...5).map { (observed: gateway.now - .seconds(60 + $0), value: 20.0) }
        #expect(gateway.mailbox.post(replies.letter(readings("lamp-0", "control_gear_temperature", points))))
        gateway.loop?.turn()
        let device = try #require(gateway.journal?.registry.device(named: "lamp-0"))
        let series = try #require(gateway.journal?.registry.series(of: device).first)
        let summary = gateway.loop?.pipeline.summaries(of: series, at: gateway.now).first
        #expect(summary?.count == 15)
        #expect(summary?.min == 20)
        #expect(summary?.last == 40)
        gateway.drain()
    }

    @Test("what came twice counts once, and a value that differs replaces the other")
    func duplicates() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        let replies = Replies()
        let first = gateway.now - .seconds(3600)
        var points = (0..<10).map { (observed: first + .seconds($0), value: 230.0) }
        for _ in 0..<2 { #expect(gateway.mailbox.post(replies.letter(readings("x", "voltage", points)))) }
        points[3].value = 231
        #expect(gateway.mailbox.post(replies.letter(readings("x", "voltage", points))))
        for _ in 0..<3 { gateway.loop?.turn() }
        #expect(replies.receipts.map(\.fresh) == [10, 0, 0])
        #expect(replies.receipts.map(\.duplicates) == [0, 10, 9])
        #expect(replies.receipts.map(\.corrected) == [0, 0, 1])
        gateway.drain()
    }

    @Test("a turn takes one batch; while more messages wait than a turn takes, one in eight turns does")
    func yields() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none, turn: "messages_max: 1")
        try gateway.start()
        let replies = Replies()
        for index in 0..<4 {
            let points = [(observed: gateway.now - .seconds(index + 1), value: 230.0)]
            #expect(gateway.mailbox.post(replies.letter(readings("x", "voltage", points))))
        }
        // A quiet line.
        gateway.loop?.turn()
        gateway.loop?.turn()
        #expect(replies.all.count == 2)
        gateway.broker.messagesMin = 1
        for turn in 1...8 {
            #expect(replies.all.count == 2, "after \(turn) full turns")
            gateway.pass(.milliseconds(100))
            for _ in 0..<2 { gateway.broker.send(temperature(0, 40, at: gateway.now)) }
            gateway.loop?.turn()
        }
        #expect(replies.all.count == 3)
        gateway.drain()
    }

    @Test("only a few batches wait; more are refused at once, and all are answered at the end")
    func bounded() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        let replies = Replies()
        let points = [(observed: gateway.now, value: 230.0)]
        let posted = (0..<10).map { _ in gateway.mailbox.post(replies.letter(readings("x", "voltage", points))) }
        #expect(posted.count { $0 } == Mailbox.importsMax)
        let mailbox = gateway.mailbox
        gateway.drain()
        #expect(replies.all.count == Mailbox.importsMax)
        #expect(replies.receipts.isEmpty)
        #expect(!mailbox.post(replies.letter(readings("x", "voltage", points))))
    }

    @Test("a disk that fails refuses the batch, which comes again and is kept once")
    func diskFails() throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        let points = (0..<50).map { (observed: gateway.now - .seconds($0 + 1), value: 230.0) }
        var refusals = 0
        for number in 1...12 {
            let replies = Replies()
            gateway.disk.arm(number)
            #expect(gateway.mailbox.post(replies.letter(readings("lamp-\(number)", "voltage", points))))
            gateway.loop?.turn()
            gateway.disk.arm(nil)
            if replies.receipts.isEmpty {
                refusals += 1
                #expect(gateway.mailbox.post(replies.letter(readings("lamp-\(number)", "voltage", points))))
                gateway.loop?.turn()
            }
            #expect(replies.receipts.map(\.fresh) == [50], "effect \(number)")
        }
        #expect(refusals > 0)
        gateway.drain()
        #expect(try gateway.stored().values.allSatisfy { $0.count == 50 })
    }
}
