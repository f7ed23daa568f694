import Basics
import Settings
import Telemetry
import Testing
import TestSupport

/// What a YAML text becomes, down to quotes, lines and sentences.
@Suite("YAML")
struct YAMLTests {
    private func mistakes(_ text: String) -> [String] {
        do throws(Mistakes) {
            _ = try Setting.parse(yaml: text, file: "x.yaml")
            return []
        } catch {
            return error.list.map(\.description)
        }
    }

    @Test(
        "plain scalars stay the text that was written",
        arguments: [
            "yes", "No", "on", "OFF", "true", "0o17", "017", "0x1F", "0b11", "1_000", "1:30", "1:30.5", "1e3", ".5",
            ".inf", ".NaN", "2026-03-05", "2026-03-05T10:00:00Z", "=", "<<", "Null", "NULL", "-", "a b", "é",
        ])
    func plain(text: String) throws {
        let root = try Setting.parse(yaml: "a: \(text == "-" ? "'-'" : text)\n", file: "x.yaml")
        #expect(root["a"]?.text == text)
        #expect(root["a"]?.isMissing == false)
    }

    @Test(
        "only an unquoted null, ~ or nothing is missing",
        arguments: [
            ("a:", true), ("a: ~", true), ("a: null", true), ("a: !!str null", true), ("a: &x", true), ("a: ''", false),
            ("a: \"null\"", false), ("a: '~'", false), ("a: |\n  null", false), ("a: >-\n  ~", false),
        ])
    func missing(text: String, isMissing: Bool) throws {
        #expect(try Setting.parse(yaml: text, file: "x.yaml")["a"]?.isMissing == isMissing)
    }

