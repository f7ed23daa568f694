import Alerting
import Basics
import City
import Decoding
import Detection
import Settings
import Telemetry

// Rules about findings that nobody looks for.
extension ConfigurationCheck {
    func findingWarnings(_ placed: RuleFile.Placed, _ watch: FindingWatch, _ offer: CatalogOffer) -> [Mistake] {
        let setting = placed.setting["finding"]
        let list = setting?["kinds"]
        var warnings: [Mistake] = []
        for kind in Finding.Kind.allCases where watch.kinds.contains(kind) {
            guard let reason = whyNever(kind, watch.quantities, offer) ?? whyNotOwn(kind, placed.rule) else { continue }
            let item = (list?.items ?? []).first { $0.text == kind.rawValue } ?? list ?? placed.setting
            warnings.append(item.mistake("nothing looks for it: \(reason)", isWarning: true))
        }
        return warnings
    }

    /// nil where the kind can be found.
    private func whyNever(_ kind: Finding.Kind, _ quantities: Set<Quantity>?, _ offer: CatalogOffer) -> String? {
        switch kind {
        case .rateOfChange: detected("change_per_hour", quantities, offer) { $0.rules?.changePerHourMax != nil }
        case .flatLine, .straightLine:
            detected("stand_still", quantities, offer) { $0.rules?.toldOfStandStill == true }
        case .spike: detected("spike", quantities, offer) { $0.rules?.toldOfSpikes == true }
        case .levelShift: detected("level_shift", quantities, offer) { $0.rules?.toldOfLevelShifts == true }
        case .gap: detected("gap", quantities, offer) { $0.rules?.toldOfGaps == true }
        case .range, .mean: detected("tier", quantities, offer) { $0.tier != nil }
        case .seasonal: detected("tier daily or full", quantities, offer) { $0.tier == .daily || $0.tier == .full }
        case .novelty: detected("tier full", quantities, offer) { $0.tier == .full }
        case .physicalRange: "it is told of files; the rule out_of_range is about live readings"
        case .peers: compared(quantities, offer)
        case .dayBurner, .lampOut, .flicker, .lampPower:
            whole(kind, quantities)
                ?? given([.lampOn, .lightLevel, .lightCommand, .lampFault], "tells of lamps", offer)
        case .feederFault:
            whole(kind, quantities) ?? given(
                [.lampOn, .lightLevel, .lightCommand, .lampFault], "tells of lamps", offer)
                ?? named("circuit") { !$0.circuit.isEmpty }
        case .icing:
            whole(kind, quantities) ?? given([.roadSurfaceTemperature], "gives road_surface_temperature", offer)
        case .yieldLoss:
            whole(kind, quantities) ?? given([.dcPower], "gives dc_power", offer)
                ?? named("constant \(LampTable.ratingName)") { $0.constants[LampTable.ratingName] != nil }
        case .storeRefuses, .storeDamaged, .diskLow, .clockUnset, .reloadRefused, .channelFailing, .ingestBehind,
            .brokerLost, .messagesDropped:
            whole(kind, quantities)
        }
    }

    /// What `detection` has to say for a kind to be found.
    private func detected(
        _ key: String, _ wanted: Set<Quantity>?, _ offer: CatalogOffer, _ looks: (DetectionPlan.Entry) -> Bool
    ) -> String? {
        let watched = configuration.detection.entries.filter(looks).reduce(into: Set<Quantity>()) {
            $0.formUnion($1.quantities)
        }
        return missing(watched, wanted, offer, "section detection", "with \(key)")
    }

    private func compared(_ wanted: Set<Quantity>?, _ offer: CatalogOffer) -> String? {
        let compared = configuration.peers.entries.reduce(into: Set<Quantity>()) { $0.formUnion($1.quantities) }
        return missing(compared, wanted, offer, "section peers", "with quantities")
    }

    private func missing(
        _ watched: Set<Quantity>, _ wanted: Set<Quantity>?, _ offer: CatalogOffer, _ section: String, _ key: String
    ) -> String? {
        if watched.isEmpty { return "\(section) of \(configuration.file) has no entry \(key)" }
        let meant = wanted.map { watched.intersection($0) } ?? watched
        if meant.isEmpty { return "\(section) of \(configuration.file) has none of these quantities \(key)" }
        if meant.allSatisfy({ offer.channels[$0] == nil }) {
            let names = meant.map(\.name).sorted().joined(separator: ", ")
            return "no profile that is meant gives \(names)"
        }
        return nil
    }

    /// A finding about a device, a circuit or the gateway is of no quantity.
    private func whole(_ kind: Finding.Kind, _ wanted: Set<Quantity>?) -> String? {
        wanted == nil ? nil : "it is of no quantity, and the rule asks for some"
    }

    private func given(_ any: [Quantity], _ what: String, _ offer: CatalogOffer) -> String? {
        any.contains { offer.channels[$0] != nil } ? nil : "no profile that is meant \(what)"
    }

    private func whyNotOwn(_ kind: Finding.Kind, _ rule: AlertRule) -> String? {
        kind.ownSubject != nil && rule.devices != .all
            ? "it is of the gateway itself or its broker, and the rule asks for some devices" : nil
    }

    /// An empty roster is not filled in yet.
    private func named(_ column: String, _ has: (RosterEntry) -> Bool) -> String? {
        roster.isEmpty || roster.contains(where: has) ? nil : "no device of the roster has a \(column)"
    }
}
