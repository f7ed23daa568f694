import Basics
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import OperatorCLI

/// `baotu decode` as it is built, on files as people have them.
@Suite("baotu decode")
struct DecodeTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path(percentEncoded: false)
    private static let devices = root + "Devices"

    /// Messages and the readings they must become.
    struct Sample: Decodable, CustomStringConvertible {
        struct Reading: Codable, Equatable {
            var device: String
            var quantity: String
            var channel: String?
            var value: Double
            var unit: String
            var timestamp: String

            /// Value within 1e-6, time within a millisecond.
            func isAbout(_ other: Reading) -> Bool {
                guard let here = Timestamp(iso8601: timestamp), let there = Timestamp(iso8601: other.timestamp) else {
                    return false
                }
                return device == other.device && quantity == other.quantity && channel == other.channel
                    && unit == other.unit && abs(here.milliseconds - there.milliseconds) <= 1
                    && abs(value - other.value) <= 1e-6 * abs(other.value)
            }
        }

        /// A number or a text.
        struct Constant: Decodable {
            let text: String

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                let number = try? container.decode(Double.self)
                text = try number.map { "\($0)" } ?? container.decode(String.self)
            }
        }

        /// The roster that tells the constants.
        var roster: String {
            (constants ?? [:]).reduce(into: "device,cadence,constants\n") { text, device in
                let pairs = device.value.map { "\($0.key)=\($0.value.text)" }.joined(separator: ";")
                text += "\"\(device.key)\",1m,\"\(pairs)\"\n"
            }
        }

        /// Rejects that the messages end in, beside their readings.
        var expectRejects: [String]?
        var path = ""
        /// The array that `--messages` takes, as JSON text.
        var messages = ""
        var siteZoneOffsetSeconds: Int?
        /// Constants of the roster, by device.
        var constants: [String: [String: Constant]]?
        let expect: [Reading]

        var description: String { path.split(separator: "/").suffix(3).joined(separator: "/") }

        enum CodingKeys: String, CodingKey {
            case constants, expect
            case expectRejects = "expect_rejects"
            case siteZoneOffsetSeconds = "site_zone_offset_seconds"
        }

        init(path: String, siteZoneOffsetSeconds: Int? = nil) throws {
            let data = try Data(contentsOf: URL(filePath: path))
            self = try JSONDecoder().decode(Sample.self, from: data)
            self.path = path
            if let siteZoneOffsetSeconds { self.siteZoneOffsetSeconds = siteZoneOffsetSeconds }
            let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            let keys = ["topic", "payload", "received", "encoding", "retained"]
            let list = object["messages"] ?? [object.filter { keys.contains($0.key) }]
            messages = String(decoding: try JSONSerialization.data(withJSONObject: list), as: UTF8.self)
        }
    }

    static let samples: [Sample] = {
        let walk = FileManager.default.enumerator(atPath: devices)
        var paths: [String] = []
        while let path = walk?.nextObject() as? String {
            if path.contains("/samples/"), path.hasSuffix(".json") { paths.append("\(devices)/\(path)") }
        }
        return paths.sorted().map { path in
            do { return try Sample(path: path) } catch { fatalError("\(path): \(error)") }
        }
    }()

    /// Dialects of the corpus that the profiles cover, where the corpus lies beside the checkout.
    static let dialects: [Sample] = [
        ("chirpstack-v4-nas-ul20xx-usage", 0), ("talq-log-report", 0), ("sensor-community-airrohr", 0),
        ("sunspec-model103-json", 0), ("digitraffic-road-weather", 0), ("airgradient", 0), ("opendtu", 0),
        ("tasmota-sensor", 3600),
    ].compactMap { name, offset in
        try? Sample(path: "\(root)../shared/dialects/\(name).json", siteZoneOffsetSeconds: offset)
    }

    private func decode(_ arguments: [String], input: String = "") throws -> Program {
        try Program("baotu", ["decode", "--devices", Self.devices] + arguments, input: input)
    }

    private func readings(_ output: String) throws -> [Sample.Reading] {
        try output.split(separator: "\n").map {
            try JSONDecoder().decode(Sample.Reading.self, from: Data($0.utf8))
        }
    }

    @Test("there are samples of every family")
    func thereAreSamples() { #expect(Self.samples.count >= 14) }

    @Test("messages become exactly the readings that their sample names", arguments: samples + dialects)
    func sampleIsExact(sample: Sample) throws {
        let seconds = sample.siteZoneOffsetSeconds ?? 0
        let offset = String(format: "%+03d:%02d", seconds / 3600, abs(seconds) / 60 % 60)
        let folder = TemporaryDirectory()
        try sample.roster.write(toFile: folder.path + "/roster.csv", atomically: false, encoding: .utf8)
        let run = try decode(
            ["--messages", "-", "--site-offset=\(offset)", "--roster", folder.path + "/roster.csv"],
            input: sample.messages)
        let rejects = sample.expectRejects ?? []
        #expect(run.errors.split(separator: "\n").count == rejects.count, "\(run.errors)")
        #expect(run.code == (rejects.isEmpty ? 0 : 2))
        var left = try readings(run.output)
        for expected in sample.expect {
            if let index = left.firstIndex(where: { $0.isAbout(expected) }) {
                left.remove(at: index)
            } else {
                Issue.record("missing: \(expected)")
            }
        }
        #expect(left.isEmpty, "nobody expects \(left)")
    }

    private let payload = #"{"ts":1772705700000,"u":231.4}"#

    /// A lamp's message as `--messages` takes it.
    private func line(_ payload: String, _ more: String = "") -> String {
        #"{"topic":"lights/lamp-1/telemetry","payload":"\#(payload)","received":"2026-03-05T10:15:01Z"\#(more)}"#
    }

    private func voltageLine() throws -> String {
        let run = try decode(
            ["--topic", "lights/lamp-1/telemetry", "--received", "2026-03-05T10:15:01Z"], input: payload)
        return run.output
    }

    @Test("one payload of one topic, from standard input and from a file")
    func single() throws {
        let output = try voltageLine()
        #expect(
            output
                == #"{"device":"lamp-1","quantity":"voltage","timestamp":"2026-03-05T10:15:00Z","unit":"V","value":231.4}"#
                + "\n")
        let folder = TemporaryDirectory()
        try payload.write(toFile: folder.path + "/p.json", atomically: false, encoding: .utf8)
        #expect(try decode(["--topic", "lights/lamp-1/telemetry", folder.path + "/p.json"]).output == output)
        let missing = try decode(["--topic", "lights/lamp-1/telemetry", folder.path + "/none.json"])
        #expect(missing.code == 1)
        #expect(missing.errors == "baotu: \(folder.path)/none.json cannot be read\n")
    }

    @Test("payloads as text, base64 and hexadecimal are the same bytes; lines and an array the same messages")
    func encodings() throws {
        let bytes = Data(payload.utf8)
        let hex = bytes.map { String(format: "%02x", $0) }.joined()
        let lines = [
            line(payload.replacing("\"", with: "\\\"")), line(bytes.base64EncodedString(), #","encoding":"base64""#),
            line(hex, #","encoding":"hex""#), line(hex.uppercased(), #","encoding":"hex","retained":true"#),
        ]
        let expected = String(repeating: try voltageLine(), count: 4)
        let run = try decode(["--messages", "-"], input: lines.joined(separator: "\n\n") + "\n")
        #expect(run.errors.isEmpty)
        #expect(run.code == 0)
        #expect(run.output == expected)
        #expect(try decode(["--messages", "-"], input: " [" + lines.joined(separator: ",\n") + "]").output == expected)
        #expect(try decode(["--messages", "-"], input: "[]").output.isEmpty)
    }

    @Test(
        "a file of messages that does not read is refused with its place",
        arguments: [
            (#"{"topic":"a","payload":"b"}"# + "\n{nonsense", "in:2: not JSON"),
            (#"{"topic":"a"}"#, "in:1: message has no 'payload'"),
            (#"[{"topic":"a","payload":"b"},{"topic":"a","payload":1}]"#, "in: message[1].payload is not a String"),
            ("7", "in:1: not a message"), (#"[{"topic":"a""#, "in: not JSON"),
            (#"{"topic":"a","payload":"!","encoding":"base64"}"#, "in:1: payload is not base64"),
            (#"{"topic":"a","payload":"0","encoding":"hex"}"#, "in:1: payload is not hexadecimal"),
            (#"{"topic":"a","payload":"+f","encoding":"hex"}"#, "in:1: payload is not hexadecimal"),
            (#"{"topic":"a","payload":"１２","encoding":"hex"}"#, "in:1: payload is not hexadecimal"),
            (#"{"topic":"a","payload":"","encoding":"rot13"}"#, "in:1: encoding 'rot13'"),
            (#"{"topic":"a","payload":"","received":"noon"}"#, "in:1: received 'noon'"),
        ])
    func malformed(messages: String, complaint: String) throws {
        let run = try decode(["--messages", "in"], input: messages)
        #expect(run.code == 1)
        #expect(run.output.isEmpty)
        #expect(run.errors.hasPrefix("baotu: \(complaint)"), "\(run.errors)")
        #expect(run.errors.split(separator: "\n").count == 1)
    }

    @Test("what is rejected is said on standard error, and what is good stands on standard output")
    func rejects() throws {
        let lines = [
            line(payload.replacing("\"", with: "\\\"")), line("{"),
            #"{"topic":"nobody/knows\u001b[2J","payload":"1"}"#,
        ]
        let run = try decode(["--messages", "-"], input: lines.joined(separator: "\n"))
        #expect(run.code == 2)
        #expect(run.output == (try voltageLine()))
        let complaints = run.errors.split(separator: "\n")
        #expect(complaints.count == 2)
        #expect(complaints.contains { $0.hasPrefix("baotu: lights/lamp-1/telemetry: malformed: ") })
        #expect(complaints.contains { $0.hasPrefix("baotu: nobody/knows·[2J: unknown-topic: ") })
    }

    @Test("a parameter changes its profile, for all or for one, and a wrong one is named")
    func parameters() throws {
        let topic = ["--topic", "roof/114182912345/0/power", "--received", "2026-03-05T10:15:00Z"]
        #expect(try decode(topic, input: "283.5").errors.contains("unknown-topic"))
        for parameter in ["base=roof", "opendtu.base=roof"] {
            let run = try decode(topic + ["--param", parameter], input: "283.5")
            #expect(run.code == 0, "\(parameter) \(run.errors)")
            #expect(try readings(run.output).map(\.value) == [283.5])
        }
        let wrong = try decode(topic + ["--param", "nothing-has-this=1"], input: "283.5")
        #expect(wrong.code == 1)
        #expect(wrong.errors.contains("nothing-has-this"))
    }

    @Test("a folder without profiles is refused")
    func noProfiles() throws {
        let run = try Program("baotu", ["decode", "--devices", "/nonexistent", "--topic", "a"])
        #expect(run.code == 1)
        #expect(run.errors.hasPrefix("baotu: /nonexistent"))
    }
}
