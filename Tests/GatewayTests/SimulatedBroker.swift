import Basics
@testable import Broker
import Telemetry
import TestSupport

@testable import Gateway

/// A broker that keeps its word and nothing more: what is not acknowledged comes again, and besides it repeats, delays,
/// reorders and drops the line, all by its seed.
final class SimulatedBroker: BrokerLine {
    struct Message {
        var topic: String
        var payload: [UInt8]
    }

    /// How often, of a thousand occasions, each mischief happens.
    struct Mischief {
        var dropsLine = 20
        var losesAcknowledgement = 20
        var repeats = 30
        var delays = 50
        static let none = Mischief(dropsLine: 0, losesAcknowledgement: 0, repeats: 0, delays: 0)
    }

    var mischief: Mischief
    /// Messages that a turn gets at least, when there are so many and nothing is delayed.
    var messagesMin = 0
    /// Messages that a turn gets at most.
    var handsOutMax = 8
    /// Whether it hands out in the order in which it was sent to.
    var isOrderly = false
    /// Not acknowledged, in no order that anyone may count on.
    private var waiting: [Message] = []
    /// Handed out and not yet acknowledged.
    private var held: [Message] = []
    private(set) var forgotten = 0
    private(set) var published: [(topic: String, payload: String)] = []
    /// What it retains, by topic: sent to who wants its own words, first of all on each connection.
    var retained: [String: String] = [:]
    private(set) var sendsOwnWords = true
    private var ownWords: [OwnWord] = []
    /// Whether it had a session for the gateway; nil: it says nothing of it.
    var isSessionPresent: Bool?
    private var events: [BrokerEvent] = []
    private var confirmed: [MessageToken] = []
    private var nextToken: UInt64 = 1
    private var random: SeededGenerator
    /// Of its own, so that a notice told twice does not change what the devices' messages do.
    private var publishRandom: SeededGenerator
    private let now: () -> Timestamp
    private(set) var connectedSince: Timestamp?

    init(seed: UInt64, mischief: Mischief = Mischief(), now: @escaping () -> Timestamp) {
        random = SeededGenerator(seed: seed)
        publishRandom = SeededGenerator(seed: seed &+ 1)
        self.mischief = mischief
        self.now = now
    }

    var isConnected: Bool { connectedSince != nil }
    var isListening: Bool { isConnected }
    private(set) var connectionCount = 0
    func takeHeard() -> Bool { isConnected }
    /// Nobody reaches it.
    var isDown = false
    /// Whether every message was acknowledged.
    var isDone: Bool { waiting.isEmpty && held.isEmpty }

    /// A device publishes; the broker has taken it on.
    func send(_ message: Message) { waiting.append(message) }

    /// The gateway is gone, without a word.
    func lose() {
        waiting += held
        held = []
        connectedSince = nil
        confirmed = []
    }

    private func chance(_ thousandths: Int) -> Bool { Int.random(in: 0..<1000, using: &random) < thousandths }

    func receive(
        into batch: inout MessageBatch, messagesMax: Int, bytesMax: Int, linger: Duration, waiting span: Duration,
        now: () -> Timestamp
    ) {
        if isDown { return lose() }
        if connectedSince == nil {
            connectedSince = now()
            connectionCount += 1
            if sendsOwnWords {
                ownWords = retained.sorted { $0.key < $1.key }.map {
                    OwnWord(topic: $0.key, payload: Array($0.value.utf8))
                }
            }
            if let isSessionPresent {
                events.append(.connected(BrokerEvent.Session(at: now(), isPresent: isSessionPresent, maximumQoS: 2)))
            }
        }
        if chance(mischief.dropsLine) { return lose() }
        if chance(mischief.delays) { return }
        let count = min(
            messagesMax, waiting.count, Int.random(in: messagesMin...8, using: &random) + handsOutMax - 8)
        for _ in 0..<count {
            let message = waiting.remove(at: isOrderly ? 0 : Int.random(in: 0..<waiting.count, using: &random))
            held.append(message)
            append(message, to: &batch, at: now())
            if chance(mischief.repeats) { append(message, to: &batch, at: now()) }
        }
    }

    private func append(_ message: Message, to batch: inout MessageBatch, at moment: Timestamp) {
        batch.append(topic: message.topic, payload: message.payload, receivedAt: moment)
    }

    func acknowledge() {
        if chance(mischief.losesAcknowledgement) { return lose() }
        forgotten += held.count
        held = []
    }

    func dropConnection(_ reason: String) { lose() }

    func publish(
        topic: String, payload: [UInt8], qos: BrokerOptions.QualityOfService, retain: Bool
    ) -> MessageToken? {
        guard isConnected, Int.random(in: 0..<1000, using: &publishRandom) >= mischief.delays else { return nil }
        published.append((topic, String(decoding: payload, as: UTF8.self)))
        if retain { retained[topic] = String(decoding: payload, as: UTF8.self) }
        let token = MessageToken(rawValue: nextToken)
        nextToken += 1
        confirmed.append(token)
        return token
    }

    func takeConfirmed() -> [MessageToken] {
        defer { confirmed = [] }
        return confirmed
    }

    func takeEvents() -> [BrokerEvent] {
        defer { events = [] }
        return events
    }

    func takeOwnWords() -> [OwnWord] {
        defer { ownWords = [] }
        return ownWords
    }

    func stopOwnWords() { sendsOwnWords = false }

    /// Another process connects, and asks anew.
    func meetAnother() {
        sendsOwnWords = true
        connectionCount = 0
    }
    func disconnect() { lose() }
}
