import Basics
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Notification

@Suite("A webhook")
struct WebhookTests {
    /// What came of one notice, as a lane has it, and what the server was sent.
    private func deliver(
        _ manner: WebhookServer.Manner, _ notices: [AlertNotice] = [notice()], answerContains: String? = nil,
        headers: [(name: String, value: String)] = [], limit: Duration = .seconds(20)
    ) async throws -> (deliveries: [Delivery], server: WebhookServer) {
        let server = try WebhookServer(manner)
        let channel = WebhookChannel(
            name: "hook",
            WebhookOptions(
                url: server.url(), format: .baotu, headers: headers, answerContains: answerContains, timeLimit: limit))
        let lane = Lane(channel)
        var deliveries: [Delivery] = []
        for notice in notices { deliveries.append(await lane.trial(notice)) }
        await channel.close()
        server.stop()
        return (deliveries, server)
    }

    private func reason(_ delivery: Delivery?) -> String {
        guard case .failed(let reason) = delivery else { return "\(String(describing: delivery))" }
        return reason
    }

    @Test("is posted the notice with its headers, and 2xx is an answer")
    func delivers() async throws {
        let (deliveries, server) = try await deliver(
            .answers("HTTP/1.1 204 No Content\r\n\r\n"), [notice(1), notice(2), notice(3)],
            headers: [("Authorization", "Bearer t"), ("X-Site", "north")])
        #expect(deliveries == [.delivered, .delivered, .delivered])
        #expect(server.requests.count == 3)
        let first = try #require(server.requests.first)
        #expect(first.hasPrefix("POST /hook?key=s3cret HTTP/1.1\r\n"))
        #expect(first.contains("\r\nContent-Type: application/json\r\n") && first.contains("\r\nX-Site: north\r\n"))
        #expect(first.contains("\r\nAuthorization: Bearer t\r\n") && first.hasSuffix("\r\n\r\n" + notice(1).json))
    }

