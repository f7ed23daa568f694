import Alerting
import Basics
public import Telemetry
import Windows

/// Drives a pipeline through time that is over, as the gateway does through its own: each turn at its moment, and a scan
/// each second between them.
///
/// A scan that can change nothing is left out (`AlertBook.quiet`); what comes of it is the same.
public struct Rehearsal {
    private static let second = Duration.seconds(1)

    /// What is driven; nobody else may meanwhile.
    public let pipeline: Pipeline
    /// How far it has come.
    public private(set) var moment: Moment
    /// Scans that were made.
    public private(set) var scans = 0
    /// Whether every second is looked at, whatever it may change: the oracle of the tests.
    private let isPlain: Bool
    /// The newest second that was looked at, or could be passed over.
    private var lastScan: SteadyTime
    /// No scan before it changes anything.
    private var due: SteadyTime
    /// By device, whether an alert is up.
    private var isUp: [Bool] = []

    /// Whether such a look is at every alert and device, too.
    private let looksAtAll: Bool

    /// Begins at a moment, with what the pipeline knows by then. Seconds are counted from it. `everySecond`: with every scan that
    /// the gateway makes; `looksAtAll`: at all, in each.
    public init(
        _ pipeline: Pipeline, from moment: Moment, everySecond isPlain: Bool = false, looksAtAll: Bool = false
    ) {
        self.looksAtAll = looksAtAll
        self.pipeline = pipeline
        self.moment = moment
        self.isPlain = isPlain
        lastScan = moment.steady
        due = moment.steady
        pipeline.trustsQuiet()
        lookWhoIsUp()
    }

    /// Takes in a turn at its moment, which is not earlier than that of the one before, and what time did until then.
    public mutating func take(_ turn: Turn, _ registry: SeriesRegistry, _ body: ([AlertTransition]) -> Void) {
        advance(to: turn.moment, registry, body)
        let transitions = pipeline.step(turn, registry: registry)
        if !transitions.isEmpty {
            due = moment.steady
            lookWhoIsUp()
            body(transitions)
        } else if due > moment.steady, touches(turn) {
            due = moment.steady
        }
    }

    /// Lets time go on to a moment without a turn. `body` is given what each scan changed.
    ///
    /// Where less was listened than time ran, the gateway listened first and was deaf then.
    public mutating func advance(to target: Moment, _ registry: SeriesRegistry, _ body: ([AlertTransition]) -> Void) {
        let before = moment
        let heard = target.listened - before.listened
        while true {
            var next = lastScan + Self.second
            if !isPlain, due > next {
                let seconds = ((due - lastScan).milliseconds + 999) / 1000
                next = lastScan + .milliseconds(seconds * 1000)
            }
            guard next < target.steady else { break }
            let passed = next - before.steady
            let now = Moment(
                wall: before.wall + passed, steady: next, listened: before.listened + min(passed, heard))
            let transitions = pipeline.scan(
                registry: registry, isListening: passed <= heard, looksAtAll: looksAtAll, at: now)
            scans += 1
            lastScan = next
            if !transitions.isEmpty {
                lookWhoIsUp()
                body(transitions)
            }
            due = isPlain ? next : next + pipeline.book.quiet(at: now)
        }
        // What lies between was passed over.
        let seconds = ((target.steady - lastScan).milliseconds - 1) / 1000
        if seconds > 0 { lastScan = lastScan + .milliseconds(seconds * 1000) }
        moment = target
    }

    private func touches(_ turn: Turn) -> Bool {
        if !turn.statuses.isEmpty || !turn.suspects.isEmpty || !turn.corrections.isEmpty { return true }
        return turn.heard.contains { $0.device.index < isUp.count && isUp[$0.device.index] }
    }

    private mutating func lookWhoIsUp() {
        isUp.removeAll(keepingCapacity: true)
        for device in pipeline.book.devicesUp {
            while isUp.count <= device.index { isUp.append(false) }
            isUp[device.index] = true
        }
    }
}
