package import Basics
import Decoding
import Profiles
import Settings
import Telemetry

/// A message as it was captured from a broker.
package struct CapturedMessage: Sendable {
    package var topic: String
    /// As received, perhaps not UTF-8.
    package var payload: [UInt8]
    /// By the clock of the capture.
    package var received: Timestamp

    package init(topic: String, payload: [UInt8], received: Timestamp) {
        self.topic = topic
        self.payload = payload
        self.received = received
    }
}

/// A profile that was begun from captured messages: it loads, and a person has to check it.
package struct ProfileProposal: Sendable {
    /// Text of `profile.yaml`.
    package var yaml: String
    /// The messages with the readings that the proposal makes of them.
    package var sample: ProfileSample

    /// Text of the sample file: JSON, a message and a reading a line.
    package var sampleText: String {
        let messages = sample.messages.map { message in
            var members: [(String, ProfileSchema.Tree)] = [
                ("topic", .text(message.topic)), ("payload", .text(message.payload)),
            ]
            if let encoding = message.encoding { members.append(("encoding", .text(encoding))) }
            return Self.line(members + [("received", .text(message.received))])
        }
        let expect = sample.expect.map { reading in
            var members: [(String, ProfileSchema.Tree)] = [
                ("device", .text(reading.device)), ("quantity", .text(reading.quantity)),
            ]
            if let channel = reading.channel { members.append(("channel", .text(channel))) }
            return Self.line(
                members + [
                    ("value", .number(TraceReport.short(reading.value))), ("unit", .text(reading.unit)),
                    ("timestamp", .text(reading.timestamp)),
                ])
        }
        let statuses = (sample.expectStatus ?? []).map { status in
            Self.line([
                ("device", .text(status.device)), ("state", .text(status.state)),
                ("timestamp", .text(status.timestamp)),
            ])
        }
        var text = "{\n  \"note\": \(JSONText.quoted(sample.note ?? "")),\n"
        text += "  \"messages\": [\n    \(messages.joined(separator: ",\n    "))\n  ],\n"
        text += "  \"expect\": [" + (expect.isEmpty ? "]" : "\n    \(expect.joined(separator: ",\n    "))\n  ]")
        if !statuses.isEmpty { text += ",\n  \"expect_status\": [\n    \(statuses.joined(separator: ",\n    "))\n  ]" }
        return text + "\n}\n"
    }

    private static func line(_ members: [(String, ProfileSchema.Tree)]) -> String {
        "{" + members.map { "\(JSONText.quoted($0.0)): \($0.1.written(indent: 0))" }.joined(separator: ", ")
            + "}"
    }
}

/// Begins profiles from captured messages.
package enum ProfileAuthor {
    /// Messages of a sample at most: the rest only shapes the proposal.
    static let sampleMessagesMax = 3

    /// A profile for messages of one kind.
    ///
    /// Throws one mistake where the name is not one or there is no message. The profile always loads; where nothing was
    /// recognised it ignores its topic and says what it saw.
    package static func propose(name: String, _ messages: [CapturedMessage]) throws(Mistakes) -> ProfileProposal {
        guard isName(name) else {
            throw mistake("name", name, "expected letters, digits, '-' and '_'")
        }
        guard let first = messages.first else { throw mistake("messages", nil, "expected at least one message") }
        guard !first.topic.isEmpty else { throw mistake("topic", "", "expected a topic") }

        var draft = ProfileDraft(messages)
        var yaml = draft.yaml(name: name)
        var catalog: DeviceCatalog
        do {
            catalog = try DeviceCatalog.compile([ProfileSource(path: "profile.yaml", text: yaml)])
        } catch {
            // Better a profile that says what was seen than none: the names in it were too odd to refer to.
            draft.giveUp(error.list.first.map { "\($0)" } ?? "")
            yaml = draft.yaml(name: name)
            catalog = try DeviceCatalog.compile([ProfileSource(path: "profile.yaml", text: yaml)])
        }
        return ProfileProposal(yaml: yaml, sample: sample(messages, catalog))
    }

    private static func sample(_ messages: [CapturedMessage], _ catalog: DeviceCatalog) -> ProfileSample {
        var batch = MessageBatch()
        var written: [ProfileSample.Message] = []
        for message in messages.prefix(sampleMessagesMax) {
            batch.append(topic: message.topic, payload: message.payload, receivedAt: message.received)
            let (text, encoding) = PayloadText.written(message.payload)
            written.append(
                ProfileSample.Message(
                    topic: message.topic, payload: text, received: message.received.description, encoding: encoding))
        }
        var decoder = MessageDecoder(catalog: catalog)
        var decoded = DecodedBatch()
        var registry = SeriesRegistry()
        decoder.decode(batch, into: &decoded, registry: &registry)
        var sample = ProfileSample(
            messages: written, expect: decoded.readings.map { ProfileSample.Expectation($0, registry) },
            note: "What the proposal makes of the message. Check every value against the manual, then remove this note."
        )
        let statuses = decoded.statuses.map { ProfileSample.StatusExpectation($0, registry) }
        sample.expectStatus = statuses.isEmpty ? nil : statuses
        return sample
    }

    static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 64
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
    }

    private static func mistake(_ key: String, _ value: String?, _ expected: String) -> Mistakes {
        Mistakes([Mistake(file: "new profile", line: nil, key: key, value: value, expected: expected)])
    }
}
