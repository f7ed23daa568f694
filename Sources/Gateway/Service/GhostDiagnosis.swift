import Basics
import ConfigurationFiles
import Contract
import Store
import Telemetry

// What was stored under a clock that was wrong.
extension Doctor {
    private static let devicesToldMax = 10

    /// The devices with readings ahead of the present, each with what takes them out. While our own clock was never set
    /// everything lies ahead of it.
    func ghosts() -> [Diagnosis] {
        let folder = configuration.store.folder
        let moment = now()
        guard moment >= TimeFence.clockMin, let archive = try? Archive(folder: folder, threads: 1),
            let found = try? archive.ghosts(at: moment)
        else { return [] }
        var devices: [ByteName] = []
        var byDevice: [ByteName: [ForgetCount]] = [:]
        for count in found {
            let name = ByteName(count.device)
            if byDevice[name] == nil { devices.append(name) }
            byDevice[name, default: []].append(count)
        }
        var findings = devices.prefix(Self.devicesToldMax).map { ghosts(of: $0.text, byDevice[$0]!, in: folder) }
        if devices.count > Self.devicesToldMax {
            findings.append(
                Diagnosis(
                    check: "readings", level: .warning,
                    finding:
                        "\(counted(devices.count - Self.devicesToldMax, "more device has", "more devices have")) readings ahead of now",
                    mend: "take out those that are named here; then the next ones are named"))
        }
        return findings
    }

    private func ghosts(of device: String, _ counts: [ForgetCount], in folder: String) -> Diagnosis {
        let readings = counts.reduce(0) { $0 + $1.readings }
        let (first, last) = (counts.map(\.first).min()!, counts.map(\.last).max()!)
        return Diagnosis(
            check: "readings", level: .warning,
            finding:
                "\(device) has \(counted(readings, "reading")) ahead of now, from \(first) to \(last): a clock was wrong when they came",
            mend:
                "they hide nothing; to take them out stop the gateway, look with baotu store forget --store \(ShellWord.quoted(folder)) --device=\(ShellWord.quoted(device)) --since \(first) --until \(last + .milliseconds(1)), and say it again with --yes"
        )
    }
}
