import Basics
import Broker
import Contract
import Synchronization
import Telemetry

/// The live numbers that readers see: written by the ingest thread, read by any.
final class LiveView: Sendable {
    private struct State {
        var status: LiveStatusAnswer
        var session: BrokerEvent.Session?
        /// The broker had forgotten our session when we came back to it.
        var sessionWasLost = false
        var wasConnected = false
        /// Parts of the stored state that this start could not read, as sentences.
        var losses: [String] = []
    }

    private let state: Mutex<State>

    init(_ status: LiveStatusAnswer) { state = Mutex(State(status: status)) }

    var current: LiveStatusAnswer { state.withLock { $0.status } }
    var session: BrokerEvent.Session? { state.withLock { $0.session } }
    var sessionWasLost: Bool { state.withLock { $0.sessionWasLost } }

    var losses: [String] { state.withLock { $0.losses } }

    func rememberLoss(_ sentence: String) { state.withLock { $0.losses.append(sentence) } }

    func update(_ change: (inout LiveStatusAnswer) -> Void) { state.withLock { change(&$0.status) } }

    func remember(_ event: BrokerEvent) {
        state.withLock { state in
            switch event {
            case .connected(let session):
                if state.wasConnected, !session.isPresent { state.sessionWasLost = true }
                state.wasConnected = true
                state.session = session
            case .droppedByBroker(_, let increase): state.status.droppedByBroker += Int64(increase)
            case .disconnected, .connectFailed, .subscribed, .subscriptionRefused, .publishRefused: break
            }
        }
    }
}
