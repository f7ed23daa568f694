import Detection
import Settings
import Telemetry

extension GatewayConfiguration {
    /// The list `detection`: which quantities are watched for anomalies, and how.
    static func detection(
        _ setting: Setting?, localOffsetSeconds: Int, _ mistakes: inout [Mistake]
    ) -> DetectionPlan {
        guard let setting else { return DetectionPlan(localOffsetSeconds: localOffsetSeconds) }
        guard let items = setting.items else {
            mistakes.append(setting.mistake("expected a list of maps with quantities, tier and rules"))
            return DetectionPlan(localOffsetSeconds: localOffsetSeconds)
        }
        var named: Set<Quantity> = []
        let entries = items.compactMap { entry($0, &named, &mistakes) }
        return DetectionPlan(entries, localOffsetSeconds: localOffsetSeconds)
    }

    private static func entry(
        _ setting: Setting, _ named: inout Set<Quantity>, _ mistakes: inout [Mistake]
    ) -> DetectionPlan.Entry? {
        var reader = SettingReader(setting, &mistakes)
        var quantities: Set<Quantity> = []
        if let list = reader.required("quantities", "a list of quantities, such as [pm2_5, no2]", &mistakes) {
            for item in list.items ?? [list] {
                guard let quantity = item.text.flatMap({ Quantity(named: $0) }) else {
                    let hint = nearest(to: item.shown, in: Quantity.all.map(\.name)).map { "; did you mean '\($0)'?" }
                    mistakes.append(item.mistake("expected a quantity of the vocabulary\(hint ?? "")"))
                    continue
                }
                if !named.insert(quantity).inserted {
                    mistakes.append(item.mistake("\(quantity.name) is named above already; each quantity once"))
                }
                quantities.insert(quantity)
            }
        }
        var tier: DetectorTier?
        if let text = reader.optional("tier") {
            tier = text.text.flatMap { DetectorTier(named: $0) }
            if tier == nil {
                mistakes.append(text.mistake("expected light, daily or full, or no tier for rules alone"))
            }
        }
        let rules = reader.optional("rules").map { self.rules($0, &mistakes) }
        reader.finish(&mistakes)
        if tier == nil, rules == nil, setting["tier"] == nil {
            mistakes.append(setting.mistake("expected a tier, rules or both"))
        }
        return quantities.isEmpty ? nil : DetectionPlan.Entry(quantities: quantities, tier: tier, rules: rules)
    }

    private static func rules(_ setting: Setting, _ mistakes: inout [Mistake]) -> PlausibilityRules {
        var reader = SettingReader(setting, &mistakes)
        let change = reader.number("change_per_hour", &mistakes)
        if let change, !(change > 0 && change.isFinite), let found = setting["change_per_hour"] {
            mistakes.append(found.mistake("expected a change above 0, in the quantity's unit an hour"))
        }
        let rules = PlausibilityRules(
            changePerHourMax: change.flatMap { $0 > 0 && $0.isFinite ? $0 : nil },
            toldOfStandStill: reader.flag("stand_still", default: false, &mistakes),
            toldOfSpikes: reader.flag("spike", default: false, &mistakes),
            toldOfLevelShifts: reader.flag("level_shift", default: false, &mistakes),
            toldOfGaps: reader.flag("gap", default: false, &mistakes))
        reader.finish(&mistakes)
        return rules
    }
}
