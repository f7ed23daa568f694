import Basics
import Settings
import Testing

@Suite("Setting")
struct SettingTests {
    private enum Colour: String, CaseIterable { case red, green }

    @Test("every mistake is reported with file, line, key, value and what would be right")
    func mistakes() throws {
        let root = try Setting.parse(
            yaml: """
                mqtt:
                  prot: 1883
                  port: 70000
                  keepalive: 60
                colour: gren
                """, file: "x.yaml")
        var found: [Mistake] = []
        var reader = SettingReader(root, &found)
        if let mqtt = reader.required("mqtt", "the broker", &found) {
            var section = SettingReader(mqtt, &found)
            _ = section.integer("port", in: 1...65535, default: 1883, &found)
            _ = section.duration("keepalive", in: .seconds(5)...(.seconds(3600)), default: .seconds(60), &found)
            section.finish(&found)
        }
        _ = reader.word("colour", default: Colour.red, &found)
        _ = reader.required("store", "the data folder", &found)
        reader.finish(&found)
        #expect(
            found.map(\.description) == [
                "x.yaml:3: mqtt.port: '70000': expected a whole number from 1 to 65535",
                "x.yaml:4: mqtt.keepalive: '60': expected a duration from 5s to 1h, such as 30s, 5m or 1h",
                "x.yaml:2: mqtt.prot: unknown key; did you mean 'port'?",
                "x.yaml:5: colour: 'gren': expected one of red, green; did you mean 'green'?",
                "x.yaml:1: store: missing: the data folder",
            ])
    }

    @Test("a number with a comma has its point as a suggestion; an example of a span is one that may be given")
    func suggestions() throws {
        let root = try Setting.parse(yaml: "level: 0,5\nlist: 1,2,3\nspan: 30s\n", file: "x.yaml")
        var found: [Mistake] = []
        var reader = SettingReader(root, &found)
        _ = reader.number("level", &found)
        _ = reader.number("list", &found)
        _ = reader.duration("span", in: .seconds(60)...(.seconds(300)), default: .seconds(60), &found)
        reader.finish(&found)
        #expect(
            found.map(\.description) == [
                "x.yaml:1: level: '0,5': expected a number; did you mean 0.5?",
                "x.yaml:2: list: '1,2,3': expected a number",
                "x.yaml:3: span: '30s': expected a duration from 1m to 5m, such as 5m",
            ])
    }

    @Test("a key with nothing behind it, and a place of a list, is a mistake unless it may be so")
    func nothing() throws {
        let root = try Setting.parse(
            yaml: """
                host:
                section: ~
                names: [a, null, "null", ~]
                told:
                needed:
                open: [~]
                """, file: "x.yaml")
        var found: [Mistake] = []
        var reader = SettingReader(root, &found)
        let host = reader.text("host", default: "localhost", &found)
        #expect(host == "localhost")
        let written = reader.written("section")
        let section = try #require(written)
        #expect(section.isMissing)
        var inner = SettingReader(section, &found)
        let port = inner.integer("port", in: 1...9, default: 7, &found)
        #expect(port == 7)
        inner.finish(&found)
        _ = reader.optional("names")
        _ = reader.required("needed", "what is needed", &found)
        _ = reader.optional("open")
        // Whoever tells of a place already need not be told again.
        _ = reader.optional("told")
        if let told = root["told"] { found.append(told.mistake("expected something else")) }
        let absent = reader.written("absent")
        #expect(absent == nil)
        reader.finish(&found)
        let behind = "nothing stands behind this key; write a value, or leave the key out"
        let place = "nothing stands in this place of the list; write a value, or take the place out"
        #expect(
            found.map(\.description) == [
                "x.yaml:5: needed: missing: what is needed", "x.yaml:4: told: '': expected something else",
                "x.yaml:1: host: \(behind)", "x.yaml:3: names[1]: \(place)", "x.yaml:3: names[3]: \(place)",
                "x.yaml:6: open[0]: \(place)",
            ])
    }

    @Test("what is not YAML is reported with its line", arguments: ["a: [1, 2", "a: 1\na: 2", "a:\n\t- 1"])
    func notYAML(text: String) {
        #expect(throws: Mistakes.self) { try Setting.parse(yaml: text, file: "x.yaml") }
    }

    @Test("words of YAML 1.1 stay text")
    func words() throws {
        let root = try Setting.parse(yaml: "map: {on: 1, no: off, \"null\": x}\nempty:\n", file: "x.yaml")
        #expect(root["map"]?.entries?.map(\.key) == ["on", "no", "null"])
        #expect(root["map"]?["no"]?.text == "off")
        #expect(root["empty"]?.isMissing == true)
    }

    @Test(
        "durations carry their unit", arguments: [("250ms", 250), ("1.5s", 1500), ("5m", 300_000), ("7d", 604_800_000)])
    func durations(text: String, milliseconds: Int64) {
        #expect(Duration(shortForm: text)?.milliseconds == milliseconds)
        #expect(
            Duration(shortForm: "60") == nil && Duration(shortForm: "x") == nil && Duration(shortForm: "-5s") == nil)
    }
}
