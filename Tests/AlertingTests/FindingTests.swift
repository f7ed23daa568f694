import Alerting
import Basics
import ConfigurationFiles
import Telemetry
import TestSupport
import Testing

@Suite("Rules about findings")
struct FindingTests {
    private static let t0 = Timestamp(milliseconds: 1_772_705_640_000)

    private struct Scene {
        var registry = SeriesRegistry()
        var health = DeviceHealth()
        var book: AlertBook
        let device: DeviceIndex
        let series: SeriesID

        init(_ yaml: String) throws {
            book = AlertBook(rules: try RuleFile.parse(yaml: yaml, file: "alerts.yaml", windows: { _ in [] }))
            device = registry.intern(device: "air-1", profile: "air")!
            series = registry.intern(device: device, quantity: Quantity(named: "pm2_5")!, channel: .none)!
        }

        private var statistics: AlertBook.Statistics { statistics(at: Self.zero) }
        private static let zero = FindingTests.t0

        private func statistics(at now: Timestamp) -> AlertBook.Statistics {
            AlertBook.Statistics(
                newest: { _ in nil }, summary: { _, _, _ in nil }, age: { max(.zero, now - $1) },
                backlog: { _ in .zero })
        }

        func finding(_ kind: Finding.Kind, at moment: Timestamp, severity: Double = 0.7) -> Finding {
            Finding(
                subject: .series(series, of: device), kind: kind, observed: moment, value: 311, severity: severity,
                sentence: "PM2.5 is 311 ug/m3")
        }

        mutating func hear(_ finding: Finding, at now: Timestamp) -> [AlertTransition] {
            var noticed = Noticed()
            noticed.findings = [finding]
            let turn = Turn(origin: .live, now: now, heard: [Hearing(device: device, at: now)])
            health.absorb(turn, device: { [device] _ in device }, age: { _, _ in .zero })
            health.absorb(noticed, at: Moment(now), age: { now - $1 })
            return book.evaluate(
                turn, noticed, health: health, statistics: statistics(at: now), registry: registry)
        }

        /// Its device was just heard.
        mutating func scan(at now: Timestamp) -> [AlertTransition] {
            let turn = Turn(origin: .live, now: now, heard: [Hearing(device: device, at: now)])
            health.absorb(turn, device: { [device] _ in device }, age: { _, _ in .zero })
            return silentScan(at: now)
        }

        mutating func silentScan(at now: Timestamp) -> [AlertTransition] {
            book.scan(
                health: health, statistics: statistics(at: now), registry: registry, isListening: true, at: Moment(now))
        }
    }

    private static let rule = """
        rules:
        - rule: odd
          finding: {kinds: [spike, flat_line], quantities: [pm2_5], severity_min: 0.6, clear_after: 10m}
        """

