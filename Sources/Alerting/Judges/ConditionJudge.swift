import Basics
import Telemetry

// Conditions of several parts, about a device or a group of them.
extension AlertBook {
    /// What the readings of a turn may change: conditions of their devices are judged, groups in the next scan.
    mutating func judgeParts(_ turn: Turn, _ facts: Facts, _ transitions: inout [AlertTransition]) {
        // Each rule on each device once a turn, by all of its readings.
        var judged: Set<UInt64> = []
        for reading in [turn.fresh, turn.corrections].joined() {
            for index in partsOfSeries[reading.series.index] {
                let device = facts.registry.series[reading.series.index].device
                guard judged.insert(UInt64(index) << 32 | UInt64(device.rawValue)).inserted else { continue }
                switch rules[index].condition {
                case .composed(let composed):
                    judge(rules[index], composed, device, facts, &transitions)
                case .group(let group):
                    guard let subject = selection.roster[device].flatMap({ group.subject(of: $0) }) else { continue }
                    touchedGroups?.insert(AlertKey(rule: rules[index].name, subject: subject))
                case .threshold, .absence, .outOfRange, .finding: break
                }
            }
        }
    }

    /// For rules that did not see it come.
    mutating func judgeKnownParts(
        of new: Set<Int>, andOthers: Bool, _ facts: Facts, _ transitions: inout [AlertTransition]
    ) {
        for index in rules.indices where andOthers || new.contains(index) {
            switch rules[index].condition {
            case .composed(let composed):
                for device in facts.registry.devices.indices.map({ DeviceIndex(rawValue: UInt32($0)) })
                where rules[index].devices.means(device, selection.roster, facts.registry) {
                    judge(rules[index], composed, device, facts, &transitions)
                }
            case .group: touchedGroups = nil
            case .threshold, .absence, .outOfRange, .finding: break
            }
        }
    }

    mutating func judge(
        _ rule: AlertRule, _ composed: Composed, _ device: DeviceIndex, _ facts: Facts,
        _ transitions: inout [AlertTransition]
    ) {
        let key = AlertKey(rule: rule.name, subject: .device(device))
        let isUp = active[key]?.state.isUp ?? false
        let truth = truth(of: composed.condition, device, isLenient: isUp, facts)
        guard truth == .yes || active[key] != nil else { return }
        guard isInForce(rule, at: facts.now) else {
            return end(key, because: .outOfTime, facts.registry, at: facts.now, &transitions)
        }
        let measured = truth == .yes ? heldWords(of: composed.condition, device, isLenient: isUp, facts) : nil
        func sentence() -> Sentence {
            guard truth != .unknown else { return Sentence(.noData, about: key.subject, facts.registry) }
            return Sentence(
                truth == .yes ? .conditionHolds : .conditionOver, about: key.subject, facts.registry,
                [.text: .text(measured ?? composed.condition.words)])
        }
        step(
            rule, key: key, truth.verdict, hold: composed.hold, sentence: sentence(), at: facts.now, &transitions)
    }

    // MARK: Groups

    /// So many devices of the roster are counted a second: 10 ms (2.1 µs a device on a shared core). Of 100,000 each group has
    /// its turn once in 21 s.
    private static let countedMax = 5000

    /// Judges the groups of which readings came, and those of alerts that are up; all in the first scan. Time alone makes no
    /// device count that did not.
    mutating func judgeGroups(_ facts: Facts, _ transitions: inout [AlertTransition]) {
        guard !groupRules.isEmpty else { return }
        var keys = touchedGroups ?? everyGroup()
        var waiting: Set<AlertKey> = []
        let period = Int64(1 + selection.roster.lines.count / Self.countedMax)
        let (before, second) = (groupsScanned, facts.now.listened.milliseconds / 1000)
        groupsScanned = second
        for key in active.keys {
            guard let index = ruleIndex[ByteName(key.rule)], case .group = rules[index].condition else { continue }
            keys.insert(key)
        }
        for key in keys.sorted() {
            guard let index = ruleIndex[ByteName(key.rule)], case .group(let group) = rules[index].condition else {
                continue
            }
            let members = members(of: key, rules[index], group)
            // By its first device every group has another second.
            let phase = Int64(members.first?.index ?? 0)
            if let before, period > 1, (before + phase) / period == (second + phase) / period {
                waiting.insert(key)
            } else {
                judge(rules[index], group, key, members, facts, &transitions)
            }
        }
        touchedGroups = waiting
    }

    private func everyGroup() -> Set<AlertKey> {
        var keys: Set<AlertKey> = []
        for index in groupRules {
            guard case .group(let group) = rules[index].condition else { continue }
            for line in selection.roster.lines.values where rules[index].devices.matches(line.entry) {
                guard let subject = group.subject(of: line.entry) else { continue }
                keys.insert(AlertKey(rule: rules[index].name, subject: subject))
            }
        }
        return keys
    }

