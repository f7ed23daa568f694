import Basics
import City
import Settings
import Telemetry

extension GatewayConfiguration {
    /// The map `lamps`: when a street lamp is taken for faulty.
    static func lamps(_ setting: Setting?, localOffsetSeconds: Int, _ mistakes: inout [Mistake]) -> LampRules {
        var rules = LampRules()
        rules.offsetSeconds = localOffsetSeconds
        guard let setting else { return rules }
        var reader = SettingReader(setting, &mistakes)
        let onBelow = reader.number("on_below", in: -18...20, default: rules.expectation.onBelow, &mistakes)
        let offAbove = reader.number("off_above", in: -18...20, default: rules.expectation.offAbove, &mistakes)
        let partNight = partNight(reader.optional("part_night"), &mistakes)
        if onBelow <= offAbove {
            rules.expectation = LampExpectation(onBelow: onBelow, offAbove: offAbove, partNight: partNight)
        } else {
            mistakes.append(setting.mistake("expected on_below to be at most off_above"))
        }
        rules.reports = UInt8(reader.integer("reports", in: 1...100, default: Int(rules.reports), &mistakes))
        rules.mustBurnInTheDark = reader.flag("must_burn", default: rules.mustBurnInTheDark, &mistakes)
        rules.powerRatioMin = reader.number("power_min", in: 0...1, default: rules.powerRatioMin, &mistakes)
        rules.powerRatioMax = reader.number("power_max", in: 1...100, default: rules.powerRatioMax, &mistakes)
        rules.flickerSwitches = reader.integer("flicker_switches", in: 2...8, default: rules.flickerSwitches, &mistakes)
        rules.flickerWithin = reader.duration(
            "flicker_within", in: .seconds(10) ... .seconds(86_400), default: rules.flickerWithin, &mistakes)
        reader.finish(&mistakes)
        return rules
    }

    /// Such as `01:00-05:00`.
    private static func partNight(_ setting: Setting?, _ mistakes: inout [Mistake]) -> LampExpectation.PartNight? {
        guard let setting else { return nil }
        let minutes = (setting.text ?? "").split(separator: "-").map { time -> Int? in
            let parts = time.split(separator: ":")
            guard parts.count == 2, let hour = Int(parts[0]), let minute = Int(parts[1]), (0..<24).contains(hour),
                (0..<60).contains(minute)
            else { return nil }
            return hour * 60 + minute
        }
        guard minutes.count == 2, let off = minutes[0], let on = minutes[1], off != on else {
            mistakes.append(setting.mistake("expected the hours in which lamps may be off, such as \"01:00-05:00\""))
            return nil
        }
        return LampExpectation.PartNight(offMinute: off, onMinute: on)
    }
}
