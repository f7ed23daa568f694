import Authoring
import Basics
import Decoding
import Foundation
import Profiles
import Settings
import Telemetry
import Testing

@Suite("Schema")
struct SchemaTests {
    @Test("the schema in the repository is the one that is generated")
    func fileIsCurrent() throws {
        let file = try SettingFiles.text(of: Checkout.devices + "/profile.schema.json")
        #expect(file == ProfileSchema.text, "write it anew: baotu devices schema > Devices/profile.schema.json")
    }

    @Test("the schema is JSON, and every quantity is in it")
    func isJSON() throws {
        let schema = try #require(
            try JSONSerialization.jsonObject(with: Data(ProfileSchema.text.utf8)) as? [String: Any])
        let definitions = try #require(schema["$defs"] as? [String: [String: Any]])
        let quantities = try #require(definitions["readings"]?["properties"] as? [String: Any])
        #expect(Set(quantities.keys) == Set(Quantity.all.map(\.name)))
        // Every reference leads somewhere.
        for name in references(schema) { #expect(definitions[name] != nil, "\(name)") }
    }

    private func references(_ value: Any) -> [String] {
        if let list = value as? [Any] { return list.flatMap { references($0) } }
        guard let object = value as? [String: Any] else { return [] }
        let own = (object["$ref"] as? String).map { [String($0.dropFirst("#/$defs/".count))] } ?? []
        return own + object.values.flatMap { references($0) }
    }

    @Test("all profiles use only keys that the schema has")
    func profilesFit() throws {
        for folder in try Checkout.folders() {
            let root = try Setting.parse(yaml: folder.source.text, file: folder.source.path)
            #expect(ProfileKeys.unknown(in: root) == [], "\(folder.name)")
        }
    }

    @Test("a key that is not in the table is found, however deep")
    func unknownKey() throws {
        let text = """
            profile: p
            rules:
            - topic: a
              device: a
              time: [{at: /t, as: s, zon: utc}]
              read: {voltage: {from: /u, unitt: V}, vltage: /u}
            """
        let root = try Setting.parse(yaml: text, file: "p.yaml")
        #expect(
            ProfileKeys.unknown(in: root) == [
                "rules[0].time[0].zon (line 5)", "rules[0].read.voltage.unitt (line 6)",
                "rules[0].read.vltage (line 6)",
            ])
    }

    /// Profiles with an unknown key in each section; the loader then lists the keys that it knows there.
    @Test(
        "the table has the keys that the loader knows",
        arguments: [
            ("profile", "profile: p\nrules: []\nqqqqqqqqqqqq: 1"),
            ("rule", "profile: p\nrules: [{topic: a, ignore: true, qqqqqqqqqqqq: 1}]"),
            ("naming", "profile: p\nrules: [{topic: a, device: {from: /a, map: {a: b}, qqqqqqqqqqqq: 1}, read: {}}]"),
            ("hold", "profile: p\nrules: [{topic: a, hold: {key: a, keep: {}, qqqqqqqqqqqq: 1}}]"),
            (
                "unit",
                "profile: p\nrules: [{topic: a, device: a, read: {voltage: {from: /a, unit: {from: /u, qqqqqqqqqqqq: 1}}}}]"
            ),
            ("time", "profile: p\nrules: [{topic: a, device: a, time: {at: /a, as: s, qqqqqqqqqqqq: 1}, read: {}}]"),
            (
                "reading",
                "profile: p\nrules: [{topic: a, device: a, read: {voltage: {from: /a, channel: a, qqqqqqqqqqqq: 1}}}]"
            ),
            (
                "table",
                "profile: p\nrules: [{topic: a, device: a, table: {key: /a, value: /b, rows: {}, qqqqqqqqqqqq: 1}}]"
            ),
            (
                "status",
                "profile: p\nrules: [{topic: a, device: a, status: {from: /a, map: {a: online}, qqqqqqqqqqqq: 1}}]"
            ),
            (
                "unwrap",
                "profile: p\nrules: [{topic: a, device: a, read: {}, unwrap: {from: /a, as: hex, layout: {}, qqqqqqqqqqqq: 1}}]"
            ),
        ])
    func tableFollowsLoader(section: String, profile: String) throws {
        var known: Set<String>?
        do {
            _ = try DeviceCatalog.compile([ProfileSource(path: "p.yaml", text: profile)])
        } catch {
            for mistake in error.list where mistake.key.hasSuffix("qqqqqqqqqqqq") {
                let list = try #require(mistake.expected.split(separator: "known here: ").last)
                known = Set(list.split(separator: ", ").map(String.init))
            }
        }
        #expect(try #require(known) == Set(ProfileKeys.names(of: section)))
    }

    @Test("formats are those that the loader lists")
    func formats() throws {
        let mistakes = #expect(throws: Mistakes.self) {
            try DeviceCatalog.compile([
                ProfileSource(path: "p", text: "profile: p\nrules: [{topic: a, ignore: true, format: qqqqqqqqqq}]")
            ])
        }
        let told = try #require(mistakes?.list.first?.expected.split(separator: "expected one of ").last)
        #expect(told.split(separator: ", ").map(String.init) == ProfileKeys.formatNames)
    }

    @Test("comparisons are those that the loader lists")
    func comparisons() throws {
        let mistakes = #expect(throws: Mistakes.self) {
            try DeviceCatalog.compile([
                ProfileSource(path: "p", text: "profile: p\nrules: [{topic: a, ignore: true, when: {/a: {q: 1}}}]")
            ])
        }
        let told = try #require(mistakes?.list.first?.expected)
        for name in ProfileKeys.names(of: "comparison") { #expect(told.contains(name)) }
    }
}
