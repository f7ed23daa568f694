import Basics
import Telemetry

/// Whom one rule of absence waits for, and when each may be silent at the earliest.
///
/// A look at 100,000 devices each second took 100 ms; most of them are far from their time, and a look at that is a number.
struct AbsenceWatch: Sendable {
    /// In no order.
    private(set) var devices: [DeviceIndex] = []
    /// By place: in the time that the gateway listened, in milliseconds. What happens to a device before it may only put it off.
    private(set) var due: [Int64] = []
    /// By device; -1 for one that the rule does not mean.
    private var places: [Int32] = []
    private(set) var earliest = Int64.min

    /// Of one whose alert is up: it waits for a word, and not for a time.
    static let untilHeard = Int64.max

    init(_ rule: AlertRule, _ roster: Roster) {
        for (device, line) in roster.lines where rule.devices.matches(line.entry) {
            while places.count <= device.index { places.append(-1) }
            places[device.index] = Int32(devices.count)
            devices.append(device)
        }
        due = Array(repeating: .min, count: devices.count)
    }

    /// It is looked at in the next scan.
    mutating func wake(_ device: DeviceIndex) {
        guard device.index < places.count, places[device.index] >= 0 else { return }
        due[Int(places[device.index])] = .min
        earliest = .min
    }

    /// As `wake`, of one whose alert is up.
    mutating func hear(_ device: DeviceIndex) {
        guard device.index < places.count, places[device.index] >= 0,
            due[Int(places[device.index])] == Self.untilHeard
        else { return }
        wake(device)
    }

    mutating func wakeAll() {
        due = Array(repeating: .min, count: devices.count)
        earliest = .min
    }

    /// The places whose time has come; they are to be given another.
    mutating func takeDue(at listened: SteadyTime) -> [Int] {
        guard earliest <= listened.milliseconds else { return [] }
        var (found, least): ([Int], Int64) = ([], .max)
        for place in due.indices {
            if due[place] <= listened.milliseconds { found.append(place) } else { least = min(least, due[place]) }
        }
        earliest = least
        return found
    }

    mutating func wait(_ place: Int, until moment: Int64) {
        due[place] = moment
        earliest = min(earliest, moment)
    }
}

extension AlertBook {
    /// Judges the devices of the roster that may be silent.
    mutating func judgeAbsences(_ facts: Facts, _ transitions: inout [AlertTransition]) {
        for (number, index) in absenceRules.enumerated() {
            if absences.count == number { absences.append(AbsenceWatch(rules[index], selection.roster)) }
            guard case .absence(let absence) = rules[index].condition, isInForce(rules[index], at: facts.now) else {
                // Who is silent when its time comes was not seen to become so.
                absences[number].wakeAll()
                continue
            }
            for place in absences[number].takeDue(at: facts.now.listened) {
                let device = absences[number].devices[place]
                guard let line = selection.roster.lines[device] else { continue }
                let left = judge(rules[index], absence, device, line, facts, &transitions)
                absences[number].wait(
                    place,
                    until: left.map { facts.now.listened.milliseconds + max(1, $0.milliseconds) }
                        ?? AbsenceWatch.untilHeard)
            }
        }
    }

    /// What a turn says of devices that are waited for.
    mutating func noteHeard(_ turn: Turn) {
        for number in absences.indices {
            for hearing in turn.heard { absences[number].hear(hearing.device) }
            for status in turn.statuses { absences[number].wake(status.device) }
        }
    }

    /// An alert is over, whatever ended it.
    mutating func noteEnd(of key: AlertKey) {
        guard !absences.isEmpty, case .device(let device) = key.subject, let rule = ruleIndex[ByteName(key.rule)],
            let number = absenceRules.firstIndex(of: rule), number < absences.count
        else { return }
        absences[number].wake(device)
    }

    /// The health of devices has changed by other things than turns: all are looked at in the next scan.
    public mutating func lookAtAbsences() { absences.removeAll() }
}
