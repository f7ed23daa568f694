import Basics
import Decoding
import Settings
import Telemetry

// Selectors of devices that name what nothing has.
extension ConfigurationCheck {
    /// A warning for each name that no device has; `setting` is where the selector stands.
    func selectorWarnings(_ selector: DeviceSelector, _ setting: Setting) -> [Mistake] {
        var warnings: [Mistake] = []
        func warn(_ key: String, _ word: String, _ expected: String, among known: [String], in part: Setting? = nil) {
            let found = (part ?? setting)[key]
            let place = found?.items?.first { $0.text?.hasBytes(of: word) == true } ?? found ?? setting
            let hint = nearest(to: word, in: known).map { "; did you mean '\($0)'?" } ?? ""
            warnings.append(place.mistake(expected + hint, isWarning: true))
        }
        func has(_ word: String, _ known: [String]) -> Bool { known.contains { $0.hasBytes(of: word) } }
        let profiles = catalog.profileNames + roster.map(\.profile).filter { !$0.isEmpty }
        for profile in selector.profiles where !has(profile, profiles) {
            warn("profile", profile, "no profile is called so, and no device of the roster has it", among: profiles)
        }
        let areas = roster.map(\.area).filter { !$0.isEmpty }
        for area in selector.areas where !has(area, areas) {
            warn("area", area, "no device of the roster is in an area of this name", among: areas)
        }
        let circuits = roster.map(\.circuit).filter { !$0.isEmpty }
        for circuit in selector.circuits where !has(circuit, circuits) {
            warn("circuit", circuit, "no device of the roster is on a circuit of this name", among: circuits)
        }
        // Where there is a roster, what it does not name may still speak; a selector that means none of it is a slip.
        for name in selector.names where !roster.isEmpty {
            let pattern = NamePattern(name)
            if !roster.contains(where: { pattern.matches($0.device) }) {
                warn("name", name, "no device of the roster is meant by it", among: roster.map(\.device))
            }
        }
        for label in selector.labels {
            let known = roster.compactMap { $0.labels[label.name] }
            guard !known.isEmpty else {
                warn(
                    "labels", label.name, "no device of the roster has the label '\(label.name)'",
                    among: roster.flatMap { $0.labels.keys })
                continue
            }
            for value in label.values {
                let pattern = NamePattern(value)
                guard !known.contains(where: { pattern.matches($0) }) else { continue }
                warn(
                    label.name, value, "no device of the roster has this value of the label", among: known,
                    in: setting["labels"])
            }
        }
        return warnings
    }
}
