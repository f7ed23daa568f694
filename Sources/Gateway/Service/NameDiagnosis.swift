import Basics
import Contract

// Names that came too fast, and series that found no room.
extension Doctor {
    /// What was refused longer ago is over.
    private static let recent = Duration.seconds(86_400)
    /// Of a hundred names that may be known: more is told before it is too late.
    private static let nearlyFullPercent = 90

    func newNames() -> [Diagnosis] {
        guard let room = live.current.room else { return [] }
        let there = "\(room.memoryBytes >> 20) MiB of memory (\(room.memorySource))"
        let more = "allow the gateway more memory: systemctl edit baotud, [Service], MemoryMax=…, then restart it"
        var findings: [Diagnosis] = []
        func tell(_ finding: String, _ mend: String) {
            findings.append(Diagnosis(check: "names", level: .warning, finding: finding, mend: mend))
        }
        if room.refusedNames > 0, room.refusedSecondsAgo.map({ $0 < Self.recent.inSeconds }) ?? true {
            let topics = room.refusedTopics.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                .map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
            tell(
                "\(counted(room.refusedNames, "new name")) came too fast since the start and became rejects; most under \(topics)",
                "find who publishes there; names that belong here come in by themselves as time goes, or put them on the roster; baotu rejects replay --reason new-names brings what was kept"
            )
        }
        for (count, limit, what, key) in [
            (room.devices, room.devicesMax, "devices", "limits.devices"),
            (room.series, room.seriesMax, "series", "limits.series"),
        ] where count >= limit / 100 * Self.nearlyFullPercent && count * 100 >= limit * Self.nearlyFullPercent {
            tell(
                "\(count) of at most \(limit) \(what) are known, by \(there): \(count >= limit ? "no new one is taken" : "soon no new one is taken")",
                "baotu devices shows whether they are yours; \(more), or set \(key)")
        }
        if room.unwindowedSeries > 0 {
            tell(
                "\(counted(room.unwindowedSeries, "series", "series")) found no room for windows beside \(room.windowedSeries), by \(there): their readings are stored and shown, and they have no statistics, no detectors, and rules over windows judge them not",
                more + ", keep fewer or shorter windows (windows:), or set limits.windowed_series")
        }
        return findings
    }
}
