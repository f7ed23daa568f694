import Basics
import Broker
import ConfigurationFiles
import Logging
import Notification
import Store
import Telemetry

/// Takes notices from the outbox, hands them to their channels, and marks them done when they are.
///
/// The outbox is in the store, so a notice survives a crash between the alert and its delivery, and may then be told
/// twice, never not at all.
struct OutboxPump {
    private static let noticesPerTurnMax = 200

    private var channels: [any NotificationChannel] = []
    private let broker: any BrokerLine
    private let schedule = DeliverySchedule()
    /// Handed to the broker, not yet confirmed.
    private var underway: [MessageToken: Int64] = [:]
    private var isUnderway: Set<Int64> = []
    /// Delivered, and not yet marked so: while the store refuses the mark nobody is told again.
    private var delivered: Set<Int64> = []
    private var refusals: [(id: Int64, reason: String)] = []
    /// The store is asked for due notices at this moment at the latest, and at once when something was recorded.
    private var nextLook = Timestamp(milliseconds: 0)

    init(configuration: GatewayConfiguration.Notifications, broker: any BrokerLine, log: Logger) {
        self.broker = broker
        if configuration.toLog {
            channels.append(
                LogChannel { notice in
                    log.log(
                        level: notice.severity == .info ? .notice : .warning, "alert \(notice.phase.rawValue)",
                        metadata: [
                            "alert": "\(notice.alertID)", "rule": "\(notice.rule)", notice.aboutKey: "\(notice.name)",
                            "severity": "\(notice.severity.rawValue)", "sentence": "\(notice.sentence)",
                        ])
                })
        }
        if configuration.toMQTT {
            channels.append(
                MQTTChannel(topicPrefix: configuration.topicPrefix) { topic, payload in
                    broker.publish(topic: topic, payload: Array(payload.utf8), qos: .atLeastOnce, retain: true)?
                        .rawValue
                })
        }
    }

    var channelNames: [String] { channels.map(\.name) }

    mutating func refused(_ token: MessageToken, _ reason: String) {
        guard let id = underway.removeValue(forKey: token) else { return }
        refusals.append((id, reason))
    }

    /// Something was recorded that may have to be told.
    mutating func wake() { nextLook = Timestamp(milliseconds: 0) }

    /// One round: confirmations in, due notices out. Asks the store once a second, and after `wake`.
    mutating func pump(_ journal: Journal, at now: Timestamp, trouble: (StoreError) -> Void) {
        do throws(StoreError) {
            for token in broker.takeConfirmed() {
                guard let id = underway.removeValue(forKey: token) else { continue }
                delivered.insert(id)
            }
            for refusal in refusals {
                isUnderway.remove(refusal.id)
                try fail(refusal.id, attempts: 1, refusal.reason, journal, now)
            }
            refusals.removeAll()
            if now >= nextLook {
                nextLook = now + .seconds(1)
                let due = try journal.pendingNotifications(
                    atMost: Self.noticesPerTurnMax + isUnderway.count + delivered.count, now: now)
                for pending in due where !isUnderway.contains(pending.id) && !delivered.contains(pending.id) {
                    guard let index = channels.firstIndex(where: { $0.name == pending.channel }) else {
                        delivered.insert(pending.id)  // the channel was switched off since
                        continue
                    }
                    switch channels[index].deliver(AlertNotice(pending)) {
                    case .delivered: delivered.insert(pending.id)
                    case .underway(let token):
                        underway[MessageToken(rawValue: token)] = pending.id
                        isUnderway.insert(pending.id)
                    case .failed(let reason):
                        try fail(pending.id, attempts: pending.attempts + 1, reason, journal, now)
                    }
                }
            }
            if !delivered.isEmpty {
                try journal.markDelivered(delivered.sorted(), now: now)
                isUnderway.subtract(delivered)
                delivered.removeAll()
            }
        } catch {
            trouble(error)
        }
    }

    private func fail(
        _ id: Int64, attempts: Int, _ reason: String, _ journal: Journal, _ now: Timestamp
    ) throws(StoreError) {
        try journal.markFailed(id, error: reason, nextAttempt: now + schedule.delay(afterAttempts: attempts))
    }
}

extension AlertNotice {
    fileprivate init(_ pending: PendingNotification) {
        let transition = pending.transition
        self.init(
            alertID: pending.alertID, rule: transition.key.rule, subject: transition.key.subject.kind,
            name: pending.subject, quantity: pending.quantity?.name, channel: pending.deviceChannel,
            phase: transition.to,
            severity: transition.severity, since: transition.since, at: transition.at, value: transition.value,
            unit: pending.quantity?.unit, sentence: transition.sentence)
    }
}
