import Basics
import Decoding
import Foundation
import Profiles
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

        var bytes: [UInt8] {
            encoding == "base64" ? Array(Data(base64Encoded: payload) ?? Data()) : Array(payload.utf8)
        }
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

    /// A text or a number.
    struct Constant: Decodable {
        var text: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            let word = try? container.decode(String.self)
            text = try word ?? "\(container.decode(Double.self))"
        }
    }

    /// What the configuration of a dialect of the corpus tells; keys that are not read here are parameters.
    struct Deployment: Decodable {
        /// Name of the time zone of the site; counts before the offset.
        var timezone: String?
        /// Constants of the roster, by device.
        var devices: [String: [String: Constant]]?
    }

    var path = ""
    var messages: [Message]?
    var topic: String?
    var payload: String?
    var received: String?
    var encoding: String?
    var siteZoneOffsetSeconds: Int?
    /// Constants of the roster, by device.
    var constants: [String: [String: Constant]]?
    var deployment: Deployment?
    /// From the corpus of dialects, not from beside a profile.
    var isOfCorpus = false
    var expect: [Expectation]
    var expectStatus: [StatusExpectation]?
    /// Reasons of the rejects, in order.
    var expectRejects: [String]?

    /// A decoder as the deployment of the sample configures it.
    func bench() throws -> Bench {
        let catalog = try (isOfCorpus ? Repository.corpusCatalog : Repository.catalog).get()
        var told: [ByteName: [String: String]] = [:]
        for (device, constants) in constants ?? deployment?.devices ?? [:] {
            told[ByteName(device)] = constants.mapValues(\.text)
        }
        return Bench(
            catalog, siteZoneOffsetSeconds: siteZoneOffsetSeconds ?? 0,
            siteZone: deployment?.timezone.flatMap(ZoneRules.system), constants: told)
    }

    var description: String { path.split(separator: "/").suffix(4).joined(separator: "/") }

    enum CodingKeys: String, CodingKey {
        case messages, topic, payload, received, encoding, expect, constants, deployment
        case siteZoneOffsetSeconds = "site_zone_offset_seconds"
        case expectStatus = "expect_status"
        case expectRejects = "expect_rejects"
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
            batch.append(
                topic: message.topic, payload: message.bytes, receivedAt: try moment(message.received),
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

    /// The folder that the corpus of dialects lies in: `shared` beside the checkout, or beside a folder above it.
    static let corpusFolder: String? = {
        var folder = URL(filePath: root).standardizedFileURL
        while folder.pathComponents.count > 1 {
            folder = folder.deletingLastPathComponent()
            let candidate = folder.appending(path: "shared/dialects").path(percentEncoded: false)
            if FileManager.default.fileExists(atPath: candidate) { return candidate }
        }
        return nil
    }()

    /// Dialects of the corpus that the profiles cover, with what their deployments configure; none where the corpus
    /// is not at hand.
    static let corpus: [DialectSample] = {
        guard let corpusFolder else { return [] }
        return corpusNames.compactMap { name in
            var sample = try? DialectSample.load("\(corpusFolder)/\(name).json")
            sample?.isOfCorpus = true
            // What the corpus tells of a site in words of its own is in our sample of the same messages.
            let last = sample?.sequence.last?.payload
            let twin = samples.first { $0.constants != nil && $0.sequence.last?.payload == last }
            if sample?.deployment?.devices == nil { sample?.constants = twin?.constants }
            sample?.expectRejects = twin?.expectRejects
            return sample
        }
    }()

    /// The profiles as the deployments of the corpus configure them, all compiled together.
    static let corpusCatalog = Result {
        try DeviceCatalog.compile(
            try profileSources(),
            parameters: [
                "decentlab-pyr.application": "9a1", "dsmr-reader.device": "p1-townhall",
            ])
    }

    static let corpusNames = [
        "airgradient", "asyncapi-smartylighting", "chirpstack-milesight-em400mud-waste",
        "chirpstack-milesight-ws302-noise", "chirpstack-v4-decentlab-pm", "chirpstack-v4-decentlab-pyr",
        "chirpstack-v4-nas-ul20xx-usage", "digitraffic-road-weather", "digitraffic-tms", "dsmr-reader-json",
        "ecowitt-form", "hj212-2017-air-hour", "hj212-2017-air-rtd", "influx-line-protocol", "senml-json",
        "sparkplug-b-weather",
        "esphome-state", "fiware-ngsild-airquality", "fiware-ngsiv2-cabinet", "fiware-ngsiv2-streetlight",
        "fronius-solar-api", "goe-charger", "growatt-grott", "helium-cayenne-lpp", "homie-5", "loriot-dragino-aqs01",
        "lwm2m-emqx-ucifi",
        "ntcip1204-ess-telegraf", "opendtu", "purpleair-local-json", "rtl433-events", "sensor-community-airrohr",
        "sensorthings-mqtt", "shelly-gen1-relay", "shelly-gen2-em", "smartcitizen-readings", "sunspec-model103-json",
        "talq-log-report", "tasmota-sensor", "thingpark-netvox-ra0716", "thingsboard-gateway-api",
        "tts-bosch-tps110-parking", "tts-v3-decoded", "tts-v3-milesight-am319-raw", "victron-dbus-flashmq",
        "wirenboard", "wmbusmeters-water", "zigbee2mqtt",
    ]
}

/// A decoder with its registry and what it made of the messages so far.
struct Bench: ~Copyable {
    var decoder: MessageDecoder
    var registry: SeriesRegistry
    var batch = DecodedBatch()

    init(
        _ catalog: DeviceCatalog, limits: DecodingLimits = .init(), siteZoneOffsetSeconds: Int = 0,
        siteZone: ZoneRules? = nil, registryLimits: SeriesRegistry.Limits = .init(),
        constants: [ByteName: [String: String]] = [:]
    ) {
        decoder = MessageDecoder(
            catalog: catalog, limits: limits, siteZoneOffsetSeconds: siteZoneOffsetSeconds, siteZone: siteZone,
            constants: constants)
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
    var rejectLines: [String] { batch.rejects.map { "\($0.reason.rawValue): \($0.detail)" } }
    var suspectLines: [String] { batch.suspects.map { line($0) } }

    func line(_ reading: Reading) -> String {
        let series = registry.series[reading.series.index]
        let channel = registry.channelName(of: reading.series).map { "[\($0)]" } ?? ""
        return
            "\(registry.devices[series.device.index].name) \(series.quantity.name)\(channel) \(reading.value) @\(reading.observed)"
    }
}
