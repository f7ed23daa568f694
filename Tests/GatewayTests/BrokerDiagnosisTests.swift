import Basics
import ConfigurationFiles
import Contract
import Foundation
import Telemetry
import Testing
import TestSupport

@testable import Gateway

/// What is said of the broker: each fact once, and nothing beside it that denies it.
@Suite("Doctor on the broker")
struct BrokerDiagnosisTests {
    private let folder = TemporaryDirectory()
    private let live = LiveView(
        LiveStatusAnswer(version: "test", startedAt: Timestamp(milliseconds: 0), broker: "none"))

    private func findings(_ text: String, sessionWasLost: Bool) -> [Diagnosis] {
        MosquittoSettings(text: text).findings(sessionExpiry: .seconds(604_800), sessionWasLost: sessionWasLost)
    }

    @Test(
        "a session that was lost is one finding, with what the settings say of the reason",
        arguments: [
            ("persistence true", "writes what it keeps every 1800 s", "set autosave_interval 5"),
            (
                "persistence true\nautosave_interval 60", "writes what it keeps every 60 s",
                "find out what ended the broker"
            ),
            ("persistence true\nautosave_interval 0", "only when it ends in order", "set autosave_interval 5"),
            (
                "persistence true\nautosave_interval 50\nautosave_on_changes true", "every 50 changes",
                "set autosave_interval 5"
            ),
            ("persistence false", "it keeps nothing over its own restart", "set persistence true"),
            ("", "it keeps nothing over its own restart", "set persistence true"),
        ])
    func lost(settings: String, reason: String, mend: String) {
        let told = findings(settings + "\nmax_queued_messages 0\n", sessionWasLost: true)
        #expect(told.count == 1, "\(told)")
        #expect(told.first?.level == .bad)
        #expect(told.first?.finding.contains("had forgotten the gateway's session") == true)
        #expect(told.first?.finding.contains(reason) == true, "\(told)")
        #expect(told.first?.mend?.hasPrefix(mend) == true, "\(told)")
    }

    @Test("without a loss good settings are good, and others are told")
    func kept() {
        let good = findings("persistence true\nautosave_interval 5\nmax_queued_messages 0\n", sessionWasLost: false)
        #expect(good.map(\.level) == [.good] && good[0].finding.hasSuffix("lose nothing"))
        let bad = findings("max_queued_messages 0\n", sessionWasLost: false)
        #expect(bad.map(\.level) == [.bad] && bad[0].finding.contains("keeps nothing over its own restart"))
    }

    @Test(
        "a broker that writes down what it keeps seldom is told",
        arguments: [
            ("", "every 1800 s"), ("autosave_interval 61", "every 61 s"), ("autosave_interval 0", "only when it ends"),
            ("autosave_interval 5\nautosave_on_changes true", "every 5 changes"),
        ])
    func autosave(settings: String, often: String) {
        let told = findings("persistence true\nmax_queued_messages 0\n\(settings)\n", sessionWasLost: false)
        #expect(told.map(\.level) == [.warning], "\(told)")
        #expect(told.first?.finding.contains("writes down what it keeps \(often)") == true, "\(told)")
        #expect(told.first?.mend?.contains("autosave_interval 5") == true)
    }

    private func doctor() throws -> Doctor {
        let configuration = try GatewayConfiguration(path: folder.path + "/baotu.yaml")
        return Doctor(configuration: configuration, live: live) { Timestamp(milliseconds: 0) }
    }

    @Test("a password file that is emptied, or goes, under a running gateway is told until it is mended")
    func password() throws {
        let file = folder.path + "/pw"
        func write(_ text: String, _ path: String) throws {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        func told(_ doctor: Doctor) -> [Diagnosis] {
            doctor.examine().filter { $0.finding.contains("mqtt.password_file") }
        }
        try write("secret\n", file)
        try write("mqtt: {username: u, password_file: pw}\nstore: {folder: .}\n", folder.path + "/baotu.yaml")
        let doctor = try doctor()
        #expect(told(doctor) == [])
        try write("", file)
        #expect(told(doctor).map(\.level) == [.bad])
        #expect(told(doctor).first?.finding.contains("gives no password (it is empty)") == true)
        try FileManager.default.removeItem(atPath: file)
        #expect(told(doctor).first?.finding.contains("there is no such file") == true)
        try write("other\n", file)
        #expect(told(doctor) == [])
    }

    @Test(
        "who may come near the session is told: by the id, the line, and what lets the gateway in",
        arguments: [
            ("host: 127.0.0.1", []), ("host: 127.0.0.1, username: u, password_file: pw", []),
            ("host: broker.example, username: u, password_file: pw", ["goes over the network in clear text"]),
            ("host: broker.example, username: u, password_file: pw, tls: {}", []),
            ("host: 127.0.0.1, client_id: baotu", ["mqtt.client_id is 'baotu', which can be guessed"]),
            ("host: 127.0.0.1, client_id: 5c1f2b60-8f0e-4ac4-9d0e-6a1f", []),
        ])
    func access(mqtt: String, expected: [String]) throws {
        try "secret\n".write(toFile: folder.path + "/pw", atomically: true, encoding: .utf8)
        chmod(folder.path + "/pw", 0o600)
        try "mqtt: {\(mqtt)}\nstore: {folder: .}\n".write(
            toFile: folder.path + "/baotu.yaml", atomically: true, encoding: .utf8)
        let told = try doctor().access(nil, asksBroker: false)
        #expect(told.count == expected.count, "\(told)")
        for (finding, words) in zip(told, expected) { #expect(finding.finding.contains(words), "\(finding)") }
    }

    @Test("a gateway that needs no password is let in as anybody is: on a network that is bad")
    func anonymity() throws {
        for (host, level) in [("127.0.0.1", Diagnosis.Level.warning), ("broker.example", .bad)] {
            try "mqtt: {host: \(host)}\nstore: {folder: .}\n".write(
                toFile: folder.path + "/baotu.yaml", atomically: true, encoding: .utf8)
            live.update { $0.brokerConnected = true }
            let told = try doctor().access(nil, asksBroker: false)
            #expect(
                told.map(\.level) == [level] && told[0].finding.contains("without a name and a password"), "\(told)")
        }
    }
}
