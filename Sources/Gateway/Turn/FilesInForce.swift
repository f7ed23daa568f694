import Basics
import ConfigurationFiles
import Logging
import Pipeline
import Store
import Telemetry

/// Profiles, rules and roster as they were read last.
struct FilesInForce {
    let files: LoadedFiles
    /// When a device of the roster is next to begin or to end its service; nil: never.
    let nextDate: Timestamp?

    /// `now`: up to when the dates have come; nil: all of them.
    init(_ files: LoadedFiles, from now: Timestamp? = nil) {
        self.files = files
        nextDate = now.flatMap { now in files.roster.lazy.compactMap { $0.service.change(after: now) }.min() }
    }
}

// The days on which devices begin and end their service.
extension IngestLoop {
    /// Once a second: what the roster has for a day that has come.
    func followService(at moment: Moment) {
        guard clock.isTrusted, let date = inForce.nextDate, moment.wall >= date else { return }
        do throws(StoreError) {
            let retired = try setRoster(of: inForce.files, at: moment).retired
            try takeRules(of: inForce.files, retired, at: moment)
            log.notice(
                "a date of the roster has come",
                metadata: ["date": "\(date)", "expected": "\(pipeline.roster.lines.count)"])
        } catch {
            complain(error, "the roster could not be stored; the old one stays")
        }
    }
}
