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
            let selected =
                placed.rule.devices.profile.map { CatalogOffer(catalog, profile: $0) }.flatMap {
                    $0.channels.isEmpty ? nil : $0
                } ?? offer
            return selector(placed) + condition(placed, selected)
        }
    }

    /// Names of the selector that nothing has.
    private func selector(_ placed: RuleFile.Placed) -> [Mistake] {
        let (selector, setting) = (placed.rule.devices, placed.setting["devices"])
        var warnings: [Mistake] = []
        func warn(_ key: String, _ expected: String, _ name: String, among known: [String]) {
            let hint = nearest(to: name, in: known).map { "; did you mean '\($0)'?" } ?? ""
            warnings.append((setting?[key] ?? placed.setting).mistake(expected + hint, isWarning: true))
        }
        if let profile = selector.profile {
            let known = catalog.profileNames + roster.map(\.profile).filter { !$0.isEmpty }
            if !known.contains(where: { $0.hasBytes(of: profile) }) {
                warn("profile", "no profile is called so, and no device of the roster has it", profile, among: known)
            }
        }
        if let area = selector.area {
            let known = roster.map(\.area).filter { !$0.isEmpty }
            if !known.contains(where: { $0.hasBytes(of: area) }) {
                warn("area", "no device of the roster is in an area of this name", area, among: known)
            }
        }
        // Where there is a roster, what it does not name may still speak; a rule that means none of it is a slip.
        if let name = selector.name, !roster.isEmpty {
            let pattern = NamePattern(name)
            if !roster.contains(where: { pattern.matches($0.device) }) {
                warn("name", "no device of the roster is meant by it", name, among: roster.map(\.device))
            }
        }
        if warnings.isEmpty, selector != .all, !roster.isEmpty, case .absence = placed.rule.condition,
            !roster.contains(where: { selector.matches(name: $0.device, profile: $0.profile, area: $0.area) })
        {
            warnings.append(placed.setting.mistake("no device of the roster is meant by the rule", isWarning: true))
        }
        return warnings
    }

    private func condition(_ placed: RuleFile.Placed, _ offer: CatalogOffer) -> [Mistake] {
        switch placed.rule.condition {
        case .threshold(let threshold): return thresholdWarnings(placed, threshold, offer)
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

    private func thresholdWarnings(
        _ placed: RuleFile.Placed, _ threshold: Threshold, _ offer: CatalogOffer
    ) -> [Mistake] {
        let setting = placed.setting["threshold"]
        let profile = placed.rule.devices.profile.map { "profile '\($0)' gives" } ?? "any profile gives"
        guard let channels = offer.channels[threshold.quantity] else {
            return [
                (setting?["quantity"] ?? placed.setting).mistake("nothing that \(profile) is of it", isWarning: true)
            ]
        }
        // Its data is stale before the next reading, and what holds begins to hold anew.
        if let stale = threshold.stale, stale < threshold.hold,
            let entry = roster.first(where: {
                $0.cadence > stale
                    && placed.rule.devices.matches(name: $0.device, profile: $0.profile, area: $0.area)
            })
        {
            return [
                (setting?["stale"] ?? placed.setting).mistake(
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
            (setting?["channel"] ?? placed.setting).mistake(
                "no \(threshold.quantity.name) that \(profile) is of this channel\(hint)", isWarning: true)
        ]
    }
}
