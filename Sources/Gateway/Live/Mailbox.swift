import Basics
import Contract
import Store
import Synchronization
import Telemetry

/// What the rest of the process asks of the ingest thread. Asked from any thread, answered between two turns.
///
/// At most `capacity` questions wait; beyond that the next one is refused at once, so that a flood of questions cannot
/// fill memory or starve the turn.
final class Mailbox: Sendable {
    struct Letter: Sendable {
        /// Called on the ingest thread; it replies by itself.
        let carryOut: @Sendable (_ loop: IngestLoop, _ moment: Moment) -> Void
    }

    /// Readings to be committed beside the live ones.
    struct ImportLetter: Sendable {
        var readings: NamedReadings
        /// Of devices that are new.
        var profile: String
        /// Who brings them.
        var person: String
        var reply: @Sendable (Result<ImportReceipt, Refusal>) -> Void
    }

    /// Batches of imports that may wait. Each may hold some thousands of readings.
    static let importsMax = 4

    private struct State {
        var letters: [Letter] = []
        var imports: [ImportLetter] = []
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

    /// False when as many wait as may, or the gateway stops: the client comes again.
    func post(_ letter: ImportLetter) -> Bool {
        state.withLock { state in
            guard state.imports.count < Self.importsMax, !state.isStopped else { return false }
            state.imports.append(letter)
            return true
        }
    }

    /// The import that has waited longest.
    func takeImport() -> ImportLetter? {
        state.withLock { $0.imports.isEmpty ? nil : $0.imports.removeFirst() }
    }

    var hasImport: Bool { state.withLock { !$0.imports.isEmpty } }

    func stop() { state.withLock { $0.isStopped = true } }
    var isStopped: Bool { state.withLock { $0.isStopped } }

    func take() -> [Letter] {
        state.withLock { state in
            defer { state.letters = [] }
            return state.letters
        }
    }
}

/// Why the running gateway does not answer.
extension Refusal {
    static let busy = Refusal.unavailable("the gateway has too many questions to answer; ask again")
    static let stopping = Refusal.unavailable("the gateway is stopping")
    /// The journal grows faster than it can be sealed.
    static let journalFull = Refusal.unavailable(
        "the journal waits to be sealed; send the readings again in a moment")

    /// The store could not write; it may in a moment, where it is not that there is no such thing.
    static func store(_ error: StoreError) -> Refusal {
        switch Refusal(error) {
        case .notFound(let sentence): .notFound(sentence)
        case .wrong(let sentence): .wrong(sentence)
        case .forbidden, .misconfigured, .unavailable, .failed: .unavailable("\(error)")
        }
    }
}

extension StatisticsRequest {
    /// One more than an answer may have says that there are too many.
    var rowsMax: Int { Self.answersMax + 1 }
}
