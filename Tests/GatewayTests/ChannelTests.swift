import Basics
import Contract
import Foundation
import Notification
import Synchronization
import Telemetry
import Testing
import TestSupport

@testable import Gateway
@testable import Store

/// A channel that does as it is told: works, fails, or hangs until it is mended.
private final class TrialChannel: NotificationChannel {
    enum Mood { case works, fails, isAway, hangs }

    private struct State {
        var mood: Mood
        var told: [String: [AlertPhase]] = [:]
        var attempts = 0
        var hanging: [CheckedContinuation<Void, Never>] = []
        var hangingMax = 0
    }

    let name: String
    let timeLimit: Duration? = nil
    private let state: Mutex<State>

    init(_ name: String, _ mood: Mood) {
        self.name = name
        state = Mutex(State(mood: mood))
    }

    var attempts: Int { state.withLock { $0.attempts } }
    var hangingMax: Int { state.withLock { $0.hangingMax } }
    /// The phases that were told, by what the alert is about.
    var told: [String: [AlertPhase]] { state.withLock { $0.told } }
    var toldCount: Int { told.values.reduce(0) { $0 + $1.count } }

    func become(_ mood: Mood) {
        let hanging = state.withLock { state in
            defer { state.hanging = [] }
            state.mood = mood
            return state.hanging
        }
        for one in hanging { one.resume() }
    }

    func deliver(_ notice: AlertNotice) async -> Delivery {
        await withCheckedContinuation { continuation in
            let hangs = state.withLock { state in
                state.attempts += 1
                guard state.mood == .hangs else { return false }
                state.hanging.append(continuation)
                state.hangingMax = max(state.hangingMax, state.hanging.count)
                return true
            }
            if !hangs { continuation.resume() }
        }
        return state.withLock { state in
            if state.mood == .isAway { return .unreachable(reason: "no line") }
            guard state.mood == .works else { return .failed(reason: "out of order") }
            state.told[notice.name, default: []].append(notice.phase)
            return .delivered
        }
    }
}

