import Alerting
import Decoding
import Store
import Synchronization
import Telemetry

/// What the rest of the process asks of the ingest thread. Asked from any thread, answered between two turns.
///
/// At most `capacity` questions wait; beyond that the next one is refused at once, so that a flood of questions cannot
/// fill memory or starve the turn.
final class Mailbox: Sendable {
    enum Letter: Sendable {
        case statistics(StatisticsRequest, @Sendable (Result<[StatisticsAnswer], GatewayRefusal>) -> Void)
        case acknowledge(alertID: Int64, by: String, note: String, @Sendable (Result<Void, GatewayRefusal>) -> Void)
        case reload(LoadedFiles)
    }

    private struct State {
        var letters: [Letter] = []
        var isStopped = false
    }

    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int = 64) { self.capacity = capacity }

    /// False when the mailbox is full or the gateway stops.
    func post(_ letter: Letter) -> Bool {
        state.withLock { state in
            guard state.letters.count < capacity, !state.isStopped else { return false }
            state.letters.append(letter)
            return true
        }
    }

    func stop() { state.withLock { $0.isStopped = true } }
    var isStopped: Bool { state.withLock { $0.isStopped } }

    func take() -> [Letter] {
        state.withLock { state in
            defer { state.letters = [] }
            return state.letters
        }
    }
}

/// Why the running gateway could not answer.
enum GatewayRefusal: Error, CustomStringConvertible {
    case busy
    case stopping
    case noSuchAlert(Int64)
    case store(StoreError)

    var description: String {
        switch self {
        case .busy: "the gateway has too many questions to answer; ask again"
        case .stopping: "the gateway is stopping"
        case .noSuchAlert(let id): "there is no alert \(id)"
        case .store(let error): "\(error)"
        }
    }
}

/// Which rolling statistics are asked for; what is nil matches all. `device` may hold `*` for any run of characters.
struct StatisticsRequest: Sendable {
    var device: String?
    var quantity: String?
    var window: Duration?
    var rowsMax: Int
}
