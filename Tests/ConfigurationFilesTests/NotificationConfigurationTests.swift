import Basics
import Foundation
import Settings
import Telemetry
import Testing
import TestSupport

@testable import ConfigurationFiles

@Suite("Configuration of channels")
struct NotificationConfigurationTests {
    private let folder = TemporaryDirectory()

    private func write(_ text: String, _ name: String) throws {
        try text.write(toFile: folder.path + "/" + name, atomically: true, encoding: .utf8)
    }

    private func read(_ section: String) throws -> GatewayConfiguration.Notifications {
        try GatewayConfiguration(yaml: "notification:\n" + section, file: folder.path + "/baotu.yaml").notifications
    }

    /// Key and sentence of each mistake, without the file.
    private func mistakes(_ section: String) -> [String] {
        do throws(Mistakes) {
            _ = try GatewayConfiguration(yaml: "notification:\n" + section, file: folder.path + "/baotu.yaml")
            return []
        } catch {
            return error.list.map { $0.description.replacing(folder.path + "/baotu.yaml:", with: "") }
        }
    }

    @Test("without a word it is log and mqtt, of every severity")
    func usual() throws {
        let configuration = try read("  log: true\n")
        #expect(configuration.channels.map(\.name) == ["log", "mqtt"])
        #expect(configuration.channels.allSatisfy { $0.severityMin == .info })
        #expect(configuration.webhooks.isEmpty && configuration.emails.isEmpty && configuration.commands.isEmpty)
    }

