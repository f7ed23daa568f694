import ArgumentParser
import Authoring
import Basics
import Broker
import ConfigurationFiles
import FoundationEssentials
import Glibc
import Settings
import Telemetry

extension DevicesCommand {
    struct Learn: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "learn",
            abstract: "Listens to unknown devices and proposes a profile for each kind of message.",
            discussion: """
                Listens under a client id of its own, which the broker forgets afterwards, and disturbs neither devices \
                nor gateway. The broker is that of the configuration's section mqtt, or --broker HOST:PORT. --from takes \
                a capture instead: JSON lines of {topic, payload or payload_base64, received}.
                """)

        @Option(help: "What to listen to, such as 'city/#'; may be repeated.")
        var topic: [String] = []

        @Option(help: "How long to listen, 1 to 86400.")
        var seconds = 60

        @Option(help: "A file of captured messages as JSON lines, or -; nothing is listened to.", completion: .file())
        var from: String?

        @Option(help: "The gateway's configuration, for the broker.", completion: .file())
        var config = "/etc/baotu/baotu.yaml"

        @Option(help: "The broker in place of the configured one: HOST or HOST:PORT.")
        var broker: String?

        func validate() throws {
            guard (from == nil) != topic.isEmpty else {
                throw ValidationError("give either --topic FILTER or --from FILE")
            }
            guard (1...86_400).contains(seconds) else {
                throw ValidationError("--seconds \(seconds): expected 1 to 86400")
            }
            if let broker, Self.endpoint(broker) == nil {
                throw ValidationError("--broker \(broker): expected HOST or HOST:PORT")
            }
        }

        func run() async throws {
            let groups = try ProfileFiles.reporting { try from.map { try captured($0) } ?? heard() }
            var lines: [String] = []
            let proposals = groups.proposals()
            for (index, entry) in proposals.enumerated() {
                if index > 0 { lines += ["", "---"] }
                lines.append("# " + entry.summary)
                lines += entry.proposal.yaml.split(separator: "\n").map(String.init)
            }
            try writeLines(lines.map { printable($0) })
            let kinds = proposals.count
            StandardStreams.complain(
                "\(counted(groups.messageCount, "message")) of \(counted(kinds, "kind"))"
                    + (groups.droppedCount > 0
                        ? "; \(groups.droppedCount) more \(groups.droppedCount == 1 ? "was" : "were") of kinds without room"
                        : ""))
            if groups.messageCount == 0 { throw ExitCode(1) }
        }

        // MARK: From a file

        private struct Line: Decodable {
            let topic: String
            let payload: String?
            let payloadBase64: String?
            let received: String?

            enum CodingKeys: String, CodingKey {
                case topic, payload, received
                case payloadBase64 = "payload_base64"
            }
        }

        private func captured(_ file: String) throws -> MessageGroups {
            var groups = MessageGroups()
            let decoder = JSONDecoder()
            let now = presentMoment()
            let bytes = try ProfileFiles.bytes(of: file)
            for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
            where line.contains(where: { $0 > 0x20 }) {
                func fault(_ what: String) -> NoAnswer { .failed("\(file):\(index + 1): \(what)") }
                guard let message = try? decoder.decode(Line.self, from: Data(line)),
                    let text = message.payload ?? message.payloadBase64
                else {
                    throw fault("expected {\"topic\": …, \"payload\": … or \"payload_base64\": …, \"received\": …}")
                }
                guard
                    let payload = PayloadText.bytes(text, encoding: message.payload == nil ? "base64" : "utf8")
                else { throw fault("payload_base64 is not base64") }
                var received = now
                if let written = message.received {
                    guard let moment = Timestamp(iso8601: written) else {
                        throw fault("received '\(written)': expected an RFC 3339 time")
                    }
                    received = moment
                }
                groups.add(CapturedMessage(topic: message.topic, payload: payload, received: received))
            }
            return groups
        }

        // MARK: From the broker

        private func heard() throws -> MessageGroups {
            var options = try brokerOptions()
            options.subscriptions = topic
            options.subscriptionQoS = .atMostOnce
            options.watchesDroppedMessages = false
            options.sessionExpiry = .zero
            options.clientID = "baotu-learn-\(getpid())"
            let session: BrokerSession
            do {
                session = try BrokerSession(options: options)
            } catch {
                throw NoAnswer.failed("\(error)")
            }
            var groups = MessageGroups()
            var batch = MessageBatch()
            let end = ContinuousClock.now + .seconds(seconds)
            var isConnected = false
            while ContinuousClock.now < end {
                session.receive(
                    into: &batch, messagesMax: 1000, bytesMax: 1 << 20, linger: .milliseconds(50),
                    waiting: min(.milliseconds(500), end - ContinuousClock.now), now: presentMoment)
                session.acknowledge()
                for event in session.takeEvents() {
                    switch event {
                    case .connected: isConnected = true
                    case .connectFailed(let error, _):
                        // A broker that is not there at the start will not be there in a minute.
                        if !isConnected { throw NoAnswer.failed("\(error)") }
                        StandardStreams.complain("\(error)")
                    case .subscriptionRefused(let filter, let reason):
                        throw NoAnswer.failed("the broker refuses '\(filter)': \(reason)")
                    case .disconnected(let error): StandardStreams.complain("\(error)")
                    case .subscribed, .publishRefused, .droppedByBroker, .version, .handover: break
                    }
                }
                batch.withBytes { bytes in
                    for entry in batch.entries {
                        groups.add(
                            CapturedMessage(
                                topic: String(decoding: bytes[entry.topic], as: UTF8.self),
                                payload: Array(bytes[entry.payload]), received: entry.receivedAt))
                    }
                }
                batch.removeAll()
            }
            session.disconnect()
            return groups
        }

        private static func endpoint(_ text: String) -> (host: String, port: Int)? {
            guard let colon = text.lastIndex(of: ":") else { return text.isEmpty ? nil : (text, 1883) }
            let host = String(text[..<colon])
            guard !host.isEmpty, let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port) else {
                return nil
            }
            return (host, port)
        }

        /// What the configuration's section `mqtt` says of the broker; the gateway checks the rest of the file.
        private func brokerOptions() throws -> BrokerOptions {
            if let broker, let endpoint = Self.endpoint(broker) {
                return BrokerOptions(host: endpoint.host, port: endpoint.port, clientID: "baotu-learn")
            }
            let root = try Setting.parse(yaml: try SettingFiles.text(of: config), file: config)
            func located(_ path: String) -> String {
                path.hasPrefix("/") ? path : URL(filePath: config).deletingLastPathComponent().path() + path
            }
            var mistakes: [Mistake] = []
            var reader = SettingReader(root["mqtt"] ?? root.emptySection("mqtt"), &mistakes)
            var options = BrokerOptions(
                host: reader.text("host", default: "127.0.0.1", &mistakes),
                port: reader.integer("port", in: 1...65_535, default: 1883, &mistakes), clientID: "baotu-learn")
            if reader.text("version", default: "5", &mistakes) == "3.1.1" { options.version = .mqtt311 }
            options.username = reader.optionalText("username", &mistakes)
            if let file = reader.optionalText("password_file", &mistakes) {
                do throws(PasswordFile.Fault) {
                    options.password = try PasswordFile(path: located(file)).password()
                } catch {
                    throw NoAnswer.failed("no password in \(located(file)): \(error.sentence)")
                }
            }
            if let tls = reader.written("tls") {
                var section = SettingReader(tls, &mistakes)
                let files = ["ca_file", "certificate_file", "key_file"].map {
                    section.optionalText($0, &mistakes).map(located)
                }
                options.tls = BrokerOptions.TLSOptions(
                    caFile: files[0], certificateFile: files[1], keyFile: files[2],
                    verifiesHostname: section.flag("verify_host", default: true, &mistakes))
            }
            guard mistakes.isEmpty else { throw Mistakes(mistakes) }
            return options
        }
    }
}
