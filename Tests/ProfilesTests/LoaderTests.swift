import Basics
import Decoding
import Profiles
import Telemetry
import Testing

/// What the loader says of wrong profiles: whole lines, since a person will read them.
@Suite("Profile loader")
struct LoaderTests {
    /// The lines of the mistakes of a profile whose one rule is `rule`, indented by two blanks.
    private func mistakes(_ text: String, parameters: [String: String] = [:]) -> [String] {
        do {
            _ = try DeviceCatalog.compile([ProfileSource(path: "p.yaml", text: text)], parameters: parameters)
            return []
        } catch {
            return error.list.map(\.description)
        }
    }

    private func ruleMistakes(_ rule: String) -> [String] { mistakes("profile: p\nrules:\n" + rule) }

    @Test(
        "a key or a place of a list with nothing behind it is a mistake",
        arguments: [
            ("-", "rules[0]"), ("- {topic: a, device: x, status: }", "rules[0].status"),
            ("- {topic: a, device: x, read: }", "rules[0].read"),
            ("- {topic: a, device: x, each: , read: {voltage: /u}}", "rules[0].each"),
            ("- {topic: a, device: x, when: , read: {voltage: /u}}", "rules[0].when"),
            ("- {topic: a, device: x, time: [~], read: {voltage: /u}}", "rules[0].time[0]"),
            ("- {topic: a, device: x, time: [{at: /t, as: s, zone: }], read: {voltage: /u}}", "rules[0].time[0].zone"),
            ("- {topic: a, device: x, read: {voltage: ~}}", "rules[0].read.voltage"),
            ("- {topic: a, device: x, read: {voltage: {from: /u, unit: }}}", "rules[0].read.voltage.unit"),
            ("- {topic: a, device: x, read: {voltage: {from: /u, missing: [~]}}}", "rules[0].read.voltage.missing[0]"),
            ("- {topic: a, device: x, when: {/a: ~}, read: {voltage: /u}}", "rules[0].when./a"),
        ])
    func nothing(rule: String, key: String) {
        let found = ruleMistakes(rule)
        #expect(found.contains { $0.contains(": \(key): ") }, "\(found)")
        #expect(Set(found).count == found.count, "\(found)")
    }