@Suite("Channels of notices")
final class ChannelTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "baotu-channels-\(UUID().uuidString)")
    private var now = Timestamp(milliseconds: 1_772_705_640_000)
    /// Somebody set the wall clock back; time goes on.
    private var wallBehind = Duration.zero
    private var moment: Moment {
        var moment = Moment(now)
        moment.wall = now - wallBehind
        return moment
    }
    private static let phases: [AlertPhase] = [.firing, .unknown, .firing, .resolved]

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func open() throws -> Journal { try Journal.open(StoreOptions(folder: folder.path)) }

    /// Four steps of each of so many alerts, for channels with these names.
    private func record(_ journal: Journal, alerts: Int, channels: [String]) throws {
        for number in 0..<alerts {
            let device = journal.registry.intern(device: "lamp-\(number)", profile: "lamp")!
            var from = AlertPhase.inactive
            let steps = Self.phases.map { phase in
                defer { from = phase }
                return AlertTransition(
                    key: AlertKey(rule: "out", subject: .device(device)), severity: .warning, from: from, to: phase,
                    at: now, since: now, value: nil, sentence: "it is \(phase)")
            }
            try journal.record(steps, channels: channels, now: now, evaluatedThrough: 0)
        }
    }

    /// Turns until the condition holds, a virtual 50 ms each.
    private func turn(
        _ pump: inout OutboxPump, _ journal: Journal, until what: String, _ condition: () throws -> Bool
    ) throws {
        try eventually(what) {
            now = now + .milliseconds(50)
            pump.pump(journal, at: moment) { Issue.record($0) }
            return try condition()
        }
    }

    private func undelivered(_ journal: Journal, _ channel: String) throws -> Int64? {
        try journal.core.integer(
            "SELECT count(*) FROM outbox WHERE delivered_at IS NULL AND channel = ?", .text(channel))
    }

    @Test("one that hangs keeps nobody waiting, holds a lane and no more, and tells all in order when it is mended")
    func hanging() throws {
        let good = TrialChannel("good", .works)
        let bad = TrialChannel("bad", .hangs)
        let journal = try open()
        var pump = OutboxPump([bad, good])
        try record(journal, alerts: 300, channels: pump.toldAll)
        try turn(&pump, journal, until: "the good one tells all") { try undelivered(journal, "good") == 0 }
        #expect(good.toldCount == 1200)
        #expect(good.told.values.allSatisfy { $0 == Self.phases })
        #expect(bad.toldCount == 0 && bad.attempts == bad.width && bad.hangingMax == bad.width)
        #expect(pump.unreported == Lane.parcelsMax)
        bad.become(.works)
        try turn(&pump, journal, until: "the bad one tells all") { try undelivered(journal, "bad") == 0 }
        #expect(bad.toldCount == 1200)
        #expect(bad.told.values.allSatisfy { $0 == Self.phases })
        #expect(bad.hangingMax == bad.width)
        journal.close()
    }

    @Test("one that fails is asked ever more rarely, with one notice; when it is back all is told at once")
    func failing() throws {
        let channel = TrialChannel("mail", .fails)
        let journal = try open()
        var pump = OutboxPump([channel])
        try record(journal, alerts: 50, channels: pump.toldAll)
        let start = now
        while now - start < .seconds(3600) {
            now = now + .seconds(1)
            pump.pump(journal, at: moment) { Issue.record($0) }
            let sent = channel.attempts
            try eventually("reported") { pump.unreported == 0 && channel.attempts >= sent }
        }
        // All fifty once; after that 1, 2, 4 … 256, 300 s apart.
        let tries = channel.attempts - 50
        #expect((15...22).contains(tries), "\(tries)")
        let trouble = try #require(pump.troubles.first)
        #expect(trouble.channel == "mail" && trouble.reason == "out of order" && !trouble.isUnreachable)
        #expect(trouble.since < start + .seconds(10) && trouble.rounds > 10)
        // Something else is over: it goes on as it was.
        let resting = channel.attempts
        pump.isReachable("mail")
        now = now + .milliseconds(50)
        pump.pump(journal, at: moment) { Issue.record($0) }
        #expect(pump.unreported == 0 && channel.attempts == resting)
        channel.become(.isAway)
        now = now + .seconds(300)
        try turn(&pump, journal, until: "tried again") { channel.attempts > resting }
        try eventually("reported") { pump.unreported == 0 }
        pump.pump(journal, at: moment) { Issue.record($0) }
        let away = channel.attempts
        channel.become(.works)
        pump.isReachable("mail")
        try turn(&pump, journal, until: "told") { try undelivered(journal, "mail") == 0 }
        #expect(channel.told.values.allSatisfy { $0 == Self.phases } && channel.toldCount == 200)
        #expect(channel.attempts - away == 200 && pump.troubles.isEmpty)
        journal.close()
    }

    @Test("a clock that is set back a year keeps nobody waiting for a year")
    func clockSetBack() throws {
        let channel = TrialChannel("mail", .fails)
        let journal = try open()
        var pump = OutboxPump([channel])
        try record(journal, alerts: 1, channels: pump.toldAll)
        for _ in 0..<3 {
            let before = channel.attempts
            try turn(&pump, journal, until: "tried") { channel.attempts > before }
            try eventually("reported") { pump.unreported == 0 }
            now = now + .seconds(600)
        }
        channel.become(.works)
        wallBehind = .seconds(365 * 86_400)
        try turn(&pump, journal, until: "told") { try undelivered(journal, "mail") == 0 }
        #expect(channel.told["lamp-0"] == Self.phases)
        journal.close()
    }

    @Test("a notice that is refused for ever holds up its own alert and no other")
    func poisonous() throws {
        final class Picky: NotificationChannel {
            let name = "picky"
            let told = Mutex<[String: Int]>([:])
            func deliver(_ notice: AlertNotice) async -> Delivery {
                if notice.name == "lamp-7" { return .failed(reason: "no such person") }
                told.withLock { $0[notice.name, default: 0] += 1 }
                return .delivered
            }
        }
        let channel = Picky()
        let journal = try open()
        var pump = OutboxPump([channel])
        try record(journal, alerts: 20, channels: pump.toldAll)
        try turn(&pump, journal, until: "the others are told") { try undelivered(journal, "picky") == 4 }
        #expect(channel.told.withLock { $0.count == 19 && $0.values.allSatisfy { $0 == 4 } })
        #expect(
            try journal.core.integer("SELECT count(*) FROM outbox WHERE attempts > 0 AND error = 'no such person'") == 1
        )
        journal.close()
    }

    @Test(
        "what waits for a channel that is switched off is over, and says so; what was in hand is told after a restart")
    func restarts() throws {
        let channel = TrialChannel("mail", .hangs)
        var journal = try open()
        var pump = OutboxPump([channel])
        try record(journal, alerts: 2, channels: ["mail", "pager"])
        try turn(&pump, journal, until: "in hand") { channel.attempts == 2 }
        #expect(try undelivered(journal, "pager") == 0)
        #expect(
            try journal.core.integer("SELECT count(*) FROM outbox WHERE error = 'the channel was switched off'") == 8)
        pump.stop(journal, at: moment) { Issue.record($0) }
        journal.close()
        channel.become(.works)

        journal = try open()
        let again = TrialChannel("mail", .works)
        pump = OutboxPump([again])
        try turn(&pump, journal, until: "told") { try undelivered(journal, "mail") == 0 }
        #expect(again.told.values.allSatisfy { $0 == Self.phases } && again.told.count == 2)
        journal.close()
    }

    @Test("one with a limit tells so many a minute and no more, and in the end all")
    func limited() throws {
        let channel = TrialChannel("sms", .works)
        let journal = try open()
        var pump = OutboxPump([channel], perMinute: ["sms": 20])
        try record(journal, alerts: 30, channels: pump.toldAll)
        let start = now
        for minute in 1...6 {
            while now - start < .seconds(60 * minute) {
                now = now + .seconds(1)
                pump.pump(journal, at: moment) { Issue.record($0) }
                try eventually("reported") { pump.unreported == 0 }
            }
            #expect((20 * minute...20 * (minute + 1)).contains(channel.toldCount), "\(channel.toldCount) by \(minute)")
        }
        #expect(channel.toldCount == 120 && channel.told.values.allSatisfy { $0 == Self.phases })
        journal.close()
    }

    @Test("what nobody takes for too long is given up at once and said so, and what follows goes out")
    func givenUp() throws {
        let channel = TrialChannel("mail", .fails)
        let journal = try open()
        try journal.save(StoredClock(moment: moment, boot: 1, offset: .zero, unbrokenSince: moment.steady))
        var pump = OutboxPump([channel], schedule: DeliverySchedule(giveUpAfter: .seconds(3600)))
        try record(journal, alerts: 3, channels: pump.toldAll)
        var told: [String] = []
        let start = now
        func pass(until end: Duration) throws {
            while now - start < end {
                now = now + .seconds(20)
                pump.pump(journal, at: moment) { Issue.record($0) }
                try eventually("reported") { pump.unreported == 0 }
                told += pump.takeGivenUp().map { "\($0.channel) \($0.count) \($0.reason)" }
            }
        }
        try pass(until: .seconds(3500))
        #expect(told.isEmpty)
        try pass(until: .seconds(4200))
        #expect(told == ["mail 12 given up after 1h: out of order"])
        #expect(try undelivered(journal, "mail") == 0)
        let answer = try #require(try Archive(folder: folder.path).channels(at: now).first)
        #expect((answer.channel, answer.waiting, answer.givenUp, answer.deliveredInDay) == ("mail", 0, 12, 0))
        #expect(answer.givenUpReason == "given up after 1h: out of order" && answer.lastDelivered == nil)
        channel.become(.works)
        try record(journal, alerts: 1, channels: pump.toldAll)
        now = now + .seconds(600)
        try turn(&pump, journal, until: "told") { try undelivered(journal, "mail") == 0 }
        #expect(channel.told["lamp-0"] == Self.phases)
        journal.close()
    }

    @Test("a wall clock that was set ahead makes no notice old")
    func clockSetAhead() throws {
        let channel = TrialChannel("mail", .fails)
        let journal = try open()
        var pump = OutboxPump([channel], schedule: DeliverySchedule(giveUpAfter: .seconds(3600)))
        try record(journal, alerts: 1, channels: pump.toldAll)
        wallBehind = .seconds(-8 * 86_400)
        try journal.save(StoredClock(moment: moment, boot: 1, offset: .zero, unbrokenSince: moment.steady, steps: 1))
        let start = now
        while now - start < .seconds(3000) {
            now = now + .seconds(20)
            pump.pump(journal, at: moment) { Issue.record($0) }
            try eventually("reported") { pump.unreported == 0 }
        }
        #expect(pump.takeGivenUp().isEmpty)
        #expect(try undelivered(journal, "mail") == Int64(Self.phases.count))
        journal.close()
    }

    @Test("a store that does not take the mark is asked again, and nobody is told twice")
    func storeRefuses() throws {
        let disk = SimulatedGateway.Disk()
        var options = StoreOptions(folder: folder.path)
        options.effects = { (_) throws(StoreError) in try disk.effect() }
        let journal = try Journal.open(options)
        let channel = TrialChannel("mail", .works)
        var pump = OutboxPump([channel])
        try record(journal, alerts: 3, channels: pump.toldAll)
        var troubles = 0
        var round = 0
        try eventually("told, with a disk that fails at one effect or another of each round") {
            now = now + .milliseconds(50)
            round += 1
            disk.arm(1 + round % 30)
            pump.pump(journal, at: moment) { _ in troubles += 1 }
            disk.arm(nil)
            return try undelivered(journal, "mail") == 0
        }
        #expect(troubles > 0)
        #expect(channel.toldCount == 12 && channel.told.values.allSatisfy { $0 == Self.phases })
        journal.close()
    }
}
