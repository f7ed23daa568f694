import Basics
import ConfigurationFiles
import Contract
import Telemetry

/// A channel by which nobody has been told since.
struct ChannelTrouble: Hashable, Sendable {
    /// In the outbox.
    var channel: String
    /// Of the first attempt that failed after the last one that did not, or since the start.
    var since: Timestamp
    /// Rounds of attempts since.
    var rounds: Int
    /// What the last one was told.
    var reason: String
    /// There was no way to it, which whoever keeps the way tells himself.
    var isUnreachable: Bool
}

// Whether people are told.
extension Doctor {
    func channels() -> [Diagnosis] {
        let failing = live.channelTroubles.filter { !$0.isUnreachable }.map { trouble in
            Diagnosis(
                check: "channel", level: .bad,
                finding:
                    "\(trouble.channel) has told nobody since \(trouble.since): \(counted(trouble.rounds, "attempt")) failed, the last "
                    + "with: \(trouble.reason)",
                mend:
                    "mend what it says, and try it with baotu notify test \(trouble.channel); the notices wait in the store and "
                    + "are told by themselves then")
        }
        return failing
            + configuration.notifications.secretFiles.compactMap {
                openFile($0, what: "a channel's secret", check: "channel")
            }
    }
}
