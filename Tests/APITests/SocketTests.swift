import Basics
import Contract
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@testable import API

@Suite("Socket")
struct SocketTests {
    /// Binds a socket, and listens on it if told so; the descriptor.
    private func bind(_ path: String, listening: Bool) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if listening { listen(descriptor, 8) }
        return descriptor
    }

    @Test("nothing there is fine, and the file of a dead daemon is taken away")
    func stale() throws {
        let folder = TemporaryDirectory()
        let path = folder.path + "/api.sock"
        try UnixSocket.claim(path)
        close(bind(path, listening: true))
        #expect(FileManager.default.fileExists(atPath: path))
        try UnixSocket.claim(path)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("a socket on which someone answers is left to them")
    func live() {
        let folder = TemporaryDirectory()
        let path = folder.path + "/api.sock"
        let descriptor = bind(path, listening: true)
        defer { close(descriptor) }
        #expect(throws: SocketError.taken(path: path)) { try UnixSocket.claim(path) }
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test("what is not a socket is never taken away")
    func regularFile() throws {
        let folder = TemporaryDirectory()
        let path = folder.path + "/api.sock"
        try "precious".write(toFile: path, atomically: false, encoding: .utf8)
        let refusal = #expect(throws: SocketError.self) { try UnixSocket.claim(path) }
        #expect(refusal?.description.contains("something that is not a socket stands there") == true)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
        // Nor a link, wherever it leads.
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/link", withDestinationPath: "/nonexistent")
        #expect(throws: SocketError.self) { try UnixSocket.claim(folder.path + "/link") }
    }

    @Test("a path that no socket can have, and one through a file, are refused with the reason")
    func impossible() throws {
        let folder = TemporaryDirectory()
        let long = folder.path + "/" + String(repeating: "x", count: 108 - folder.path.utf8.count - 1)
        #expect(throws: SocketError.unusable(path: long, reason: "the path is longer than 107 bytes")) {
            try UnixSocket.claim(long)
        }
        try UnixSocket.claim(String(long.dropLast()))
        try "file".write(toFile: folder.path + "/file", atomically: false, encoding: .utf8)
        #expect(throws: SocketError.self) { try UnixSocket.claim(folder.path + "/file/api.sock") }
    }

    @Test("the owner and the group may use the socket, nobody else")
    func mode() async throws {
        try await Server.run { server in #expect(server.permissions == 0o660) }
    }

    // MARK: Clients that misbehave

    @Test("clients that say nothing disturb nobody")
    func silent() async throws {
        try await Server.run { server in
            let lines = try (0..<20).map { _ in try Line(server.socket) }
            await lines[0].send("GET /v1/sta")
            #expect(try await server.get("status").status == 200)
            // The half question can still be finished.
            let response = try await lines[0].exchange("tus HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(response.status == 200)
            withExtendedLifetime(lines) {}
        }
    }

    @Test("clients that never ask make room for those who do, however many they are")
    func neverAsk() async throws {
        var patience = UnixSocketServer.Patience()
        patience.firstQuestion = .milliseconds(200)
        try await Server.run(patience: patience) { server in
            let lines = try (0..<UnixSocketServer.connectionsMax + 20).map { _ in try Line(server.socket) }
            await lines[0].send("GET /v1/sta")
            // For the silence of a minute, and then for the next ones, where those kept their places. On a busy machine
            // the one who asks may be taken for one who does not.
            try await waitUntil("who asks is answered") { (try? await server.get("status").status) == 200 }
            withExtendedLifetime(lines) {}
        }
    }

    @Test("a socket that is taken away under the gateway is made again, and who is being answered is answered")
    func takenAway() async throws {
        var patience = Server.long
        patience.look = .milliseconds(10)
        try await Server.run(patience: patience) { server in
            let (gate, pool) = (ArchivePoolTests.Gate(), server.archives)
            let width = pool.width(of: .long)
            let held = (0..<width).map { _ in Task { try await pool.ask(.long) { _ in gate.hold() } } }
            await gate.arrived(width)
            let old = try Line(server.socket)
            await old.send(
                "GET /v1/query?since=2026-03-01T00:00:00Z&until=2026-03-20T00:00:00Z HTTP/1.1\r\nHost: a\r\n"
                    + "Connection: close\r\n\r\n")
            try await waitUntil("the question waits") { pool.waitingCount == 1 }
            for _ in 0..<3 {
                unlink(server.socket)
                try await waitUntil("there is a socket again") { server.permissions == 0o660 }
                #expect(try await server.get("status").status == 200)
            }
            gate.open(width)
            for task in held { try await task.value }
            let answer = String(decoding: await old.receive(), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test(
        "garbage is refused or hung up on, and the next client is answered",
        arguments: [
            "\u{0}\u{1}\u{2}\u{3}\r\n\r\n", "HELO example.org\r\n\r\n", "GET /v1/status\r\n\r\n",
            "GET http://[ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\r\n\r\n",
            "GET /v1/latest?device=%ZZ%C3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "POST /v1/alerts/1/acknowledge HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
            "GET /v1/alerts/99999999999999999999 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        ])
    func garbage(request: String) async throws {
        try await Server.run { server in
            let line = try Line(server.socket)
            await line.send(request)
            let answer = String(decoding: await line.receive(), as: UTF8.self)
            #expect(!answer.contains(" 200 "))
            #expect(try await server.get("status").status == 200)
        }
    }

    @Test("a header of ten megabytes is not taken in")
    func hugeHeader() async throws {
        try await Server.run { server in
            let line = try Line(server.socket)
            await line.send("GET /v1/status HTTP/1.1\r\nHost: a\r\nX-Long: ")
            let sent = await line.send([UInt8](repeating: UInt8(ascii: "x"), count: 10 << 20))
            #expect(sent < 10 << 20)
            let answer = String(decoding: await line.receive(), as: UTF8.self)
            #expect(!answer.contains(" 200 "))
            #expect(try await server.get("status").status == 200)
        }
    }

    @Test("a client that leaves in the middle of a large answer disturbs nobody")
    func leaves() async throws {
        try await Server.run(points: 50_000) { server in
            let target = "history?device=lamp-1&since=2026-03-15T12:00:00Z&until=2026-03-17T12:00:00Z&limit=50000"
            for _ in 0..<4 {
                let line = try Line(server.socket)
                await line.send("GET /v1/\(target) HTTP/1.1\r\nHost: a\r\n\r\n")
                let start = String(decoding: await line.receive(limit: 1000), as: UTF8.self)
                #expect(start.hasPrefix("HTTP/1.1 200"))
            }
            let whole = try await server.get(target).json(HistoryAnswer.self)
            #expect(whole.series.first?.points.count == 50_000)
            #expect(whole.series.first?.next == nil)
        }
    }

    // MARK: Clients that do not take what they asked for

    /// Some megabytes: more than the kernel takes for a client.
    private static let large = "history?device=lamp-1&since=2026-03-15T12:00:00Z&until=2026-03-17T12:00:00Z&limit=50000"

    @Test("answers that nobody takes are bounded; who is on duty is answered, and others once there is room")
    func answersUntaken() async throws {
        try await Server.run(points: 50_000, budget: BodyBudget(bytesMax: 3 << 20)) { server in
            var lines: [Line] = []
            var refused = 0
            for _ in 0..<12 {
                let line = try Line(server.socket)
                await line.send("GET /v1/\(Self.large) HTTP/1.1\r\nHost: a\r\n\r\n")
                // The head and no more.
                let start = String(decoding: await line.receive(limit: 12), as: UTF8.self)
                refused += start == "HTTP/1.1 503" ? 1 : 0
                lines.append(line)
            }
            #expect((6..<12).contains(refused), "\(refused) of 12 were refused")
            for target in ["live", "status", "alerts"] { #expect(try await server.get(target).status == 200) }
            let told = try await server.get(Self.large)
            #expect(told.status == 503 && told.error?.contains("answers in hand that nobody took yet") == true)
            let order = try await Line(server.socket).exchange(
                "POST /v1/readings?format=csv HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\nConnection: close\r\n\r\n"
            )
            #expect(order.status == 503)
            lines.removeAll()
            try await waitUntil("there is room again") { try await server.get(Self.large).status == 200 }
        }
    }

    @Test("who takes his answer too slowly is hung up on, and his room is free")
    func tooSlow() async throws {
        var patience = Server.long
        patience.pace = Pace(least: .milliseconds(300), bytes: .max)
        try await Server.run(points: 50_000, patience: patience, budget: BodyBudget(bytesMax: 1 << 20)) { server in
            let line = try Line(server.socket)
            await line.send("GET /v1/\(Self.large) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(await line.receive(limit: 12).count == 12)
            // Whether he is still being waited for now is a matter of how busy the machine is: that there was no room
            // meanwhile is a trial of its own, above.
            try await waitUntil("there is room again") { try await server.get(Self.large).status == 200 }
            // The rest that the kernel had, and then the end.
            #expect(await line.receive().count < 1 << 20)
        }
    }
}
