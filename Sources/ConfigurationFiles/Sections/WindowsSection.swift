import Basics
import Settings
import Telemetry
import Windows

/// Section `windows`.
extension GatewayConfiguration {
    /// A list for all quantities, or a map of `default` and `quantities`.
    static func windows(_ setting: Setting?, _ mistakes: inout [Mistake]) -> WindowPlan {
        guard let setting else { return .standard }
        guard setting.entries != nil else {
            return WindowPlan(windowList(setting, &mistakes) ?? WindowPlan.standard.windows)
        }
        var reader = SettingReader(setting, &mistakes)
        let standard = reader.optional("default").flatMap { windowList($0, &mistakes) }
        var quantities: [Quantity: [WindowPlan.Window]] = [:]
        if let map = reader.optional("quantities") {
            if map.entries == nil { mistakes.append(map.mistake("expected a map of quantities and their windows")) }
            for entry in map.entries ?? [] {
                guard let quantity = Quantity(named: entry.key) else {
                    let hint = nearest(to: entry.key, in: Quantity.all.map(\.name)).map { "; did you mean '\($0)'?" }
                    mistakes.append(
                        entry.value.mistake("expected a quantity of the vocabulary as the key\(hint ?? "")"))
                    continue
                }
                quantities[quantity] = windowList(entry.value, &mistakes)
            }
        }
        reader.finish(&mistakes)
        return WindowPlan(standard ?? WindowPlan.standard.windows, quantities: quantities)
    }

    static func windowList(_ setting: Setting, _ mistakes: inout [Mistake]) -> [WindowPlan.Window]? {
        guard let items = setting.items, (1...WindowPlan.windowsMax).contains(items.count) else {
            mistakes.append(
                setting.mistake("expected a list of 1 to \(WindowPlan.windowsMax) lengths, such as [5m, 1h, 24h]"))
            return nil
        }
        var windows: [WindowPlan.Window] = []
        for item in items {
            guard let length = item.text.flatMap({ Duration(shortForm: $0) }), length >= .seconds(60),
                length <= WindowPlan.Window.lengthMax, !windows.contains(where: { $0.length == length })
            else {
                mistakes.append(item.mistake("expected a length from 1m to 31d that is not listed yet"))
                continue
            }
            guard let window = WindowPlan.Window(length: length) else {
                mistakes.append(
                    item.mistake("expected a length that 8 to 64 equal panes of known lengths make, such as 90m or 8h"))
                continue
            }
            windows.append(window)
        }
        return windows.isEmpty ? nil : windows
    }
}
