import Basics
import Foundation
import Telemetry
import Testing

@testable import Gateway
@testable import Store

/// A turn is bounded by time and by readings.
@Suite("The work of a turn")
struct WorkBudgetTests {
    @Test("a turn that took long has less to do the next time, and one that took little more, within bounds")
    func learning() {
        var budget = WorkBudget(span: .milliseconds(250), messagesMax: 5000)
        let first = budget.readingsMax
        budget.note(messages: 5000, readings: 50_000, isCut: false, took: .milliseconds(2500))
        #expect(budget.readingsMax == first / 20 && budget.messagesMax == 250)
        for _ in 0..<20 { budget.note(messages: 1, readings: 4096, isCut: true, took: .seconds(60)) }
        #expect(budget.readingsMax == 500 && budget.messagesMax == 16)
        for _ in 0..<20 {
            budget.note(
                messages: budget.messagesMax, readings: budget.readingsMax, isCut: false, took: .milliseconds(10))
        }
        #expect(budget.readingsMax > first && budget.messagesMax == 5000)
        let grown = budget.readingsMax
        // Between a quarter and the whole of its time all stays as it is.
        budget.note(messages: 5000, readings: grown, isCut: false, took: .milliseconds(200))
        #expect(budget.readingsMax == grown && budget.messagesMax == 5000)
        var least = WorkBudget(span: .milliseconds(250), messagesMax: 3)
        least.note(messages: 3, readings: 9, isCut: true, took: .seconds(9))
        #expect(least.messagesMax == 3)
    }

    private func send(_ count: Int, to gateway: SimulatedGateway) {
        for number in 0..<count {
            let time = gateway.now.milliseconds - Int64(number) * 1000
            gateway.broker.send(
                SimulatedBroker.Message(
                    topic: "lights/lamp-\(number % 4)/telemetry",
                    payload: Array(#"{"ts":\#(time),"u":\#(200 + number % 50)}"#.utf8)
                ))
        }
    }

    @Test(
        "what a turn has no time for waits for the next ones, and nothing is acknowledged before all of it is on disk")
    func slow() throws {
        let gateway = try SimulatedGateway(seed: 3, mischief: .none, turn: "work_max: 60ms")
        gateway.broker.messagesMin = 8
        try gateway.start()
        send(400, to: gateway)
        gateway.broker.handsOutMax = 400
        // Each look at the clock finds 5 ms gone: of 20 ms for decoding the fourth look is the last.
        gateway.looksTake = .milliseconds(5)
        var turns = 0
        var largest: Int64 = 0
        while gateway.broker.forgotten < 400, turns < 1000 {
            let before = try #require(gateway.journal).counters.received
            try gateway.turn()
            turns += 1
            let received = try #require(gateway.journal).counters.received
            largest = max(largest, received - before)
            if gateway.broker.forgotten == 400 { #expect(received == 400) }
        }
        #expect(gateway.broker.forgotten == 400 && largest < 100 && turns > 4, "\(turns) turns, \(largest) at most")
        gateway.drain()
        #expect(try gateway.stored().values.reduce(0) { $0 + $1.count } == 400)
    }

    @Test("a stop in the middle of a batch commits the rest of it before it is acknowledged")
    func stop() throws {
        let gateway = try SimulatedGateway(seed: 4, mischief: .none, turn: "work_max: 60ms")
        gateway.broker.messagesMin = 8
        try gateway.start()
        send(300, to: gateway)
        gateway.broker.handsOutMax = 300
        gateway.looksTake = .milliseconds(5)
        try gateway.turn()
        #expect(gateway.broker.forgotten == 0)
        gateway.drain()
        #expect(gateway.broker.forgotten == 300)
        #expect(try gateway.stored().values.reduce(0) { $0 + $1.count } == 300)
    }

    @Test("a disk that fails in the middle of a batch lets all of it come again, and each reading counts once")
    func failure() throws {
        let gateway = try SimulatedGateway(seed: 5, mischief: .none, turn: "work_max: 60ms")
        gateway.broker.messagesMin = 8
        try gateway.start()
        send(800, to: gateway)
        gateway.broker.handsOutMax = 800
        gateway.looksTake = .milliseconds(5)
        try gateway.turn()
        var isRefused = false
        for number in 2...6 where !isRefused {
            gateway.disk.arm(number)
            isRefused = try !gateway.turn()
        }
        #expect(isRefused)
        gateway.disk.arm(nil)
        #expect(gateway.broker.forgotten == 0)
        var turns = 0
        while !gateway.broker.isDone, turns < 1000 {
            try gateway.turn()
            turns += 1
        }
        gateway.drain()
        #expect(try gateway.stored().values.reduce(0) { $0 + $1.count } == 800)
    }
}
