import Basics
import Foundation
import Settings
import Testing
import TestSupport

@testable import ConfigurationFiles

/// What the files say together: mistakes stop a start, warnings are told.
@Suite("The check of all files together")
struct CheckTests {
    let folder = TemporaryDirectory()
    static let lamps = """
        profile: lamps
        rules:
        - topic: "lamps/{device}"
          device: "{device}"
          read:
            voltage: {from: /u, unit: V}
            active_power: {from: /p, unit: W, channel: l1}
            lamp_on: /on
        """

    func write(_ text: String, _ name: String) throws {
        let url = URL(filePath: folder.path).appending(path: name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: url, atomically: true, encoding: .utf8)
    }

    /// Without the folder before each name.
    func shown(_ list: [Mistake]) -> [String] {
        list.map { $0.description.replacing(folder.path + "/", with: "") }
    }

    func load(
        _ configuration: String = "", rules: String = "rules: []\n",
        roster: String = "device,cadence,profile,area\nlamp-1,10s,lamps,Lixia\n",
        devices: String = "Devices", profile: String = lamps, store: String = "store", socket: String = "baotu.sock"
    ) throws -> (warnings: [String], mistakes: [String]) {
        try write(profile, "Devices/lamps/profile.yaml")
        try write(rules, "alerts.yaml")
        try write(roster, "roster.csv")
        try write(
            "store: {folder: \(store)}\ndevices: {folder: \(devices), roster: roster.csv}\napi: {socket: \(socket)}\n"
                + configuration, "baotu.yaml")
        do throws(Mistakes) {
            let configuration = try GatewayConfiguration(path: folder.path + "/baotu.yaml")
            return (shown(try LoadedFiles.load(configuration).warnings), [])
        } catch {
            return ([], shown(error.list))
        }
    }

    func rule(_ condition: String, devices: String = "") -> String {
        "rules:\n- rule: r\n  \(devices.isEmpty ? "" : "devices: \(devices)\n  ")\(condition)\n"
    }

    @Test("files that fit have neither")
    func good() throws {
        let found = try load(
            "detection:\n- {quantities: [voltage], rules: {stand_still: true}}\n",
            rules: """
                rules:
                - {rule: silent, absence: {}}
                - {rule: high, devices: {profile: lamps, area: Lixia, name: "lamp-*"}, threshold: {quantity: voltage, above: 250}}
                - {rule: power, threshold: {quantity: active_power, channel: l1, above: 100}}
                - {rule: stuck, finding: {kinds: [flat_line]}}
                - {rule: out, finding: {kinds: [lamp_out]}}
                """)
        #expect(found == ([], []))
    }

    @Test(
        "a rule about what nobody knows is a warning, with the name that was probably meant",
        arguments: [
            ("{profile: lmaps}", "profile: 'lmaps': no profile is called so", "did you mean 'lamps'?"),
            ("{area: Lixai}", "area: 'Lixai': no device of the roster is in an area", "did you mean 'Lixia'?"),
            ("{name: lapm-1}", "name: 'lapm-1': no device of the roster is meant", "did you mean 'lamp-1'?"),
            ("{name: \"pole-*\"}", "name: 'pole-*': no device of the roster is meant", ""),
        ])
    func selectors(devices: String, start: String, end: String) throws {
        let found = try load(rules: rule("threshold: {quantity: voltage, above: 250}", devices: devices))
        #expect(found.mistakes == [])
        let warning = try #require(found.warnings.first)
        #expect(found.warnings.count == 1)
        #expect(warning.hasPrefix("alerts.yaml:3: warning: rules[0].devices.\(start)"), "\(warning)")
        #expect(warning.hasSuffix(end), "\(warning)")
    }

