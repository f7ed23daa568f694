import Basics
import ConfigurationFiles
import Contract
import Store
import Telemetry

/// What the last look at the whole store has found, and whether there was one.
extension Doctor {
    /// So many intervals without a whole scrub are too many: it goes slowly, and a gateway may be away.
    private static let overdue = 3

    func scrub() -> [Diagnosis] {
        guard let interval = configuration.store.scrubInterval else {
            return [
                Diagnosis(
                    check: "scrub", level: .warning,
                    finding: "nobody looks for damage in what is stored and not asked for (store.scrub_every: off)",
                    mend: "set store.scrub_every: 7d in \(configuration.file), or run baotu store check as often")
            ]
        }
        guard let scrub = live.current.scrub else { return [] }
        let last = scrub.endedAt.map { "the last scrub ended at \($0)" } ?? "no scrub has ended yet"
        let now = scrub.began.map { "; the one since \($0) has read \(counted(scrub.files, "file"))" } ?? ""
        if let first = scrub.found.first {
            return [
                Diagnosis(
                    check: "scrub", level: .bad,
                    finding: "damage in the store, found in \(counted(scrub.found.count, "place")): \(first)\(now)",
                    mend:
                        "see baotu store check for all of it; then stop the gateway, run baotu store repair, and look whether a "
                        + "backup has what it gives up")
            ]
        }
        if let ended = scrub.endedAt {
            let age = self.now() - ended
            let isLate = age >= interval * Self.overdue
            return [
                Diagnosis(
                    check: "scrub", level: isLate ? .warning : .good,
                    finding:
                        "\(last) and found no damage\(now)\(scrub.isDue && scrub.began == nil ? "; the next is due" : "")",
                    mend: isLate ? "look into the log for why none ends; run baotu store check meanwhile" : nil)
            ]
        }
        return [Diagnosis(check: "scrub", level: .good, finding: last + now)]
    }

    /// Files that are gone; a store that does not answer is told elsewhere.
    func lostFiles() -> [Diagnosis] {
        guard let gone = try? MissingFiles.names(folder: configuration.store.folder), let first = gone.first else {
            return []
        }
        let more = gone.count > 1 ? " and \(counted(gone.count - 1, "other"))" : ""
        return [
            Diagnosis(
                check: "store", level: .bad,
                finding:
                    "\(first)\(more) of the store in \(configuration.store.folder) is gone; answers lack what it held, and say so",
                mend:
                    "put it back from a backup while the gateway is stopped; else baotu store repair goes on without it"
            )
        ]
    }
}
