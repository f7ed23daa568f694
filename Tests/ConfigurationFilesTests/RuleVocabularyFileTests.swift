import Basics
import Settings
import Telemetry
import Testing

@testable import Alerting
@testable import ConfigurationFiles

/// What rules may say beside one level, and what is wrong with it.
@Suite("The vocabulary of rules in files")
struct RuleVocabularyFileTests {
    private func read(_ rule: String, _ top: String = "") -> (rule: AlertRule?, mistakes: [String]) {
        do throws(Mistakes) {
            let rules = try RuleFile.parse(
                yaml: "\(top)rules:\n- {rule: r, \(rule)}\n", file: "alerts.yaml",
                windows: { quantity in
                    [.seconds(300), .seconds(3600)]
                        + (quantity == Quantity(named: "pm10") ? [] : [.seconds(8 * 3600), .seconds(86_400)])
                })
            return (rules.first, [])
        } catch {
            return (nil, error.list.map { $0.description.replacing("alerts.yaml:2: ", with: "") })
        }
    }

    @Test("a ladder of levels is one threshold whose severity is that of the first")
    func ladder() {
        let found = read(
            "threshold: {quantity: voltage, clear_hold: 5m, levels: [{severity: info, above: 240, hold: 1m}, {severity: critical, above: 260, clear: 255}]}"
        )
        #expect(found.mistakes == [] && found.rule?.severity == .info)
        #expect(
            found.rule?.condition
                == .threshold(
                    Threshold(
                        quantity: Quantity(named: "voltage")!, direction: .above, raise: 240, clear: 240,
                        hold: .seconds(60), clearHold: .seconds(300),
                        higher: [Threshold.Level(severity: .critical, raise: 260, clear: 255)])))
    }

    @Test("a category of the air is a level of each mean of the standard's report, by mass and by parts")
    func airQuality() throws {
        for words in ["4", "Moderately polluted", "中度污染"] {
            let found = read("air_quality: {category: \(words)}, hold: 10m")
            #expect(found.mistakes == [])
            guard case .composed(let composed)? = found.rule?.condition, composed.hold == .seconds(600),
                case .anyMeasured(let name, let levels) = composed.condition
            else {
                Issue.record("\(found)")
                continue
            }
            #expect(name == "air moderately polluted or worse by HJ 633-2026")
            #expect(
                levels.map(\.quantity.name) == [
                    "pm2_5", "pm10", "o3", "o3_fraction", "no2", "no2_fraction", "so2", "so2_fraction", "co",
                    "co_fraction",
                ])
            #expect(levels.allSatisfy { $0.window == .seconds(3600) && $0.statistic == .mean && $0.clear < $0.raise })
            // 115 ug/m3 is the end of the index 150, of means rounded to whole ones.
            #expect(abs(levels[0].raise - 115.5) < 1e-5, "\(levels[0].raise)")
        }
        guard
            case .group(let group)? = read("group: {of: area, at_least: 2, condition: {air_quality: {category: 3}}}")
                .rule?.condition
        else {
            Issue.record("no group")
            return
        }
        #expect(group.condition.levels.count == 10)
    }

    @Test("conditions of several parts, groups of devices, times and what to do")
    func reads() {
        let level = "{quantity: active_power, below: 1}"
        let part = DeviceCondition.level(
            Threshold(quantity: Quantity(named: "active_power")!, direction: .below, raise: 1, clear: 1))
        #expect(
            read("all: [\(level), {not: {any: [\(level), \(level)]}}], hold: 1m, clear_hold: 2m").rule?.condition
                == .composed(
                    Composed(
                        condition: .all([part, .not(.any([part, part]))]), hold: .seconds(60), clearHold: .seconds(120))
                ))
        #expect(
            read("group: {of: area, share: 0.3, condition: \(level)}, hold: 1m").rule?.condition
                == .group(GroupWatch(kind: .area, quorum: .share(0.3), condition: part, hold: .seconds(60))))
        let found = read(
            "not: \(level), runbook: \"call {name}\", times: {days: [holiday]}", "holidays: [2026-01-01]\n")
        #expect(found.mistakes == [] && found.rule?.runbook?.text == "call {name}")
        #expect(
            found.rule?.times
                == ActiveTimes([.init(days: [.holiday], hours: .wholeDay)], holidays: .init([20454...20454])))
    }

    @Test(
        "what is wrong is said where it stands",
        arguments: [
            (
                "threshold: {quantity: voltage, above: 9, levels: [{severity: info, above: 1}, {severity: warning, above: 2}]}",
                "rules[0].threshold.above: '9': stands beside levels, each of which has its own; leave one of the two out"
            ),
            (
                "severity: info, threshold: {quantity: voltage, levels: [{severity: info, above: 1}, {severity: warning, above: 2}]}",
                "rules[0].severity: 'info': stands beside levels, each of which has its own; leave one of the two out"
            ),
            (
                "threshold: {quantity: voltage, levels: [{severity: info, above: 1}]}",
                "rules[0].threshold.levels: 'a list of 1': expected at least two levels, such as [{severity: warning, above: 75}, {severity: critical, above: 150}]; one alone stands without levels"
            ),
            (
                "threshold: {quantity: voltage, levels: [{above: 1}, {severity: critical, above: 2}]}",
                "rules[0].threshold.levels[0].severity: missing: info, warning or critical"
            ),
            (
                "threshold: {quantity: voltage, levels: [{severity: warning, above: 1}, {severity: info, above: 2}]}",
                "rules[0].threshold.levels[1].severity: 'info': expected a graver severity than warning, that of the level before"
            ),
            (
                "threshold: {quantity: voltage, levels: [{severity: info, above: 5}, {severity: warning, above: 5}]}",
                "rules[0].threshold.levels[1].above: '5': expected a level above 5.0, that of the level before"
            ),
            (
                "threshold: {quantity: voltage, levels: [{severity: info, below: 5}, {severity: warning, above: 2}]}",
                "rules[0].threshold.levels[1].above: '2': expected below, as the level before has it"
            ),
            (
                "threshold: {quantity: voltage, levels: [{severity: info, above: 5, clear: 4}, {severity: warning, above: 9, clear: 3}]}",
                "rules[0].threshold.levels[1].clear: '3': expected a level at or above 4.0, where the level before is over"
            ),
            (
                "threshold: {quantity: voltage, levels: [{severity: info, above: 5}, {severity: warning, above: 9, hold: 1m}]}",
                "rules[0].threshold.levels[1].hold: '1m': only the first level waits, a graver one counts at once; ask for a statistic over a window instead"
            ),
            (
                "threshold: {quantity: voltage, levels: [{severity: info, above: 5}, {severity: warning, above: 9000}]}",
                "rules[0].threshold.levels[1].above: '9000': never fires: voltage is 0.0 to 1000.0 V"
            ),
            (
                "all: [{quantity: voltage, above: 1}]",
                "rules[0].all: 'a list of 1': expected a list of at least two conditions"
            ),
            (
                "any: [{quantity: voltage, above: 1}, voltage]",
                "rules[0].any[1]: 'voltage': expected a level, such as {quantity: active_power, below: 1}, or a map of all, any, not or air_quality"
            ),
            (
                "any: [{quantity: voltage, above: 1}, {quantity: voltage, above: 2, hold: 1m}]",
                "rules[0].any[1].hold: unknown key; known here: quantity, channel, statistic, window, above, below, clear, stale, coverage_min"
            ),
            (
                "any: [{quantity: voltage, above: 1}, {not: {quantity: voltage, above: 2}, quantity: voltage}]",
                "rules[0].any[1].quantity: unknown key; known here: not"
            ),
            (
                "group: {of: circiut, at_least: 2, condition: {quantity: voltage, above: 1}}",
                "rules[0].group.of: 'circiut': expected one of circuit, area, city; did you mean 'circuit'?"
            ),
            (
                "group: {of: city, condition: {quantity: voltage, above: 1}}",
                "rules[0].group: expected how many devices are enough: at_least, or share of them"
            ),
            (
                "group: {of: city, share: 30, condition: {quantity: voltage, above: 1}}",
                "rules[0].group.share: '30': expected a part of the group above 0, at most 1, such as 0.3"
            ),
            (
                "absence: {}, hold: 1m",
                "rules[0].hold: unknown key; known here: rule, severity, devices, threshold, absence, out_of_range, finding, all, any, not, air_quality, group, times, runbook"
            ),
            (
                "absence: {}, runbook: \"see {vlaue}\"",
                "rules[0].runbook: 'see {vlaue}': {vlaue} stands for nothing; did you mean {value}?"
            ),
            (
                "absence: {}, runbook: \"see {x}\"",
                "rules[0].runbook: 'see {x}': {x} stands for nothing; known: {name}, {quantity}, {value}, {unit}, {raise}, {clear}, {area}, {circuit}, {rule}, {severity}"
            ),
            (
                "air_quality: {category: 1}",
                "rules[0].air_quality.category: '1': expected one of 2 (good), 3 (lightly polluted), 4 (moderately polluted), 5 (heavily polluted), 6 (severely polluted)"
            ),
            (
                "air_quality: {category: hevily polluted}",
                "rules[0].air_quality.category: 'hevily polluted': did you mean 'heavily polluted'? expected one of 2 (good), 3 (lightly polluted), 4 (moderately polluted), 5 (heavily polluted), 6 (severely polluted)"
            ),
            ("air_quality: {}", "rules[0].air_quality.category: missing: the first category that is meant, such as 4"),
            (
                "air_quality: {standard: us, report: real-time, category: 4}",
                "rules[0].air_quality.report: 'real-time': EPA-454/B-24-002 (2024) has no real-time report of means that windows hold; expected daily"
            ),
            (
                "air_quality: {report: daily, category: 4}",
                "rules[0].air_quality: 'a map of 2 keys': HJ 633-2026 asks for the mean of pm10 over 24h, and windows keep no such of it"
            ),
            (
                "absence: {}, times: [{from: 8:00}]",
                "rules[0].times[0].to: missing: a time of day beside its from, such as \"22:00\""
            ),
        ])
    func mistakes(rule: String, sentence: String) { #expect(read(rule).mistakes.first == sentence) }
}

