import Basics
import Broker
import CLinux
import ConfigurationFiles
import Contract
import Glibc
import Settings
import Store
import Telemetry

/// Looks for what can lose messages or mislead people although the process is up, and says how to mend it.
///
/// Asked by `baotu doctor`, and once at the start, where what is not good goes into the log.
struct Doctor: Sendable {
    let configuration: GatewayConfiguration
    let live: LiveView
    let now: @Sendable () -> Timestamp
    let openDoor = OpenDoor()

    /// `unread`: whose messages give no reading; nil where the store could not be asked. `asksBroker`: a connection without a
    /// name is tried, which may take seconds.
    func examine(unread: [RejectsAnswer.Unread]? = [], asksBroker: Bool = true) -> [Diagnosis] {
        // The root first. While the store refuses, nothing is acknowledged and the line is dropped for it: that is neither
        // the broker's fault nor the password's, and needs no other mend.
        let isRefusing = live.isDiskFull || live.current.storeTrouble != nil
        let settings = brokerSettings()
        let line =
            brokerConfiguration(settings) + forbidden() + session(isWaiting: isRefusing)
            + (isRefusing ? [] : access(settings, asksBroker: asksBroker))
        let rest =
            messages(unread) + newNames() + clockSteps() + deviceClocks() + ghosts() + forgotten() + story() + losses()
            + lostFiles() + scrub() + channels() + orders() + files()
        if live.isDiskFull { return [fullDisk()] + line + [clock()] + rest }
        let machine = [durability(), room(), clock()]
        return isRefusing ? [pipeline()] + line + machine + rest : line + machine + [pipeline()] + rest
    }

    private func fullDisk() -> Diagnosis {
        let folder = configuration.store.folder
        let room = DiskRoom(folder).map { ", \($0.freeMegabytes) MB free" } ?? ""
        let refusal = live.current.storeTrouble.map { "; the store refuses: \($0)" } ?? ""
        return Diagnosis(
            check: "disk", level: .bad,
            finding:
                "the disk of \(folder) is full\(room): nothing is committed, so nothing is acknowledged, and the line to "
                + "the broker is dropped whenever a message comes\(refusal)",
            mend:
                "make room on it (or raise the quota or limit that it has); the broker keeps the messages meanwhile and the "
                + "gateway resumes by itself")
    }

    // MARK: Broker

    /// Of the broker's own files, where they are named or where the broker runs on this machine.
    private func brokerSettings() -> MosquittoSettings? {
        var files = configuration.brokerConfigurationFiles
        if files.isEmpty, ["127.0.0.1", "::1", "localhost"].contains(configuration.mqtt.host) {
            files = ["/etc/mosquitto/mosquitto.conf"]
        }
        return MosquittoSettings(files: files)
    }

    private func brokerConfiguration(_ settings: MosquittoSettings?) -> [Diagnosis] {
        guard let settings else {
            let unseen =
                "the broker's configuration cannot be seen from here (mqtt.broker_configuration): see there that persistence "
                + "is true and autosave_interval a few seconds (by default mosquitto loses half an hour when it dies)"
            guard live.sessionWasLost else { return [Diagnosis(check: "broker", level: .good, finding: unseen)] }
            return [
                MosquittoSettings.lostSession(
                    "set persistence true, autosave_interval \(MosquittoSettings.autosaveSeconds) and a persistent_client_expiration of 7d in it",
                    unseen)
            ]
        }
        return settings.findings(
            sessionExpiry: configuration.mqtt.sessionExpiry, sessionWasLost: live.sessionWasLost)
    }

    /// While the store refuses, a line that is down says nothing.
    private func session(isWaiting: Bool) -> [Diagnosis] {
        var findings: [Diagnosis] = []
        func tell(_ level: Diagnosis.Level, _ finding: String, _ mend: String? = nil) {
            findings.append(Diagnosis(check: "broker", level: level, finding: finding, mend: mend))
        }
        let status = live.current
        if !status.brokerConnected, !isWaiting {
            tell(
                .bad, "the gateway is not connected to \(status.broker)",
                "check that the broker runs and that mqtt.host, port, password and TLS in \(configuration.file) fit; the log has the reason"
            )
        }
        if status.droppedByBroker > 0 {
            tell(
                .bad, "the broker threw \(counted(status.droppedByBroker, "message")) away",
                "set max_queued_messages 100000000 and max_queued_bytes in the broker's configuration")
        }
        findings += password()
        if configuration.mqtt.subscriptionQoS == .atMostOnce {
            tell(
                .warning, "the gateway subscribes at QoS 0: messages that come while it is away are lost",
                "set mqtt.qos: 1 in \(configuration.file)")
        }
        if let session = live.session {
            if let granted = session.sessionExpiryGranted, granted < configuration.mqtt.sessionExpiry {
                tell(
                    .warning, "the broker keeps the session for \(granted.shortForm) only",
                    "raise the broker's limit of the session expiry")
            }
            if session.maximumQoS < 1 {
                tell(.bad, "the broker grants QoS 0 only", "allow QoS 1 in the broker's configuration")
            }
            if configuration.mqtt.version == .mqtt5, !session.hasSubscriptionIdentifiers,
                let (left, right) = TopicFilter.overlapping(configuration.mqtt.subscriptions).first
            {
                tell(
                    .warning,
                    "the broker does not say by which filter a message came: one without a time counts twice where \(left) and \(right) both match",
                    "set filters in mqtt.subscriptions that do not overlap")
            }
        }
        if findings.isEmpty {
            tell(
                .good,
                status.brokerConnected
                    ? "connected to \(status.broker)"
                    : "the line to \(status.broker) is down while nothing can be committed")
        }
        return findings
    }

