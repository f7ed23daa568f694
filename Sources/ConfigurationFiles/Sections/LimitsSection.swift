import Basics
import Decoding
import Settings
import Telemetry
import Windows

/// Section `limits`.
struct LimitsSection {
    /// What there is, and what follows from it.
    var budget: MemoryBudget
    /// What one message may cost, and how fast names may come.
    var decoding = DecodingLimits()
    /// How many names the registry takes.
    var names: SeriesRegistry.Limits
    /// How much memory windows may take.
    var windows: WindowBudget
    /// Series with windows, where somebody says how many.
    var windowedSeries: Int?

    init(_ setting: Setting, _ mistakes: inout [Mistake]) {
        var reader = SettingReader(setting, &mistakes)
        for (key, path, range) in Self.messageKeys {
            decoding[keyPath: path] = reader.integer(key, in: range, default: decoding[keyPath: path], &mistakes)
        }
        var rates = NameRates()
        rates.inAll = Self.bucket("new_names", default: rates.inAll, &reader, &mistakes)
        rates.perTopic = Self.bucket("new_names_per_topic", default: rates.perTopic, &reader, &mistakes)
        decoding.newNames = rates
        let memory = Self.bytes("memory", in: 128 << 20...1 << 46, &reader, &mistakes)
        budget = MemoryBudget(
            memory: memory.map { MachineMemory(bytes: $0, source: "limits.memory") } ?? MachineMemory.read())
        names = budget.names
        windows = budget.windows
        names.devicesMax = Self.number("devices", in: 1...16_000_000, &reader, &mistakes) ?? names.devicesMax
        names.seriesMax = Self.number("series", in: 1...64_000_000, &reader, &mistakes) ?? names.seriesMax
        windowedSeries = Self.number("windowed_series", in: 1...64_000_000, &reader, &mistakes)
        if let windowedSeries { windows = WindowBudget(seriesMax: windowedSeries) }
        reader.finish(&mistakes)
    }

    private static var messageKeys: [(String, WritableKeyPath<DecodingLimits, Int>, ClosedRange<Int>)] {
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

    /// A whole number; nil where nothing stands there, or `auto`.
    private static func number(
        _ key: String, in range: ClosedRange<Int>, _ reader: inout SettingReader, _ mistakes: inout [Mistake]
    ) -> Int? {
        guard let found = reader.optional(key), found.text != "auto" else { return nil }
        guard let number = found.text.flatMap({ Int($0) }), range.contains(number) else {
            mistakes.append(
                found.mistake(
                    "expected a whole number from \(range.lowerBound) to \(range.upperBound), or auto for what the memory allows"
                ))
            return nil
        }
        return number
    }

    /// A whole number of bytes, or of 1024s of them with K, M, G or T behind it, as systemd has it; nil where nothing stands
    /// there, or `auto`.
    private static func bytes(
        _ key: String, in range: ClosedRange<Int>, _ reader: inout SettingReader, _ mistakes: inout [Mistake]
    ) -> Int? {
        guard let found = reader.optional(key), found.text != "auto" else { return nil }
        let text = found.text ?? ""
        let shift = text.last.flatMap { ["K": 10, "M": 20, "G": 30, "T": 40][$0] }
        let number = Int(shift == nil ? text[...] : text.dropLast())
        let bytes = number.flatMap { number in
            let (bytes, isTooMuch) = number.multipliedReportingOverflow(by: 1 << (shift ?? 0))
            return isTooMuch ? nil : bytes
        }
        guard let bytes, range.contains(bytes) else {
            mistakes.append(
                found.mistake(
                    "expected bytes from \(range.lowerBound) (\(range.lowerBound >> 20)M), such as 2G, or auto for what the machine and "
                        + "the limits of the service allow"))
            return nil
        }
        return bytes
    }

    private static func bucket(
        _ key: String, default fallback: NameRates.Bucket, _ reader: inout SettingReader, _ mistakes: inout [Mistake]
    ) -> NameRates.Bucket {
        guard let found = reader.optional(key) else { return fallback }
        guard found.entries != nil else {
            mistakes.append(
                found.mistake(
                    "expected {burst: \(fallback.burst), per_minute: \(fallback.perMinute)}: so many at once, and by how many it refills"
                ))
            return fallback
        }
        var entry = SettingReader(found, &mistakes)
        let range = 1...64_000_000
        let bucket = NameRates.Bucket(
            burst: entry.integer("burst", in: range, default: fallback.burst, &mistakes),
            perMinute: entry.integer("per_minute", in: range, default: fallback.perMinute, &mistakes))
        entry.finish(&mistakes)
        return bucket
    }
}