    @Test("a webhook with everything")
    func webhook() throws {
        try write("s3cret\nrest", "token")
        try write("\nk3y", "key")
        let configuration = try read(
            """
              log: false
              webhooks:
              - {name: duty-1, url: "https://a.example:8443/x?y=1", headers: {X-Site: north}, header_files: {X-Key: key},
                 token_file: token, severity: critical, timeout: 5s, answer_contains: ok}
              - {name: raw, url: "http://[::1]:80/", template: '{"v": {value}, "t": "{sentence}"}'}
              - {name: am, url: "http://127.0.0.1:9093/api/v2/alerts", format: alertmanager}
              - {name: xml, url: "https://b", format: cap, sender: a@b, scope: public}

            """)
        #expect(configuration.channels.map(\.name) == ["mqtt", "duty-1", "raw", "am", "xml"])
        let first = configuration.webhooks[0]
        #expect(first.channel.severityMin == .critical && first.timeLimit == .seconds(5))
        #expect(first.url == "https://a.example:8443/x?y=1" && first.answerContains == "ok" && first.format == .baotu)
        #expect(
            first.headers.map { "\($0.name): \($0.value)" } == [
                "X-Site: north", "X-Key: k3y", "Authorization: Bearer s3cret",
            ])
        #expect(
            configuration.webhooks[1].format == .template(try NoticeTemplate("{\"v\": {value}, \"t\": \"{sentence}\"}"))
        )
        #expect(
            configuration.webhooks[2].format == .alertmanager && configuration.webhooks[2].timeLimit == .seconds(30))
        #expect(configuration.webhooks[3].format == .cap(sender: "a@b", isPublic: true))
        #expect(configuration.secretFiles == [folder.path + "/token", folder.path + "/key"])
    }

    @Test("mail and commands")
    func others() throws {
        try write("pw", "pw")
        let configuration = try read(
            """
              email:
              - {name: m1, server: mail.example, username: u, password_file: pw, from: a@b.example, to: [c@d.example, e@f]}
              - {name: m2, server: "[::1]:2525", tls: none, from: a@b, to: c@d, severity: warning}
              - {name: m3, server: far.example, tls: unprotected, from: a@b, to: c@d}
              commands:
              - {name: siren, program: /bin/true, arguments: [a, "b c"], severity: critical}

            """)
        let (first, second, third) = (configuration.emails[0], configuration.emails[1], configuration.emails[2])
        #expect(first.host == "mail.example" && first.port == 587 && first.protection == .startTLS)
        #expect(first.username == "u" && first.password == "pw" && first.to == ["c@d.example", "e@f"])
        #expect(second.host == "::1" && second.port == 2525 && second.protection == .none)
        #expect(second.channel.severityMin == .warning && second.to == ["c@d"])
        #expect(third.port == 25 && third.protection == .none)
        #expect(
            configuration.commands.map(\.program) == ["/bin/true"]
                && configuration.commands[0].arguments == ["a", "b c"])
    }

    @Test(
        "a mistake has its place, its value and what would be right",
        arguments: [
            ("{url: \"https://a\"}", "3: notification.webhooks[0].name: missing: what the channel is called"),
            (
                "{name: Duty Room, url: \"https://a\"}",
                "'Duty Room': expected 1 to 64 of a-z, 0-9 and '-', such as duty-room; write duty-room"
            ),
            ("{name: log, url: \"https://a\"}", "'log': another channel has this name; taken are log, mqtt"),
            ("{name: a}", "notification.webhooks[0].url: missing: where notices are posted to; or url_file"),
            ("{name: a, url: a.example}", "url: 'a.example': expected a URL such as https://alerts.example/notify"),
            ("{name: a, url: \"ftp://a.example\"}", "expected a URL such as"),
            ("{name: a, url: \"https://u:p@a.example\"}", "expected no password in the URL"),
            ("{name: a, url: \"https://a:0/\"}", "expected a port from 1 to 65535"),
            ("{name: a, url: \"https://a/b c\"}", "expected a URL without blanks"),
            (
                "{name: a, url: \"https://a\", severity: grave}",
                "severity: 'grave': expected one of info, warning, critical"
            ),
            ("{name: a, url: \"https://a\", format: alertmanger}", "did you mean 'alertmanager'?"),
            ("{name: a, url: \"https://a\", format: template}", "expected template or template_file beside it"),
            (
                "{name: a, url: \"https://a\", template: '{\"a\": \"{sentense}\"}'}",
                "there is no placeholder {sentense}; did you mean {sentence}? There are {id}, {rule}"
            ),
            ("{name: a, url: \"https://a\", template: '{\"a\": \"{sentence}\"'}", "expected JSON with placeholders"),
            ("{name: a, url: \"https://a\", template: 'x', format: baotu}", "expected format: template beside it"),
            (
                "{name: a, url: \"https://a\", template_file: nowhere}",
                "template_file: 'nowhere': there is no such file"
            ),
            (
                "{name: a, url: \"https://a\", token_file: nowhere}",
                "token_file: 'nowhere': expected the token in the first line of the file; there is no such file"
            ),
            (
                "{name: a, url: \"http://a\", token_file: token}",
                "expected an https URL: over http everybody on the way would read the secret"
            ),
            ("{name: a, url: \"https://a\", headers: {Authorization: x}}", "a secret stands in no configuration"),
            ("{name: a, url: \"https://a\", headers: {\"X Y\": x}}", "expected the name of a header"),
            ("{name: a, url: \"https://a\", headers: {Host: x}}", "expected the name of a header"),
            ("{name: a, url: \"https://a\", headers: {X: \"a\\nb\"}}", "expected one line of text"),
            ("{name: a, url: \"https://a\", timeout: 61s}", "expected a duration from 1s to 1m"),
            ("{name: a, url: \"https://a\", format: cap}", "expected sender: who sends, unique in the world"),
            ("{name: a, url: \"https://a\", sender: x}", "expected format: cap beside it"),
            ("{name: a, url: \"https://a\", ca_file: nowhere}", "ca_file: '"),
            ("{name: a, url: \"https://a\", tokenfile: x}", "unknown key; did you mean 'token_file'?"),
        ])
    func webhookMistakes(entry: String, sentence: String) throws {
        try write("s3cret", "token")
        let found = mistakes("  webhooks:\n  - \(entry)\n")
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.contains(sentence) == true, "\(found)")
        #expect(found.first?.hasPrefix("3: notification.webhooks[0]") == true, "\(found)")
    }

    @Test(
        "the same for mail and commands",
        arguments: [
            ("email", "{name: a, from: a@b, to: a@b}", "server: missing: the mail server"),
            ("email", "{name: a, server: \"a:b\", from: a@b, to: a@b}", "expected host:port, such as mail.example:587"),
            ("email", "{name: a, server: a, from: a, to: a@b}", "from: 'a': expected an address"),
            ("email", "{name: a, server: a, from: a@b, to: []}", "expected at least one address"),
            ("email", "{name: a, server: a, from: a@b, to: [\"x@y>\\r\\nBcc: z@y\"]}", "expected an address"),
            ("email", "{name: a, server: a, from: a@b, to: a@b, username: u}", "expected password_file beside it"),
            ("email", "{name: a, server: a, from: a@b, to: a@b, password_file: token}", "expected username beside it"),
            (
                "email", "{name: a, server: a, from: a@b, to: a@b, tls: none}",
                "who accepts that everybody on the way reads the mail writes unprotected"
            ),
            (
                "email",
                "{name: a, server: a, from: a@b, to: a@b, tls: unprotected, username: u, password_file: token}",
                "everybody on the way to a would read the password"
            ),
            ("commands", "{name: a}", "program: missing: the path of a program"),
            ("commands", "{name: a, program: ./x}", "expected the absolute path of a program"),
            ("commands", "{name: a, program: /x, arguments: {a: b}}", "expected a list of texts"),
        ])
    func otherMistakes(list: String, entry: String, sentence: String) throws {
        try write("s3cret", "token")
        let found = mistakes("  \(list):\n  - \(entry)\n")
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.contains(sentence) == true, "\(found)")
    }

    @Test("two channels of one name are a mistake over all lists, and a map is no list")
    func names() {
        let twice = mistakes(
            "  webhooks: [{name: a, url: \"https://a\"}]\n  commands:\n  - {name: a, program: /bin/true}\n")
        #expect(
            twice == ["4: notification.commands[0].name: 'a': another channel has this name; taken are log, mqtt, a"])
        #expect(mistakes("  webhooks: {name: a}\n").first?.contains("expected a list of channels") == true)
    }

    @Test("every example that is shipped is read")
    func examples() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Config/notification").path
        let names = try FileManager.default.contentsOfDirectory(atPath: root).filter { $0.hasSuffix(".yaml") }
        #expect(names.count == 8)
        for name in ["slack-url", "wecom-url", "dingtalk-url"] { try write("https://hooks.example/secret", name) }
        for name in ["cap-token", "mail-password"] { try write("secret", name) }
        for name in names {
            let text = try String(contentsOfFile: root + "/" + name, encoding: .utf8)
            let configuration = try GatewayConfiguration(yaml: text, file: folder.path + "/baotu.yaml")
            #expect(configuration.notifications.channels.count == 3, "\(name)")
        }
    }
}
