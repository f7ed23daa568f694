import Basics
import Foundation
import Telemetry
import Testing
import TestSupport

@Suite("Sentences")
struct SentenceTests {
    /// A value of each kind that names are used with.
    private static let values: [Sentence.Name: Sentence.Value?] = Dictionary(
        uniqueKeysWithValues: Sentence.Name.allCases.map { name in
            switch name {
            case .name, .text, .channel: (name, .text("a;b\\c=d: \(name.rawValue)"))
            case .quantity: (name, .quantity("pm2_5"))
            case .statistic, .condition, .word, .course, .reportsFault: (name, .word("mean"))
            case .since: (name, .moment(Timestamp(milliseconds: 1_772_705_640_000)))
            case .window, .cadence, .span, .interval: (name, .span(.seconds(300)))
            case .cadences, .readings, .count, .switches, .out, .silent, .lamps, .members, .days: (name, .count(7))
            case .value, .raise, .clear, .low, .high, .expected, .deviation, .usual, .distance, .mean, .spread, .limit,
                .step, .before, .after, .median, .power, .elevation, .level, .share, .loss, .thickness, .surface,
                .freezing, .frostPoint, .room:
                (name, .number(61.5, unit: "W"))
            }
        })

    @Test("what is stored is read again as it was, whatever the names", arguments: Sentence.Key.allCases)
    func stored(key: Sentence.Key) throws {
        let sentence = Sentence(key, Self.values)
        #expect(Sentence(storedKey: key.rawValue, values: sentence.storedValues) == sentence)
        #expect(Sentence(storedKey: key.rawValue, values: Sentence(key).storedValues) == Sentence(key))
        let coded = try JSONDecoder().decode(Sentence.self, from: JSONEncoder().encode(sentence))
        #expect(coded == sentence)
        #expect(!sentence.words.isEmpty)
    }

    @Test("every text comes back", arguments: 0..<100 as Range<UInt64>)
    func texts(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let letters = Array(";\\=: \nt历é\u{301}q\u{0}")
        let text = String(
            (0..<Int.random(in: 0...12, using: &random)).map { _ in letters.randomElement(using: &random)! })
        let number = Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &random))
        var values: [Sentence.Name: Sentence.Value?] = [
            .name: .text(text), .channel: .word(text), .span: .span(.milliseconds(Int64(seed))),
        ]
        if !number.isNaN { values[.value] = .number(number, unit: text) }
        let sentence = Sentence(.noData, values)
        let again = Sentence(storedKey: "no_data", values: sentence.storedValues)
        #expect(again == sentence, "seed \(seed)")
        #expect(again.values[.name].map { "\($0)".utf8.elementsEqual("\(Sentence.Value.text(text))".utf8) } == true)
    }

    @Test("what this version does not know is shown as it stands")
    func unknown() {
        #expect(Sentence(storedKey: "sun_fell_down", values: "name=t:lamp").words == "sun_fell_down: name=t:lamp")
        #expect(Sentence(storedKey: "no_data", values: "shoe=t:lamp").words == "no_data: shoe=t:lamp")
        #expect(Sentence(storedKey: "no_data", values: "name=x").words == "no_data: name=x")
        #expect(Sentence(.noData).words == "? cannot be judged: no data")
    }

    /// They stand in stores: none may go, change or come to mean something else.
    @Test("the stored words are these")
    func keys() {
        #expect(
            Sentence.Key.allCases.map(\.rawValue) == [
                "words", "threshold_above", "threshold_below", "threshold_back", "threshold_between", "range_outside",
                "range_back", "range_known", "absence_offline", "absence_silent", "absence_never", "absence_back",
                "finding_known", "finding_lasts", "finding_over", "no_data", "severity_changed", "rule_removed",
                "rule_changed", "rule_elsewhere", "device_retired", "readings_forgotten", "profile_changed",
                "story_lost", "part_of_feeder", "circuit_renamed", "out_of_time", "level_up", "level_down",
                "condition_holds", "condition_over", "group_holds", "group_over",
                "seasonal", "novelty", "range", "mean",
                "physical_range", "rate_of_change", "flat_line", "straight_line", "spike", "level_shift", "gap",
                "peers", "day_burner", "lamp_out", "flicker", "lamp_power", "feeder_fault", "yield_loss", "ice_seen",
                "icing_freezing", "icing_hoar_frost", "icing_unknown_moisture", "no_ice_seen", "no_icing",
                "store_refuses", "store_damaged", "disk_low", "clock_unsynchronised", "clock_set", "reload_refused",
                "channel_failing", "ingest_behind", "broker_lost", "messages_dropped",
            ])
        let stored = Sentence(
            .thresholdAbove,
            [.name: .text("lamp;1"), .value: .number(85, unit: "Cel"), .window: .span(.seconds(60)), .count: .count(3)])
        #expect(stored.storedValues == #"count=c:3;name=t:lamp\;1;value=n:85.0 Cel;window=d:60000"#)
    }
}