    /// A password file that gives no password any more, while the one of before still counts.
    private func password() -> [Diagnosis] {
        guard let file = configuration.passwordFile else { return [] }
        do throws(PasswordFile.Fault) {
            _ = try file.password()
            return []
        } catch {
            return [
                Diagnosis(
                    check: "broker", level: .bad,
                    finding:
                        "mqtt.password_file \(file.path) gives no password (\(error.sentence)): the one of before is used until "
                        + "the gateway ends, and it will not start again",
                    mend: "write the broker's password into the first line of the file")
            ]
        }
    }

    /// What of the stored state this start could not read.
    private func losses() -> [Diagnosis] {
        guard let losses = live.losses else { return [] }
        let kept = losses.kept.isEmpty ? "" : "; what did not read is kept as \(losses.kept.joined(separator: ", "))"
        return losses.sentences.map {
            Diagnosis(
                check: "state", level: .warning, finding: "\($0) (since the start at \(losses.since))",
                mend:
                    "nothing has to be done: windows are right again once the longest has passed, and the readings in the store are whole\(kept)"
            )
        }
    }

    /// Whether what is in force is what the files say.
    private func files() -> [Diagnosis] {
        var findings: [Diagnosis] = []
        if let refused = live.current.refusedReload {
            findings.append(
                Diagnosis(
                    check: "configuration", level: .bad,
                    finding:
                        "the reload at \(refused.at) was refused, and profiles, rules and roster of before are in force: "
                        + refused.reason.replacing("\n", with: "; "),
                    mend: "mend the files, then run baotu reload"))
        }
        if let keys = live.current.restartNeeded {
            findings.append(
                Diagnosis(
                    check: "configuration", level: .warning,
                    finding: "changed in \(configuration.file) and not in force: \(keys.joined(separator: ", "))",
                    mend: "restart the daemon (systemctl restart baotud)"))
        }
        return findings
    }

    // MARK: Machine

    /// Whether the disk under the store really waits: the file system's kind, and what a synced write takes.
    private func durability() -> Diagnosis {
        let folder = configuration.store.folder
        var system = statfs()
        guard statfs(folder, &system) == 0 else {
            return Diagnosis(
                check: "disk", level: .bad,
                finding: "\(folder) cannot be examined: \(String(cString: strerror(errno)))",
                mend: "check that the folder exists and belongs to the gateway's user")
        }
        // Magic numbers of statfs(2).
        let kinds: [Int: String] = [
            0x0102_1994: "tmpfs", 0x8584_58F6: "ramfs", 0x6969: "NFS", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB",
        ]
        if let kind = kinds[Int(system.f_type) & 0xFFFF_FFFF] {
            return Diagnosis(
                check: "disk", level: .bad,
                finding: "\(folder) lies on \(kind), which does not keep what is synced",
                mend: "move store.folder to a local disk with ext4 or xfs")
        }
        guard let microseconds = Self.syncMicroseconds(in: folder) else {
            return Diagnosis(
                check: "disk", level: .warning, finding: "a synced write in \(folder) could not be tried",
                mend: "check that the folder is writable by the gateway's user")
        }
        // No disk and no flash with a power-safe cache answers a flush in less; memory does.
        if microseconds < 10 {
            return Diagnosis(
                check: "disk", level: .bad,
                finding: "a synced write takes \(microseconds) µs: the disk only pretends to sync",
                mend: "switch the write cache's cheat off (mount with barriers, no eatmydata, no nobarrier)")
        }
        return Diagnosis(
            check: "disk", level: .good, finding: "a synced write of 4 KiB takes \(microseconds) µs (median of 5)")
    }

    static func syncMicroseconds(in folder: String) -> Int64? {
        let path = "\(folder)/.doctor-\(getpid())"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        defer {
            close(descriptor)
            unlink(path)
        }
        let block = [UInt8](repeating: 0x5A, count: 4096)
        var spans: [Duration] = []
        for _ in 0..<5 {
            let start = ContinuousClock.now
            guard write(descriptor, block, block.count) == block.count, fdatasync(descriptor) == 0 else { return nil }
            spans.append(ContinuousClock.now - start)
        }
        return spans.sorted()[2].components.attoseconds / 1_000_000_000_000
            + spans.sorted()[2].components.seconds * 1_000_000
    }

    private func room() -> Diagnosis {
        guard let room = DiskRoom(configuration.store.folder) else {
            return Diagnosis(check: "disk", level: .warning, finding: "the room on the disk cannot be read")
        }
        return Diagnosis(
            check: "disk", level: room.level, finding: "\(room.freeMegabytes) MB free, \(room.freePercent) %",
            mend: room.level == .good
                ? nil : "make room: when the disk is full nothing is acknowledged until there is room")
    }

    private func pipeline() -> Diagnosis {
        let status = live.current
        if let trouble = status.storeTrouble {
            return Diagnosis(
                check: "pipeline", level: .bad, finding: "the store refuses: \(trouble)",
                mend:
                    "make room or mend the disk; the broker keeps the messages meanwhile and the gateway resumes by itself"
            )
        }
        if status.lastTurnSecondsAgo > 10 {
            return Diagnosis(
                check: "pipeline", level: .bad,
                finding: "no turn was completed for \(Int64(status.lastTurnSecondsAgo)) s",
                mend: "restart the daemon (systemctl restart baotud) and look at the log for the reason")
        }
        return Diagnosis(
            check: "pipeline", level: .good,
            finding: "\(counted(status.turns, "turn")), the last \(Int64(status.lastTurnSecondsAgo * 1000)) ms ago")
    }
}
