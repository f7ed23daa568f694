import Basics
import Broker
import Contract
import FoundationEssentials
import Logging
import Notification
import Store
import Telemetry

/// Holds the words on alerts that the broker keeps against the store, once in a store's life and after each loss.
///
/// An alert whose story was lost with core.db is ended by nobody: its word would say for ever that it fires, and an alert to come
/// would take over its number.
struct OwnWords {
    /// As much of a notice as is needed to speak of it again.
    private struct Word: Decodable {
        var id: Int64
        var rule: String
        var device: String?
        var subject: String?
        var name: String?
        var quantity: String?
        var channel: String?
        var phase: String
        var severity: String
        var since: String?

        /// Whether somebody who reads it waits for its end.
        var isOpen: Bool {
            switch AlertPhase(rawValue: phase) {
            case .pending, .firing, .clearing, .unknown: true
            case .inactive, .resolved, nil: false
            }
        }
    }

    /// The broker has sent what it has long before.
    private static let patience = Duration.seconds(60)
    /// So many numbers are named.
    private static let namedMax = 10

    private let topicPrefix: String
    private var isDone = false
    /// Sent by the broker, and not yet held against the store.
    private var words: [OwnWord] = []
    /// Since when the broker is listened to.
    private var since: SteadyTime?
    /// By alert, what is to be published.
    private var answers: [Int64: String] = [:]
    private var answered: Set<Int64> = []
    /// Open ones that the store does not know and that nobody said were lost.
    private var strange: Set<Int64> = []

    init(topicPrefix: String) { self.topicPrefix = topicPrefix }

    /// Once a turn, before what devices said is judged: an alert of this turn gets no number that stands for something.
    mutating func turn(
        _ broker: any BrokerLine, _ journal: Journal, _ live: LiveView, _ log: Logger, at now: Moment
    ) throws(StoreError) {
        guard !isDone else { return }
        words += broker.takeOwnWords()
        let state = try journal.retainedWords
        guard state != .read else {
            isDone = true
            return broker.stopOwnWords()
        }
        try read(journal, isOwed: state == .owed, at: now)
        words = []
        publish(broker)
        if !strange.isEmpty {
            live.rememberStrange(Array(strange.sorted().prefix(Self.namedMax)), count: strange.count)
        }
        guard broker.isListening else { return since = nil }
        let begin = since ?? now.steady
        since = begin
        guard now.steady - begin >= Self.patience, answers.isEmpty else { return }
        try journal.retainedWordsAreRead()
        isDone = true
        broker.stopOwnWords()
        tell(log)
    }

    private mutating func read(_ journal: Journal, isOwed: Bool, at now: Moment) throws(StoreError) {
        var highest: Int64 = 0
        for word in words {
            guard let id = MQTTChannel.alert(ofTopic: word.topic, topicPrefix: topicPrefix) else { continue }
            let isKnown = try journal.hasAlert(id)
            if !isKnown { highest = max(highest, id) }
            guard let said = try? JSONDecoder().decode(Word.self, from: Data(word.payload)), said.id == id else {
                continue
            }
            if isKnown {
                let told = try journal.toldPhase(ofAlert: id)
                if isOwed, let told, told.rawValue != said.phase {
                    try journal.tellAgain(alert: id, on: MQTTChannel.channelName, now: now.wall)
                }
            } else if said.isOpen, isOwed {
                answers[id] = answer(to: said, lostAt: try journal.lostStory?.at, at: now).json
            } else if said.isOpen {
                strange.insert(id)
            }
        }
        if highest > 0 { try journal.raiseNumbers(above: highest) }
    }

    private func answer(to word: Word, lostAt: Timestamp?, at now: Moment) -> AlertNotice {
        let name = word.device ?? word.name ?? ""
        let kind = word.subject.flatMap { Subject.Kind(rawValue: $0) }
        return AlertNotice(
            alertID: word.id, rule: word.rule, subject: kind ?? .device, name: name,
            quantity: word.quantity, channel: word.channel, phase: .resolved,
            severity: Severity(rawValue: word.severity) ?? .warning,
            since: word.since.flatMap { Timestamp(iso8601: $0) } ?? now.wall, at: now.wall, value: nil, unit: nil,
            sentence: Sentence(.storyLost, [.name: .text(name), .since: lostAt.map { .moment($0) }]).words)
    }

    private mutating func publish(_ broker: any BrokerLine) {
        for (id, json) in answers.sorted(by: { $0.key < $1.key }) {
            let topic = MQTTChannel.topic(ofAlert: id, topicPrefix: topicPrefix)
            guard broker.publish(topic: topic, payload: Array(json.utf8), qos: .atLeastOnce, retain: true) != nil else {
                return
            }
            answers[id] = nil
            answered.insert(id)
        }
    }

    private func tell(_ log: Logger) {
        if !answered.isEmpty {
            log.warning(
                "the broker's words on alerts whose story was lost say resolved now; what still holds is told anew",
                metadata: ["alerts": "\(Self.list(answered))"])
        }
        if !strange.isEmpty {
            log.error(
                "the broker keeps words on alerts that the store does not know; no alert gets their numbers",
                metadata: ["alerts": "\(Self.list(strange))"])
        }
    }

    private static func list(_ numbers: Set<Int64>) -> String {
        let named = numbers.sorted().prefix(namedMax).map(String.init).joined(separator: ", ")
        return numbers.count > namedMax ? "\(named) and \(numbers.count - namedMax) more" : named
    }
}
