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
    channels += configuration.webhooks.map { WebhookChannel(name: $0.channel.name, WebhookOptions($0)) }
    channels += configuration.emails.map { EmailChannel(name: $0.channel.name, EmailOptions($0)) }
    channels += configuration.commands.map {
        CommandChannel(name: $0.channel.name, program: $0.program, arguments: $0.arguments)
    }
    return channels
}

extension WebhookOptions {
    fileprivate init(_ webhook: GatewayConfiguration.Notifications.Webhook) {
        let format: NoticeFormat =
            switch webhook.format {
            case .baotu: .baotu
            case .alertmanager: .alertmanager
            case .template(let template): .template(template)
            case .cap(let sender, let isPublic): .cap(CAPOptions(sender: sender, isPublic: isPublic))
            }
        self.init(
            url: webhook.url, format: format, headers: webhook.headers, answerContains: webhook.answerContains,
            caFile: webhook.caFile, timeLimit: webhook.timeLimit)
    }
}

extension EmailOptions {
    fileprivate init(_ email: GatewayConfiguration.Notifications.Email) {
        let protection: Protection =
            switch email.protection {
            case .startTLS: .startTLS
            case .tls: .tls
            case .none: .none
            }
        let account = email.username.flatMap { name in email.password.map { (username: name, password: $0) } }
        self.init(
            host: email.host, port: email.port, protection: protection, account: account, caFile: email.caFile,
            from: email.from, to: email.to)
    }
}