    @Test(
        "data that is stale before the next reading comes, and before the hold is over, is a warning",
        arguments: [("8s", "2s", true), ("60s", "9s", true), ("60s", "10s", false), ("5s", "6s", false)])
    func staleBeforeHold(hold: String, stale: String, isWarned: Bool) throws {
        let found = try load(
            rules: rule("threshold: {quantity: voltage, above: 250, hold: \(hold), stale: \(stale)}"))
        #expect(found.mistakes == [])
        #expect(
            found.warnings.map { $0.contains("never fires for lamp-1, which speaks every 10s") }
                == (isWarned ? [true] : []))
    }

    @Test("filters that overlap in part are a warning under MQTT 3.1.1, those that another covers are none")
    func filters() throws {
        let filters = "subscriptions: [\"a/+/c\", \"a/b/+\", \"x/#\", \"x/y\"]"
        // Profiles that read topics of each.
        let profile =
            Self.lamps.replacing("lamps/{device}", with: "a/{b}/{device}")
            + "\n- {topic: 'x/{device}', device: '{device}', read: {voltage: /u}}\n"
        #expect(try load("mqtt: {\(filters)}\n", profile: profile).warnings == [])
        let found = try load("mqtt: {version: 3.1.1, \(filters)}\n", profile: profile)
        #expect(found.mistakes == [] && found.warnings.count == 1, "\(found)")
        #expect(found.warnings.first?.contains("a/+/c, a/b/+") == true, "\(found)")
    }

    @Test(
        "a threshold that can never be right is a mistake",
        arguments: [
            ("quantity: voltage, above: 1000", "above: '1000': never fires: voltage is 0.0 to 1000.0 V"),
            ("quantity: voltage, below: 0", "below: '0': never fires"),
            ("quantity: voltage, above: -1", "above: '-1': always fires"),
            ("quantity: lamp_fault, above: 1", "above: '1': never fires: lamp_fault is 0.0 to 1.0"),
            ("quantity: voltage, above: 250, clear: -5", "clear: '-5': is never over"),
            ("quantity: voltage, statistic: count, window: 5m, below: 0", "below: '0': never fires: count of voltage"),
        ])
    func thresholds(condition: String, sentence: String) throws {
        let found = try load(rules: rule("threshold: {\(condition)}"))
        #expect(found.mistakes.count == 1)
        #expect(found.mistakes.first?.contains("rules[0].threshold.\(sentence)") == true, "\(found)")
    }

    @Test(
        "quantities and channels that no profile gives, and findings that nothing looks for, are warnings",
        arguments: [
            ("threshold: {quantity: pm10, above: 100}", "threshold.quantity: 'pm10': nothing that any profile gives"),
            ("threshold: {quantity: active_power, channel: l7, above: 1}", "channel: 'l7': no active_power that any"),
            ("threshold: {quantity: voltage, channel: l1, above: 1}", "there is the device as a whole alone"),
            ("finding: {kinds: [spike]}", "kinds[0]: 'spike': nothing looks for it: section detection of"),
            (
                "finding: {kinds: [disk_low]}\n  devices: {name: lamp-*}",
                "kinds[0]: 'disk_low': nothing looks for it: it is of the gateway itself"
            ),
            (
                "finding: {kinds: [broker_lost], quantities: [voltage]}",
                "kinds[0]: 'broker_lost': nothing looks for it: it is of no quantity"
            ),
            ("finding: {kinds: [peers]}", "kinds[0]: 'peers': nothing looks for it: section peers of"),
            ("finding: {kinds: [physical_range]}", "it is told of files; the rule out_of_range"),
            ("finding: {kinds: [icing]}", "no profile that is meant gives road_surface_temperature"),
            ("finding: {kinds: [feeder_fault]}", "no device of the roster has a circuit"),
            ("finding: {kinds: [lamp_out], quantities: [voltage]}", "it is of no quantity, and the rule asks for some"),
        ])
    func conditions(condition: String, sentence: String) throws {
        let found = try load(rules: rule(condition))
        #expect(found.mistakes == [])
        #expect(found.warnings.count == 1, "\(found)")
        #expect(found.warnings.first?.contains(sentence) == true, "\(found)")
    }

    @Test("an absence that nobody can have, and a roster that names an unknown profile")
    func roster() throws {
        var found = try load(
            rules: rule("absence: {}", devices: "{profile: lamps}"), roster: "device,cadence,profile,area\n")
        #expect(found.warnings.first?.contains("nobody is ever called absent: the roster names no device") == true)
        // Not filled in yet.
        found = try load(rules: rule("absence: {}"), roster: "device,cadence\n")
        #expect(
            found.warnings == [
                "alerts.yaml:3: warning: rules[0].absence: 'a map of 0 keys': nobody is ever called absent: the roster names no device"
            ])
        found = try load(roster: "device,cadence,profile\nlamp-1,10s,lampen\n")
        #expect(
            found.warnings == [
                "roster.csv: warning: profile: 'lampen': no profile is called so, as lamp-1 should have; did "
                    + "you mean 'lamps'?"
            ])
    }

    @Test("nobody who is told, and folders that are not there")
    func places() throws {
        let found = try load(
            "notification: {log: false, mqtt: false}\n", rules: rule("threshold: {quantity: voltage, above: 250}"))
        #expect(
            found.warnings == [
                "baotu.yaml: warning: notification: log and mqtt are both off: nobody is told of any alert"
            ])
        let lost = try load(devices: "[Devices, nowhere]")
        #expect(lost.mistakes == ["nowhere: there is no such directory"])
    }

    @Test("names that look alike are two names, and that is said")
    func twins() throws {
        let found = try load(roster: "device,cadence,area\ncaf\u{E9}-1,10s,a\ncafe\u{301}-1,10s,a\n")
        #expect(found.mistakes == [])
        #expect(found.warnings.count == 1)
        #expect(found.warnings.first?.contains(#"caf\u{e9}-1"#) == true, "\(found)")
        #expect(found.warnings.first?.contains(#"cafe\u{301}-1"#) == true, "\(found)")
        // A rule for the one is not about the other.
        let area = try load(
            rules: rule("threshold: {quantity: voltage, above: 250}", devices: "{area: \"e\u{301}\"}"),
            roster: "device,cadence,area\nlamp-1,10s,\u{E9}\n")
        #expect(area.warnings.count == 2, "\(area)")
    }

    @Test("people's own profiles come first, and what they hide is said")
    func folders() throws {
        try write(Self.lamps, "own/my-lamps/profile.yaml")
        var found = try load(devices: "[own, Devices]")
        #expect(found.mistakes == [])
        #expect(found.warnings.count == 1)
        #expect(
            found.warnings.first
                == "Devices/lamps/profile.yaml:1: warning: profile: 'lamps': hidden by the profile of this name in "
                + "own/my-lamps/profile.yaml")
        try write(Self.lamps.replacing("profile: lamps", with: "profile: mine"), "own/my-lamps/profile.yaml")
        found = try load(devices: "[own, Devices]")
        #expect(found.warnings.count == 1)
        #expect(
            found.warnings.first?.hasPrefix(
                "Devices/lamps/profile.yaml:3: warning: rules[0].topic: 'lamps/{device}': hidden by profile 'mine'")
                == true,
            "\(found)")
        // Two of the same name in one folder are no choice.
        try write(Self.lamps, "Devices/twice/profile.yaml")
        #expect(try load().mistakes.first?.contains("another profile has this name") == true)
    }

    @Test("what is shipped has no warnings, but that its roster is to be filled in")
    func shipped() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let configuration = try GatewayConfiguration(path: root + "/Config/baotu.yaml")
        let warnings = try LoadedFiles.load(configuration).warnings.map(\.description)
        #expect(warnings.count == 1, "\(warnings)")
        #expect(
            warnings.first?.hasSuffix("nobody is ever called absent: the roster names no device") == true, "\(warnings)"
        )
    }

    @Test("changed keys that take a restart are named, those that a reload takes up are not")
    func changedKeys() throws {
        func parsed(_ yaml: String) throws -> GatewayConfiguration {
            try GatewayConfiguration(yaml: yaml, file: "baotu.yaml")
        }
        let before = try parsed("store: {seal_every: 1h}\ndevices: {roster: a.csv}\nwindows: [5m, 1h]\n")
        let after = try parsed(
            "store: {seal_every: 2h}\ndevices: {roster: b.csv, unknown: refuse}\nwindows: [5m, 2h]\nrules: x.yaml\n")
        #expect(after.restartKeys(since: before) == ["devices.unknown", "store.seal_every", "windows"])
        #expect(before.restartKeys(since: before) == [])
    }
}
