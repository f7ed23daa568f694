import Basics
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Notification

/// Prometheus' Alertmanager on a free loopback port, ended by its process id; asked with its own `amtool`.
private final class Alertmanager {
    static let isExpected =
        FileManager.default.isExecutableFile(atPath: program) || ProcessInfo.processInfo.environment["CI"] != nil
    private static let program = "/usr/bin/prometheus-alertmanager"

    let url: String
    private let folder = TemporaryDirectory()
    private let process: ChildProcess

    init() throws {
        let port = try MosquittoServer.freePort()
        url = "http://127.0.0.1:\(port)"
        try "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n".write(
            toFile: folder.path + "/alertmanager.yml", atomically: true, encoding: .utf8)
        process = try ChildProcess(
            Self.program,
            [
                "--config.file=\(folder.path)/alertmanager.yml", "--storage.path=\(folder.path)/data",
                "--web.listen-address=127.0.0.1:\(port)", "--cluster.listen-address=",
            ], output: folder.path + "/log")
    }

    deinit { process.end(with: SIGKILL) }

    struct Alert: Decodable {
        var labels: [String: String]
        var annotations: [String: String]
        var startsAt: String
    }

    /// Those that are up.
    func alerts() throws -> [Alert] {
        let asked = try Program("/usr/bin/amtool", ["alert", "query", "-o", "json", "--alertmanager.url=\(url)"])
        guard asked.code == 0 else { throw Failure(description: asked.errors) }
        return try JSONDecoder().decode([Alert].self, from: Data(asked.output.utf8))
    }
}

@Suite(
    "Prometheus' Alertmanager", .serialized,
    .enabled(if: Alertmanager.isExpected, "prometheus-alertmanager is not installed"))
struct AlertmanagerTests {
    private func told(
        _ phase: AlertPhase, _ severity: Severity = .warning, before: Severity? = nil, name: String = "lamp-1"
    ) -> AlertNotice {
        var told = notice(
            name: name, sentence: "lamp-1 is 75 °C", phase: phase, severity: severity,
            quantity: "control_gear_temperature", value: 75.5, unit: "°C")
        // It is asked for what is up by its own clock.
        told.since = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000) - 60_000)
        told.at = told.since + .seconds(30)
        told.toldSeverity = before
        return told
    }

    /// A channel by which it has taken a first alert: its port may not listen at once.
    private func taking(_ server: Alertmanager) async throws -> (channel: WebhookChannel, lane: Lane) {
        let channel = WebhookChannel(
            name: "alertmanager",
            WebhookOptions(
                url: server.url + "/api/v2/alerts", format: .alertmanager, headers: [], answerContains: nil,
                timeLimit: .seconds(20)))
        let lane = Lane(channel)
        try await waitUntil("it takes the first one") { await lane.trial(told(.firing)) == .delivered }
        return (channel, lane)
    }

    @Test("takes an alert, knows its other severity for it, and sees it end")
    func story() async throws {
        let server = try Alertmanager()
        let (channel, lane) = try await taking(server)
        func isUp(_ expected: [String]) async throws {
            try await waitUntil("\(expected) are up") {
                try server.alerts().map { $0.labels["severity"] ?? "" }.sorted() == expected
            }
        }
        try await isUp(["warning"])
        let first = try #require(try server.alerts().first)
        #expect(
            first.labels == [
                "alertname": "lamp-out", "severity": "warning", "subject": "device", "name": "lamp-1",
                "quantity": "control_gear_temperature",
            ])
        #expect(first.annotations["summary"]?.contains("75 °C") == true && first.annotations["value"] == "75.5")
        #expect(await lane.trial(told(.firing, .critical, before: .warning)) == .delivered)
        try await isUp(["critical"])
        #expect(await lane.trial(told(.unknown, .critical, before: .critical)) == .delivered)
        try await isUp(["critical"])
        #expect(await lane.trial(told(.resolved, .critical, before: .critical)) == .delivered)
        try await isUp([])
        await channel.close()
    }

    @Test("takes whatever somebody calls a lamp")
    func names() async throws {
        let server = try Alertmanager()
        let (channel, lane) = try await taking(server)
        for name in hostileNames {
            #expect(await lane.trial(told(.firing, name: name)) == .delivered, "\(name.debugDescription)")
        }
        try await waitUntil("all are up") { try server.alerts().count == hostileNames.count + 1 }
        await channel.close()
    }
}