    private mutating func judge(
        _ rule: AlertRule, _ group: GroupWatch, _ key: AlertKey, _ members: [DeviceIndex], _ facts: Facts,
        _ transitions: inout [AlertTransition]
    ) {
        guard isInForce(rule, at: facts.now) else {
            return end(key, because: .outOfTime, facts.registry, at: facts.now, &transitions)
        }
        guard !members.isEmpty else { return }
        let isUp = active[key]?.state.isUp ?? false
        var (holding, unknown) = (0, 0)
        for device in members {
            switch truth(of: group.condition, device, isLenient: isUp, facts) {
            case .yes: holding += 1
            case .unknown: unknown += 1
            case .no: break
            }
        }
        let needed = group.quorum.needed(of: members.count)
        let truth: Truth = holding >= needed ? .yes : holding + unknown >= needed ? .unknown : .no
        guard truth == .yes || active[key] != nil else { return }
        let peak = truth == .yes ? AlertPeak(value: Double(holding), at: facts.now.wall) : nil
        if let peak { note(peak, of: key) { $0.value > $1.value } }
        func sentence() -> Sentence {
            guard truth != .unknown else { return Sentence(.noData, about: key.subject, facts.registry) }
            var told: [Sentence.Name: Sentence.Value?] = [
                .count: .count(holding), .members: .count(members.count), .text: .text(group.condition.words),
            ]
            // The whole city has no name of its own.
            if group.kind != .city { told[.name] = .text(key.subject.name(in: facts.registry)) }
            return Sentence(truth == .yes ? .groupHolds : .groupOver, told)
        }
        step(
            rule, key: key, truth.verdict, hold: group.hold, value: Double(holding), peak: peak, sentence: sentence(),
            at: facts.now, &transitions)
    }

    /// The devices of a group that the rule selects: asked of the roster once, until there is another.
    private mutating func members(of key: AlertKey, _ rule: AlertRule, _ group: GroupWatch) -> [DeviceIndex] {
        if let known = groupMembers[key] { return known }
        let roster = selection.roster
        let members = group.devices(of: key.subject, roster).filter { device in
            roster[device].map { rule.devices.matches($0) } ?? false
        }
        groupMembers[key] = members
        return members
    }

    // MARK: Three values

    /// What is known of a condition on a device. `isLenient`: a level counts until it is clear, as it does for an alert that
    /// is up; what stands behind `not` must be clear before the whole can hold.
    func truth(of condition: DeviceCondition, _ device: DeviceIndex, isLenient: Bool, _ facts: Facts) -> Truth {
        switch condition {
        case .level(let threshold): level(threshold, device, isLenient, facts)
        case .all(let parts): .all(parts.lazy.map { truth(of: $0, device, isLenient: isLenient, facts) })
        case .any(let parts): .any(parts.lazy.map { truth(of: $0, device, isLenient: isLenient, facts) })
        case .not(let part): !truth(of: part, device, isLenient: !isLenient, facts)
        case .anyMeasured(_, let levels): anyMeasured(levels, device, isLenient, facts)
        }
    }

    /// What a device has no series of says nothing; unknown where it has none of all.
    private func anyMeasured(
        _ levels: [Threshold], _ device: DeviceIndex, _ isLenient: Bool, _ facts: Facts
    ) -> Truth {
        guard device.index < partSeriesOfDevice.count else { return .unknown }
        let measured = levels.filter { level in
            partSeriesOfDevice[device.index].contains { level.watches($0, facts.registry) }
        }
        guard !measured.isEmpty else { return .unknown }
        return .any(measured.lazy.map { self.level($0, device, isLenient, facts) })
    }

    /// Of a condition with a name, that and which of its levels hold; nil of others.
    private func heldWords(
        of condition: DeviceCondition, _ device: DeviceIndex, isLenient: Bool, _ facts: Facts
    ) -> String? {
        guard case .anyMeasured(let words, let levels) = condition else { return nil }
        let held = levels.filter { level($0, device, isLenient, facts) == .yes }.map(\.words)
        return "\(words) (\(held.joined(separator: ", ")))"
    }

    private func level(
        _ threshold: Threshold, _ device: DeviceIndex, _ isLenient: Bool, _ facts: Facts
    ) -> Truth {
        let watch = Watch(
            threshold, rule: 0, of: device,
            Staleness.allowance(cadence: selection.roster.cadence(of: device)).milliseconds)
        guard facts.speaks(device, within: watch.staleMilliseconds) else { return .unknown }
        let level = isLenient ? threshold.clear : threshold.raise
        var found: Truth?
        guard device.index < partSeriesOfDevice.count else { return .unknown }
        for series in partSeriesOfDevice[device.index] where threshold.watches(series, facts.registry) {
            let truth: Truth
            if let value = value(of: watch, threshold.quantity, series, isLenient, facts) {
                let isBeyond = watch.isAbove ? value > level : value < level
                let isSure = isKnown(isBeyond ? .holds : .clears, by: watch, series, facts)
                truth = isSure ? (isBeyond ? .yes : .no) : .unknown
            } else {
                truth = .unknown
            }
            found = found.map { .any([$0, truth]) } ?? truth
        }
        return found ?? .unknown
    }

    /// A state that is told when it changes stands as long as its device speaks; of anything else an old value makes nothing new.
    private func value(
        of watch: Watch, _ quantity: Quantity, _ series: SeriesID, _ isLenient: Bool, _ facts: Facts
    ) -> Double? {
        guard watch.window == nil else { return value(by: watch, series, facts) ?? nil }
        guard let newest = facts.statistics.newest(series) else { return nil }
        let age = facts.statistics.age(watch.device, newest.observed)
        let stands = quantity.kind == .state || isLenient || age.milliseconds < watch.staleMilliseconds
        return stands ? newest.value : nil
    }
}

extension AlertState {
    /// Whether people were told that it fires, and not that it is over.
    var isUp: Bool {
        switch self {
        case .firing, .clearing, .unknown(_, wasFiring: true): true
        case .inactive, .pending, .unknown(_, wasFiring: false): false
        }
    }
}