extension CheckTests {
    @Test(
        "a rule that can never fire is a warning",
        arguments: [
            (
                "all: [{quantity: voltage, above: 250}, {quantity: voltage, below: 200}]",
                "rules[0].all: 'a list of 2': never fires: voltage is never above 250.0 and below 200.0 at once"
            ),
            (
                "any: [{all: [{quantity: voltage, above: 250}, {not: {quantity: voltage, above: 250}}]}, {all: [{quantity: lamp_on, above: 0.5}, {quantity: lamp_on, below: 0.5}]}]",
                "rules[0].any: 'a list of 2': never fires: a condition and its opposite hold never at once"
            ),
            ("all: [{quantity: voltage, above: 200}, {quantity: voltage, below: 250}]", nil),
            ("any: [{quantity: voltage, above: 250}, {quantity: voltage, below: 200}]", nil),
            (
                "all: [{quantity: voltage, above: 250}, {not: {quantity: pm10, below: 200}}]",
                "rules[0].all[1].not.quantity: 'pm10': nothing that any profile gives is of it"
            ),
            (
                "group: {of: circuit, at_least: 3, condition: {quantity: voltage, below: 50}}",
                "rules[0].group.at_least: '3': never fires: the largest circuit of the roster has 2 devices that the rule means"
            ),
            ("group: {of: circuit, at_least: 2, condition: {quantity: voltage, below: 50}}", nil),
            ("group: {of: city, share: 1, condition: {quantity: voltage, below: 50}}", nil),
            (
                "group: {of: area, at_least: 1, condition: {quantity: voltage, below: 50}}",
                "rules[0].group.of: 'area': never fires: no device of the roster that the rule means has an area"
            ),
            (
                "times: {sun: night}\n  threshold: {quantity: voltage, above: 250}",
                "rules[0].times: 'a map of 1 key': no device of the roster has a place, and without one nobody knows where the sun stands: it never goes down"
            ),
            (
                "times: {from: \"10:00\", to: \"11:00\"}\n  threshold: {quantity: voltage, above: 250, hold: 2h}",
                "rules[0].times: 'a map of 2 keys': never fires: its times last 1h at most, and it must hold for 2h"
            ),
            (
                "times: [{from: \"22:00\", to: \"24:00\"}, {from: \"00:00\", to: \"01:00\"}]\n  threshold: {quantity: voltage, above: 250, hold: 2h}",
                nil
            ),
            (
                "times: {from: \"10:00\", to: \"14:00\"}\n  threshold: {quantity: voltage, above: 250, hold: 2h}", nil
            ),
        ] as [(String, String?)])
    func never(condition: String, sentence: String?) throws {
        let found = try load(
            rules: rule(condition),
            roster: "device,cadence,profile,circuit\nlamp-1,10s,lamps,c-1\nlamp-2,10s,lamps,c-1\n")
        #expect(found.mistakes == [])
        #expect(found.warnings == (sentence.map { ["alerts.yaml:3: warning: \($0)"] } ?? []))
    }
}
