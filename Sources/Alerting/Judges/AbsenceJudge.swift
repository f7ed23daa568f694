import Basics
import Telemetry

// Devices of the roster that are silent.
extension AlertBook {
    /// Returns how long it will not be absent, as far as is known; nil where an alert of it is up: that ends by its word alone.
    mutating func judge(
        _ rule: AlertRule, _ absence: Absence, _ device: DeviceIndex, _ expected: Roster.Line, _ facts: Facts,
        _ transitions: inout [AlertTransition]
    ) -> Duration? {
        let heard = facts.health.lastHeard(device)
        let allowance = absence.allowance(cadence: expected.entry.cadence)
        let silence =
            facts.health.silence(of: device, at: facts.now) ?? facts.now.listened - expected.awaited
        let saidOffline = facts.health.saidOffline(device)
        let key = AlertKey(rule: rule.name, subject: .device(device))
        let isAbsent = saidOffline || silence >= allowance
        if !isAbsent && active[key] == nil { return allowance - silence }
        if !isAbsent && heard == nil { return nil }
        func sentence() -> Sentence {
            func said(_ key: Sentence.Key, _ values: [Sentence.Name: Sentence.Value?] = [:]) -> Sentence {
                Sentence(key, about: .device(device), facts.registry, values)
            }
            if !isAbsent { return said(.absenceBack) }
            if saidOffline { return said(.absenceOffline) }
            guard let heard else { return said(.absenceNever, [.since: .moment(expected.since)]) }
            return said(
                .absenceSilent,
                [
                    .since: .moment(heard.at), .cadences: .count(absence.cadences),
                    .cadence: .span(expected.entry.cadence),
                ])
        }
        step(rule, key: key, isAbsent ? .holds : .clears, sentence: sentence(), at: facts.now, &transitions)
        return active[key] == nil ? allowance - silence : nil
    }
}
