import Basics
import Contract
import Foundation
import Interchange
import Store
import Telemetry
import Testing

@testable import API
@testable import OperatorCLI

@Suite("Readings out and in")
struct ReadingRouteTests {
    /// The body of a chunked answer.
    private func text(_ response: Server.Response) throws -> String {
        guard response.headers.contains("transfer-encoding: chunked") else {
            return String(decoding: response.body, as: UTF8.self)
        }
        var rest = response.body[...]
        var whole = Data()
        while let end = rest.firstRange(of: Data("\r\n".utf8)) {
            let length = try #require(Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16))
            if length == 0 { return String(decoding: whole, as: UTF8.self) }
            whole += rest[end.upperBound...].prefix(length)
            rest = rest[end.upperBound...].dropFirst(length + 2)
        }
        throw NoAnswer.failed("the last chunk is missing")
    }

    @Test("an export is one text over all its pages, as CSV and as JSON lines")
    func export() async throws {
        try await Server.run(points: 30_000) { server in
            let csv = try await server.get("export?quantity=voltage")
            #expect(csv.status == 200)
            #expect(csv.headers.contains("content-type: text/csv"))
            let lines = try text(csv).split(separator: "\n")
            #expect(lines.count == 30_002)
            #expect(lines[0] == "observed,device,quantity,channel,unit,value")
            #expect(lines[1] == "2026-03-15T12:00:00.000Z,lamp-1,voltage,,V,230")
            #expect(lines.last == "2026-03-15T12:00:00.000Z,路灯 1+2&a=b%,voltage,,V,230")
            let json = try await server.get("export?format=jsonl&device=lamp-1&until=2026-03-15T12:00:01Z")
            #expect(
                try text(json)
                    == #"{"observed":"2026-03-15T12:00:00.000Z","device":"lamp-1","quantity":"voltage","unit":"V","value":230}"#
                    + "\n")
        }
    }

    @Test("the end of an export is marked for who asks, behind a byte that no reading has")
    func end() async throws {
        try await Server.run { server in
            let marked = try text(try await server.get("export?end=marked"))
            #expect(marked.hasSuffix("V,230\n\u{1E}{\"damaged\":[]}"))
            #expect(try !text(try await server.get("export")).contains("\u{1E}"))
        }
    }

    @Test(
        "a wrong question is refused before the first byte",
        arguments: [
            ("export?format=parquet", 400, "format: 'parquet': expected csv or jsonl"),
            ("export?quantity=voltag", 400, "quantity: 'voltag' is not a quantity; did you mean 'voltage'?"),
            ("export?since=2026-03-15T12:00:00Z&until=2026-03-15T12:00:00Z", 400, "since, until: expected two times"),
            ("export?device=lmap-1", 404, "store: there is no device 'lmap-1'; did you mean 'lamp-1'?"),
            ("export?area=x", 404, "store: no device is in an area 'x'"),
        ])
    func refused(target: String, status: Int, sentence: String) async throws {
        try await Server.run { server in
            let response = try await server.get(target)
            #expect(response.status == status)
            #expect(response.error?.hasPrefix(sentence) == true)
        }
    }

    private func post(_ server: Server, _ query: String, _ body: String) async throws -> Server.Response {
        try await Line(server.socket).exchange(
            "POST /v1/readings\(query) HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
                + body)
    }

    private static let header = "observed,device,quantity,value\n"

    @Test("readings that are posted come in, and the answer says what became of each")
    func readings() async throws {
        try await Server.run { server in
            let body =
                Self.header + "2026-03-15T12:00:00Z,a,voltage,230\nyesterday,a,voltage,1\n"
                + "2026-03-15T12:00:00Z,a,speed,1\n2026-03-15T12:00:01Z,b,voltage,231\n"
            let receipt = try await post(server, "?profile=old", body).json(ImportReceipt.self)
            #expect(receipt.fresh == 2)
            #expect(receipt.refused == 2)
            #expect(receipt.refusals.map(\.line) == [3, 0])
            #expect(receipt.refusals.last?.sentence == "'speed' is not a quantity")
            #expect(server.imported.all == ["2 a voltage 230.0 old", "5 b voltage 231.0 old"])
            let line = #"{"observed":"2026-03-15T12:00:00Z","device":"a","quantity":"voltage","value":230}"#
            #expect(try await post(server, "?format=jsonl", line).json(ImportReceipt.self).fresh == 1)
            #expect(server.imported.all.last == "1 a voltage 230.0 imported")
            // Nothing to commit is no commit.
            #expect(try await post(server, "", Self.header).json(ImportReceipt.self) == ImportReceipt())
        }
    }

    @Test("a batch that is none, or too large, is refused and leaves nothing behind")
    func wrongBatches() async throws {
        try await Server.run { server in
            let row = "2026-03-15T12:00:00Z,a,voltage,230\n"
            let tooMany = Self.header + String(repeating: row, count: ImportOrder.readingsMax + 1)
            for (query, body, status) in [
                ("", "time,value\n1,2\n", 400), ("?format=influx", "", 400), ("?profile=", "", 400), ("", tooMany, 400),
                ("", Self.header + String(repeating: "x", count: ImportOrder.bodyBytesMax), 413),
            ] {
                let response = try await post(server, query, body)
                #expect(response.status == status, "\(query) \(response.error ?? "")")
                #expect(response.error?.isEmpty == false)
            }
            #expect(server.imported.all.isEmpty)
            let most = Self.header + String(repeating: row, count: ImportOrder.readingsMax)
            #expect(try await post(server, "", most).status == 200)
        }
    }

    @Test("a gateway without room says when to come again")
    func busy() async throws {
        try await Server.run(refusal: .unavailable("the gateway has too many questions")) { server in
            let response = try await post(server, "", Self.header + "2026-03-15T12:00:00Z,a,voltage,230\n")
            #expect(response.status == 503)
            #expect(response.headers.contains("retry-after: 1"))
        }
    }
}
