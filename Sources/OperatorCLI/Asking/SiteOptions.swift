import ArgumentParser
import Basics
import ConfigurationFiles
import Decoding
import Settings
import Telemetry

/// What decoding needs to know of the site, where no gateway tells it.
struct SiteOptions: ParsableArguments {
    @Option(
        help: "The site's zone for times that carry none: an offset such as +08:00, or a name such as Europe/Berlin.")
    var siteOffset: String?

    @Option(help: "The roster, for the constants of devices.", completion: .file(extensions: ["csv"]))
    var roster: String?

    func validate() throws {
        if let siteOffset, Self.seconds(siteOffset) == nil, ZoneRules.system(named: siteOffset) == nil {
            throw ValidationError(
                "--site-offset \(siteOffset): expected an offset such as +08:00, or a zone such as Europe/Berlin")
        }
    }

    /// Throws the mistakes of the roster. `isArchive`: an old time is no clock that was never set.
    func decoder(_ catalog: DeviceCatalog, isArchive: Bool = true) throws(Mistakes) -> MessageDecoder {
        var constants: [ByteName: [String: String]] = [:]
        if let roster {
            for entry in try RosterFile.parse(csv: try SettingFiles.text(of: roster), file: roster)
            where !entry.constants.isEmpty {
                constants[ByteName(entry.device)] = entry.constants
            }
        }
        var limits = DecodingLimits()
        if isArchive { limits.timeMin = DecodingLimits.historyMin }
        return MessageDecoder(
            catalog: catalog, limits: limits, siteZoneOffsetSeconds: siteOffset.flatMap(Self.seconds) ?? 0,
            siteZone: siteOffset.flatMap(ZoneRules.system), constants: constants)
    }

    private static func seconds(_ offset: String) -> Int? {
        Timestamp(iso8601: "2000-01-01T00:00:00\(offset)").map {
            Int((CivilTime(year: 2000, month: 1, day: 1).timestamp() - $0).milliseconds / 1000)
        }
    }
}
