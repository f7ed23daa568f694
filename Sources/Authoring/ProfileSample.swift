public import Basics
public import Decoding
import FoundationEssentials
import Settings
public import Telemetry

/// The text of a sample file. The shell reads files; this room does not.
public struct SampleFile: Sendable {
    /// Only for messages.
    public var path: String
    public var bytes: [UInt8]

    public init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }
}

/// A sample: messages and the readings they must become.
public struct ProfileSample: Codable, Sendable {
    public struct Message: Codable, Sendable {
        public var topic: String
        public var payload: String
        /// RFC 3339.
        public var received: String
        /// `utf8` (default), `base64` or `hex`.
        public var encoding: String?
        public var retained: Bool?

        public init(
            topic: String, payload: String, received: String, encoding: String? = nil, retained: Bool? = nil
        ) {
            self.topic = topic
            self.payload = payload
            self.received = received
            self.encoding = encoding
            self.retained = retained
        }
    }

    public struct Expectation: Codable, Sendable, Equatable {
        public var device: String
        public var quantity: String
        public var channel: String?
        public var value: Double
        public var unit: String
        public var timestamp: String

        public init(
            device: String, quantity: String, channel: String?, value: Double, unit: String, timestamp: String
        ) {
            self.device = device
            self.quantity = quantity
            self.channel = channel
            self.value = value
            self.unit = unit
            self.timestamp = timestamp
        }
    }

    public struct StatusExpectation: Codable, Sendable, Equatable {
        public var device: String
        /// `online` or `offline`.
        public var state: String
        public var timestamp: String

        public init(device: String, state: String, timestamp: String) {
            self.device = device
            self.state = state
            self.timestamp = timestamp
        }
    }

    /// A constant of the roster: a number or a text.
    public struct Constant: Codable, Sendable {
        public var text: String

        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Double.self) {
                text = "\(number)"
            } else {
                text = try container.decode(String.self)
            }
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(text)
        }
    }

    /// A word to the reader of the sample; it is not compared.
    public var note: String?
    public var messages: [Message]
    public var expect: [Expectation]
    public var expectStatus: [StatusExpectation]?
    /// Reasons of the rejects that the messages must end in.
    public var expectRejects: [String]?
    /// What `zone: site` means in this sample: seconds east of UTC.
    public var siteZoneOffsetSeconds: Int?
    /// Constants of the roster, by device.
    public var constants: [String: [String: Constant]]?

    enum CodingKeys: String, CodingKey {
        case note, messages, expect, constants
        case expectStatus = "expect_status"
        case expectRejects = "expect_rejects"
        case siteZoneOffsetSeconds = "site_zone_offset_seconds"
    }

    public init(messages: [Message], expect: [Expectation], note: String? = nil) {
        self.messages = messages
        self.expect = expect
        self.note = note
    }

    /// Reads a sample file. Throws one mistake with the file and the key where it is not a sample.
    public init(_ file: SampleFile) throws(Mistakes) {
        do {
            self = try JSONDecoder().decode(ProfileSample.self, from: Data(file.bytes))
        } catch {
            let (key, expected) = Self.fault(error)
            throw Mistakes([Mistake(file: file.path, line: nil, key: key, value: nil, expected: expected)])
        }
    }

    private static func fault(_ error: any Error) -> (key: String, expected: String) {
        func path(_ keys: [any CodingKey]) -> String {
            keys.reduce(into: "") { path, key in
                path += key.intValue.map { "[\($0)]" } ?? (path.isEmpty ? key.stringValue : ".\(key.stringValue)")
            }
        }
        return switch error as? DecodingError {
        case .keyNotFound(let key, let context): (path(context.codingPath), "missing: '\(key.stringValue)'")
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            (path(context.codingPath), "expected a \(type)")
        default: ("", "expected JSON: {messages: [{topic, payload, received}], expect: [...]}")
        }
    }

    /// A decoder as the sample wants it configured.
    public func decoder(_ catalog: DeviceCatalog) -> MessageDecoder {
        MessageDecoder(
            catalog: catalog, siteZoneOffsetSeconds: siteZoneOffsetSeconds ?? 0,
            constants: (constants ?? [:]).mapValues { $0.mapValues(\.text) })
    }

    /// Appends the messages. Throws one mistake where a time or an encoding is not one.
    public func append(to batch: inout MessageBatch, file: String) throws(Mistakes) {
        for (index, message) in messages.enumerated() {
            func mistake(_ key: String, _ value: String, _ expected: String) -> Mistakes {
                Mistakes([
                    Mistake(file: file, line: nil, key: "messages[\(index)].\(key)", value: value, expected: expected)
                ])
            }
            guard let received = Timestamp(iso8601: message.received) else {
                throw mistake("received", message.received, "expected an RFC 3339 time")
            }
            guard let bytes = PayloadText.bytes(message.payload, encoding: message.encoding ?? "utf8") else {
                throw mistake("payload", message.encoding ?? "utf8", "expected utf8, base64 or hex, written as such")
            }
            batch.append(
                topic: message.topic, payload: bytes, receivedAt: received, isRetained: message.retained ?? false)
        }
    }
}

/// A payload as it is written in samples and captures.
public enum PayloadText {
    /// The bytes that the text stands for; nil where it is not of the encoding, or the encoding is unknown.
    public static func bytes(_ text: String, encoding: String) -> [UInt8]? {
        switch encoding {
        case "utf8", "utf-8", "text": return Array(text.utf8)
        case "base64": return Data(base64Encoded: text).map { Array($0) }
        case "hex":
            // Only ASCII: Swift takes full-width digits too. Blanks between bytes are how manuals print them.
            let digits = text.filter { !$0.isWhitespace }.map { $0.isASCII ? $0.hexDigitValue : nil }
            let known = digits.compactMap { $0 }
            guard known.count == digits.count, known.count % 2 == 0 else { return nil }
            return stride(from: 0, to: known.count, by: 2).map { UInt8(known[$0] << 4 | known[$0 + 1]) }
        default: return nil
        }
    }

    /// The text that stands for the bytes, and its encoding: nil for UTF-8 text, else `base64`.
    public static func written(_ bytes: [UInt8]) -> (text: String, encoding: String?) {
        if let text = String(validating: bytes, as: UTF8.self) { return (text, nil) }
        return (Data(bytes).base64EncodedString(), "base64")
    }
}
