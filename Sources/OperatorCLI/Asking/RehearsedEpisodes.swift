import Basics
import Desk
import Telemetry

/// A stretch in which one rule fired about one subject, as a rehearsal found it.
struct RehearsedEpisode {
    var key: AlertKey
    var severity: Severity
    /// When people would have been told.
    var began: Timestamp
    /// nil while it lasts at the end of the rehearsal.
    var ended: Timestamp?
    /// In the canonical unit of the series; nil where none decides.
    var worst: Double?

    func lasted(until end: Timestamp) -> Duration { (ended ?? end) - began }
}

/// The steps of a rehearsal, put together to episodes.
struct RehearsedEpisodes {
    /// In the order in which they began.
    private(set) var list: [RehearsedEpisode] = []
    /// By rule: the steps that people are told of, before anything groups, routes or holds them back.
    private(set) var messages: [ByteName: Int] = [:]
    /// Places in `list` of those that last.
    private var open: [AlertKey: Int] = [:]
    /// What comes before it is a run-up, by which windows fill: it counts for nothing.
    let since: Timestamp

    /// What the desk makes of them.
    private(set) var desk: RehearsedDesk

    init(_ plan: DeskPlan, since: Timestamp) {
        self.since = since
        desk = RehearsedDesk(plan, since: since)
    }

    /// What time alone does to messages that are held back.
    mutating func wait(until moment: Moment, _ place: DeskPlace) { desk.tick(place, moment) }

    mutating func take(_ steps: [AlertTransition], _ place: DeskPlace) {
        desk.take(steps, place)
        for step in steps {
            if step.at >= since, step.isNotified { messages[ByteName(step.key.rule), default: 0] += 1 }
            if let place = open[step.key] {
                list[place].severity = max(list[place].severity, step.severity)
                list[place].worst = step.peak?.value ?? list[place].worst
                guard step.isEnd else { continue }
                list[place].ended = step.at
                open[step.key] = nil
            } else if step.to == .firing {
                open[step.key] = list.count
                list.append(
                    RehearsedEpisode(
                        key: step.key, severity: step.severity, began: step.at, worst: step.peak?.value ?? step.value))
            }
        }
    }

    /// To be called at the end: leaves out what was over before the span, and takes the worst values of what lasts.
    mutating func finish(_ peak: (AlertKey) -> Double?) {
        for (key, place) in open { list[place].worst = peak(key) ?? list[place].worst }
        list.removeAll { $0.ended.map { $0 < since } ?? false }
        open.removeAll()
    }

    /// The same stretch, as two sets of rules found it: one rule and subject, and some time in common.
    func has(like other: RehearsedEpisode, until end: Timestamp) -> Bool {
        list.contains {
            $0.key == other.key && $0.began <= (other.ended ?? end) && other.began <= ($0.ended ?? end)
        }
    }
}
