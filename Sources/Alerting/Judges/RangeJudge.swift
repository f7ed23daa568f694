import Basics
import Telemetry

// Values that the laws of nature do not allow.
extension AlertBook {
    /// A value of this turn. One that a buffer delivers late, or that was followed by a plausible one, is history.
    mutating func judge(suspect reading: Reading, _ facts: Facts, _ transitions: inout [AlertTransition]) {
        guard !rangeRules.isEmpty else { return }
        let device = facts.registry.series[reading.series.index].device
        let allowance = Staleness.allowance(cadence: selection.roster.cadence(of: device))
        guard facts.statistics.age(device, reading.observed) < allowance,
            facts.isNewest(reading.observed, of: reading.series)
        else { return }
        for index in rangeRules
        where selection.means(rules[index], .series(reading.series, facts.registry), facts.registry) {
            step(rules[index], series: reading.series, .holds, value: reading.value, facts, &transitions)
        }
    }

    /// An alert that is up: over when plausible readings came for long enough, unknown when none come.
    mutating func judge(
        _ rule: AlertRule, _ range: OutOfRange, _ series: SeriesID, _ facts: Facts,
        _ transitions: inout [AlertTransition]
    ) {
        let device = facts.registry.series[series.index].device
        // Plausible readings would have to come for so long.
        let wait = max(range.clearAfter, selection.roster.cadence(of: device).map { $0 * 2 } ?? Staleness.atLeast)
        guard facts.speaks(device, within: wait.milliseconds) else {
            return step(rule, series: series, .noData, value: nil, facts, &transitions)
        }
        guard let suspect = facts.health.lastSuspect(series) else { return }
        guard let newest = facts.statistics.newest(series), newest.observed != suspect.at,
            facts.follows(newest.observed, suspect.at)
        else {
            return step(rule, series: series, .between, value: nil, facts, &transitions)
        }
        let isOver = facts.now.listened - suspect.listened >= range.clearAfter
        step(rule, series: series, isOver ? .clears : .between, value: newest.value, facts, &transitions)
    }

    /// For a rule that did not see them come.
    mutating func judgeKnownSuspects(of new: Set<Int>, _ facts: Facts, _ transitions: inout [AlertTransition]) {
        for index in rangeRules where new.contains(index) {
            guard case .outOfRange(let range) = rules[index].condition, isInForce(rules[index], at: facts.now) else {
                continue
            }
            for series in facts.health.suspects(after: facts.now.listened - range.clearAfter) {
                let subject = Subject.series(series, facts.registry)
                let device = facts.registry.series[series.index].device
                let allowance = Staleness.allowance(cadence: selection.roster.cadence(of: device))
                guard facts.speaks(device, within: allowance.milliseconds),
                    let suspect = facts.health.lastSuspect(series),
                    selection.means(rules[index], subject, facts.registry),
                    facts.isNewest(suspect.at, of: series)
                else { continue }
                let key = AlertKey(rule: rules[index].name, subject: subject)
                step(
                    rules[index], key: key, .holds,
                    sentence: Sentence(
                        about: series, .rangeKnown, facts.registry),
                    at: facts.now, &transitions)
            }
        }
    }
}

extension AlertBook.Facts {
    /// Whether what a series told then came after the other: what lies ahead, of a clock that was wrong, hides no present.
    fileprivate func follows(_ observed: Timestamp, _ other: Timestamp) -> Bool {
        TimeFence.follows(observed.milliseconds, newest: other.milliseconds, at: now.wall.milliseconds)
    }

    /// Whether no plausible reading of the series followed.
    fileprivate func isNewest(_ observed: Timestamp, of series: SeriesID) -> Bool {
        statistics.newest(series).map { follows(observed, $0.observed) } ?? true
    }
}
