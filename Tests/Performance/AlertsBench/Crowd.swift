import Alerting
import Basics
import CMeasuring
import ConfigurationFiles
import Desk
import Measuring
import Pipeline
import Telemetry
import Windows

/// What many series, devices and alerts cost: 25,000 devices of 25 areas with four quantities each, under 200 threshold
/// rules, two a series on average; and 100,000 devices that are waited for.
struct Crowd {
    private static let start = Timestamp(iso8601: "2026-03-01T00:00:00Z")!
    private static let names = ["pm2_5", "active_power", "voltage", "control_gear_temperature"]
    private static let areas = 25
    private static let devices = 25_000
    private static let batchSize = 10_000

    private var registry = SeriesRegistry()
    private var roster = Roster()

    /// `devices` of the roster, the first 25,000 of which have series.
    private init(devices: Int) throws {
        let csv = (0..<devices).map { "sensor-\($0),area-\($0 % Self.areas),10m\n" }.joined()
        var lines: [DeviceIndex: Roster.Line] = [:]
        let quantities = Self.names.map { Quantity(named: $0)! }
        for (number, entry) in try RosterFile.parse(csv: "device,area,cadence\n" + csv, file: "roster.csv").enumerated()
        {
            let device = registry.intern(device: entry.device, profile: "city-sensor")!
            lines[device] = Roster.Line(entry: entry, since: Self.start)
            guard number < Self.devices else { continue }
            for quantity in quantities { _ = registry.intern(device: device, quantity: quantity, channel: .none)! }
        }
        roster = Roster(lines)
    }

    private func pipeline(_ rules: String) throws -> Pipeline {
        let configuration = try GatewayConfiguration(yaml: "{}", file: "baotu.yaml")
        var plan = configuration.plan
        plan.hasWatchers = false
        plan.windowBudget = WindowBudget(seriesMax: 1 << 20)
        let pipeline = Pipeline(
            plan,
            rules: try RuleFile.parse(yaml: rules, file: "alerts.yaml", windows: configuration.windows.lengths(of:)))
        pipeline.setRoster(roster, registry: registry)
        return pipeline
    }

    private func moment(_ seconds: Int) -> Moment { Moment(Self.start + .seconds(seconds)) }

    /// A reading of each of so many series from `first` on.
    private func turn(_ series: Range<Int>, _ value: Double, at seconds: Int) -> Turn {
        let now = moment(seconds)
        let ids = series.map { SeriesID(rawValue: UInt32($0)) }
        let heard = Set(ids.map { registry.series[$0.index].device }).sorted()
        return Turn(
            origin: .live, at: now, fresh: ids.map { Reading(series: $0, observed: now.wall, value: value) },
            heard: heard.map { Hearing(device: $0, at: now.wall) })
    }

    // MARK: Figures

    static func measure(_ table: inout FigureTable) throws {
        try Crowd(devices: devices).judge(&table)
        try Crowd(devices: 100_000).wait(&table)
        try Crowd(devices: 50_000).storm(&table)
    }

    /// Two rules for each quantity and area: of the newest value, and of the greatest of an hour.
    private static var rules: String {
        var text = "rules:\n"
        for name in names {
            for area in 0..<areas {
                let selection = "devices: {area: area-\(area)}"
                text +=
                    "- {rule: \(name)-\(area), \(selection), threshold: {quantity: \(name), above: 100, clear: 90}}\n"
                text += "- {rule: \(name)-max-\(area), \(selection), threshold: {quantity: \(name), statistic: max, "
                text += "window: 1h, above: 100, clear: 90}}\n"
            }
        }
        return text
    }

    /// Batches of 10,000 readings, and what an alert that is up takes of memory.
    private func judge(_ table: inout FigureTable) throws {
        let pipelines = [try pipeline(Self.rules), try pipeline("rules: []")]
        var times = [Times(), Times()]
        var steps = 0
        let batches = registry.seriesCount / Self.batchSize
        for round in 0..<4 * batches {
            let first = round % batches * Self.batchSize
            let turn = turn(first..<first + Self.batchSize, Double(round % 7), at: round)
            for place in pipelines.indices {
                let begin = Clocks.thread
                steps += pipelines[place].step(turn, registry: registry).count
                // The first time windows are opened and rules bound.
                if round >= batches { times[place].add(Clocks.thread - begin) }
            }
        }
        guard steps == 0 else { throw UsageError(sentence: "\(steps) steps of alerts where none was to be") }
        table.add(
            "alerts: a batch of 10,000 readings, all of the turn", times[0].median * 1e3, "ms", .none,
            "\(registry.seriesCount) series, 200 rules, 2 a series; 200 rules and none by turns, medians of \(times[0].count)"
        )
        table.add(
            "alerts: of that the rules", (times[0].median - times[1].median) * 1e3, "ms", .atMost(10))

        let before = measuring_heap_bytes()
        for batch in 0..<batches {
            let turn = turn(batch * Self.batchSize..<(batch + 1) * Self.batchSize, 140, at: 1000)
            steps += pipelines[0].step(turn, registry: registry).count
        }
        let pairs = pipelines[0].book.active.count
        let bytes = Double(measuring_heap_bytes() - before)
        guard pairs == 2 * registry.seriesCount, steps == pairs else {
            throw UsageError(sentence: "\(pairs) alerts of \(2 * registry.seriesCount), \(steps) steps")
        }
        table.add(
            "alerts: a pair of rule and subject that is up", bytes / Double(pairs), "bytes", .atMost(200),
            "\(pairs) of them")
        var scans = Times()
        for second in 0..<5 {
            let begin = Clocks.thread
            guard pipelines[0].scan(registry: registry, isListening: true, at: moment(1001 + second)).isEmpty else {
                throw UsageError(sentence: "a scan changed alerts")
            }
            scans.add(Clocks.thread - begin)
        }
        table.add("alerts: a scan of them, once a second", scans.median * 1e3, "ms", .none)
    }

