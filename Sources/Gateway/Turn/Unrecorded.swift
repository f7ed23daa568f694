import Store
import Telemetry

/// What has happened and is not in the store yet: it goes before all that comes.
struct Unrecorded {
    private(set) var steps: [AlertTransition] = []
    private(set) var decisions: [DeskDecision] = []
    private(set) var peaks: [AlertKey: AlertPeak] = [:]

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

    mutating func removeAll() { self = Unrecorded() }
}
