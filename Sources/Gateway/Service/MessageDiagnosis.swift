import Basics
import Contract

extension Doctor {
    /// So many devices are named; `baotu rejects` has them all.
    private static let namedMax = 10
    /// What a device sent longer ago is no news to anybody.
    private static let recent = Duration.seconds(86_400)
    /// A gateway that runs for less may just have heard what the broker had kept.
    private static let settled = Duration.seconds(300)

    /// Whether messages become readings.
    func messages(_ unread: [RejectsAnswer.Unread]?) -> [Diagnosis] {
        let status = live.current
        var findings: [Diagnosis] = []
        let recent = (unread ?? []).filter { $0.isHeard(within: Self.recent) }
        if let hour = lastHour(of: recent) { findings.append(hour) }
        let standing = recent.filter { $0.isStanding && !$0.isHarmless }
        findings += standing.prefix(Self.namedMax).map { one in
            let ever =
                one.forgottenAt.map { " since all of them were taken out at \($0) (baotu store forget)" }
                ?? (one.hasEverRead ? "" : ", nor ever one")
            return finding(
                .warning,
                "\(one.device ?? ""): \(counted(one.messagesSinceReading, "message")) since \(one.sinceReading ?? one.since) and no "
                    + "reading\(ever): \(one.why)", one.mend)
        }
        if standing.count > Self.namedMax {
            findings.append(
                finding(
                    .warning,
                    standing.count - Self.namedMax == 1
                        ? "one more device sends messages that give no reading"
                        : "\(standing.count - Self.namedMax) more devices send messages that give no reading",
                    "baotu rejects names them"))
        }
        for one in recent where one.about != .device && !one.isHarmless {
            let whose =
                one.about == .others ? "of devices beyond those counted by name" : "of which no device can be told"
            findings.append(
                finding(
                    .warning, "\(counted(one.messages, "message")) \(whose), the last at \(one.lastAt): \(one.why)",
                    one.mend))
        }
        if unread == nil {
            findings.append(finding(.warning, "whose messages give no reading cannot be looked up in the store"))
        }
        guard findings.isEmpty else { return findings }
        return [
            finding(
                .good,
                status.receivedLastHour > 0
                    ? "\(counted(status.receivedLastHour, "message")) in the last hour, "
                        + counted(status.readingsLastHour, "new reading")
                    : "no message in the last hour\(status.upSeconds < 3600 ? ", the gateway started at \(status.startedAt)" : "")"
            )
        ]
    }

    private func finding(_ level: Diagnosis.Level, _ finding: String, _ mend: String? = nil) -> Diagnosis {
        Diagnosis(check: "messages", level: level, finding: finding, mend: mend)
    }

    /// nil where a message of the last hour gave a reading, or none came.
    private func lastHour(of recent: [RejectsAnswer.Unread]) -> Diagnosis? {
        let status = live.current
        if status.receivedLastHour > 0 {
            guard status.readingsLastHour == 0 else { return nil }
            let newest = recent.max(by: RejectsAnswer.Unread.isEarlier)
            return finding(
                status.upSeconds < Self.settled.inSeconds ? .warning : .bad,
                (status.receivedLastHour == 1
                    ? "the one message of the last hour gave no new reading"
                    : "none of the \(status.receivedLastHour) messages of the last hour gave a new reading")
                    + (newest.map { "; the newest: \($0.why)" } ?? ""),
                newest?.mend ?? "baotu rejects says why")
        }
        // What came before a restart is in the store, and not among what this process counts.
        let before = recent.filter {
            $0.isHeard(within: .seconds(3600)) && $0.messagesSinceReading > 0 && !$0.isHarmless
        }
        return before.max(by: RejectsAnswer.Unread.isEarlier).map { last in
            finding(
                .warning,
                "no message since the start at \(status.startedAt), and the last one before, at \(last.lastAt), gave no reading: \(last.why)",
                last.mend)
        }
    }
}

extension RejectsAnswer.Unread {
    /// Whether the newest came no longer ago, as far as the gateway listened since.
    fileprivate func isHeard(within span: Duration) -> Bool { listenedSeconds.map { $0 <= span.inSeconds } ?? true }

    /// By the time listened since: the wall clock may have been set between the two.
    fileprivate static func isEarlier(_ left: Self, _ right: Self) -> Bool {
        (left.listenedSeconds ?? 0) > (right.listenedSeconds ?? 0)
    }
}
