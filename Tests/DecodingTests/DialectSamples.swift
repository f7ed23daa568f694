import Decoding
import Foundation
import Settings
import Telemetry

/// A file of messages and the readings they must become: a sample of a profile, or a dialect of the corpus.
struct DialectSample: Decodable, CustomStringConvertible {
    struct Message: Decodable {
        var topic: String
        var payload: String
        var received: String
        var encoding: String?
        var retained: Bool?
    }

    struct Expectation: Decodable {
        var device: String
        var quantity: String
        var channel: String?
        var value: Double
        var unit: String
        var timestamp: String
    }

    struct StatusExpectation: Decodable {
        var device: String
        var state: String
        var timestamp: String
    }

    var path = ""
    var messages: [Message]?
    var topic: String?
    var payload: String?
    var received: String?
    var encoding: String?
    var siteZoneOffsetSeconds: Int?
    var expect: [Expectation]
    var expectStatus: [StatusExpectation]?

    var description: String { path.split(separator: "/").suffix(4).joined(separator: "/") }

    enum CodingKeys: String, CodingKey {
        case messages, topic, payload, received, encoding, expect
        case siteZoneOffsetSeconds = "site_zone_offset_seconds"
        case expectStatus = "expect_status"
    }

    static func load(_ path: String) throws -> DialectSample {
        var sample = try JSONDecoder().decode(DialectSample.self, from: Data(contentsOf: URL(filePath: path)))
        sample.path = path
        return sample
    }

    var sequence: [Message] {
        if let messages { return messages }
        guard let topic, let payload, let received else { return [] }
        return [Message(topic: topic, payload: payload, received: received, encoding: encoding, retained: nil)]
    }

    func append(to batch: inout MessageBatch) throws {
        for message in sequence {
            let bytes =
                message.encoding == "base64"
                ? Array(Data(base64Encoded: message.payload) ?? Data()) : Array(message.payload.utf8)
            batch.append(
                topic: message.topic, payload: bytes, receivedAt: try moment(message.received),
                isRetained: message.retained ?? false)
        }
    }
}

func moment(_ text: String) throws -> Timestamp {
    guard let moment = Timestamp(iso8601: text) else { throw SampleError.notATime(text) }
    return moment
}

enum SampleError: Error { case notATime(String) }

/// The checkout that the tests belong to.
enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path(percentEncoded: false)

    static func profileSources() throws -> [ProfileSource] {
        try SettingFiles.paths(named: "profile.yaml", under: root + "Devices").map {
            ProfileSource(path: $0, text: try SettingFiles.text(of: $0))
        }
    }

    /// The profiles of `Devices`, compiled once.
    static let catalog = Result { try DeviceCatalog.compile(try profileSources()) }

    static let samples: [DialectSample] = {
        let walk = FileManager.default.enumerator(atPath: root + "Devices")
        var paths: [String] = []
        while let path = walk?.nextObject() as? String {
            if path.contains("/samples/"), path.hasSuffix(".json") { paths.append(root + "Devices/" + path) }
        }
        return paths.sorted().compactMap { try? DialectSample.load($0) }
    }()

    /// Dialects of the corpus that the profiles cover, where the corpus lies beside the checkout.
    static let corpus: [DialectSample] = [
        ("chirpstack-v4-nas-ul20xx-usage", 0), ("talq-log-report", 0), ("sensor-community-airrohr", 0),
        ("sunspec-model103-json", 0), ("digitraffic-road-weather", 0), ("airgradient", 0), ("opendtu", 0),
        ("tasmota-sensor", 3600),
    ].compactMap { name, offset in
        var sample = try? DialectSample.load("\(root)../shared/dialects/\(name).json")
        sample?.siteZoneOffsetSeconds = offset
        return sample
    }
}

/// A decoder with its registry and what it made of the messages so far.
struct Bench: ~Copyable {
    var decoder: MessageDecoder
    var registry: SeriesRegistry
    var batch = DecodedBatch()

    init(
        _ catalog: DeviceCatalog, limits: DecodingLimits = .init(), siteZoneOffsetSeconds: Int = 0,
        registryLimits: SeriesRegistry.Limits = .init(), constants: [String: [String: String]] = [:]
    ) {
        decoder = MessageDecoder(
            catalog: catalog, limits: limits, siteZoneOffsetSeconds: siteZoneOffsetSeconds, constants: constants)
        registry = SeriesRegistry(limits: registryLimits)
    }

    init(profile text: String, siteZoneOffsetSeconds: Int = 0) throws {
        let catalog = try DeviceCatalog.compile([ProfileSource(path: "test.yaml", text: text)])
        self.init(catalog, siteZoneOffsetSeconds: siteZoneOffsetSeconds)
    }

    static let received = Timestamp(milliseconds: 1_772_705_700_000)  // 2026-03-05T10:15:00Z

    mutating func decode(_ topic: String, _ payload: some Collection<UInt8>, at received: Timestamp = Bench.received) {
        var messages = MessageBatch()
        messages.append(topic: topic, payload: payload, receivedAt: received)
        decoder.decode(messages, into: &batch, registry: &registry)
    }

    mutating func decode(_ topic: String, _ payload: String, at received: Timestamp = Bench.received) {
        decode(topic, Array(payload.utf8), at: received)
    }

    /// `device quantity[channel] value @time`, in the order of the batch.
    var lines: [String] { batch.readings.map { line($0) } }
    var suspectLines: [String] { batch.suspects.map { line($0) } }

    func line(_ reading: Reading) -> String {
        let series = registry.series[reading.series.index]
        let channel = registry.channelName(of: reading.series).map { "[\($0)]" } ?? ""
        return
            "\(registry.devices[series.device.index].name) \(series.quantity.name)\(channel) \(reading.value) @\(reading.observed)"
    }
}
