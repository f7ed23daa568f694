import Basics
public import Telemetry

// When a scan is due, for whoever drives the book through time that is over and need not look at every second of it.
extension AlertBook {
    /// The longest span that `quiet` tells.
    public static let quietMax = Duration.seconds(3600)

    /// For how long after a scan at `now` no other scan changes anything, as long as no turn comes: never longer than that is
    /// so, often shorter, at most `quietMax`; zero where each second may change something.
    ///
    /// What a turn brings of a device of `devicesUp`, what a device says of its link, and every transition end it.
    public func quiet(at now: Moment) -> Duration {
        // Groups are judged in the next scan, or in turn.
        guard groupRules.isEmpty || touchedGroups?.isEmpty ?? false else { return .zero }
        var quiet = Self.quietMax
        for rule in rules {
            guard let times = rule.times else { continue }
            // By the clock they begin and end with a minute.
            let intoMinute =
                Int64(60_000) - (now.wall.milliseconds - now.wall.milliseconds.flooredDivision(by: 60_000) * 60_000)
            quiet = min(quiet, times.asksForSun ? .zero : .milliseconds(intoMinute))
        }
        for (number, index) in absenceRules.enumerated() where isInForce(rules[index], at: now) {
            guard number < absences.count, absences[number].earliest > now.listened.milliseconds else { return .zero }
            let earliest = SteadyTime(milliseconds: absences[number].earliest)
            quiet = min(quiet, earliest - now.listened)
        }
        var due = now.steady.milliseconds + quiet.milliseconds
        for alert in active.values { due = min(due, alert.next.due) }
        // One that is new is due since ever.
        return .milliseconds(max(due, now.steady.milliseconds) - now.steady.milliseconds)
    }

    /// The devices of which an alert is up: what they say may change it at the next scan.
    public var devicesUp: Set<DeviceIndex> { Set(active.keys.lazy.compactMap(\.subject.device)) }

    /// The same of one alert.
    func quiet(
        _ key: AlertKey, _ alert: Active, _ index: Int, _ present: (DeviceIndex) -> Timestamp, _ facts: Facts
    ) -> Duration {
        switch rules[index].condition {
        case .threshold(let threshold):
            guard let series = key.subject.series,
                let watch = watchesOfSeries[series.index].lazy.map({ watches[$0] }).first(where: { $0.rule == index }),
                // Who does not speak says nothing until he does.
                facts.speaks(watch.device, within: watch.staleMilliseconds)
            else { return Self.quietMax }
            var quiet = rest(of: watch.staleMilliseconds, watch.device, facts)
            switch alert.state {
            case .pending(_, let held): quiet = min(quiet, held + threshold.hold - facts.now.listened)
            case .clearing(_, let held): quiet = min(quiet, held + threshold.clearHold - facts.now.listened)
            case .inactive, .firing, .unknown: break
            }
            guard let window = watch.window else { return quiet }
            guard !watch.statistic.goesWithTime, watch.coverageMin == 0 else { return .zero }
            // The window slides by a pane; an empty one stays so.
            let summary = facts.statistics.summary(series, window, watch.statistic.isQuantile)
            return summary.map { min(quiet, $0.end - present(watch.device)) } ?? quiet
        case .outOfRange(let range):
            guard let series = key.subject.series else { return Self.quietMax }
            let device = facts.registry.series[series.index].device
            // As it is judged.
            let wait = max(range.clearAfter, selection.roster.cadence(of: device).map { $0 * 2 } ?? Staleness.atLeast)
            guard facts.speaks(device, within: wait.milliseconds) else { return Self.quietMax }
            return facts.health.lastSuspect(series).map { suspect in
                let rest = range.clearAfter - (facts.now.listened - suspect.listened)
                return min(self.rest(of: wait.milliseconds, device, facts), rest > .zero ? rest : Self.quietMax)
            } ?? rest(of: wait.milliseconds, device, facts)
        case .finding(let watch):
            var quiet = Self.quietMax
            if let device = key.subject.device {
                let allowance = Staleness.allowance(cadence: selection.roster.cadence(of: device)).milliseconds
                guard facts.speaks(device, within: allowance) else { return Self.quietMax }
                quiet = rest(of: allowance, device, facts)
            }
            let last = watch.kinds.compactMap { facts.health.lastFinding($0, subject: key.subject) }.max()
            return last.map { min(quiet, watch.clearAfter - (facts.now.listened - $0)) } ?? .zero
        case .absence: return Self.quietMax
        case .composed, .group: return .zero
        }
    }

    /// How long it takes until a device that says nothing more has been silent for so long.
    private func rest(of milliseconds: Int64, _ device: DeviceIndex, _ facts: Facts) -> Duration {
        .milliseconds(milliseconds) - (facts.health.silence(of: device, at: facts.now) ?? .zero)
    }
}

extension Threshold.Statistic {
    /// Whether it changes from one moment to the next without any reading, also while its window stands.
    fileprivate var goesWithTime: Bool {
        switch self {
        case .coverage, .timeWeightedMean, .count, .total, .increase: true
        case .last, .mean, .min, .max, .median, .p95, .standardDeviation, .rate: false
        }
    }
}
