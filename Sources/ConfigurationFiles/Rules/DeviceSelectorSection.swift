package import Basics
package import Settings
package import Telemetry

/// Reads `devices:` of a rule, a route or a maintenance window: name, profile, area, circuit and labels, each one word or a
/// list of words of which any fits.
package enum DeviceSelectorSection {
    /// All devices where nothing is written; every mistake is noted.
    package static func parse(_ setting: Setting?, _ mistakes: inout [Mistake]) -> DeviceSelector {
        guard let setting else { return .all }
        var reader = SettingReader(setting, &mistakes)
        let names = Self.words(&reader, "name", &mistakes)
        let profiles = Self.words(&reader, "profile", &mistakes)
        let areas = Self.words(&reader, "area", &mistakes)
        let circuits = Self.words(&reader, "circuit", &mistakes)
        let labels = reader.optional("labels").map { Self.labels($0, &mistakes) } ?? [:]
        reader.finish(&mistakes)
        return DeviceSelector(names: names, profiles: profiles, areas: areas, circuits: circuits, labels: labels)
    }

    private static func words(
        _ reader: inout SettingReader, _ key: String, _ mistakes: inout [Mistake]
    ) -> [String] {
        guard let found = reader.optional(key) else { return [] }
        return Self.words(found, &mistakes)
    }

    private static func words(_ setting: Setting, _ mistakes: inout [Mistake]) -> [String] {
        if let text = setting.text { return [text] }
        guard let items = setting.items else {
            mistakes.append(setting.mistake("expected a word, or a list of words of which any fits"))
            return []
        }
        if items.isEmpty {
            mistakes.append(setting.mistake("expected at least one word; left out, all are meant"))
        }
        return items.compactMap { item in
            if item.text == nil, !item.isMissing { mistakes.append(item.mistake("expected text")) }
            return item.text
        }
    }

    private static func labels(_ setting: Setting, _ mistakes: inout [Mistake]) -> [String: [String]] {
        guard let entries = setting.entries else {
            mistakes.append(
                setting.mistake("expected a map of the roster's labels, such as {owner: east, road: \"Jing*\"}"))
            return [:]
        }
        var reader = SettingReader(setting, &mistakes)
        var labels: [String: [String]] = [:]
        for entry in entries {
            if !UsableName.admitsLabel(entry.key) {
                mistakes.append(
                    entry.value.mistake(
                        "expected a label's name of at most 64 of the letters a-z, A-Z, 0-9, '-', '_' and '.'"))
            }
            let found = Self.words(&reader, entry.key, &mistakes)
            if !found.isEmpty { labels[entry.key] = found }
        }
        if entries.isEmpty { mistakes.append(setting.mistake("expected at least one label; left out, all are meant")) }
        reader.finish(&mistakes)
        return labels
    }
}