    @Test(
        "that answers otherwise has failed, with the status and the first line of what it said",
        arguments: [
            (
                "HTTP/1.1 500 Oops\r\nContent-Length: 17\r\n\r\n\n\u{1b}[31mno\troom\nmore",
                "the answer is 500 Internal Server Error:  [31mno room"
            ),
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "the answer is 404 Not Found"),
            (
                "HTTP/1.1 429 Slow\r\nRetry-After: 120\r\nContent-Length: 4\r\n\r\nwait",
                "the answer is 429 Too Many Requests, which asks to wait 120 s: wait"
            ),
        ])
    func refuses(answer: String, sentence: String) async throws {
        let (deliveries, _) = try await deliver(.answers(answer))
        #expect(reason(deliveries.first) == sentence)
    }

    @Test("that sends on is not followed, and that is said without the secret of the new place")
    func redirects() async throws {
        let (deliveries, server) = try await deliver(
            .answers("HTTP/1.1 302 Found\r\nLocation: /elsewhere?key=other\r\nContent-Length: 0\r\n\r\n"))
        #expect(
            reason(deliveries.first)
                == "the answer 302 sends on to /elsewhere, and notices follow nobody: configure the right url")
        #expect(server.requests.count == 1)
    }

    @Test("whose answer must contain something is believed only then")
    func answerContains() async throws {
        func answer(_ body: String) -> WebhookServer.Manner {
            .answers("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }
        let wanted = "\"errcode\":0"
        #expect(
            try await deliver(answer("{\"errcode\":0,\"errmsg\":\"ok\"}"), answerContains: wanted).deliveries == [
                .delivered
            ])
        let refused = try await deliver(answer("{\"errcode\":93000,\"errmsg\":\"invalid\"}"), answerContains: wanted)
        #expect(
            reason(refused.deliveries.first)
                == "the answer 200 does not contain \"errcode\":0: {\"errcode\":93000,\"errmsg\":\"invalid\"}")
    }

    @Test("that hangs, or drips its head, fails within the time", arguments: [true, false])
    func hangs(drips: Bool) async throws {
        let (deliveries, server) = try await deliver(
            drips ? .drips("HTTP/1.1 200 OK\r\nX: ") : .hangs, limit: .milliseconds(300))
        #expect(
            ["no answer in time", "no answer within 0.3 seconds"].contains(reason(deliveries.first)), "\(deliveries)")
        #expect(server.requests.count == 1)
    }

    @Test("that has said 200 has taken it, whether its words end, drip on, or fill memory")
    func longAnswers() async throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
        let dripping = try await deliver(.drips(head), limit: .milliseconds(300))
        #expect(dripping.deliveries == [.delivered])
        let cut = try await deliver(.closesAfter(head + "ok"))
        #expect(cut.deliveries == [.delivered])
        let long = try await deliver(.closesAfter(head + String(repeating: "x", count: 300_000)))
        #expect(long.deliveries == [.delivered])
        // What should stand in it did not come.
        let unsure = try await deliver(.drips(head), answerContains: "ok", limit: .milliseconds(300))
        #expect(unsure.deliveries != [.delivered])
    }

    @Test(
        "that closes in the middle, talks nonsense or is not there has failed, and no reason has the URL",
        arguments: ["HTTP/1.1 20", "220 mail.example ESMTP\r\n", ""])
    func closes(answer: String) async throws {
        let (deliveries, _) = try await deliver(.closesAfter(answer))
        let sentence = reason(deliveries.first)
        #expect(!sentence.isEmpty && !sentence.contains("s3cret") && !sentence.contains("delivered"), "\(sentence)")
    }

    @Test("where nobody listens has failed, and says so without the URL")
    func refused() async throws {
        let port = try MosquittoServer.freePort()
        let channel = WebhookChannel(
            name: "hook", WebhookOptions(url: "http://127.0.0.1:\(port)/s3cret", format: .baotu))
        let sentence = reason(await Lane(channel).trial(notice()))
        await channel.close()
        #expect(sentence == "the connection failed: Connection refused")
        #expect(!sentence.contains("s3cret"))
    }

    @Test("under a name that nobody knows has failed")
    func unknownName() async throws {
        let channel = WebhookChannel(
            name: "hook", WebhookOptions(url: "http://no-such-host.invalid/s3cret", format: .baotu))
        let sentence = reason(await Lane(channel).trial(notice()))
        await channel.close()
        #expect(!sentence.contains("s3cret") && !sentence.contains("delivered"), "\(sentence)")
    }

    @Test("is told any name whole", arguments: hostileNames)
    func hostile(name: String) async throws {
        let told = notice(name: name, sentence: "\(name) is out")
        let (deliveries, server) = try await deliver(.answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), [told])
        #expect(deliveries == [.delivered])
        #expect(server.requests.first?.hasSuffix("\r\n\r\n" + told.json) == true)
    }

    @Test("with a certificate that nobody vouches for is refused; with its authority named it is believed")
    func certificates() async throws {
        let certificate = try SelfSigned()
        let port = try MosquittoServer.freePort()
        let server = try ChildProcess(
            "/usr/bin/openssl",
            [
                "s_server", "-accept", "127.0.0.1:\(port)", "-cert", certificate.certificate, "-key", certificate.key,
                "-www", "-quiet",
            ])
        defer { server.end(with: SIGKILL) }
        func attempt(_ authority: String?) async -> Delivery {
            let channel = WebhookChannel(
                name: "hook",
                WebhookOptions(
                    url: "https://localhost:\(port)/", format: .baotu, caFile: authority, timeLimit: .seconds(3)))
            let delivery = await Lane(channel).trial(notice())
            await channel.close()
            return delivery
        }
        var refusal = ""
        try await waitUntil("the server listens") {
            refusal = reason(await attempt(nil))
            return !refusal.contains("refused")
        }
        #expect(refusal.contains("the server's certificate is not trusted"), "\(refusal)")
        // `-www` knows GET alone: that it answers at all is what counts here.
        let believed = reason(await attempt(certificate.certificate))
        #expect(!believed.lowercased().contains("certificate"), "\(believed)")
    }
}

/// A certificate of `localhost` that no authority vouches for but itself.
struct SelfSigned {
    let folder = TemporaryDirectory()
    var certificate: String { folder.path + "/cert.pem" }
    var key: String { folder.path + "/key.pem" }

    init() throws {
        let made = try Program(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out",
                certificate,
            ])
        guard made.code == 0 else { throw Failure(description: made.errors) }
    }
}
