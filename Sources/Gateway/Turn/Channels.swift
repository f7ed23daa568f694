import ConfigurationFiles
import Logging
import Notification
import Telemetry

/// The channels that the configuration switches on. A new one is its file in Notification, its section of the
/// configuration, and its line here.
func channels(
    _ configuration: GatewayConfiguration.Notifications, publisher: Publisher, log: Logger
) -> [any NotificationChannel] {
    var channels: [any NotificationChannel] = []
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
        channels.append(MQTTChannel(topicPrefix: configuration.topicPrefix) { await publisher.publish($0, $1) })
    }
    return channels
}
