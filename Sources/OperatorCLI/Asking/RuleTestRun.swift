import Alerting
import Basics
import ConfigurationFiles
import Pipeline
import Telemetry

/// A test of rules as it went: what was expected beside what the rules did.
struct RuleTestRun: Encodable {
    /// A step that was expected, that was taken, or both.
    struct Step: Encodable {
        /// Seconds since the test's start, of the step that was expected, else of the one that was taken.
        var afterSeconds: Double
        var rule: String
        var subject: String
        var name: String
        var quantity: String?
        var channel: String?
        /// The phase; nil where no such step was expected.
        var expected: String?
        /// The phase, and when it came; nil where it did not.
        var got: String?
        var gotAfterSeconds: Double?
        var isPassed: Bool
        /// What was told.
        var sentence: String?
        /// Where the step is expected, in the file.
        var line: Int?

        enum CodingKeys: String, CodingKey {
            case afterSeconds = "after_seconds"
            case rule, subject, name, quantity, channel, expected, got
            case gotAfterSeconds = "got_after_seconds"
            case isPassed = "passed"
            case sentence, line
        }
    }

    var name: String
    var line: Int
    var isPassed: Bool
    var steps: [Step]

    enum CodingKeys: String, CodingKey {
        case name, line
        case isPassed = "passed"
        case steps
    }

    /// Plays what the test says to the rules.
    init(_ test: RuleTest, of file: RuleTestFile) {
        name = test.name
        line = test.line
        var (registry, turns) = (SeriesRegistry(), [Timestamp: Turn]())
        var lines: [DeviceIndex: Roster.Line] = [:]
        for entry in file.roster {
            guard let device = registry.intern(device: entry.device, profile: entry.profile) else { continue }
            lines[device] = Roster.Line(entry: entry, since: test.start)
        }
        for input in test.inputs { Self.add(input, from: test.start, to: &turns, &registry) }
        let pipeline = Pipeline(file.plan, rules: file.rules)
        pipeline.setRoster(Roster(lines), registry: registry)
        var rehearsal = Rehearsal(pipeline, from: Moment(test.start))
        var taken: [AlertTransition] = []
        for moment in turns.keys.sorted() { rehearsal.take(turns[moment]!, registry) { taken += $0 } }
        // The scan of the last second too.
        rehearsal.advance(to: Moment(test.start + test.lasts + .milliseconds(1)), registry) { taken += $0 }
        if let only = test.only { taken.removeAll { !only.contains(ByteName($0.key.rule)) } }
        steps = Self.compare(test, taken, registry)
        isPassed = steps.allSatisfy(\.isPassed)
    }

    private static func add(
        _ input: RuleTest.Input, from start: Timestamp, to turns: inout [Timestamp: Turn],
        _ registry: inout SeriesRegistry
    ) {
        guard let device = registry.intern(device: input.device, profile: input.profile),
            let channel = registry.intern(channel: input.channel ?? "")
        else { return }
        let series = input.quantity.flatMap { registry.intern(device: device, quantity: $0, channel: channel) }
        for (place, value) in input.values.enumerated() {
            guard let value else { continue }
            let moment = start + input.every * place
            var turn = turns[moment] ?? Turn(origin: .live, at: Moment(moment))
            turn.heard.append(Hearing(device: device, at: moment))
            if let series, let quantity = input.quantity {
                let reading = Reading(series: series, observed: moment, value: value)
                // As decoding does: what cannot be is no reading.
                if quantity.range.contains(value) { turn.fresh.append(reading) } else { turn.suspects.append(reading) }
            } else {
                turn.statuses.append(DeviceStatus(device: device, isOnline: value == 1, at: moment))
            }
            turns[moment] = turn
        }
    }

    // MARK: What was expected, beside what came

    private static func compare(
        _ test: RuleTest, _ taken: [AlertTransition], _ registry: SeriesRegistry
    ) -> [Step] {
        var taken = taken
        var steps: [Step] = []
        var missing: [RuleTest.Expected] = []
        for expected in test.expected {
            guard
                let index = taken.firstIndex(where: {
                    isOf(expected, $0, registry)
                        && $0.at.milliseconds / 1000 == (test.start + expected.after).milliseconds / 1000
                })
            else {
                missing.append(expected)
                continue
            }
            steps.append(Step(expected, taken.remove(at: index), isPassed: true, test, registry))
        }
        for expected in missing {
            // One that came at another time is most likely the one that was meant.
            let index = taken.firstIndex { isOf(expected, $0, registry) }
            steps.append(Step(expected, index.map { taken.remove(at: $0) }, isPassed: false, test, registry))
        }
        // Nobody is told of the others.
        for transition in taken where transition.isNotified {
            steps.append(Step(nil, transition, isPassed: false, test, registry))
        }
        return steps.enumerated().sorted {
            ($0.element.afterSeconds, $0.offset) < ($1.element.afterSeconds, $1.offset)
        }.map(\.element)
    }

    private static func isOf(
        _ expected: RuleTest.Expected, _ transition: AlertTransition, _ registry: SeriesRegistry
    ) -> Bool {
        let subject = transition.key.subject
        guard transition.key.rule.hasBytes(of: expected.rule), transition.to == expected.to,
            expected.severity.map({ $0 == transition.severity }) ?? true,
            subject.kind == expected.subject.kind || subject.kind == .series && expected.subject.kind == .device
        else { return false }
        guard expected.subject.name.isEmpty || subject.name(in: registry).hasBytes(of: expected.subject.name) else {
            return false
        }
        guard expected.quantity != nil || expected.channel != nil else { return true }
        guard let series = subject.series else { return false }
        return expected.quantity.map { $0 == registry.series[series.index].quantity } ?? true
            && expected.channel.map { $0.hasBytes(of: registry.channelName(of: series) ?? "") } ?? true
    }
}

extension RuleTestRun.Step {
    fileprivate init(
        _ expected: RuleTest.Expected?, _ taken: AlertTransition?, isPassed: Bool, _ test: RuleTest,
        _ registry: SeriesRegistry
    ) {
        let got = taken.map { Double(($0.at - test.start).milliseconds) / 1000 }
        afterSeconds = expected.map { Double($0.after.milliseconds) / 1000 } ?? got ?? 0
        rule = expected?.rule ?? taken?.key.rule ?? ""
        subject = (taken?.key.subject.kind ?? expected?.subject.kind ?? .gateway).rawValue
        name = taken?.key.subject.name(in: registry) ?? expected?.subject.name ?? ""
        let series = taken?.key.subject.series
        quantity = series.map { registry.series[$0.index].quantity.name } ?? expected?.quantity?.name
        channel = series.flatMap { registry.channelName(of: $0) } ?? expected?.channel
        self.expected = expected?.to.rawValue
        self.got = taken?.to.rawValue
        gotAfterSeconds = got
        self.isPassed = isPassed
        sentence = taken?.sentence
        line = expected?.line
    }
}
