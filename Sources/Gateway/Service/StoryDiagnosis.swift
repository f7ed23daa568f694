import Basics
import ConfigurationFiles
import Contract
import Notification
import Store
import Telemetry

// What the store no longer knows of itself.
extension Doctor {
    private static let namedMax = 10
    /// A loss is told for so long; the ledger of the store has it for good.
    private static let toldFor = Duration.seconds(30 * 86_400)

    /// Devices of which all readings were taken out and none came since: nobody else's fault.
    func forgotten() -> [Diagnosis] {
        guard let devices = try? Archive(folder: configuration.store.folder, threads: 1).devices(at: now()) else {
            return []
        }
        let gone = devices.compactMap { device in device.forgottenAt.map { (device.device, $0) } }
        var findings = gone.prefix(Self.namedMax).map { name, at in
            Diagnosis(
                check: "readings", level: .good,
                finding: "\(name): its readings were taken out at \(at) (baotu store forget), and none came since")
        }
        if gone.count > Self.namedMax {
            findings.append(
                Diagnosis(
                    check: "readings", level: .good,
                    finding:
                        "\(gone.count - Self.namedMax) more devices of which all readings were taken out; the ledger has them"
                ))
        }
        return findings
    }

    func story() -> [Diagnosis] {
        var findings: [Diagnosis] = []
        func tell(_ level: Diagnosis.Level, _ finding: String, _ mend: String) {
            findings.append(Diagnosis(check: "store", level: level, finding: finding, mend: mend))
        }
        if let lost = live.lostStory, now() - lost.at < Self.toldFor {
            tell(
                .warning, lost.sentence + "; alerts and incidents have numbers that none had before",
                "a core.db of before, or a backup of before, still has the old ones: baotu restore it into another folder and ask "
                    + "there (baotu incidents --store DIR); what still holds is told anew. This is told until \(lost.at + Self.toldFor)"
            )
        }
        if live.isBrokerOlder {
            tell(
                .bad,
                "the store is new, and the broker knew this gateway: there was a store before, in \(configuration.store.folder) or elsewhere",
                "stop the gateway, look whether the disk of \(configuration.store.folder) came and whether store.folder is right, and start "
                    + "it on the old store or on a backup; where it is gone for good nothing has to be done")
        }
        let strange = live.strangeAlerts
        if strange.count > 0 {
            let named =
                strange.named.map(String.init).joined(separator: ", ")
                + (strange.count > strange.named.count ? ", …" : "")
            let topic = MQTTChannel.topic(
                ofAlert: strange.named.first ?? 0, topicPrefix: configuration.notifications.topicPrefix)
            tell(
                .bad,
                "the broker keeps \(counted(strange.count, "word")) on open alerts that the store does not know (\(named)): the store is "
                    + "not the one that it was, or another gateway publishes under \(configuration.notifications.topicPrefix)/",
                "look whether the disk of \(configuration.store.folder) came, and give each gateway an mqtt.own_prefix of its own; a word "
                    + "that stands for nothing goes with mosquitto_pub -r -n -t \(topic)")
        }
        return findings
    }
}
