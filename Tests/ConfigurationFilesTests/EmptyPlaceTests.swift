import Alerting
import Basics
import Broker
import ConfigurationFiles
import Store
import Telemetry
import Testing

/// Keys with nothing behind them: the defaults, or a mistake; never a rule less.
@Suite("Empty places of the files")
struct EmptyPlaceTests {
    private func read(_ text: String) -> (rules: [AlertRule], mistakes: [String]) {
        do throws(Mistakes) {
            return (try RuleFile.parse(yaml: text, file: "alerts.yaml", windows: { _ in [.seconds(300)] }), [])
        } catch {
            return ([], error.list.map(\.description))
        }
    }

    @Test(
        "a condition whose keys all have defaults stands with nothing behind it",
        arguments: ["absence:", "absence: ~", "absence: null", "absence: {}"], ["out_of_range:", "out_of_range: {}"])
    func defaults(absence: String, range: String) {
        let found = read("rules:\n- rule: gone\n  \(absence)\n- rule: beyond\n  devices:\n  \(range)\n")
        #expect(found.mistakes == [])
        #expect(
            found.rules.map(\.condition) == [
                .absence(Absence(cadences: 3, atLeast: .seconds(60))),
                .outOfRange(OutOfRange(clearAfter: .seconds(300))),
            ])
    }

    @Test(
        "any other is a mistake that names what is missing",
        arguments: [
            ("threshold:", "alerts.yaml:3: rules[0].threshold.quantity: missing: a quantity, such as pm2_5"),
            ("threshold: {}", "alerts.yaml:3: rules[0].threshold.quantity: missing: a quantity, such as pm2_5"),
            ("finding:", "alerts.yaml:3: rules[0].finding.kinds: missing: a list of what was noticed"),
            ("finding: {kinds: }", "alerts.yaml:3: rules[0].finding.kinds: missing: a list of what was noticed"),
            ("finding: {kinds: []}", "alerts.yaml:3: rules[0].finding.kinds: 'a list of 0': expected at least one of"),
            ("finding: {kinds: [~]}", "alerts.yaml:3: rules[0].finding.kinds[0]: '~': expected one of"),
            (
                "finding: {kinds: [spike], quantities: []}",
                "alerts.yaml:3: rules[0].finding.quantities: 'a list of 0': expected at least one quantity"
            ),
            (
                "finding: {kinds: [spike], quantities: }",
                "alerts.yaml:3: rules[0].finding.quantities: nothing stands behind this key"
            ),
            ("anomaly:", "alerts.yaml:3: rules[0].anomaly: unknown key"),
            (
                "absence: {cadences: }", "alerts.yaml:3: rules[0].absence.cadences: nothing stands behind this key"
            ),
            (
                "threshold: {quantity: pm2_5, above: 5, hold: }",
                "alerts.yaml:3: rules[0].threshold.hold: nothing stands behind this key"
            ),
            (
                "threshold: {quantity: pm2_5, statistic: mean, window: , above: 5}",
                "alerts.yaml:3: rules[0].threshold.window: nothing stands behind this key"
            ),
            (
                "threshold: {quantity: pm2_5, above: , below: }",
                "alerts.yaml:3: rules[0].threshold.above: nothing stands behind this key"
            ),
        ])
    func missing(condition: String, start: String) {
        let found = read("rules:\n- rule: r\n  \(condition)\n- rule: gone\n  absence:\n")
        #expect(found.mistakes.first?.hasPrefix(start) == true, "\(found)")
    }

    @Test("a selector with nothing behind a name does not mean all")
    func selector() {
        let found = read("rules:\n- rule: r\n  devices: {area: }\n  absence:\n")
        #expect(
            found.mistakes == [
                "alerts.yaml:3: rules[0].devices.area: nothing stands behind this key; write a value, or leave the key out"
            ])
    }

    @Test(
        "a file without rules is a mistake, for it may have been cut off; an empty list is none",
        arguments: [
            ("", 1), ("# later\n", 1), ("rules:\n", 1), ("\nrules: ~\n", 2),
        ])
    func noRules(text: String, line: Int) {
        #expect(read(text).mistakes == ["alerts.yaml:\(line): rules: missing: a list of rules, or [] for none"])
        #expect(read("rules: []\n").mistakes == [])
    }

    @Test("a place of the list of rules without a rule is a mistake")
    func noRule() {
        let found = read("rules:\n-\n- rule: gone\n  absence:\n")
        #expect(found.mistakes.first == "alerts.yaml:2: rules[0].rule: missing: a name, such as lamp-silent")
    }

    private func configuration(_ yaml: String) -> (value: GatewayConfiguration?, mistakes: [String]) {
        do throws(Mistakes) {
            return (try GatewayConfiguration(yaml: yaml, file: "baotu.yaml"), [])
        } catch {
            return (nil, error.list.map(\.description))
        }
    }

    @Test("a section of baotu.yaml with nothing in it has its defaults; tls with nothing in it is TLS")
    func sections() throws {
        let found = configuration(
            "mqtt:\nstore:\nturn:\ndevices:\nlamps:\nlimits:\napi:\nnotification:\nlog:\n")
        #expect(found.mistakes == [])
        let value = try #require(found.value)
        #expect(value.mqtt.host == "127.0.0.1" && value.mqtt.tls == nil && value.store.folder == "/var/lib/baotu")
        let nested = configuration("mqtt: {tls: , reconnect: }\nstore: {retention: }\ndevices: {parameters: }\n")
        #expect(nested.mistakes == [])
        #expect(try #require(nested.value).mqtt.tls?.verifiesHostname == true)
    }

    @Test(
        "a key of baotu.yaml with nothing behind it is a mistake, and a place of a list",
        arguments: [
            ("mqtt: {host: }", "mqtt.host"), ("mqtt: {password_file: }", "mqtt.password_file"),
            ("store: {folder: ~}", "store.folder"), ("store: {retention: {raw: }}", "store.retention.raw"),
            ("devices: {roster: }", "devices.roster"), ("devices: {site_zone: }", "devices.site_zone"),
            ("windows:", "windows"), ("detection:", "detection"), ("rules:", "rules"), ("log: {level: }", "log.level"),
            ("detection: [~]", "detection[0].quantities"), ("peers:\n-\n", "peers[0].quantities"),
            ("store: {retention: {classes: [~]}}", "store.retention.classes[0].name"),
            ("detection: [{quantities: [voltage], rules: }]", "detection[0]"),
            ("detection: [{quantities: [voltage], rules: {}}]", "detection[0].rules"),
            ("detection: [{quantities: [~], tier: light}]", "detection[0].quantities[0]"),
            ("mqtt: {subscriptions: [\"#\", ~]}", "mqtt.subscriptions[1]"),
            ("devices: {folder: [~]}", "devices.folder[0]"), ("windows: [5m, ~]", "windows[1]"),
            ("devices: {unknown: {topics: {\"a/#\": }}}", "devices.unknown.topics.a/#"),
            ("devices: {parameters: {base: }}", "devices.parameters.base"),
            ("windows: {quantities: {pm2_5: }}", "windows.quantities.pm2_5"),
        ])
    func keys(yaml: String, key: String) {
        let found = configuration(yaml).mistakes
        #expect(found.contains { $0.contains(": \(key): ") }, "\(found)")
    }

    @Test("a roster of nothing is a mistake, one with a header alone is none", arguments: ["", "\n\n", "# devices\n"])
    func roster(text: String) throws {
        #expect(throws: Mistakes.self) { try RosterFile.parse(csv: text, file: "roster.csv") }
        #expect(try RosterFile.parse(csv: text + "device,cadence\n", file: "roster.csv") == [])
    }
}
