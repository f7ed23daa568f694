public import Basics
public import Telemetry

// Alerts whose readings were taken out of the store.
extension AlertBook {
    /// The alerts that may stand on what was taken out: those about its series, and those of findings about `begun`, whom
    /// watchers know nothing of any more. One that began after the order, or so long after the readings that no window reached
    /// back to them, does not. In order.
    public func standing(on order: Forgotten, begun: Set<Subject>) -> [AlertKey] {
        active.filter { key, alert in
            guard let rule = ruleIndex[ByteName(key.rule)].map({ rules[$0] }), let since = alert.state.since,
                since <= order.at
            else { return false }
            let isOfSeries = key.subject.series.map { order.series.contains($0) } ?? false
            let reach: Duration
            switch rule.condition {
            case .threshold(let threshold) where isOfSeries: reach = threshold.window ?? .zero
            case .outOfRange where isOfSeries: reach = .zero
            case .finding where begun.contains(key.subject): reach = Self.reachOfFindings
            case .threshold, .outOfRange, .finding, .absence, .composed, .group: return false
            }
            return order.span.upperBound > since - reach - TimeFence.ahead
        }.map(\.key).sorted()
    }

    /// What a watcher tells it has seen come for a day at most.
    private static let reachOfFindings = Duration.seconds(86_400)

    /// Judges alerts by what is left: one whose condition still holds goes on, with its worst value from now on; one of which
    /// nothing is left is over. `anew` has when the order to forget was given: worst values since then stay.
    public mutating func judgeAnew(
        _ anew: [AlertKey: Timestamp], health: DeviceHealth, statistics: Statistics, registry: SeriesRegistry,
        at now: Moment
    ) -> [AlertTransition] {
        var transitions: [AlertTransition] = []
        bind(registry)
        let facts = Facts(health: health, statistics: statistics, registry: registry, now: now)
        for (key, ordered) in anew.sorted(by: { $0.key < $1.key }) {
            guard let alert = active[key], let since = alert.state.since, since <= ordered,
                let index = ruleIndex[ByteName(key.rule)]
            else { continue }
            switch rules[index].condition {
            case .threshold:
                guard let series = key.subject.series,
                    let watch = watchesOfSeries[series.index].first(where: { watches[$0].rule == index })
                else { continue }
                judgeAnew(key, alert, watches[watch], series, ordered, facts, &transitions)
            case .outOfRange:
                guard let series = key.subject.series, health.lastSuspect(series) == nil else { continue }
                end(key, because: .readingsForgotten, registry, at: now, &transitions)
            case .finding(let watch):
                guard watch.kinds.allSatisfy({ health.lastFinding($0, subject: key.subject) == nil }) else { continue }
                end(key, because: .readingsForgotten, registry, at: now, &transitions)
            // They are judged by what is left with the next scan.
            case .absence, .composed, .group: continue
            }
        }
        return transitions
    }

    private mutating func judgeAnew(
        _ key: AlertKey, _ alert: Active, _ watch: Watch, _ series: SeriesID, _ ordered: Timestamp, _ facts: Facts,
        _ transitions: inout [AlertTransition]
    ) {
        let value = value(by: watch, series, facts) ?? nil
        let holds = value.map { watch.isAbove ? $0 > watch.raise : $0 < watch.raise } ?? false
        let isPending: Bool = if case .pending = alert.state { true } else { false }
        // Nobody knows for how long it held without what is gone: a hold time begins anew.
        if !holds || isPending {
            end(key, because: .readingsForgotten, facts.registry, at: facts.now, &transitions)
        } else if let value, alert.peak.map({ $0.at <= ordered }) ?? true {
            setPeak(AlertPeak(value: value, at: facts.now.wall), of: key)
        }
        if holds { judge(watch, series, facts, &transitions) }
    }
}
