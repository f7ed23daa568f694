import Alerting
import Basics
import Decoding
import Settings
import Telemetry

// Rules that are about nothing that is known.
extension ConfigurationCheck {
    func ruleWarnings() -> [Mistake] {
        let offer = CatalogOffer(catalog)
        return rules.flatMap { placed in
            let profiles = placed.rule.devices.profiles
            let selected = profiles.isEmpty ? offer : CatalogOffer(catalog, profiles: profiles)
            return selectorWarnings(placed) + timeWarnings(placed)
                + condition(placed, selected.channels.isEmpty ? offer : selected)
        }
    }

    private func selectorWarnings(_ placed: RuleFile.Placed) -> [Mistake] {
        let selector = placed.rule.devices
        let warnings = selectorWarnings(selector, placed.setting["devices"] ?? placed.setting)
        // What the roster does not name may still speak; a profile alone means that too, unless it is to be missed.
        let isOfRoster: Bool
        if case .absence = placed.rule.condition {
            isOfRoster = selector != .all
        } else {
            isOfRoster = selector != DeviceSelector(profiles: selector.profiles)
        }
        guard warnings.isEmpty, isOfRoster, !roster.isEmpty, !roster.contains(where: { selector.matches($0) }) else {
            return warnings
        }
        return [
            (placed.setting["devices"] ?? placed.setting).mistake(
                "rule '\(placed.rule.name)' watches nothing: no device of the roster is all that its devices ask for",
                isWarning: true)
        ]
    }

    private func condition(_ placed: RuleFile.Placed, _ offer: CatalogOffer) -> [Mistake] {
        switch placed.rule.condition {
        case .threshold(let threshold):
            return thresholdWarnings(placed.rule, threshold, placed.setting["threshold"] ?? placed.setting, offer)
        case .composed(let composed):
            let key = ConditionSection.keys.first { placed.setting[$0] != nil }
            return partWarnings(placed, composed.condition, key.flatMap { placed.setting[$0] }, offer)
        case .group(let group):
            return partWarnings(placed, group.condition, placed.setting["group"]?["condition"], offer)
                + groupWarnings(placed, group)
        case .finding(let watch): return findingWarnings(placed, watch, offer)
        case .outOfRange: return []
        case .absence:
            let reason: String
            if configuration.rosterFile == nil {
                reason = "there is no roster (devices.roster)"
            } else if roster.isEmpty {
                reason = "the roster names no device"
            } else {
                return []
            }
            let setting = placed.setting["absence"] ?? placed.setting
            return [setting.mistake("nobody is ever called absent: \(reason)", isWarning: true)]
        }
    }

    func thresholdWarnings(
        _ rule: AlertRule, _ threshold: Threshold, _ setting: Setting, _ offer: CatalogOffer
    ) -> [Mistake] {
        let profile =
            rule.devices.profiles.isEmpty
            ? "any profile gives" : "profile '\(rule.devices.profiles.joined(separator: "' or '"))' gives"
        guard let channels = offer.channels[threshold.quantity] else {
            return [
                (setting["quantity"] ?? setting).mistake("nothing that \(profile) is of it", isWarning: true)
            ]
        }
        // Its data is stale before the next reading, and what holds begins to hold anew.
        if let stale = threshold.stale, stale < threshold.hold,
            let entry = roster.first(where: {
                $0.cadence > stale && rule.devices.matches($0)
            })
        {
            return [
                (setting["stale"] ?? setting).mistake(
                    "never fires for \(entry.device), which speaks every \(entry.cadence.shortForm): its data is stale between two readings, before \(threshold.hold.shortForm) have passed",
                    isWarning: true)
            ]
        }
        guard let channel = threshold.channel, !channels.has(channel) else { return [] }
        let known = channels.names.sorted().map(\.text)
        let named = known.filter { !$0.isEmpty }.joined(separator: ", ")
        let hint =
            nearest(to: channel, in: known).map { "; did you mean '\($0)'?" }
            ?? (known == [""]
                ? "; there is the device as a whole alone"
                : "; there are \(named)" + (known.contains("") ? " and the device as a whole" : ""))
        return [
            (setting["channel"] ?? setting).mistake(
                "no \(threshold.quantity.name) that \(profile) is of this channel\(hint)", isWarning: true)
        ]
    }
}
