import Basics
package import Telemetry

/// The roster as the gateway reads it: a heading and one line for each device.
package func rosterText(_ entries: [RosterEntry]) -> String {
    var text = "device,profile,area,circuit,latitude,longitude,cadence,constants\n"
    for entry in entries {
        // A roster knows no cadence below a second; a device that speaks more often is not missed any sooner.
        let cadence = max(1000, entry.cadence.milliseconds)
        let span = cadence % 1000 == 0 ? "\(cadence / 1000)s" : "\(cadence)ms"
        let place = [entry.latitude, entry.longitude].map { $0.map { rounded($0, 5) } ?? "" }
        let constants = entry.constants.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: ";")
        text +=
            "\(entry.device),\(entry.profile),\(entry.area),\(entry.circuit),\(place[0]),\(place[1]),\(span),\(constants)\n"
    }
    return text
}