    @Test(
        "null is a word behind else, in maps and behind the quantities of a table",
        arguments: [
            "- {topic: a, device: x, read: {lamp_on: {from: /s, map: {ON: 1, x: null}, else: null}}}",
            "- {topic: a, device: x, read: {air_pressure: {from: /p, unit: {from: /u, else: ~}}}}",
            "- {topic: a, device: x, status: {ready: online, init: null}}",
            "- {topic: a, device: x, table: {key: /k, value: /v, rows: {u: {voltage: }}}}",
        ])
    func null(rule: String) { #expect(ruleMistakes(rule) == []) }

    @Test(
        "a wrong rule is reported with its place and what would be right",
        arguments: [
            (
                "- {topic: 'a/{d}', device: '{d}', read: {active_powr: /p}}",
                "p.yaml:3: rules[0].read.active_powr: the vocabulary has no quantity 'active_powr'; did you mean 'active_power'?"
            ),
            (
                "- {topic: 'a/{d}', device: '{d}', read: {active_power: {from: /p, unit: Cel}}}",
                "p.yaml:3: rules[0].read.active_power.unit: 'Cel': active_power is in W, and Cel cannot be converted into it"
            ),
            (
                "- {topic: 'a/{d}', device: '{d}', read: {active_power: {from: /p, unit: kwW}}}",
                "p.yaml:3: rules[0].read.active_power.unit: 'kwW': no known unit; did you mean 'kW'?"
            ),
            (
                "- {topic: 'a/{d}', devise: '{d}', read: {active_power: /p}}",
                "p.yaml:3: rules[0].device: missing: what the device is called, such as \"{serial}\" or \"{/serialNumber}\"|p.yaml:3: rules[0].devise: unknown key; did you mean 'device'?"
            ),
            (
                "- {topic: 'a/{d}', device: '{dd}', read: {active_power: /p}}",
                "p.yaml:3: rules[0].device: '{dd}': nothing is called 'dd' here; did you mean 'd'?"
            ),
            (
                "- {topic: 'a/+', device: x, read: {active_power: /p}}",
                "p.yaml:3: rules[0].topic: 'a/+': expected {name} and {name...} in place of '+' and '#'"
            ),
            (
                "- {topic: 'a/{r...}/{q...}', device: x, read: {active_power: /p}}",
                "p.yaml:3: rules[0].topic: 'a/{r...}/{q...}': expected {q...} once, and a level by itself between slashes"
            ),
            (
                "- {topic: a, format: jsn, device: x, read: {active_power: /p}}",
                "p.yaml:3: rules[0].format: 'jsn': expected one of json, text, form, lines, split, influx, senml, sparkplug, cbor, hj212; did you mean 'json'?"
            ),
            (
                "- {topic: a, format: lines, device: x, read: {active_power: /p}}",
                "p.yaml:3: rules[0].lines: missing: a list of line patterns, such as \"{code}({value}*{unit})\""
            ),
            (
                "- {topic: a, format: lines, lines: ['{a}{b}', '{a}:{a}', '{r...}x'], device: x, read: {active_power: /p}}",
                "p.yaml:3: rules[0].lines[0]: '{a}{b}': expected text between '{b}' and the hole before it|p.yaml:3: rules[0].lines[1]: '{a}:{a}': expected each name once; 'a' is taken|p.yaml:3: rules[0].lines[2]: '{r...}x': expected {r...} at the end of the line; {r} may hold '/'"
            ),
            (
                "- {topic: a, format: split, separator: '', names: [a, a], device: x, read: {active_power: /p}}",
                "p.yaml:3: rules[0].separator: '': expected a separator of one or more signs, such as ',' or ';'|p.yaml:3: rules[0].names[1]: 'a': expected a name, each name once"
            ),
            (
                "- {topic: a, separator: ',', device: x, read: {active_power: /p}}",
                "p.yaml:3: rules[0].separator: ',': 'separator' is of format split, not json"
            ),
            (
                "- {topic: a, format: split, seperator: ',', device: x, read: {active_power: /p}}",
                "p.yaml:3: rules[0].seperator: unknown key; did you mean 'separator'?"
            ),
            (
                "- {topic: a, device: x, read: {active_power: {calc: 'a *'}}}",
                "p.yaml:3: rules[0].read.active_power.calc: 'a *': at character 4: expected a number, a name or '('"
            ),
            (
                "- {topic: a, device: x, hold: {key: x}, read: {active_power: /p}}",
                "p.yaml:3: rules[0].hold.keep: missing: a map of names and references"
            ),
            (
                "- {topic: a, device: x, time: {at: /t, as: iso, zone: Europe/Pariss}, read: {active_power: /p}}",
                "p.yaml:3: rules[0].time.zone: 'Europe/Pariss': expected utc, site, an offset such as +08:00, or a zone that the system knows, such as Asia/Shanghai"
            ),
            (
                "- {topic: a, device: x, time: {at: /t, as: yyyy-MM-dd}, read: {active_power: /p}}",
                "p.yaml:3: rules[0].time.as: 'yyyy-MM-dd': expected 'zone' beside a pattern: utc, site, an offset such as +08:00, or a zone that the system knows, such as Asia/Shanghai"
            ),
            (
                "- {topic: a, device: x, time: {at: /t, as: s, end: true}, read: {active_power: /p}}",
                "p.yaml:3: rules[0].time.end: 'true': of no effect: a count from 1970 is no interval"
            ),
            (
                "- {topic: a, device: x, read: {active_power: p}}",
                "p.yaml:3: rules[0].read.active_power: 'p': expected a reference: /key, ^/key, ., @key, @index, @outer, $fact or a captured name"
            ),
            (
                "- {topic: a, device: x, read: {lamp_on: {from: /l, map: {on: yes}}}}",
                "p.yaml:3: rules[0].read.lamp_on.map.on: 'yes': expected a number"
            ),
            (
                "- {topic: a, device: x, read: {lamp_on: {from: /l, bits: 9..3}}}",
                "p.yaml:3: rules[0].read.lamp_on.bits: '9..3': expected bits from..to within 0..63, or a mask such as 0x00FF"
            ),
            (
                "- {topic: a, device: x, each: /list, read: {active_power: /p}}",
                "p.yaml:3: rules[0].each: '/list': expected a reference with one or two '*', such as /entries/*"
            ),
            (
                "- {topic: a, device: x, unwrap: {from: /d, as: base64, layout: [{power: u16}]}, read: {active_power: /power}}",
                "p.yaml:3: rules[0].unwrap.layout[0].power: 'u16': expected le or be after the type, or 'order' beside the layout"
            ),
            (
                "- {topic: a, device: x, unwrap: {from: /d, as: hex, layout: [{repeat: end, name: l, fields: []}]}, read: {active_power: /p}}",
                "p.yaml:3: rules[0].unwrap.layout[0].fields: 'a list of 0': expected a field that takes bytes in every entry"
            ),
            (
                "- {topic: a, ignore: true, read: {active_power: /p}}",
                "p.yaml:3: rules[0].read: 'a map of 1 key': 'read' beside 'ignore': an ignored message gives nothing"
            ),
            (
                "- {topic: a, device: x}",
                "p.yaml:3: rules[0]: 'a map of 2 keys': expected 'read', 'table', 'status', 'hold' or 'ignore': the rule gives nothing"
            ),
            (
                "- {topic: a, device: x, status: gone}",
                "p.yaml:3: rules[0].status: 'gone': expected online, offline or a map of values to them"
            ),
            (
                "- {topic: a, device: x, status: {up: onlin}}",
                "p.yaml:3: rules[0].status.up: 'onlin': expected online, offline, or null for no change"
            ),
            (
                "- {topic: a, device: x, read: {voltage: {for: {p: [A, B], c: [l1]}, from: '/{p}', channel: '{c}'}}}",
                "p.yaml:3: rules[0].read.voltage.for: 'a map of 2 keys': expected lists of the same length"
            ),
        ])
    func wrongRule(rule: String, expected: String) {
        #expect(ruleMistakes(rule).joined(separator: "|") == expected)
    }

    @Test("mistakes of all profiles are reported together")
    func together() {
        let sources = [
            ProfileSource(path: "a.yaml", text: "profile: a\nrules: [{topic: t, device: x, read: {pm25: /p}}]\n"),
            ProfileSource(path: "b.yaml", text: "profile: a\nruls: []\n"),
            ProfileSource(path: "c.yaml", text: "profile: [\n"),
        ]
        do {
            _ = try DeviceCatalog.compile(sources)
            Issue.record("nobody noticed")
        } catch {
            let lines = error.list.map(\.description)
            #expect(lines.count == 5)
            #expect(lines.contains("b.yaml:1: profile: 'a': another profile has this name"))
            #expect(lines.contains("b.yaml:2: ruls: unknown key; did you mean 'rules'?"))
            #expect(lines.last?.hasPrefix("c.yaml:") == true)
        }
    }

    @Test("parameters fill the topic, and an unknown one is a mistake")
    func parameters() throws {
        let text =
            "profile: p\nparams: {base: solar}\nrules: [{topic: '{base}/{d}', device: '{d}', read: {voltage: /u}}]\n"
        func subscriptions(_ parameters: [String: String]) throws -> [String] {
            try DeviceCatalog.compile([ProfileSource(path: "p.yaml", text: text)], parameters: parameters).subscriptions
        }
        #expect(try subscriptions([:]) == ["solar/+"])
        #expect(try subscriptions(["base": "roof/east"]) == ["roof/east/+"])
        #expect(try subscriptions(["base": "roof", "p.base": "yard"]) == ["yard/+"])
        #expect(
            mistakes(text, parameters: ["bas": "x"]) == [
                "parameters: bas: 'x': no profile has this parameter; did you mean 'base'?"
            ])
    }
}
