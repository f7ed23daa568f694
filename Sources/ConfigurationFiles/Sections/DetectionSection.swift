import Basics
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
        let quantities = quantities(&reader, &named, &mistakes)
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

    /// The list `quantities` of a map; each may be named once in all.
    private static func quantities(
        _ reader: inout SettingReader, _ named: inout Set<Quantity>, _ mistakes: inout [Mistake]
    ) -> Set<Quantity> {
        var quantities: Set<Quantity> = []
        guard let list = reader.required("quantities", "a list of quantities, such as [pm2_5, no2]", &mistakes) else {
            return []
        }
        for item in list.items ?? [list] {
            guard let quantity = item.quantity(&mistakes) else { continue }
            if !named.insert(quantity).inserted {
                mistakes.append(item.mistake("\(quantity.name) is named above already; each quantity once"))
            }
            quantities.insert(quantity)
        }
        return quantities
    }

    /// The list `peers`: which quantities are compared between devices that are like each other.
    static func peers(_ setting: Setting?, _ mistakes: inout [Mistake]) -> PeerPlan {
        guard let setting else { return PeerPlan() }
        guard let items = setting.items else {
            mistakes.append(setting.mistake("expected a list of maps with quantities, by, spreads, floor and rounds"))
            return PeerPlan()
        }
        var named: Set<Quantity> = []
        return PeerPlan(
            items.compactMap { item in
                var reader = SettingReader(item, &mistakes)
                let quantities = quantities(&reader, &named, &mistakes)
                let entry = PeerPlan.Entry(
                    quantities: quantities, by: reader.word("by", default: PeerPlan.Grouping.profile, &mistakes),
                    spreadsMax: reader.number("spreads", in: 1...1000, default: 6, &mistakes),
                    floor: reader.number("floor", in: 0...1e12, default: 0, &mistakes),
                    rounds: reader.integer("rounds", in: 1...1440, default: 3, &mistakes))
                reader.finish(&mistakes)
                return quantities.isEmpty ? nil : entry
            })
    }

    private static func rules(_ setting: Setting, _ mistakes: inout [Mistake]) -> PlausibilityRules {
        var reader = SettingReader(setting, &mistakes)
        if setting.entries?.isEmpty == true {
            mistakes.append(setting.mistake("expected at least one rule, such as {stand_still: true}"))
        }
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
