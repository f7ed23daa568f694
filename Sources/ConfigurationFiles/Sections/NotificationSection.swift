import Basics
import Settings

/// Section `notification`.
extension GatewayConfiguration {
    /// The channels by which people are told of alerts.
    public struct Notifications: Sendable {
        /// Into the gateway's log.
        public var toLog: Bool
        /// As retained messages on the broker.
        public var toMQTT: Bool
        /// Alerts are published under `<prefix>/alerts/<id>`.
        public var topicPrefix: String

        init(_ setting: Setting, topicPrefix: String, _ mistakes: inout [Mistake]) {
            var reader = SettingReader(setting, &mistakes)
            toLog = reader.flag("log", default: true, &mistakes)
            toMQTT = reader.flag("mqtt", default: true, &mistakes)
            self.topicPrefix = topicPrefix
            reader.finish(&mistakes)
        }
    }
}
