import Authoring
import Basics
import Decoding
import Foundation
import Profiles
import Settings
import Telemetry
import Testing
import TestSupport

@Suite("Profiles begun from messages")
struct AuthorTests {
    static let received = Timestamp(milliseconds: 1_772_705_700_000)  // 2026-03-05T10:15:00Z

    func message(_ topic: String, _ payload: String) -> CapturedMessage {
        CapturedMessage(topic: topic, payload: Array(payload.utf8), received: Self.received)
    }

    func readings(_ proposal: ProfileProposal) -> [String] {
        proposal.sample.expect.map { reading in
            "\(reading.device) \(reading.quantity)" + (reading.channel.map { "[\($0)]" } ?? "")
                + " \(reading.value) \(reading.unit)"
        }
    }

    @Test(
        "a member with the name of a time is one in any year, and no running time, nor a date written as one number",
        arguments: [
            ("1772705600", "s"), ("1364641200", "s"), ("946684800", "s"), ("31536000", "s"), ("4102444799", "s"),
            ("1364641200000", "ms"), ("946684800123", "ms"), ("1364641200000000", "us"),
            ("1364641200000000000", "ns"), ("215", nil), ("86400", nil), ("235959", nil), ("20260305", nil),
            // yyMMddHHmmss, yyyyMMddHHmm and yyyyMMddHHmmss.
            ("260305101500", nil), ("202603051015", nil), ("20260305101500", "yyyyMMddHHmmss, zone: site"),
            ("31535999000", nil), ("-1", nil),
        ] as [(String, String?)])
    func years(number: String, form: String?) throws {
        let proposal = try ProfileAuthor.propose(
            name: "p", [message("city/weather/ws-1/data", #"{"time":\#(number),"hum":65.5}"#)])
        let line = proposal.yaml.split(separator: "\n").first { $0.contains("/time") && $0.contains("as:") }
        #expect(line.map { String($0.drop { $0 == " " }) } == form.map { "time: [{at: /time, as: \($0)}]" })
    }

    @Test("names, units, device and time of a plain object")
    func plain() throws {
        let proposal = try ProfileAuthor.propose(
            name: "weather",
            [
                message(
                    "city/weather/ws-0042/data",
                    #"{"ts":1772705600,"temp":215,"hum":65.5,"press_pa":101325,"pm2.5":9,"u1":230,"u2":231,"#
                        + #""energy_wh":12000,"rssi":-58,"mode":"auto","wind":{"speed":3.5,"dir":270},"vbat_mV":3600}"#)
            ])
        #expect(
            proposal.yaml
                == """
                # Begun from 1 captured message. Check names, units and device, and fill in the source.
                profile: weather
                sources: ["to be named: manual, edition, page"]
                rules:
                - topic: "city/weather/{device}/data"
                  device: "{device}"
                  time: [{at: /ts, as: s}]
                  read:
                    air_temperature: {from: /temp, unit: Cel, scale: 0.1}  # unit or scale guessed from the value
                    relative_humidity: {from: /hum, unit: "%"}
                    air_pressure: {from: /press_pa, unit: Pa}
                    pm2_5: {from: /pm2.5, unit: "ug/m3"}
                    voltage:
                    - {from: /u1, unit: V, channel: ch1}
                    - {from: /u2, unit: V, channel: ch2}
                    active_energy_import: {from: /energy_wh, unit: W.h}
                    wind_speed: {from: /wind/speed, unit: m/s}
                    wind_direction: {from: /wind/dir, unit: deg}
                    battery_voltage: {from: /vbat_mV, unit: mV}
                    # Not recognised:
                    # /rssi: -58
                    # /mode: "auto"
                examples: [samples/captured.json]

                """.replacing("\"ug/m3\"", with: "ug/m3"))
        #expect(
            Set(readings(proposal)).isSuperset(of: [
                "ws-0042 air_temperature 21.5 Cel", "ws-0042 air_pressure 1013.25 hPa", "ws-0042 voltage[ch2] 231.0 V",
                "ws-0042 active_energy_import 12.0 kW.h", "ws-0042 battery_voltage 3.6 V",
            ]))
        #expect(proposal.sample.expect.allSatisfy { $0.timestamp == "2026-03-05T10:13:20Z" })
        let sample = try ProfileSample(SampleFile(path: "s", bytes: Array(proposal.sampleText.utf8)))
        #expect(sample.expect == proposal.sample.expect)
    }

    @Test("lists of objects, keyed objects, tables and lists of numbers")
    func lists() throws {
        let lamps = try ProfileAuthor.propose(
            name: "lamps",
            [
                message(
                    "gw/report",
                    #"{"gatewayId":"gw7","serial":"A77","lamps":[{"id":"l-1","power":40.5,"dim":80},{"id":"l-2","power":41,"dim":70}]}"#
                )
            ])
        #expect(
            Set(readings(lamps)) == [
                "A77 active_power[l-1] 40.5 W", "A77 light_level[l-1] 80.0 %", "A77 active_power[l-2] 41.0 W",
                "A77 light_level[l-2] 70.0 %",
            ])
        let table = try ProfileAuthor.propose(
            name: "table",
            [
                message(
                    "luft/esp-112233/data",
                    #"{"values":[{"value_type":"temperature","value":"12.5"},{"value_type":"SDS_X","value":"1"},"#
                        + #"{"value_type":"humidity","value":"61"}]}"#)
            ])
        #expect(
            readings(table) == ["esp-112233 air_temperature 12.5 Cel", "esp-112233 relative_humidity 61.0 %"])
        #expect(table.yaml.contains("# SDS_X: \"1\""))
        let phases = try ProfileAuthor.propose(
            name: "phases",
            [
                message(
                    "meter/m001", #"{"l1":{"u":230,"i":1},"l2":{"u":231,"i":2},"currents":[1,2,3],"power":[10,20,30]}"#)
            ])
        #expect(
            Set(readings(phases)) == [
                "m001 voltage[l1] 230.0 V", "m001 current[l1] 1.0 A", "m001 voltage[l2] 231.0 V",
                "m001 current[l2] 2.0 A", "m001 active_power[l1] 10.0 W", "m001 active_power[l2] 20.0 W",
                "m001 active_power[l3] 30.0 W",
            ])
    }

    @Test("bare values, statuses, and what nobody recognises")
    func bare() throws {
        #expect(
            readings(try ProfileAuthor.propose(name: "p", [message("house/dev-1/temperature", "21.5")])) == [
                "dev-1 air_temperature 21.5 Cel"
            ])
        let tree = ["voltage": "230", "current": "1.5", "name": "x"].map { message("sol/116180/0/\($0.key)", $0.value) }
        #expect(
            Set(readings(try ProfileAuthor.propose(name: "p", tree))) == [
                "116180 voltage 230.0 V", "116180 current 1.5 A",
            ])
        let status = try ProfileAuthor.propose(name: "p", [message("tele/dev-1/LWT", "Online")])
        #expect(status.sample.expectStatus?.map(\.state) == ["online"])
        for payload in ["{\"x\":\"\\u0000y\\n: #\"}", "[]", "{}", "", "null", "\u{FEFF}", "a: b\n- c", "[[1],[2]]"] {
            let nothing = try ProfileAuthor.propose(name: "p", [message("a/b", payload)])
            #expect(nothing.yaml.contains("ignore: true"), "\(payload)")
        }
        let bytes = CapturedMessage(topic: "b/1", payload: [0xFF, 0x00, 0x80], received: Self.received)
        #expect(try ProfileAuthor.propose(name: "p", [bytes]).yaml.contains("# hex ff0080"))
        #expect(throws: Mistakes.self) { try ProfileAuthor.propose(name: "a b", [bytes]) }
        #expect(throws: Mistakes.self) { try ProfileAuthor.propose(name: "p", []) }
    }

    @Test("several messages: what varies, what is missing in some, and few texts")
    func several() throws {
        let proposal = try ProfileAuthor.propose(
            name: "p",
            [
                message("a/x1/b", #"{"temp":20.5,"hum":50,"state":"on"}"#),
                message("a/y2/b", #"{"temp":-999,"state":"off"}"#),
                message("a/zz/b", #"{"temp":19,"hum":null,"state":"on"}"#),
            ])
        #expect(proposal.yaml.contains("- topic: \"a/{device}/b\""))
        #expect(proposal.yaml.contains("air_temperature: {from: /temp, unit: Cel, missing: [-999]}"))
        #expect(proposal.yaml.contains("# null in 1; in 2 of 3"))
        #expect(proposal.yaml.contains("# /state: \"on\" (2), \"off\" (1)"))
        #expect(proposal.sample.expect.count == 3)
    }

    @Test("messages are grouped by topic and keys")
    func groups() {
        var groups = MessageGroups()
        for lamp in 1...4 {
            groups.add(message("lights/lamp-\(lamp)/telemetry", #"{"ts":1772705600000,"power":\#(lamp),"dim":50}"#))
            groups.add(message("lights/lamp-\(lamp)/status", "online"))
        }
        groups.add(message("air/kitchen/data", #"{"temp":20,"hum":50}"#))
        groups.add(message("air/hall/data", #"{"temp":21,"hum":51}"#))
        let found = groups.proposals().map { "\($0.summary) \($0.proposal.sample.expect.count)" }
        #expect(
            found == [
                "4 messages of 4 topics: lights/lamp-1/status, lights/lamp-2/status, lights/lamp-3/status, … 0",
                "4 messages of 4 topics: lights/lamp-1/telemetry, lights/lamp-2/telemetry, lights/lamp-3/telemetry, … 6",
                "2 messages of 2 topics: air/hall/data, air/kitchen/data 4",
            ])
    }

    @Test("what is gathered is bounded")
    func bounded() {
        var groups = MessageGroups()
        for index in 0..<2000 { groups.add(message("f\(index % 500)x/a", #"{"k\#(index)":1}"#)) }
        #expect(groups.groups.count <= MessageGroups.groupsMax)
        #expect(groups.messageCount == 2000)
        #expect(groups.droppedCount > 0)
        var one = MessageGroups()
        for _ in 0..<1000 { one.add(message("a/b", #"{"t":1}"#)) }
        #expect(one.groups.map(\.messages.count) == [MessageGroups.messagesPerGroupMax])
    }

    @Test("a proposal from any message of the samples loads and rejects nothing")
    func anyMessageLoads() throws {
        var count = 0
        for file in try Checkout.folders().flatMap(\.samples) {
            for message in try ProfileSample(file).messages {
                let bytes = try #require(PayloadText.bytes(message.payload, encoding: message.encoding ?? "utf8"))
                let captured = CapturedMessage(topic: message.topic, payload: bytes, received: Self.received)
                try expectLoads(captured)
                count += 1
            }
        }
        #expect(count > 20)
    }

    /// Names that are hard to write, from seeds: they must never make a profile that does not load.
    @Test("odd names and values never make a profile that does not load", arguments: 0..<60)
    func oddNames(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            "temp", "u", "*", "[a=b]", "{x}", "~", "/", " ", "\"", "\\", "#", ": ", "é", "\u{1}", "1", "@key", "$", "'",
            "-",
        ]
        func name() -> String {
            (0...Int.random(in: 0...3, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined()
        }
        func value(_ depth: Int) -> Any {
            switch Int.random(in: 0...(depth > 2 ? 3 : 6), using: &random) {
            case 0: return Double.random(in: -2000...2000, using: &random)
            case 1: return name()
            case 2: return NSNull()
            case 3: return Bool.random(using: &random)
            case 4: return (0..<3).map { _ in value(depth + 1) }
            default: return Dictionary((0..<3).map { _ in (name(), value(depth + 1)) }, uniquingKeysWith: { $1 })
            }
        }
        let root = Dictionary((0..<6).map { _ in (name(), value(0)) }, uniquingKeysWith: { $1 })
        let data = try JSONSerialization.data(withJSONObject: root)
        try expectLoads(CapturedMessage(topic: "\(name())/a", payload: Array(data), received: Self.received))
    }

    private func expectLoads(_ message: CapturedMessage) throws {
        let proposal = try ProfileAuthor.propose(name: "p", [message])
        let catalog = try DeviceCatalog.compile([ProfileSource(path: "p.yaml", text: proposal.yaml)])
        let check = SampleCheck(SampleFile(path: "s.json", bytes: Array(proposal.sampleText.utf8)), catalog)
        // Of a sample whose clock was not right the proposal says so.
        let differences = check.differences.map(\.description).filter { !$0.contains(": unusable-time: ") }
        #expect(differences == [], "\(proposal.yaml)")
        #expect(!proposal.yaml.contains("did not load"), "\(proposal.yaml)")
    }
}
