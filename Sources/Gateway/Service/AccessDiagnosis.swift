import API
import Basics
import Broker
import ConfigurationFiles
import Contract
import Glibc
import Store
import Synchronization
import Telemetry

/// Whether the broker lets in who gives no name, asked seldom: a broker that refuses writes a line into its log, and some count
/// such lines.
final class OpenDoor: Sendable {
    private static let validFor = Duration.seconds(600)
    private let last = Mutex<(isOpen: Bool?, at: ContinuousClock.Instant)?>(nil)

    func isOpen(_ options: BrokerOptions) -> Bool? {
        last.withLock { last in
            if let last, ContinuousClock.now - last.at < Self.validFor { return last.isOpen }
            let isOpen = DoorTrial.letsAnybodyIn(options)
            last = (isOpen, ContinuousClock.now)
            return isOpen
        }
    }
}

// Who may come near the gateway's session at the broker.
extension Doctor {
    /// Ids that are shorter can be guessed, or were written down by somebody.
    private static let clientIDBytesMin = 22
    /// A fight that is over for so long is no finding any more.
    private static let fightRemembered = Duration.seconds(7 * 86_400)

    func access(_ settings: MosquittoSettings?, asksBroker: Bool) -> [Diagnosis] {
        anonymity(asksBroker: asksBroker) + clearText() + fileModes(settings) + names() + version(settings)
    }

    private func finding(_ level: Diagnosis.Level, _ finding: String, _ mend: String) -> Diagnosis {
        Diagnosis(check: "broker", level: level, finding: finding, mend: mend)
    }

    private var isLoopback: Bool { Self.isLoopback(configuration.mqtt.host) }

    /// By its name alone: what a name server says of another one may change.
    static func isLoopback(_ host: String) -> Bool { HostName.isLoopback(host) }

    private func anonymity(asksBroker: Bool) -> [Diagnosis] {
        let options = configuration.mqtt
        // A certificate of ours may be what lets us in.
        guard options.tls?.certificateFile == nil else { return [] }
        let isOpen: Bool? =
            if options.username == nil {
                live.current.brokerConnected
            } else {
                asksBroker && live.current.brokerConnected ? openDoor.isOpen(options) : nil
            }
        guard isOpen == true else { return [] }
        let who = isLoopback ? "any program on this machine" : "anybody who reaches it"
        return [
            finding(
                isLoopback ? .warning : .bad,
                "the broker lets \(who) in without a name and a password, to publish as any device and to read what it likes",
                "set allow_anonymous false, password_file and acl_file in the broker's configuration, and mqtt.username and "
                    + "mqtt.password_file in \(configuration.file) (see accounts beside the shipped mosquitto.conf)")
        ]
    }

    private func clearText() -> [Diagnosis] {
        guard configuration.mqtt.password != nil, configuration.mqtt.tls == nil, !isLoopback else { return [] }
        return [
            finding(
                .bad,
                "the password for the broker goes over the network in clear text: whoever listens on the way to "
                    + "\(configuration.mqtt.host) can have the gateway's session",
                "give the broker a TLS listener and set mqtt.tls and its port in \(configuration.file); then change the password"
            )
        ]
    }

    private func fileModes(_ settings: MosquittoSettings?) -> [Diagnosis] {
        let ours = "the gateway's password for the broker"
        let sessions = "\(configuration.store.folder)/\(StoreOptions.brokerSessionsFile)"
        var files = [(sessions, "the gateway's client id at the broker")]
        if let file = configuration.passwordFile { files.append((file.path, ours)) }
        if let path = settings?.passwordFile {
            files.append((path, "the broker's users and the hashes of their passwords"))
        }
        return files.compactMap { openFile($0, what: $1, check: "broker") }
    }

    /// A file that every user of the machine may read or write, and should not.
    func openFile(_ path: String, what: String, check: String) -> Diagnosis? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & 0o007 != 0 else { return nil }
        let mode = String(status.st_mode & 0o777, radix: 8)
        return Diagnosis(
            check: check, level: .bad,
            finding: "\(path), which has \(what), is open to every user of this machine (mode \(mode))",
            mend: "chmod o= \(ShellWord.quoted(path))")
    }

    private func names() -> [Diagnosis] {
        var findings: [Diagnosis] = []
        if let given = configuration.clientID, given.utf8.count < Self.clientIDBytesMin {
            findings.append(
                finding(
                    .warning,
                    "mqtt.client_id is '\(given)', which can be guessed: a client that connects under it with a clean start "
                        + "throws away the messages that wait for the gateway",
                    "take mqtt.client_id out of \(configuration.file) and restart: the gateway takes what waits under it, and "
                        + "goes on under an id of its own"))
        }
        let takeovers = live.takeovers
        if let last = takeovers.lastAt, now() - last < Self.fightRemembered {
            findings.append(
                finding(
                    .bad,
                    "another client connected under the gateway's client id (as far as the broker tells, "
                        + "\(counted(Int(takeovers.count), "time")), last at \(last)): two gateways run with one id, or somebody has it who should not",
                    "look in the broker's log for the other's address; give a second gateway a store of its own, and the broker "
                        + "accounts with passwords"))
        }
        switch live.handover {
        case .givenUp(let reason):
            findings.append(
                finding(
                    .bad, "messages may wait at the broker under a client id that the gateway had before: \(reason)",
                    "end who else uses that id, then restart the daemon (systemctl restart baotud)"))
        case .began, .draining:
            findings.append(
                finding(
                    .warning, "the gateway still takes what waits at the broker under the client id of before",
                    "wait; the log says when it is done"))
        case .nothingWaited, .sameSession, .ended, nil: break
        }
        return findings
    }

    /// Where a service has no group of operators, root alone gives orders; whoever runs the gateway by hand gives his own.
    func orders(isService: Bool = UnitFence.ownUnit != nil) -> [Diagnosis] {
        let group = configuration.operators
        guard isService, !Operators(group: group).areKnown else { return [] }
        return [
            Diagnosis(
                check: "operators", level: .warning,
                finding:
                    "there is no group \(group) on this machine: root alone may take alerts, silence, import and reload",
                mend:
                    "as root: groupadd --system \(group), and usermod --append --groups \(group) LOGIN for each operator, from whose "
                    + "next login on it is so")
        ]
    }

    private func version(_ settings: MosquittoSettings?) -> [Diagnosis] {
        guard let text = live.brokerVersion, let version = MosquittoVersion(text) else { return [] }
        return version.faults(isQueueUnlimited: settings?.isQueueUnlimited).map { fault in
            finding(fault.level, "the broker is \(text): \(fault.sentence)", fault.mend)
        }
    }
}
