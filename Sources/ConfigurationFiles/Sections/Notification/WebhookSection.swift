import Basics
import FoundationEssentials
import Settings
public import Telemetry

extension GatewayConfiguration.Notifications {
    /// A URL that notices are posted to: one of `notification.webhooks`.
    public struct Webhook: Sendable {
        /// How a notice is written.
        public enum Format: Hashable, Sendable {
            /// The gateway's own JSON.
            case baotu
            /// For `/api/v2/alerts` of Prometheus' Alertmanager.
            case alertmanager
            /// JSON of the city's own.
            case template(NoticeTemplate)
            /// CAP 1.2; `sender` is unique in the world.
            case cap(sender: String, isPublic: Bool)

            /// Whether the message has a place for what is told of several alerts; no program that knows one alert a message has.
            var tellsSeveral: Bool {
                switch self {
                case .baotu, .alertmanager, .cap: false
                case .template(let template): template.has(.summary)
                }
            }
        }

        /// Its name and the least severity that it tells.
        public var channel: Channel
        /// `http` or `https`. It may be a secret.
        public var url: String
        /// Name or address of the machine in `url`.
        public var host: String
        /// Of the body.
        public var format: Format
        /// Name and value in the order of the file, with those that files hold.
        public var headers: [(name: String, value: String)]
        /// What an answer has to contain; nil for nothing but its status.
        public var answerContains: String?
        /// PEM of the authorities that are believed; nil for the system's.
        public var caFile: String?
        /// For all of one attempt, 1 s to 60 s.
        public var timeLimit: Duration

        private enum Word: String, CaseIterable { case baotu, alertmanager, template, cap }
        private enum Scope: String, CaseIterable { case restricted, `public` }

        init(
            _ setting: Setting, _ names: inout ChannelNames, _ located: (String) -> String,
            _ mistakes: inout [Mistake]
        ) {
            var reader = SettingReader(setting, &mistakes)
            let address = Self.url(&reader, located, &mistakes)
            (url, host) = (address?.text ?? "", address?.host ?? "")
            format = Self.format(&reader, located, &mistakes)
            channel = names.channel(&reader, isGrouped: format.tellsSeveral, &mistakes)
            headers = Self.headers(&reader, located, isSecret: address?.isPrivate ?? true, &mistakes)
            answerContains = reader.optionalText("answer_contains", &mistakes)
            caFile = PEMFile.path("ca_file", "CERTIFICATE-----", &reader, located, &mistakes)
            timeLimit = reader.duration(
                "timeout", in: .seconds(1) ... .seconds(60), default: .seconds(30), &mistakes)
            reader.finish(&mistakes)
        }

        /// Of `url` or `url_file`. `isPrivate`: what is sent there nobody else reads.
        private static func url(
            _ reader: inout SettingReader, _ located: (String) -> String, _ mistakes: inout [Mistake]
        ) -> (text: String, host: String, isPrivate: Bool)? {
            let file = reader.optional("url_file")
            let text: String
            let place: Setting
            if let file {
                guard let found = SecretFile.text(file, "the URL", located, &mistakes) else {
                    _ = reader.optional("url")
                    return nil
                }
                (text, place) = (found, file)
                if let both = reader.optional("url") {
                    mistakes.append(both.mistake("expected url or url_file; there are both"))
                }
            } else {
                guard let found = reader.required("url", "where notices are posted to; or url_file", &mistakes) else {
                    return nil
                }
                (text, place) = (found.text ?? "", found)
            }
            let (address, expected) = WebAddress.read(text)
            guard let address else {
                mistakes.append(place.mistake(expected))
                return nil
            }
            return (text, address.host, address.isSecure || HostName.isLoopback(address.host))
        }

        private static func format(
            _ reader: inout SettingReader, _ located: (String) -> String, _ mistakes: inout [Mistake]
        ) -> Format {
            let setting = reader.setting
            let (text, file) = (reader.optional("template"), reader.optional("template_file"))
            let sender = reader.optional("sender")
            let scope = reader.word("scope", default: Scope.restricted, &mistakes)
            let word = reader.word("format", default: text ?? file == nil ? Word.baotu : .template, &mistakes)
            func superfluous(_ setting: Setting?, _ format: String, _ mistakes: inout [Mistake]) {
                guard let setting else { return }
                mistakes.append(setting.mistake("expected format: \(format) beside it; it counts for no other"))
            }
            if word != .template { superfluous(text ?? file, "template", &mistakes) }
            if word != .cap { superfluous(sender ?? setting["scope"], "cap", &mistakes) }
            switch word {
            case .baotu: return .baotu
            case .alertmanager: return .alertmanager
            case .template: return .template(template(text, file, setting, located, &mistakes))
            case .cap:
                let name = sender?.text ?? ""
                let isSender =
                    !name.isEmpty && name.utf8.allSatisfy { (0x21...0x7E).contains($0) && !",<&".utf8.contains($0) }
                if !isSender {
                    mistakes.append(
                        (sender ?? setting["format"] ?? setting).mistake(
                            "expected sender: who sends, unique in the world, such as baotu@city.example, without blank, "
                                + "comma, '<' and '&' (CAP 1.2, 3.2.1)"))
                }
                return .cap(sender: name, isPublic: scope == .public)
            }
        }

