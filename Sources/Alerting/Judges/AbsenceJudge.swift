import Basics
import Telemetry

// Devices of the roster that are silent.
extension AlertBook {
    mutating func judge(
        _ rule: AlertRule, _ absence: Absence, _ device: DeviceIndex, _ expected: Roster.Line, _ facts: Facts,
        _ transitions: inout [AlertTransition]
    ) {
        guard selection.means(rule, device, expectedAs: expected.entry, facts.registry) else { return }
        let name = facts.registry.devices[device.index].name
        let heard = facts.health.lastHeard(device)
        let allowance = absence.allowance(cadence: expected.entry.cadence)
        let silence =
            facts.health.silence(of: device, at: facts.now) ?? facts.now.listened - expected.awaited
        let saidOffline = facts.health.saidOffline(device)
        let key = AlertKey(rule: rule.name, subject: .device(device))
        let isAbsent = saidOffline || silence >= allowance
        if !isAbsent && (heard == nil || active[key] == nil) { return }
        let sentence: String
        if !isAbsent {
            sentence = "\(name) speaks again"
        } else if saidOffline {
            sentence = "\(name) said that it is offline"
        } else if let heard {
            sentence =
                "\(name) has been silent since \(heard.at), for longer than \(absence.cadences) cadences of \(spoken(expected.entry.cadence))"
        } else {
            sentence = "\(name) has never spoken since it was put on the roster at \(expected.since)"
        }
        step(rule, key: key, isAbsent ? .holds : .clears, sentence: sentence, at: facts.now, &transitions)
    }
}
