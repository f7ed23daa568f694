import Foundation
import TestSupport

/// aiosmtpd on a free loopback port, ended by its process id. What it is sent lies in files of its own.
final class MailServer {
    /// A Python that has aiosmtpd, as `.ci/python` makes it.
    static let python: String? = [
        URL(filePath: #filePath).deletingLastPathComponent().path(percentEncoded: false)
            + "../../.build/python/bin/python3", "/usr/bin/python3",
    ].first { (try? Program($0, ["-c", "import aiosmtpd"]))?.code == 0 }

    private static let script = """
        import json, os, signal, ssl, sys
        from aiosmtpd.controller import Controller
        from aiosmtpd.smtp import AuthResult
        port, folder, words = int(sys.argv[1]), sys.argv[2], sys.argv[3].split(",")
        class Handler:
            count = 0
            async def handle_RCPT(self, server, session, envelope, address, options):
                if address.startswith("nobody"): return "550 no such mailbox"
                envelope.rcpt_tos.append(address)
                return "250 OK"
            async def handle_DATA(self, server, session, envelope):
                if "full" in words: return "452 4.2.2 mailbox full"
                Handler.count += 1
                told = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "text": envelope.content.decode("ascii"),
                        "tls": session.ssl is not None, "account": bool(session.authenticated), "host": session.host_name}
                with open(f"{folder}/draft", "w") as file: json.dump(told, file)
                os.rename(f"{folder}/draft", f"{folder}/{Handler.count}.json")
                return "250 taken"
        def account(server, session, envelope, mechanism, data):
            return AuthResult(success=data.login == b"baotu" and data.password == b"pass word", handled=False)
        context = None
        if "tls" in words or "starttls" in words:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[4], sys.argv[5])
        more = {}
        if "starttls" in words: more.update(tls_context=context, require_starttls=True)
        if "tls" in words: more.update(ssl_context=context)
        if "auth" in words: more.update(authenticator=account, auth_required=True, auth_require_tls="tls" not in words)
        controller = Controller(Handler(), hostname="127.0.0.1", port=port, **more)
        controller.start()
        open(f"{folder}/ready", "w").close()
        signal.pause()
        """

    let port: Int
    let folder = TemporaryDirectory()
    private let process: ChildProcess

    /// `words` of `starttls`, `tls`, `auth`, `full`.
    init(_ words: String = "", _ certificate: SelfSigned? = nil) throws {
        port = try MosquittoServer.freePort()
        process = try ChildProcess(
            Self.python!,
            ["-c", Self.script, "\(port)", folder.path, words, certificate?.certificate ?? "", certificate?.key ?? ""],
            output: folder.path + "/log")
        let ready = folder.path + "/ready"
        try eventually("the mail server listens: \(log)") { FileManager.default.fileExists(atPath: ready) }
    }

    deinit { process.end(with: SIGKILL) }

    var log: String { (try? String(contentsOfFile: folder.path + "/log", encoding: .utf8)) ?? "" }

    struct Mail: Decodable {
        var from: String
        var to: [String]
        var text: String
        var tls: Bool
        var account: Bool
        var host: String
    }

    /// The mails that it has taken, in their order.
    func mails() throws -> [Mail] {
        var mails: [Mail] = []
        while let data = FileManager.default.contents(atPath: folder.path + "/\(mails.count + 1).json") {
            mails.append(try JSONDecoder().decode(Mail.self, from: data))
        }
        return mails
    }
}
