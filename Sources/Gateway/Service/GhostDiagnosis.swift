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
        if !found.isEmpty, let ours = ourClock(archive, moment) { return [ours] }
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

    /// Where most of those that speak are ahead of us with the newest that they said, it is our clock that is behind, and their
    /// readings are good. Ghosts of a clock that is right again have newer readings behind them.
    private func ourClock(_ archive: Archive, _ moment: Timestamp) -> Diagnosis? {
        guard let latest = try? archive.latest(), let devices = try? archive.devices(at: moment) else { return nil }
        var newest: [ByteName: Timestamp] = [:]
        for answer in latest {
            let name = ByteName(answer.device)
            newest[name] = max(newest[name] ?? answer.observed, answer.observed)
        }
        let speaking = devices.filter { $0.lastHeardSecondsAgo ?? .infinity < 86_400 }.map { ByteName($0.device) }
        let slack = Duration.milliseconds(TimeFence.slackMilliseconds)
        let ahead = speaking.compactMap { newest[$0] }.filter { $0 > moment + slack }.sorted()
        guard ahead.count >= 2, ahead.count * 2 > speaking.count else { return nil }
        return Diagnosis(
            check: "readings", level: .bad,
            finding:
                "\(ahead.count) of \(counted(speaking.count, "device")) that speak are ahead of now, at \(ahead[ahead.count / 2]): they "
                + "agree with each other, so this machine's clock is probably behind",
            mend:
                "look at the machine's clock (timedatectl, chronyc tracking); the readings are right, take none of them out"
        )
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
