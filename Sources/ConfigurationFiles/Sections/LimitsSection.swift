import Basics
import Decoding
import Settings

/// Section `limits`, as far as it is about one message.
extension GatewayConfiguration {
    /// Reads what of `limits` is about one message; `store` reads the rest and asks for the end.
    static func decoding(_ setting: Setting, _ mistakes: inout [Mistake]) -> DecodingLimits {
        var limits = DecodingLimits()
        var reader = SettingReader(setting, &mistakes)
        for (key, path, range) in decodingKeys {
            limits[keyPath: path] = reader.integer(key, in: range, default: limits[keyPath: path], &mistakes)
        }
        return limits
    }

    static var decodingKeys: [(String, WritableKeyPath<DecodingLimits, Int>, ClosedRange<Int>)] {
        [
            ("payload_bytes", \.payloadBytesMax, 256...268_435_456),
            ("nesting", \.nestingMax, 1...1024),
            ("values", \.nodesMax, 16...16_777_216),
            ("readings", \.readingsPerMessageMax, 1...1_000_000),
            ("faults", \.rejectsPerMessageMax, 1...1000),
            ("devices_per_profile", \.devicesPerProfileMax, 1...16_000_000),
            ("sparkplug_devices", \.sparkplugDevicesMax, 0...16_000_000),
            ("sparkplug_metrics", \.sparkplugMetricsMax, 0...64_000_000),
            ("held_keys", \.heldKeysMax, 0...16_000_000),
        ]
    }
}
