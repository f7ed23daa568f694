import ConfigurationFiles
import Basics
import Alerting
import Telemetry
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

        private var statistics: AlertBook.Statistics {
            AlertBook.Statistics(newest: { _ in nil }, summary: { _, _, _ in nil })
        }

        func finding(_ kind: Finding.Kind, at moment: Timestamp, severity: Double = 0.7) -> Finding {
            Finding(
                device: device, series: series, kind: kind, observed: moment, value: 311, severity: severity,
                sentence: "PM2.5 is 311 ug/m3")
        }

        mutating func hear(_ finding: Finding, at now: Timestamp) -> [AlertTransition] {
            health.note(finding)
            return book.evaluate(
                touched: [], suspects: [], findings: [finding], health: health, statistics: statistics,
                registry: registry, at: now)
        }

        mutating func scan(at now: Timestamp) -> [AlertTransition] {
            book.scan(health: health, statistics: statistics, registry: registry, listeningSince: now, at: now)
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
        #expect(raised[0].key.series == scene.series && raised[0].value == 311)
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
        device.series = nil
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
        #expect(resumed.lastFinding(.spike, device: scene.device, series: scene.series) == Self.t0)
        #expect(resumed.lastFinding(.flatLine, device: scene.device, series: scene.series) == nil)
        for length in state.indices { #expect(DeviceHealth(state: Array(state[..<length])) == nil) }
        // Version 1: no devices, none offline, no suspects.
        var first = StateWriter()
        first.append(UInt32(1))
        for _ in 0..<3 { first.append(UInt32(0)) }
        #expect(DeviceHealth(state: first.bytes) == DeviceHealth())
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
