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
        var losses: Losses?
    }

    /// Parts of the stored state that this start could not read.
    struct Losses: Sendable {
        var sentences: [String]
        /// Files with the bytes of them, in the store's folder.
        var kept: [String]
        /// They are learnt anew since.
        var since: Timestamp
    }

    private let state: Mutex<State>

    init(_ status: LiveStatusAnswer) { state = Mutex(State(status: status)) }

    var current: LiveStatusAnswer { state.withLock { $0.status } }
    var session: BrokerEvent.Session? { state.withLock { $0.session } }
    var sessionWasLost: Bool { state.withLock { $0.sessionWasLost } }

    /// nil where this start read all of the stored state.
    var losses: Losses? { state.withLock { $0.losses } }

    func remember(_ losses: Losses) { state.withLock { $0.losses = losses } }

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