        private static func template(
            _ text: Setting?, _ file: Setting?, _ setting: Setting, _ located: (String) -> String,
            _ mistakes: inout [Mistake]
        ) -> NoticeTemplate {
            let none = try! NoticeTemplate("{}")
            guard let place = text ?? file else {
                mistakes.append((setting["format"] ?? setting).mistake("expected template or template_file beside it"))
                return none
            }
            if text != nil, let file {
                mistakes.append(file.mistake("expected template or template_file; there are both"))
            }
            var body = place.text ?? ""
            if text == nil {
                do throws(Mistakes) {
                    body = try SettingFiles.text(of: located(body))
                } catch {
                    mistakes.append(place.mistake(error.list.first?.expected ?? "it cannot be read"))
                    return none
                }
            }
            do throws(NoticeTemplate.Fault) {
                let template = try NoticeTemplate(body)
                if !JSONCheck.isJSON(template.filled { _ in .absent }) {
                    mistakes.append(
                        place.mistake("expected JSON with placeholders, such as {\"text\": \"{sentence}\"}; it is none")
                    )
                }
                return template
            } catch {
                mistakes.append(place.mistake(error.sentence))
                return none
            }
        }

        /// Those that HTTP needs for itself, and those that say who asks.
        private static let reserved = [
            "host", "content-length", "content-type", "transfer-encoding", "connection", "te", "trailer", "upgrade",
        ]

        private static func headers(
            _ reader: inout SettingReader, _ located: (String) -> String, isSecret: Bool, _ mistakes: inout [Mistake]
        ) -> [(name: String, value: String)] {
            var headers: [(name: String, value: String)] = []
            func add(_ entry: Setting.Entry, _ value: String?, _ mistakes: inout [Mistake]) {
                let name = entry.key.lowercased()
                if !isToken(name) || reserved.contains(name) {
                    mistakes.append(
                        entry.value.mistake(
                            "expected the name of a header that HTTP does not set itself (RFC 9110, 5.1)"))
                } else if headers.contains(where: { $0.name.lowercased() == name }) {
                    mistakes.append(entry.value.mistake("expected each header once"))
                } else if let value {
                    headers.append((entry.key, value))
                }
            }
            for entry in entries("headers", &reader, &mistakes) {
                let value = entry.value.text
                if entry.key.lowercased() == "authorization" {
                    mistakes.append(
                        entry.value.mistake("expected token_file or header_files: a secret stands in no configuration"))
                } else if let value, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) {
                    add(entry, value, &mistakes)
                } else {
                    mistakes.append(entry.value.mistake("expected one line of text"))
                }
            }
            let secret = headers.count
            for entry in entries("header_files", &reader, &mistakes) {
                add(entry, SecretFile.text(entry.value, "the header's value", located, &mistakes), &mistakes)
            }
            if let token = SecretFile.text("token_file", "the token", &reader, located, &mistakes) {
                headers.append(("Authorization", "Bearer \(token)"))
            }
            if headers.count > secret, !isSecret,
                let place = reader.setting["token_file"] ?? reader.setting["header_files"]
            {
                mistakes.append(
                    place.mistake("expected an https URL: over http everybody on the way would read the secret"))
            }
            return headers
        }

        private static func entries(
            _ key: String, _ reader: inout SettingReader, _ mistakes: inout [Mistake]
        ) -> [Setting.Entry] {
            guard let found = reader.optional(key) else { return [] }
            if found.entries == nil { mistakes.append(found.mistake("expected a map of names of headers")) }
            return found.entries ?? []
        }

        /// RFC 9110, 5.6.2.
        private static func isToken(_ text: String) -> Bool {
            !text.isEmpty
                && text.utf8.allSatisfy {
                    (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || "!#$%&'*+-.^_`|~".utf8.contains($0)
                }
        }
    }
}

/// Whether a text is one JSON value.
private enum JSONCheck {
    /// Takes any value and keeps nothing of it: the decoder reads all of the text before.
    private struct Anything: Decodable {
        init(from decoder: any Decoder) {}
    }

    static func isJSON(_ text: String) -> Bool {
        (try? JSONDecoder().decode(Anything.self, from: Data(text.utf8))) != nil
    }
}
