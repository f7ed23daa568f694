import Basics
import Settings
import Store
import Telemetry

/// Section `store`.
extension GatewayConfiguration {
    static func store(
        _ setting: Setting, _ names: SeriesRegistry.Limits, _ located: (String) -> String, _ mistakes: inout [Mistake]
    ) -> StoreOptions {
        var reader = SettingReader(setting, &mistakes)
        var options = StoreOptions(folder: located(reader.text("folder", default: "/var/lib/baotu", &mistakes)))
        if SettingFiles.exists(options.folder), !SettingFiles.isDirectory(options.folder), let found = setting["folder"]
        {
            mistakes.append(found.mistake("expected a folder; this is a file"))
        }
        options.limits = names
        options.sealInterval = reader.duration(
            "seal_every", in: .seconds(60) ... .seconds(86_400), default: .seconds(7200), &mistakes)
        options.journalBytesMax = reader.integer(
            "journal_bytes", in: 1_048_576...4_294_967_296, default: 67_108_864, &mistakes)
        options.rejectBytesMax = reader.integer(
            "reject_bytes", in: 65_536...4_294_967_296, default: 67_108_864, &mistakes)
        options.ballastBytes = Int64(
            reader.integer("ballast_bytes", in: 0...17_179_869_184, default: 67_108_864, &mistakes))
        options.scrubInterval = scrubInterval(&reader, default: options.scrubInterval, &mistakes)
        options.retention = retention(section(&reader, "retention"), folder: options.folder, &mistakes)
        reader.finish(&mistakes)
        return options
    }

    static func retention(
        _ setting: Setting, folder: String, _ mistakes: inout [Mistake]
    ) -> Retention {
        var reader = SettingReader(setting, &mistakes)
        var retention = Retention()
        retention.raw = age("raw", &reader, &mistakes)
        retention.rollups = age("rollups", &reader, &mistakes)
        retention.alerts = age("alerts", default: retention.alerts, &reader, &mistakes)
        let budget = reader.text("bytes_max", default: "80%", &mistakes)
        let total = Retention.fileSystemBytes(of: folder)
        if budget.hasSuffix("%"), let percent = Int(budget.dropLast()), (1...95).contains(percent) {
            retention.bytesMax = total.map { $0 / 100 * Int64(percent) }
        } else if budget != "none" {
            if let bytes = Int64(budget), bytes >= 1 << 24 {
                retention.bytesMax = bytes
            } else if let found = setting["bytes_max"] {
                mistakes.append(
                    found.mistake("expected bytes from 16777216, a share of the disk from 1% to 95%, or none"))
            }
        }
        if let list = reader.optional("classes") {
            if list.items == nil { mistakes.append(list.mistake("expected a list of {name, profiles, raw}")) }
            for item in list.items ?? [] {
                var entry = SettingReader(item, &mistakes)
                let name = entry.required("name", "a name for files, such as busy-roads", &mistakes)
                let profiles = entry.texts("profiles", default: [], &mistakes)
                let raw = age("raw", &entry, &mistakes)
                entry.finish(&mistakes)
                guard let name, let text = name.text else { continue }
                let isName =
                    !text.isEmpty && text.utf8.count <= 32
                    && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
                if !isName || retention.classes.contains(where: { $0.name == text }) {
                    mistakes.append(name.mistake("expected a name of its own, of a to z, 0 to 9 and '-', at most 32"))
                } else if profiles.isEmpty {
                    mistakes.append(item.mistake("expected profiles: names or patterns, such as [lighting*]"))
                } else {
                    retention.classes.append(Retention.Class(name: text, profiles: profiles, raw: raw))
                }
            }
        }
        reader.finish(&mistakes)
        return retention
    }

    /// How often all files are read for damage; nil for `off`.
    private static func scrubInterval(
        _ reader: inout SettingReader, default fallback: Duration?, _ mistakes: inout [Mistake]
    ) -> Duration? {
        guard let found = reader.optional("scrub_every") else { return fallback }
        guard found.text != "off" else { return nil }
        let day = Duration.seconds(86_400)
        guard let every = found.text.flatMap({ Duration(shortForm: $0) }), (day...day * 366).contains(every) else {
            mistakes.append(found.mistake("expected a length from 1d to 366d, such as 7d, or off"))
            return fallback
        }
        return every
    }

    /// A length of time that things are kept; nil for `forever`.
    static func age(
        _ key: String, default fallback: Duration? = nil, _ reader: inout SettingReader, _ mistakes: inout [Mistake]
    ) -> Duration? {
        guard let found = reader.optional(key) else { return fallback }
        guard found.text != "forever" else { return nil }
        let day = Duration.seconds(86_400)
        guard let age = found.text.flatMap({ Duration(shortForm: $0) }), (day...day * 36_500).contains(age) else {
            mistakes.append(found.mistake("expected a length from 1d to 36500d, such as 90d, or forever"))
            return fallback
        }
        return age
    }
}