    @Test("quotes, blocks and escapes are read as YAML says")
    func scalars() throws {
        let text = #"""
            a: "tab\t, zero\0, \x41\u00e9\U0001F600"
            b: 'it''s'
            c: |
              one
                two
            d: >-
              one
              two

              three
            e: one
              two
            f: "one
              two"
            """#
        let root = try Setting.parse(yaml: text, file: "x.yaml")
        #expect(
            root.entries?.map(\.value.text) == [
                "tab\t, zero\0, Aé😀", "it's", "one\n  two\n", "one two\nthree", "one two", "one two",
            ])
        #expect(root.entries?.map(\.keyLine) == [1, 2, 3, 6, 11, 13])
    }

    @Test("an empty text, and one of comments, is a map without keys; an empty document is missing")
    func empty() throws {
        for text in ["", "\n\n", "# nothing\n"] {
            let root = try Setting.parse(yaml: text, file: "x.yaml")
            #expect(root.entries?.isEmpty == true && root.line == 1)
        }
        #expect(try Setting.parse(yaml: "---\n...\n", file: "x.yaml").isMissing)
        #expect(try Setting.parse(yaml: "\u{FEFF}a: 1\r\n", file: "x.yaml")["a"]?.text == "1")
    }

    @Test("what an alias stands for has the anchor's lines and the alias's paths; a merge key is a key like others")
    func aliases() throws {
        let text = """
            base: &base
              p: 1
              q: [2, &last 3]
            copy: *base
            merged: {<<: *base, r: *last}
            &name key: *last
            *name : shadowed
            """
        #expect(mistakes(text) == ["x.yaml:6: key: each key once"])
        let root = try Setting.parse(yaml: text.replacing("*name :", with: "other:"), file: "x.yaml")
        let copied = try #require(root["copy"]?["q"]?.items?.last)
        #expect(copied.text == "3" && copied.line == 3 && copied.path == "copy.q[1]")
        #expect(root["merged"]?.entries?.map(\.key) == ["<<", "r"])
        #expect(root["merged"]?["<<"]?["p"]?.path == "merged.<<.p")
        #expect(root["key"]?.text == "3")
    }

    @Test("the newest anchor of a name counts")
    func shadowing() throws {
        let root = try Setting.parse(yaml: "a: &x 1\nb: *x\nc: &x 2\nd: *x\n", file: "x.yaml")
        #expect(root["b"]?.text == "1" && root["d"]?.text == "2")
    }

    @Test(
        "what is not YAML is told in one sentence with its line",
        arguments: [
            ("a: [1, 2", "x.yaml:2: YAML syntax: did not find expected ',' or ']'"),
            ("a:\n\t- 1", "x.yaml:2: YAML syntax: found character that cannot start any token"),
            ("a: 1\n b: 2", "x.yaml:2: YAML syntax: mapping values are not allowed in this context"),
            ("a: \"x", "x.yaml:1: YAML syntax: found unexpected end of stream"),
            ("a: \"\\q\"", "x.yaml:1: YAML syntax: found unknown escape character"),
            ("a: @b", "x.yaml:1: YAML syntax: found character that cannot start any token"),
            ("a: 1\nb: x\u{1}y", "x.yaml:2: YAML syntax: control characters are not allowed"),
            ("a: *none", "x.yaml:1: YAML syntax: found undefined alias"),
            ("a: &x [*x]", "x.yaml:1: YAML syntax: found undefined alias"),
            ("a: 1\n---\nb: 2", "x.yaml:2: YAML syntax: but found another document"),
            ("a: 1\nb: 2\na: 3\nb: 4", "x.yaml:1: a, b: each key once"),
            ("1: a\n\"1\": b", "x.yaml:1: 1: each key once"),
            ("m:\n  [a, b]: c", "x.yaml:2: m: plain text as key"),
            ("m: {{a: 1}: b", "x.yaml:2: YAML syntax: did not find expected ',' or '}'"),
        ])
    func faults(text: String, sentence: String) {
        #expect(mistakes(text) == [sentence])
    }

    @Test("64 levels are read and 65 are not, however they are made", arguments: 62...67)
    func levels(levels: Int) {
        let block = (0..<levels).map { String(repeating: " ", count: $0) + "k:\n" }.joined()
        let list = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        let map = String(repeating: "{a: ", count: levels) + "b" + String(repeating: "}", count: levels)
        #expect(mistakes(block).isEmpty == (levels <= 64))
        // The innermost list is empty.
        #expect(mistakes(list).isEmpty == (levels <= 65))
        #expect(mistakes(map).isEmpty == (levels <= 64))
        let half = String(repeating: "[", count: 32) + "x" + String(repeating: "]", count: 32)
        let rest = levels - 33
        let aliased =
            "a: &a \(half)\nb: " + String(repeating: "[", count: rest) + "*a" + String(repeating: "]", count: rest)
        #expect(mistakes(aliased).isEmpty == (levels <= 64))
    }

    @Test("a text that nests for ever ends in one mistake", arguments: ["[", "{a: ", "- ", "{", "? ", "{? "])
    func depth(opening: String) {
        let found = mistakes(String(repeating: opening, count: 200_000))
        #expect(found.count == 1)
        #expect(found.first?.contains("at most 64 levels") == true)
    }

    @Test("aliases of aliases end in a mistake before they fill the memory")
    func laughs() {
        let lines = (1...30).map { level in
            "l\(level): &l\(level) [\(Array(repeating: "*l\(level - 1)", count: 9).joined(separator: ", "))]"
        }
        let found = mistakes("l0: &l0 [lol, lol]\n" + lines.joined(separator: "\n"))
        #expect(found.count == 1)
        #expect(found.first?.hasSuffix("aliases that stand for at most 100000 values") == true)
        // Used far more often than any file of rules does it.
        let rules = (1...10_000).map { "- {name: r\($0), raise: *raise}" }.joined(separator: "\n")
        #expect(mistakes("- &raise {above: 3, for: 5m}\n" + rules).isEmpty)
    }

    @Test("a damaged text becomes a value or one mistake", arguments: 1...300)
    func damaged(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let whole = """
            base: &base {p: 1, "q": ['x', ~, *none]}
            rules:
              - name: a # why
                raise: {above: 1e3, <<: *base}
              - ? k
                : |
                  text
            """.replacing("*none", with: "y")
        var bytes = Array(whole.utf8)
        for _ in 0...(random.next() % 3) {
            let place = Int(random.next() % UInt64(bytes.count))
            switch random.next() % 3 {
            case 0: bytes.remove(at: place)
            case 1: bytes.insert(Array("\n\t :-[]{}#&*!|>'\"%@`,?~=<\u{1}".utf8)[Int(random.next() % 26)], at: place)
            default: bytes.removeSubrange(place...)
            }
            if bytes.isEmpty { break }
        }
        #expect(mistakes(String(decoding: bytes, as: UTF8.self)).count <= 1, "seed \(seed)")
    }
}
