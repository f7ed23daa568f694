import Broker
import Notification
import Synchronization

/// What others want published. The line to the broker belongs to the ingest thread: it takes the letters between two
/// turns, and replies when the broker has confirmed or refused.
final class Publisher: Sendable {
    private struct Letter: Sendable {
        var topic: String
        var payload: String
        /// Called once, on the ingest thread.
        var reply: @Sendable (Delivery) -> Void
    }

    private struct State {
        var letters: [Letter] = []
        /// Handed to the broker, not yet confirmed.
        var underway: [MessageToken: Letter] = [:]
        var isStopped = false
    }

    private static let stopping = Delivery.failed(reason: "the gateway is stopping")
    private let state = Mutex(State())

    /// From any thread: publishes at QoS 1, retained, and returns with the broker's word.
    func publish(_ topic: String, _ payload: String) async -> Delivery {
        await withCheckedContinuation { continuation in
            let letter = Letter(topic: topic, payload: payload) { continuation.resume(returning: $0) }
            let isTaken = state.withLock { state in
                if !state.isStopped { state.letters.append(letter) }
                return !state.isStopped
            }
            if !isTaken { letter.reply(Self.stopping) }
        }
    }

    /// On the ingest thread: confirmations in, letters out.
    func exchange(with broker: any BrokerLine) {
        takeConfirmations(of: broker)
        let letters = state.withLock { state in
            defer { state.letters = [] }
            return state.letters
        }
        for letter in letters {
            let token = broker.publish(
                topic: letter.topic, payload: Array(letter.payload.utf8), qos: .atLeastOnce, retain: true)
            if let token {
                state.withLock { $0.underway[token] = letter }
            } else {
                letter.reply(
                    .unreachable(
                        reason: "the broker is not connected, or too many messages wait for its confirmation"))
            }
        }
    }

    /// Whoever waits for what the broker has confirmed is told.
    func takeConfirmations(of broker: any BrokerLine) {
        for token in broker.takeConfirmed() { reply(.delivered, to: token) }
    }

    /// The broker will not take what has this token.
    func refused(_ token: MessageToken, _ reason: String) { reply(.failed(reason: reason), to: token) }

    /// Whoever waits is told that it failed, and so is whoever comes.
    func stop() {
        let left = state.withLock { state in
            defer { (state.letters, state.underway) = ([], [:]) }
            state.isStopped = true
            return state.letters + state.underway.values
        }
        for letter in left { letter.reply(Self.stopping) }
    }

    /// Letters that wait for the ingest thread or for the broker.
    var waiting: Int { state.withLock { $0.letters.count + $0.underway.count } }

    private func reply(_ delivery: Delivery, to token: MessageToken) {
        state.withLock { $0.underway.removeValue(forKey: token) }?.reply(delivery)
    }
}
