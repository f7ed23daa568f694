import Authoring
import Basics
import Decoding
import Profiles
import Telemetry
import Testing

@Suite("Lint")
struct LintTests {
    func lint(_ text: String, samples: [String] = ["samples/a.json"]) -> ProfileLint {
        ProfileLint([
            ProfileFolder(
                name: "p", source: ProfileSource(path: "p/profile.yaml", text: text),
                samples: samples.map { SampleFile(path: "p/\($0)", bytes: []) })
        ])
    }

    func warnings(_ rules: String) -> [String] {
        lint("profile: p\nsources: [here]\nrules:\n\(rules)\n").warnings.map { "\($0.line) \($0.key): \($0.text)" }
    }

    @Test("a profile without sources and samples, and one whose example is not there")
    func bare() {
        let rule = "- {topic: \"a/{d}\", device: \"{d}\", read: {voltage: {from: /u, unit: V}}}"
        let bare = lint("profile: p\nrules:\n\(rule)\n", samples: [])
        #expect(bare.mistakes == [])
        #expect(
            bare.warnings.map(\.description) == [
                "p/profile.yaml:1: warning: sources: missing: where the dialect is described, for whoever mends this",
                "p/profile.yaml:1: warning: examples: no samples: nothing tests this profile; put one into samples/",
            ])
        let absent = lint(
            "profile: p\nsources: [x]\nrules:\n\(rule)\nexamples: [samples/b.json, samples/a.json]\n")
        #expect(
            absent.warnings.map(\.description) == [
                "p/profile.yaml:5: warning: examples[0]: there is no file 'samples/b.json'; did you mean 'samples/a.json'?"
            ])
    }

    @Test("mistakes are those of the loader")
    func mistakes() {
        let found = lint("profile: p\nsources: [x]\nrules:\n- {topic: a, device: x, read: {vltage: /u}}\n")
        #expect(
            found.mistakes.map(\.description) == [
                "p/profile.yaml:4: rules[0].read.vltage: the vocabulary has no quantity 'vltage'; did you mean 'voltage'?"
            ])
        #expect(lint("a: [").mistakes.count == 1)
    }

    @Test("captures that nobody asks for")
    func captures() {
        let rules = """
            - topic: "a/{app}/{any}/{n:digits}/{rest...}"
              capture: {/s: "{x}-{y}", x: "{z}"}
              when: {n: 5}
              device: "{y >> 1}"
              read: {voltage: {from: /u, unit: V, channel: "{rest}"}}
            """
        #expect(
            warnings(rules) == [
                "4 rules[0].topic: 'app' is captured and never used; call it {any} if it does not matter",
                "5 rules[0].capture.x: 'z' is captured and never used; call it {any} if it does not matter",
            ])
        #expect(warnings("- {topic: \"a/{x}\", ignore: true}") == [])
        let calculated = "- {topic: \"a/{x}/{d}\", device: \"{d}\", read: {voltage: {calc: \"x * {/u}\", unit: V}}}"
        #expect(warnings(calculated) == [])
    }

    @Test("rules behind one that ignores the same messages")
    func unreachable() {
        let rules = """
            - {topic: "a/{any}", when: {/k: 1}, ignore: true}
            - {topic: "a/{d}", device: "{d}", when: {/k: 2}, read: {lamp_on: /x}}
            - {topic: "a/{d}", device: "{d}", when: {/m: 2, /k: 1}, read: {lamp_on: /x}}
            - {topic: "a/{any}", ignore: true}
            - {topic: "a/{d:digits}", device: "{d}", read: {lamp_on: /x}}
            - {topic: "a/{e}", device: "{e}", read: {lamp_on: /x}}
            """
        #expect(
            warnings(rules) == [
                "6 rules[2]: never reached: the rule in line 4 ignores what this one would read",
                "9 rules[5]: never reached: the rule in line 7 ignores what this one would read",
            ])
    }

    @Test("topics that take everything, and values without a unit")
    func wide() {
        let rules = """
            - {topic: "{any...}", ignore: true}
            - {topic: "{any}/{d}", device: "{d}", read: {voltage: /u, lamp_on: /l, current: {from: /i, scale: 0.1}}}
            - {topic: "x{any}/{d}", device: "{d}", read: {voltage: [{from: /a, unit: V}, {from: /b}]}}
            """
        let short = warnings(rules).map { $0.split(separator: ";")[0] }
        #expect(
            short == [
                "4 rules[0].topic: takes every topic that no other rule has",
                "5 rules[1].topic: takes every topic of 2 levels that no other rule has",
                "5 rules[1].read.voltage: no unit: values are taken to be in V",
                "5 rules[1].read.current: no unit: values are taken to be in A",
                "6 rules[2].read.voltage: no unit: values are taken to be in V",
            ])
    }

    @Test("the profiles of the repository have no mistakes, and none of their rules is out of reach")
    func repository() throws {
        let found = ProfileLint(try Checkout.folders())
        #expect(found.mistakes == [])
        #expect(found.warnings.filter { $0.text.hasPrefix("never reached") } == [])
    }
}
