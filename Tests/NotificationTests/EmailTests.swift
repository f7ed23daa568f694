import Basics
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Notification

@Suite("Mail", .enabled(if: MailServer.python != nil, "no Python with aiosmtpd"))
struct EmailTests {
    private func options(
        _ port: Int, _ protection: EmailOptions.Protection = .none, authority: String? = nil,
        password: String? = nil, to: [String] = ["duty@city.example"]
    ) -> EmailOptions {
        EmailOptions(
            host: "localhost", port: port, protection: protection,
            account: password.map { (username: "baotu", password: $0) }, caFile: authority, from: "baotu@city.example",
            to: to)
    }

    private func send(_ options: EmailOptions, _ told: AlertNotice = notice()) async -> Delivery {
        await Lane(EmailChannel(name: "mail", options)).trial(told)
    }

    private func reason(_ delivery: Delivery) -> String {
        guard case .failed(let reason) = delivery else { return "\(delivery)" }
        return reason
    }

    @Test("is taken by a server on this machine, and reads as it was written")
    func plain() async throws {
        let server = try MailServer()
        #expect(await send(options(server.port, to: ["a@b.example", "c@d.example"])) == .delivered)
        let mails = try server.mails()
        #expect(mails.count == 1)
        let mail = try #require(mails.first)
        #expect(mail.from == "baotu@city.example" && mail.to == ["a@b.example", "c@d.example"] && !mail.tls)
        #expect(mail.host == "baotu")
        #expect(
            mail.text
                == MailMessage(
                    notice: notice(), from: "baotu@city.example", to: ["a@b.example", "c@d.example"]
                ).text)
    }

    @Test("goes under TLS with an account, from the first byte or after STARTTLS", arguments: [true, false])
    func protected(startTLS: Bool) async throws {
        let certificate = try SelfSigned()
        let server = try MailServer(startTLS ? "starttls,auth" : "tls,auth", certificate)
        let protection: EmailOptions.Protection = startTLS ? .startTLS : .tls
        let good = options(server.port, protection, authority: certificate.certificate, password: "pass word")
        #expect(await send(good) == .delivered, "\(server.log)")
        let mail = try #require(try server.mails().first)
        #expect(mail.account && (mail.tls || !startTLS))
        let wrong = reason(
            await send(options(server.port, protection, authority: certificate.certificate, password: "other")))
        #expect(wrong.contains("535"), "\(wrong)")
        #expect(!wrong.contains("other"))
        // Nobody vouches for it.
        let stranger = reason(await send(options(server.port, protection, password: "pass word")))
        #expect(stranger.lowercased().contains("certificate"), "\(stranger)")
        #expect(try server.mails().count == 1)
    }

    @Test("is not sent in the clear where STARTTLS was to be and the server has none")
    func downgraded() async throws {
        let server = try MailServer()
        let sentence = reason(await send(options(server.port, .startTLS)))
        #expect(sentence.contains("STARTTLS") || sentence.contains("SSL"), "\(sentence)")
        #expect(try server.mails().isEmpty)
    }

    @Test("that the server refuses has failed with its words; one bad address holds up no other")
    func refused() async throws {
        let full = try MailServer("full")
        let sentence = reason(await send(options(full.port)))
        #expect(sentence.contains("452"), "\(sentence)")
        let server = try MailServer()
        #expect(await send(options(server.port, to: ["nobody@b.example", "c@d.example"])) == .delivered)
        #expect(try server.mails().map(\.to) == [["c@d.example"]])
        let none = reason(await send(options(server.port, to: ["nobody@b.example"])))
        #expect(none.contains("550"), "\(none)")
    }

    @Test("to nobody who listens, or to somebody who says nothing, fails within the time")
    func silent() async throws {
        let port = try MosquittoServer.freePort()
        let refused = reason(await send(options(port)))
        #expect(refused.lowercased().contains("connect"), "\(refused)")
        let listener = try SilentListener()
        var options = options(listener.port)
        options.timeLimit = .milliseconds(500)
        let late = reason(await send(options))
        #expect(late.lowercased().contains("timed out"), "\(late)")
        withExtendedLifetime(listener) {}
    }

    @Test("is taken whatever a lamp is called, and adds no recipient")
    func hostile() async throws {
        let server = try MailServer()
        for name in hostileNames {
            #expect(await send(options(server.port), notice(name: name, sentence: "\(name) is out")) == .delivered)
        }
        let mails = try server.mails()
        #expect(mails.count == hostileNames.count)
        #expect(mails.allSatisfy { $0.to == ["duty@city.example"] })
        for (mail, name) in zip(mails, hostileNames) {
            #expect(
                mail.text
                    == MailMessage(
                        notice: notice(name: name, sentence: "\(name) is out"), from: "baotu@city.example",
                        to: ["duty@city.example"]
                    ).text)
        }
    }
}
