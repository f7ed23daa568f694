import Alerting
import Basics
import Logging
import Store
import Telemetry

/// The one line a minute, at most, that says how it goes: what came since the last line.
struct StatusLine {
    private let interval: Duration
    private var lastAt: SteadyTime?
    private var last = Counters()

    init(interval: Duration) { self.interval = interval }

    /// The line, on the grid of the interval; nil when none is due. The first begins the counting.
    mutating func line(
        counters: Counters, registry: SeriesRegistry, book: AlertBook, at now: SteadyTime
    ) -> Logger.Metadata? {
        let grid = interval.milliseconds
        guard let lastAt else {
            lastAt = now
            last = counters
            return nil
        }
        guard now.milliseconds / grid != lastAt.milliseconds / grid else { return nil }
        defer {
            self.lastAt = now
            last = counters
        }
        return [
            "received": "\(counters.received - last.received)", "committed": "\(counters.committed - last.committed)",
            "duplicates": "\(counters.duplicates - last.duplicates)",
            "rejected": "\(counters.rejected - last.rejected)", "late": "\(counters.late - last.late)",
            "series": "\(registry.seriesCount)",
            "alerts_firing": "\(AlertPhase.up.reduce(0) { $0 + book.count(of: $1) })",
        ]
    }
}
