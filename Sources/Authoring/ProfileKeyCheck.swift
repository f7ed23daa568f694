import Basics
package import Settings
import Telemetry

extension ProfileKeys {
    /// Paths of a profile whose key, or whose form of value, the table does not have.
    package static func unknown(in profile: Setting) -> [String] {
        guard let section = section(named: "profile") else { return [] }
        return unknown(in: profile, section)
    }

    private static func unknown(in setting: Setting, _ section: Section) -> [String] {
        guard let entries = setting.entries else { return [path(setting)] }
        return entries.flatMap { entry -> [String] in
            if let key = section.keys.first(where: { $0.name == entry.key }) {
                return unknown(in: entry.value, key.form)
            }
            if let others = section.others { return unknown(in: entry.value, others) }
            return [path(entry.value)]
        }
    }

    private static func unknown(in setting: Setting, _ form: Form) -> [String] {
        switch form {
        case .text, .scalar, .number:
            if case .scalar = setting.content { return [] }
        case .word(let words):
            if let text = setting.text, words.contains(text) { return [] }
        case .flag:
            if let text = setting.text, ["true", "false", "yes", "no", "on", "off"].contains(text) { return [] }
        case .null:
            if setting.isMissing { return [] }
        case .list(let item):
            if let items = setting.items { return items.flatMap { unknown(in: $0, item) } }
        case .map(let value):
            if let entries = setting.entries { return entries.flatMap { unknown(in: $0.value, value) } }
        case .section(let name):
            if let section = section(named: name) { return unknown(in: setting, section) }
        case .readings:
            guard let entries = setting.entries else { break }
            return entries.flatMap { entry -> [String] in
                guard Quantity(named: entry.key) != nil else { return [path(entry.value)] }
                let one = Form.any([.text, .null, .section("reading")])
                return unknown(in: entry.value, .any([one, .list(one)]))
            }
        case .any(let forms):
            // The form that fits best tells best.
            let found = forms.map { unknown(in: setting, $0) }
            return found.min { ($0.isEmpty ? 0 : 1, -depth($0)) < ($1.isEmpty ? 0 : 1, -depth($1)) } ?? []
        }
        return [path(setting)]
    }

    private static func depth(_ paths: [String]) -> Int { paths.map(\.utf8.count).max() ?? 0 }

    private static func path(_ setting: Setting) -> String { "\(setting.path) (line \(setting.line))" }
}

extension ProfileKeys {
    /// The formats that the table has.
    package static var formatNames: [String] { formats }

    /// The keys of a section of the table, such as `rule`.
    package static func names(of section: String) -> [String] { self.section(named: section)?.keys.map(\.name) ?? [] }
}
