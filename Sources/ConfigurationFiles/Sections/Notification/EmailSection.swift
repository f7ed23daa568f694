import Basics
import Settings

extension GatewayConfiguration.Notifications {
    /// A mail server and who is written to: one of `notification.email`.
    public struct Email: Sendable {
        /// What of the way to the server nobody else can read.
        public enum Protection: Hashable, Sendable {
            /// Asked for after the greeting, and nothing is sent without (RFC 3207).
            case startTLS
            /// From the first byte on (RFC 8314).
            case tls
            /// Nothing.
            case none
        }

        /// Its name and the least severity that it tells.
        public var channel: Channel
        /// Name or address of the server.
        public var host: String
        /// 1 to 65535.
        public var port: Int
        /// Of the way to it.
        public var protection: Protection
        /// The account there, with `password`; nil for none.
        public var username: String?
        /// Of the account.
        public var password: String?
        /// PEM of the authorities that are believed; nil for the system's.
        public var caFile: String?
        /// The address that it is from.
        public var from: String
        /// At least one address.
        public var to: [String]

        private enum Word: String, CaseIterable {
            case starttls, tls, none
            /// `none`, and meant.
            case unprotected
        }

        private static let addressesMax = 50

        init(
            _ setting: Setting, _ names: inout ChannelNames, _ located: (String) -> String,
            _ mistakes: inout [Mistake]
        ) {
            var reader = SettingReader(setting, &mistakes)
            channel = names.channel(&reader, isGrouped: true, &mistakes)
            let word = reader.word("tls", default: Word.starttls, &mistakes)
            switch word {
            case .starttls: (protection, port) = (.startTLS, 587)
            case .tls: (protection, port) = (.tls, 465)
            case .none, .unprotected: (protection, port) = (.none, 25)
            }
            host = ""
            if let found = reader.required("server", "the mail server, such as mail.example:587", &mistakes) {
                if let (name, number) = HostAndPort.split(found.text ?? ""), HostName.isHost(name),
                    let number = Int(number ?? "\(port)"), (1...65_535).contains(number)
                {
                    (host, port) = (name, number)
                } else {
                    mistakes.append(found.mistake("expected host:port, such as mail.example:587 or [::1]:25"))
                }
            }
            username = reader.optionalText("username", &mistakes)
            password = SecretFile.text("password_file", "the password", &reader, located, &mistakes)
            caFile = PEMFile.path("ca_file", "CERTIFICATE-----", &reader, located, &mistakes)
            from = Self.addresses("from", &reader, &mistakes).first ?? ""
            to = Self.addresses("to", &reader, &mistakes)
            if setting["from"]?.items?.isEmpty == false, let found = setting["from"] {
                mistakes.append(found.mistake("expected one address"))
            }
            reader.finish(&mistakes)
            checkSecrets(setting, word, &mistakes)
        }

        private func checkSecrets(_ setting: Setting, _ word: Word, _ mistakes: inout [Mistake]) {
            if let name = username, name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }),
                let found = setting["username"]
            {
                mistakes.append(found.mistake("expected one line of text"))
            }
            if let found = setting["username"], setting["password_file"] == nil {
                mistakes.append(found.mistake("expected password_file beside it"))
            }
            if let found = setting["password_file"], setting["username"] == nil {
                mistakes.append(found.mistake("expected username beside it"))
            }
            guard protection == .none, !HostName.isLoopback(host), !host.isEmpty, let found = setting["tls"] else {
                return
            }
            if setting["password_file"] != nil {
                mistakes.append(
                    found.mistake("expected starttls or tls: everybody on the way to \(host) would read the password"))
            } else if word == .none {
                mistakes.append(
                    found.mistake(
                        "expected starttls or tls, as \(host) is another machine; who accepts that everybody on the way reads the "
                            + "mail writes unprotected"))
            }
        }

        private static func addresses(
            _ key: String, _ reader: inout SettingReader, _ mistakes: inout [Mistake]
        ) -> [String] {
            guard let found = reader.required(key, "an address, such as duty@city.example", &mistakes) else {
                return []
            }
            let items = found.items ?? [found]
            if items.isEmpty { mistakes.append(found.mistake("expected at least one address")) }
            if items.count > addressesMax {
                mistakes.append(
                    found.mistake("expected at most \(addressesMax) addresses; a list of the mail server's has more"))
            }
            return items.compactMap { item in
                if let text = item.text, isAddress(text) { return text }
                if !item.isMissing { mistakes.append(item.mistake("expected an address, such as duty@city.example")) }
                return nil
            }
        }

        /// An address as RFC 5321 has it without quotation marks and comments (4.1.2: Dot-string, Domain).
        static func isAddress(_ text: String) -> Bool {
            let parts = text.split(separator: "@", omittingEmptySubsequences: false)
            guard parts.count == 2, text.utf8.count <= 254, HostName.isHost(String(parts[1])), !parts[1].contains("_")
            else { return false }
            let words = parts[0].split(separator: ".", omittingEmptySubsequences: false)
            return parts[0].utf8.count <= 64
                && words.allSatisfy { word in
                    !word.isEmpty
                        && word.utf8.allSatisfy {
                            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0)
                                || "!#$%&'*+-/=?^_`{|}~".utf8.contains($0)
                        }
                }
        }
    }
}