    @Test("a finding raises the alert at once, and it ends when none came for a while")
    func raises() throws {
        var scene = try Scene(Self.rule)
        let raised = scene.hear(scene.finding(.spike, at: Self.t0), at: Self.t0)
        #expect(raised.map(\.to) == [.firing] && raised[0].sentence == "air-1: PM2.5 is 311 ug/m3")
        #expect(raised[0].key.subject.series == scene.series && raised[0].value == 311)
        #expect(scene.scan(at: Self.t0 + .seconds(599)).isEmpty)
        // It still holds: nothing new is told, and it lasts longer.
        #expect(scene.hear(scene.finding(.flatLine, at: Self.t0 + .seconds(300)), at: Self.t0 + .seconds(300)).isEmpty)
        #expect(scene.scan(at: Self.t0 + .seconds(899)).isEmpty)
        let ended = scene.scan(at: Self.t0 + .seconds(900))
        #expect(ended.map(\.to) == [.resolved])
        #expect(
            ended[0].sentence == "air-1: nothing of the kind was noticed in its PM2.5 mass concentration for 10 min")
    }

    @Test("other kinds, lesser ones, other quantities and what a backlog tells raise nothing")
    func passesOver() throws {
        var scene = try Scene(Self.rule)
        #expect(scene.hear(scene.finding(.novelty, at: Self.t0), at: Self.t0).isEmpty)
        #expect(scene.hear(scene.finding(.spike, at: Self.t0, severity: 0.55), at: Self.t0).isEmpty)
        #expect(scene.hear(scene.finding(.spike, at: Self.t0 - .seconds(600)), at: Self.t0).isEmpty)
        var device = scene.finding(.spike, at: Self.t0)
        device.subject = .device(scene.device)
        #expect(scene.hear(device, at: Self.t0).isEmpty)
        var other = try Scene(Self.rule.replacing("pm2_5", with: "no2"))
        #expect(other.hear(other.finding(.spike, at: Self.t0), at: Self.t0).isEmpty)
    }

    @Test("what was noticed last is known after a restart, and states of the first version are read")
    func restarts() throws {
        var scene = try Scene(Self.rule)
        _ = scene.hear(scene.finding(.spike, at: Self.t0), at: Self.t0)
        let state = scene.health.state()
        let resumed = try #require(DeviceHealth(state: state))
        #expect(resumed == scene.health)
        let subject = Subject.series(scene.series, of: scene.device)
        #expect(resumed.lastFinding(.spike, subject: subject) == Moment(Self.t0).listened)
        #expect(resumed.lastFinding(.flatLine, subject: subject) == nil)
        for length in state.indices { #expect(DeviceHealth(state: Array(state[..<length])) == nil) }
        // Version 1: no devices, none offline, no suspects.
        var first = StateWriter()
        first.append(UInt32(1))
        for _ in 0..<3 { first.append(UInt32(0)) }
        #expect(DeviceHealth(state: first.bytes) == DeviceHealth())
    }

    @Test("version 2, whose kinds were places in a list, is read; a feeder's fault moves from its lamp to its circuit")
    func secondVersion() throws {
        var writer = StateWriter()
        writer.append(UInt32(2))
        for _ in 0..<3 { writer.append(UInt32(0)) }
        let noticed: [(kind: UInt32, device: UInt32, series: UInt32)] = [
            (0, 1, 5), (8, 1, 5), (13, 2, .max), (16, 2, .max), (18, 3, .max),
        ]
        writer.append(UInt32(noticed.count))
        for (index, entry) in noticed.enumerated() {
            writer.append(entry.kind)
            writer.append(entry.device)
            writer.append(entry.series)
            writer.append(Int64(index))
        }
        let health = try #require(
            DeviceHealth(state: writer.bytes, circuit: { $0.rawValue == 2 ? "circuit-1" : "" }))
        func at(_ milliseconds: Int64) -> SteadyTime { SteadyTime(milliseconds: milliseconds) }
        let series = Subject.series(SeriesID(rawValue: 5), of: DeviceIndex(rawValue: 1))
        #expect(health.lastFinding(.seasonal, subject: series) == at(0))
        #expect(health.lastFinding(.spike, subject: series) == at(1))
        #expect(health.lastFinding(.lampOut, subject: .device(DeviceIndex(rawValue: 2))) == at(2))
        #expect(health.lastFinding(.feederFault, subject: .circuit("circuit-1")) == at(3))
        #expect(health.lastFinding(.feederFault, subject: .device(DeviceIndex(rawValue: 2))) == nil)
        #expect(health.lastFinding(.icing, subject: .device(DeviceIndex(rawValue: 3))) == at(4))
        // Its own bytes are of the newest version, and read to the same.
        #expect(DeviceHealth(state: health.state()) == health)
    }

    @Test("a fault of a feeder is about its circuit, which a rule means where it means one of its devices")
    func circuits() throws {
        var registry = SeriesRegistry()
        let lamps = ["lamp-1", "lamp-2"].map { registry.intern(device: $0, profile: "lamp")! }
        var lines: [DeviceIndex: Roster.Line] = [:]
        for (lamp, area) in zip(lamps, ["Lixia", "Shizhong"]) {
            lines[lamp] = Roster.Line(
                entry: RosterEntry(
                    device: registry.devices[lamp.index].name, area: area, circuit: "circuit-1", cadence: .seconds(60)),
                since: Self.t0)
        }
        func rule(_ name: String, _ area: String?, _ kinds: Set<Finding.Kind>) -> AlertRule {
            AlertRule(
                name: name, severity: .critical, devices: DeviceSelector(areas: area.map { [$0] } ?? []),
                condition: .finding(FindingWatch(kinds: kinds, clearAfter: .seconds(300))))
        }
        let rules = [
            rule("all", nil, [.feederFault]), rule("here", "Shizhong", [.feederFault]),
            rule("elsewhere", "Huaiyin", [.feederFault]), rule("both", nil, [.lampOut, .feederFault]),
        ]
        var book = AlertBook(rules: rules)
        book.setRoster(Roster(lines))
        var noticed = Noticed()
        noticed.findings = [
            Finding(
                subject: .circuit("circuit-1"), kind: .feederFault, observed: Self.t0, value: 3, severity: 1,
                sentence: "Feeder fault: 3 of 5 lamps are down")
        ]
        var health = DeviceHealth()
        health.absorb(noticed, at: Moment(Self.t0), age: { Self.t0 - $1 })
        let statistics = AlertBook.Statistics(
            newest: { _ in nil }, summary: { _, _, _ in nil }, age: { _, _ in .zero }, backlog: { _ in .zero })
        let raised = book.evaluate(
            Turn(origin: .live, now: Self.t0), noticed, health: health, statistics: statistics, registry: registry)
        #expect(raised.map(\.key.rule) == ["all", "here", "both"])
        #expect(raised.allSatisfy { $0.key.subject == .circuit("circuit-1") })
        #expect(raised[0].sentence == "circuit-1: Feeder fault: 3 of 5 lamps are down")

        // As an earlier version stored it.
        func subjectNow(_ rule: String) -> Subject {
            book.subjectNow(of: AlertKey(rule: rule, subject: .device(lamps[0])), health: health)
        }
        #expect(subjectNow("all") == .circuit("circuit-1") && subjectNow("both") == .circuit("circuit-1"))
        #expect(subjectNow("gone") == .device(lamps[0]))
        // A rule about both: the lamp was noticed later.
        noticed.findings = [
            Finding(
                subject: .device(lamps[0]), kind: .lampOut, observed: Self.t0 + .seconds(1), value: nil, severity: 1,
                sentence: "out")
        ]
        health.absorb(noticed, at: Moment(Self.t0 + .seconds(1)), age: { Self.t0 + .seconds(1) - $1 })
        #expect(subjectNow("both") == .device(lamps[0]) && subjectNow("all") == .circuit("circuit-1"))
        // Without the circuit on the roster nobody watches it any more.
        book.setRoster(Roster())
        #expect(book.retire([], registry, at: Moment(Self.t0)).map(\.to) == [.resolved, .resolved, .resolved])
    }

    @Test("mistakes are told with what would be right")
    func mistakes() {
        let yaml = """
            rules:
            - rule: odd
              finding: {kinds: [spikes], quantities: [pm25], severity_min: 2, clear_after: 1s}
            - rule: none
              finding: {clear_after: 10m}
            - rule: covered
              threshold: {quantity: pm2_5, above: 5, coverage_min: 0.5}
            """
        do {
            _ = try RuleFile.parse(yaml: yaml, file: "alerts.yaml", windows: { _ in [] })
            Issue.record("the mistakes passed")
        } catch {
            let told = error.list.map { "\($0.key): \($0.expected)" }
            for start in [
                "rules[0].finding.kinds[0]: expected one of seasonal, novelty",
                "rules[0].finding.quantities[0]: expected a quantity of the vocabulary; did you mean 'pm2_5'?",
                "rules[0].finding.severity_min: expected 0.5 to 1", "rules[0].finding.clear_after: ",
                "rules[1].finding.kinds: missing: a list of what was noticed, such as [flat_line, spike]",
                "rules[2].threshold.coverage_min: is about a window, and this rule has none",
            ] {
                #expect(told.contains { $0.hasPrefix(start) }, "\(start) in \(told)")
            }
        }
    }
}
