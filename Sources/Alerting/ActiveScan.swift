import Basics
import Telemetry

/// When an alert that is up is looked at again; of no account for what it is.
struct NextLook: Equatable, Sendable {
    /// By the steady clock, in milliseconds.
    var due = Int64.min

    static func == (left: NextLook, right: NextLook) -> Bool { true }
}

/// What may change alerts that are up beside time, since the last scan.
struct ScanMemory: Sendable {
    /// By device, whether something of it came; those that are true also in a list.
    private var isTouched: [Bool] = []
    private var touched: [DeviceIndex] = []
    /// By rule: whether it was in force.
    private var inForce: [Bool] = []
    /// By how much the wall clock was ahead of the steady one.
    private var lead: Int64?

    mutating func touch(_ device: DeviceIndex) {
        while isTouched.count <= device.index { isTouched.append(false) }
        guard !isTouched[device.index] else { return }
        isTouched[device.index] = true
        touched.append(device)
    }

    func has(_ device: DeviceIndex?) -> Bool {
        // What is about no device is looked at each time.
        guard let device else { return true }
        return device.index < isTouched.count && isTouched[device.index]
    }

    /// Behind a scan.
    mutating func forget() {
        for device in touched { isTouched[device.index] = false }
        touched.removeAll(keepingCapacity: true)
    }

    /// Whether something changed that may concern every alert: the first scan, a rule that came into force or out of it, or a
    /// wall clock that was set.
    mutating func concernsAll(_ inForce: [Bool], _ now: Moment) -> Bool {
        let lead = now.wall.milliseconds &- now.steady.milliseconds
        defer { (self.inForce, self.lead) = (inForce, lead) }
        return self.inForce != inForce || self.lead.map { abs($0 &- lead) > 500 } ?? true
    }
}

extension AlertBook {
    /// What a turn says that may change alerts that are up at the next scan.
    mutating func noteTouched(_ turn: Turn, _ registry: SeriesRegistry) {
        guard !active.isEmpty else { return }
        for hearing in turn.heard { memory.touch(hearing.device) }
        for status in turn.statuses { memory.touch(status.device) }
        for reading in [turn.fresh, turn.suspects, turn.corrections].joined() {
            memory.touch(registry.series[reading.series.index].device)
        }
    }

    /// Judges the alerts that are up and may have changed: of 200,000 most wait for a word of their device, or for a time.
    mutating func judgeActive(_ facts: Facts, looksAtAll: Bool, _ transitions: inout [AlertTransition]) {
        let now = facts.now.steady.milliseconds
        let concernsAll = memory.concernsAll(rules.map { isInForce($0, at: facts.now) }, facts.now) || looksAtAll
        let due = active.filter { concernsAll || $0.value.next.due <= now || memory.has($0.key.subject.device) }
        memory.forget()
        for key in due.map(\.key).sorted() {
            guard let index = ruleIndex[ByteName(key.rule)] else { continue }
            judge(key, index, facts, &transitions)
            guard let alert = active[key] else { continue }
            let quiet = quiet(key, alert, index, facts.statistics.present, facts)
            setNextLook(now + min(max(0, quiet.milliseconds), lookAgain.milliseconds), of: key)
        }
    }

    private mutating func judge(
        _ key: AlertKey, _ index: Int, _ facts: Facts, _ transitions: inout [AlertTransition]
    ) {
        guard isInForce(rules[index], at: facts.now) else {
            return end(key, because: .outOfTime, facts.registry, at: facts.now, &transitions)
        }
        switch rules[index].condition {
        case .threshold:
            guard let series = key.subject.series else { return }
            for place in watchesOfSeries[series.index] where watches[place].rule == index {
                judge(watches[place], series, facts, &transitions)
            }
        case .outOfRange(let range):
            guard let series = key.subject.series else { return }
            judge(rules[index], range, series, facts, &transitions)
        case .finding(let watch): judge(rules[index], watch, key, facts, &transitions)
        case .composed(let composed):
            guard let device = key.subject.device else { return }
            judge(rules[index], composed, device, facts, &transitions)
        case .absence, .group: break
        }
    }
}
