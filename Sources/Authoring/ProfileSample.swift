package import Basics
package import Decoding
import FoundationEssentials
import Settings
package import Telemetry

/// The text of a sample file. The shell reads files; this room does not.
package struct SampleFile: Sendable {
    /// Only for messages.
    package var path: String
    /// JSON, UTF-8.
    package var bytes: [UInt8]

    package init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }
}

/// A sample: messages and the readings they must become.
package struct ProfileSample: Codable, Sendable {
    /// One message, as it would come from the broker.
    package struct Message: Codable, Sendable {
        package var topic: String
        /// In the form that `encoding` names.
        package var payload: String
        /// RFC 3339.
        package var received: String
        /// `utf8` (default), `base64` or `hex`.
        package var encoding: String?
        /// nil: not retained.
        package var retained: Bool?

        package init(
            topic: String, payload: String, received: String, encoding: String? = nil, retained: Bool? = nil
        ) {
            self.topic = topic
            self.payload = payload
            self.received = received
            self.encoding = encoding
            self.retained = retained
        }
    }

    /// A reading that the messages must become.
    package struct Expectation: Codable, Sendable, Equatable {
        package var device: String
        /// Canonical name.
        package var quantity: String
        /// nil for the device as a whole.
        package var channel: String?
        /// In `unit`.
        package var value: Double
        /// A UCUM code: the canonical unit of the quantity, as the readings have it.
        package var unit: String
        /// RFC 3339, of the observation.
        package var timestamp: String

        package init(
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

    /// What a device must say of its link.
    package struct StatusExpectation: Codable, Sendable, Equatable {
        package var device: String
        /// `online` or `offline`.
        package var state: String
        /// RFC 3339.
        package var timestamp: String

        package init(device: String, state: String, timestamp: String) {
            self.device = device
            self.state = state
            self.timestamp = timestamp
        }
    }

    /// A constant of the roster: a number or a text.
    package struct Constant: Codable, Sendable {
        /// What profiles read as `$name`; the number 1500 as `1500.0`.
        package var text: String

        package init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Double.self) {
                text = "\(number)"
            } else {
                text = try container.decode(String.self)
            }
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(text)
        }
    }

    /// A word to the reader of the sample; it is not compared.
    package var note: String?
    /// In the order in which they come.
    package var messages: [Message]
    /// Every reading of the messages, in any order.
    package var expect: [Expectation]
    /// nil: none.
    package var expectStatus: [StatusExpectation]?
    /// Reasons of the rejects that the messages must end in.
    package var expectRejects: [String]?
    /// What `zone: site` means in this sample: seconds east of UTC.
    package var siteZoneOffsetSeconds: Int?
    /// Constants of the roster, by device.
    package var constants: [String: [String: Constant]]?

    enum CodingKeys: String, CodingKey {
        case note, messages, expect, constants
        case expectStatus = "expect_status"
        case expectRejects = "expect_rejects"
        case siteZoneOffsetSeconds = "site_zone_offset_seconds"
    }

    package init(messages: [Message], expect: [Expectation], note: String? = nil) {
        self.messages = messages
        self.expect = expect
        self.note = note
    }

    /// Reads a sample file. Throws one mistake with the file and the key where it is not a sample.
    package init(_ file: SampleFile) throws(Mistakes) {
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
    package func decoder(_ catalog: DeviceCatalog) -> MessageDecoder {
        var told: [ByteName: [String: String]] = [:]
        for (device, constants) in constants ?? [:] { told[ByteName(device)] = constants.mapValues(\.text) }
        return MessageDecoder(
            catalog: catalog, siteZoneOffsetSeconds: siteZoneOffsetSeconds ?? 0, constants: told)
    }

    /// Appends the messages. Throws one mistake where a time or an encoding is not one.
    package func append(to batch: inout MessageBatch, file: String) throws(Mistakes) {
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
package enum PayloadText {
    /// The bytes that the text stands for; nil where it is not of the encoding, or the encoding is unknown.
    package static func bytes(_ text: String, encoding: String) -> [UInt8]? {
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
    package static func written(_ bytes: [UInt8]) -> (text: String, encoding: String?) {
        if let text = String(validating: bytes, as: UTF8.self) { return (text, nil) }
        return (Data(bytes).base64EncodedString(), "base64")
    }
}