    /// Devices that speak every ten minutes, a scan a second.
    private func wait(_ table: inout FigureTable) throws {
        let pipeline = try pipeline("rules:\n- {rule: silent, absence: {}}\n")
        let count = registry.deviceCount
        var times = Times()
        for second in 0..<900 {
            let now = moment(second)
            // Each once in 600 s.
            let heard = stride(from: second % 600, to: count, by: 600).map {
                Hearing(device: DeviceIndex(rawValue: UInt32($0)), at: now.wall)
            }
            _ = pipeline.step(Turn(origin: .live, at: now, heard: heard), registry: registry)
            let begin = Clocks.thread
            let steps = pipeline.scan(registry: registry, isListening: true, at: now)
            times.add(Clocks.thread - begin)
            guard steps.isEmpty else { throw UsageError(sentence: "\(steps.count) devices called silent") }
        }
        table.add(
            "alerts: absence of \(count) devices, a scan", times.median * 1e3, "ms", .atMost(1),
            "once a second; longest \(fixed(times.max * 1e3, 2)) ms")
        var gone = 0
        for second in 900..<4600 {
            gone += pipeline.scan(registry: registry, isListening: true, at: moment(second)).count { $0.to == .firing }
        }
        guard gone == count else { throw UsageError(sentence: "\(gone) of \(count) devices called silent") }
    }

    /// A gate that goes away, and 50,000 devices behind it within a minute; all but ten come back after it.
    private func storm(_ table: inout FigureTable) throws {
        let (rest, gate) = (10, DeviceIndex(rawValue: 20))
        let pipeline = try pipeline(
            """
            rules:
            - {rule: gate-silent, severity: critical, devices: {name: sensor-20}, absence: {}}
            - {rule: silent, absence: {}}
            """)
        let cause = Cause(rules: [NamePattern("gate-silent")], explains: [NamePattern("silent")], within: .all)
        var desk = Desk(DeskPlan(recipients: [Recipient(name: "duty", routes: [Route()])], causes: [cause]))
        let place = DeskPlace(roster, registry, days: LocalDays(), isNight: { _ in false })
        let count = registry.deviceCount
        var told: [DeskDecision] = []
        var seconds = 0.0
        func pass(_ second: Int, heard: [DeviceIndex] = []) -> Int {
            let now = moment(second)
            var steps: [AlertTransition] = []
            if !heard.isEmpty {
                let turn = Turn(origin: .live, at: now, heard: heard.map { Hearing(device: $0, at: now.wall) })
                steps += pipeline.step(turn, registry: registry)
            }
            steps += pipeline.scan(registry: registry, isListening: true, at: now)
            let begin = Clocks.thread
            let decisions = desk.take(steps, place) + desk.tick(place, at: now)
            seconds += Clocks.thread - begin
            told += decisions.filter { if case .told = $0.verdict { true } else { false } }
            return steps.count
        }
        /// Those of a second of the minute.
        func part(_ second: Int) -> [DeviceIndex] {
            stride(from: second % 60, to: count, by: 60).map { DeviceIndex(rawValue: UInt32($0)) }
        }
        for second in 0..<60 { _ = pass(second, heard: part(second)) }
        var steps = 0
        for second in 1790..<1900 { steps += pass(second) }
        guard steps == count + 1, told.count == 1, told[0].key.rule == "gate-silent" else {
            throw UsageError(sentence: "a storm of \(steps) steps gave \(told.count) messages")
        }
        steps = pass(1980, heard: [gate])
        for second in 1980..<2040 {
            steps += pass(
                second, heard: part(second).filter { $0 != gate && ($0.rawValue < 50 || $0.rawValue >= 50 + rest) })
        }
        for second in 2040..<2700 { steps += pass(second) }
        let late = Set(told.dropFirst(2).map(\.key))
        guard steps == count + 1 - rest, told.count == 2 + rest, late.count == rest,
            late.allSatisfy({ $0.rule == "silent" })
        else {
            throw UsageError(sentence: "the end of a storm, \(steps) steps, gave \(told.count) messages")
        }
        table.add(
            "desk: a storm of \(count) devices and its end", seconds, "s", .none,
            "one message when the cause came, one when it went, \(rest) for what stayed")
    }
}
