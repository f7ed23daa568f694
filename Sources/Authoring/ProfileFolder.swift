package import Basics
import Decoding
package import Profiles
import Settings
import Telemetry

/// A profile with the samples beside it.
package struct ProfileFolder: Sendable {
    /// For people, such as `air/airgradient`.
    package var name: String
    package var source: ProfileSource
    /// The files of its folder `samples`.
    package var samples: [SampleFile]

    package init(name: String, source: ProfileSource, samples: [SampleFile]) {
        self.name = name
        self.source = source
        self.samples = samples
    }
}

/// What the samples of one profile showed.
package struct FolderCheck: Sendable {
    /// As the folder was called.
    package let name: String
    /// In the order of the folder's samples.
    package let samples: [SampleCheck]

    /// Every sample came out as it says; without samples nothing did.
    package var isFine: Bool { !samples.isEmpty && samples.allSatisfy(\.differences.isEmpty) }
    package var readingCount: Int { samples.reduce(0) { $0 + $1.readingCount } }
    package var differenceCount: Int { samples.reduce(0) { $0 + $1.differences.count } }

    /// Compiles all profiles together, as the gateway does, and runs the samples of each.
    ///
    /// Throws the mistakes of all profiles; then nothing is run.
    package static func run(
        _ folders: [ProfileFolder], parameters: [String: String] = [:]
    ) throws(Mistakes) -> [FolderCheck] {
        let catalog = try DeviceCatalog.compile(folders.map(\.source), parameters: parameters)
        return folders.map { folder in
            FolderCheck(name: folder.name, samples: folder.samples.map { SampleCheck($0, catalog) })
        }
    }

    /// Lines for people: one for each profile that is fine, every difference of the others, and a sum at the end.
    package static func report(_ checks: [FolderCheck]) -> [String] {
        let heads = TraceReport.columns(
            checks.map { check in
                if check.samples.isEmpty { return [check.name, "no samples: put one into samples/"] }
                return [
                    check.name, counted(check.samples.count, "sample"), counted(check.readingCount, "reading"),
                    check.isFine ? "ok" : counted(check.differenceCount, "difference"),
                ]
            })
        var lines: [String] = []
        for (check, head) in zip(checks, heads) {
            lines.append(head)
            for sample in check.samples where !sample.differences.isEmpty {
                lines.append("  \(sample.path)")
                for difference in sample.differences { lines.append("    \(difference)") }
            }
        }
        let samples = checks.reduce(0) { $0 + $1.samples.count }
        let differences = checks.reduce(0) { $0 + $1.differenceCount }
        let bare = checks.count { $0.samples.isEmpty }
        lines.append(
            "\(counted(checks.count, "profile")), \(counted(samples, "sample")), "
                + "\(counted(checks.reduce(0) { $0 + $1.readingCount }, "reading")): "
                + (differences == 0 && bare == 0
                    ? "all as expected"
                    : counted(differences, "difference")
                        + (bare > 0 ? ", \(counted(bare, "profile")) without samples" : "")))
        return lines
    }
}
