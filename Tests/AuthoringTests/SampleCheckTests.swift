import Authoring
import Basics
import Decoding
import Foundation
import Profiles
import Settings
import Telemetry
import Testing

/// The profiles of the checkout that the tests belong to.
enum Checkout {
    static let devices =
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path(percentEncoded: false) + "Devices"

    static func folders() throws -> [ProfileFolder] {
        try SettingFiles.paths(named: "profile.yaml", under: devices).map { path in
            let folder = String(path.dropLast("/profile.yaml".count))
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/samples")) ?? []
            let samples = names.filter { $0.hasSuffix(".json") }.sorted().map { name in
                let path = "\(folder)/samples/\(name)"
                return SampleFile(path: path, bytes: Array(FileManager.default.contents(atPath: path) ?? Data()))
            }
            return ProfileFolder(
                name: String(folder.dropFirst(devices.count + 1)),
                source: ProfileSource(path: path, text: try SettingFiles.text(of: path)), samples: samples)
        }
    }
}

@Suite("Samples of profiles")
struct SampleCheckTests {
    static let profile = """
        profile: p
        rules:
        - topic: "p/{d}"
          device: "{d}"
          time: [{at: /t, as: s}]
          read:
            active_power: {from: /w, unit: W}
            voltage: {from: /u, unit: V, channel: "{/c}"}
        - topic: "p/{d}/status"
          format: text
          device: "{d}"
          status: {up: online, down: offline}
        """

    func check(_ json: String) throws -> SampleCheck {
        let catalog = try DeviceCatalog.compile([ProfileSource(path: "p.yaml", text: Self.profile)])
        return SampleCheck(SampleFile(path: "s.json", bytes: Array(json.utf8)), catalog)
    }

    func lines(_ expect: String, payload: String = #"{"t":1772705700,"w":5,"u":230,"c":"l1"}"#) throws -> [String] {
        let payload = payload.replacing("\"", with: "\\\"")
        return try check(
            """
            {"messages":[{"topic":"p/a","payload":"\(payload)","received":"2026-03-05T10:16:00Z"}],"expect":[\(expect)]}
            """
        ).differences.map(\.description)
    }

    private static let power = """
        {"device":"a","quantity":"active_power","value":5,"unit":"W","timestamp":"2026-03-05T10:15:00Z"}
        """
    private static let voltage = """
        {"device":"a","quantity":"voltage","channel":"l1","value":230,"unit":"V","timestamp":"2026-03-05T10:15:00Z"}
        """

    @Test("every profile of the repository becomes exactly what its samples say")
    func repository() throws {
        let checks = try FolderCheck.run(try Checkout.folders())
        #expect(checks.count >= 11)
        let report = FolderCheck.report(checks)
        let faults = checks.filter { !$0.isFine }.map(\.name)
        #expect(faults == [], "\(report.joined(separator: "\n"))")
        let line = report.first { $0.hasPrefix("air/airgradient") } ?? ""
        #expect(line.hasSuffix("ok"))
        #expect(report.last?.hasSuffix("all as expected") == true)
    }

    @Test("a sample that says what is decoded has no difference")
    func equal() throws {
        #expect(try lines("\(Self.power),\(Self.voltage)") == [])
    }

    @Test("a difference tells both sides")
    func differences() throws {
        #expect(
            try lines(Self.power) == ["nobody expects: a voltage[l1] 230.0 V at 2026-03-05T10:15:00Z"])
        #expect(
            try lines("\(Self.power),\(Self.voltage)", payload: #"{"t":1772705700,"w":5}"#) == [
                "missing: a voltage[l1] 230.0 V at 2026-03-05T10:15:00Z"
            ])
        #expect(
            try lines("\(Self.power),\(Self.voltage)", payload: #"{"t":1772705702,"w":6,"u":230,"c":"l1"}"#) == [
                "a active_power: different value and time: expected 5.0 W at 2026-03-05T10:15:00Z, "
                    + "found 6.0 W at 2026-03-05T10:15:02Z",
                "a voltage[l1]: different time: expected at 2026-03-05T10:15:00Z, found at 2026-03-05T10:15:02Z",
            ])
        let kilowatts = Self.power.replacing("\"W\"", with: "\"kW\"")
        #expect(
            try lines("\(kilowatts),\(Self.voltage)") == [
                "a active_power: different unit: expected 5.0 kW, found 5.0 W"
            ])
    }

    @Test("rejects and statuses count")
    func rejectsAndStatuses() throws {
        #expect(try lines("", payload: "{") == ["p/a: malformed: not JSON from byte 1 on"])
        let expected = #"{"messages":[{"topic":"p/a","payload":"{","received":"2026-03-05T10:16:00Z"}],"expect":[],"#
        #expect(try check(expected + #""expect_rejects":["malformed"]}"#).differences == [])
        let more = try check(expected + #""expect_rejects":["malformed","no-rule"]}"#)
        #expect(more.differences.map(\.description) == ["missing: a reject no-rule"])
        let status = try check(
            """
            {"messages":[{"topic":"p/a/status","payload":"dXA=","encoding":"base64","received":"2026-03-05T10:16:00Z"}],
             "expect":[],"expect_status":[{"device":"a","state":"offline","timestamp":"2026-03-05T10:16:00Z"}]}
            """)
        #expect(
            status.differences.map(\.description) == [
                "missing: a offline at 2026-03-05T10:16:00Z", "nobody expects: a online at 2026-03-05T10:16:00Z",
            ])
    }

    @Test(
        "a file that is not a sample is told, with its key",
        arguments: [
            (#"[{"topic":"p/a","received":"x"}]"#, "messages[0]: missing: 'payload'"),
            (
                #"[{"topic":"p/a","payload":"","received":"x"}]"#,
                "messages[0].received: 'x': expected an RFC 3339 time"
            ),
            (
                #"[{"topic":"t","payload":"zz","encoding":"hex","received":"2026-03-05T10:16:00Z"}]"#,
                "messages[0].payload: 'hex': expected utf8, base64 or hex, written as such"
            ),
        ])
    func notASample(messages: String, told: String) throws {
        let differences = try check(#"{"messages":\#(messages),"expect":[]}"#).differences
        #expect(differences.map(\.description) == ["s.json: \(told)"])
    }
}
