import Store
import Telemetry

/// What has happened and is not in the store yet: it goes before all that comes.
struct Unrecorded {
    private(set) var steps: [AlertTransition] = []
    private(set) var decisions: [DeskDecision] = []
    private(set) var peaks: [AlertKey: AlertPeak] = [:]
    /// Since when the store refuses it; nil where it did not.
    private var refusedSince: SteadyTime?
    /// Of `decisions`, those that were looked at by `takeOverdue`, and those of them that were told.
    private var (lookedAt, toldPast) = (0, 0)

    /// How long people wait for the store.
    static let patience = Duration.seconds(30)
    /// Notices that go past it at most: it is the gateway that is in trouble, and not each lamp.
    static let pastMax = 20

    /// Whether something is to be stored at once.
    var isPressing: Bool { !steps.isEmpty || !decisions.isEmpty }

    /// Steps, and what became of them: decisions name their steps by their places among these.
    mutating func add(_ steps: [AlertTransition], _ decisions: [DeskDecision]) {
        let first = self.steps.count
        self.steps += steps
        self.decisions += decisions.map { decision in
            var decision = decision
            decision.step = decision.step.map { $0 + first }
            return decision
        }
        // A step brings the worst value along.
        for step in steps { peaks[step.key] = nil }
    }

    mutating func add(_ peaks: [AlertKey: AlertPeak]) { self.peaks.merge(peaks) { $1 } }

    /// What people are to be told though the store has refused it for `patience`: each once.
    mutating func takeOverdue(at now: SteadyTime) -> [(step: AlertTransition, recipient: String)] {
        let since = refusedSince ?? now
        refusedSince = since
        guard now - since >= Self.patience else { return [] }
        var overdue: [(step: AlertTransition, recipient: String)] = []
        for decision in decisions[lookedAt...] {
            guard case .told = decision.verdict, let step = decision.step, toldPast < Self.pastMax else { continue }
            overdue.append((steps[step], decision.recipient))
            toldPast += 1
        }
        lookedAt = decisions.count
        return overdue
    }

    mutating func removeAll() { self = Unrecorded() }
}
