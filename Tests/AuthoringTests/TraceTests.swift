import Authoring
import Basics
import Decoding
import Profiles
import Telemetry
import Testing

@Suite("Trace")
struct TraceTests {
    static let received = Timestamp(milliseconds: 1_772_705_700_000)  // 2026-03-05T10:15:00Z

    func trace(_ rules: String, _ topic: String, _ payload: String) throws -> MessageTrace {
        let catalog = try DeviceCatalog.compile([
            ProfileSource(path: "p.yaml", text: "profile: p\nrules:\n" + rules)
        ])
        var decoder = MessageDecoder(catalog: catalog)
        var messages = MessageBatch()
        messages.append(topic: topic, payload: Array(payload.utf8), receivedAt: Self.received)
        var batch = DecodedBatch()
        var registry = SeriesRegistry()
        let traces = decoder.trace(messages, into: &batch, registry: &registry)

        // What is told is what is done.
        var plain = MessageDecoder(catalog: catalog)
        var plainBatch = DecodedBatch()
        var plainRegistry = SeriesRegistry()
        plain.decode(messages, into: &plainBatch, registry: &plainRegistry)
        #expect(batch.readings == plainBatch.readings)
        #expect(batch.rejects == plainBatch.rejects)
        return try #require(traces.first)
    }

    func lines(_ rules: String, _ topic: String, _ payload: String) throws -> [String] {
        TraceReport.lines(try trace(rules, topic, payload))
    }

    static let meter = """
        - topic: "m/{d}"
          when: {/kind: [data, more]}
          device: "{d}"
          time: [{at: /t, as: s}, {at: /old, as: s}, {at: /late, as: iso}]
          read:
            active_power: {from: /w, unit: kW, missing: [-1]}
            voltage: [/v1, /v2]
            current: {from: "/i/*", unit: mA, channel: "l{@index + 1}"}
            frequency: /f
            power_factor: {from: /pf, if: {/ok: true}}
            lamp_on: {from: /on, map: {"yes": 1, "no": 0}}
        """

    @Test("asking again what a value became counts no fault twice, however many there are")
    func faultsCountOnce() throws {
        let rule = """
            - topic: "m/{d}"
              device: "{d}"
              read: {voltage: {from: "/u/*", unit: {from: /unit}}}
            """
        // `trace` compares its rejects with those of plain decoding.
        let found = try trace(
            rule, "m/a", #"{"u":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20],"unit":"furlong"}"#)
        #expect(found.rejects.count == 16)
        #expect(found.rejects.last?.detail.hasSuffix("; 4 more faults in this message") == true)
    }

    @Test("a value is told with its place, its wire form and its canonical form")
    func fields() throws {
        let told = try lines(
            Self.meter, "m/a",
            #"{"kind":"data","t":1772705600,"w":1.5,"v2":230,"i":[500,null,1500],"f":50,"rssi":-58,"on":"maybe"}"#)
        #expect(
            told == [
                "m/a",
                "  rule in line 3 of p, m/{d}: fits",
                "    device a, time 2026-03-05T10:13:20Z (from /t)",
                "      /w    1.5 kW   ->  active_power  1500 W",
                "      /v2   230      ->  voltage       230 V",
                "      /i/0  500 mA   ->  current[l1]   0.5 A",
                "      /i/2  1500 mA  ->  current[l3]   1.5 A",
                "      /i/1  null mA  ->  current       no reading  (null means no value)",
                "      /f    50       ->  frequency     50 Hz",
                "      /pf            ->  power_factor  no reading  (its condition does not hold: /ok is absent)",
                "      /on   \"maybe\"  ->  lamp_on       no reading  (the map has no place for \"maybe\")",
                "  read by nothing",
                "    /rssi  -58",
                "  faults",
                "    unexpected-value: lamp_on: expected one of the values that the profile knows, found a text",
            ])
    }

    @Test("times that cannot be used are told, and the message is a reject")
    func missing() throws {
        let trace = try trace(
            Self.meter, "m/a",
            #"{"kind":"more","t":"x","old":5,"late":"2027-01-01T00:00:00Z","w":-1,"v1":null,"v2":"nan","f":90,"ok":false,"pf":1}"#
        )
        let item = try #require(trace.rules.first?.items.first)
        #expect(item.timePath == nil)
        #expect(
            item.notes == [
                "no time at /t: \"x\" is not of the form that the profile names",
                "time at /old passed over: 1970-01-01T00:00:05Z is before 2020-01-01T00:00:00Z",
                "time at /late passed over: 2027-01-01T00:00:00Z is more than an hour after the receipt",
            ])
        #expect(trace.rejects.map(\.reason) == [.unusableTime])
    }

    @Test("what is missing is told with its reason")
    func missingValues() throws {
        let trace = try trace(
            Self.meter, "m/a",
            #"{"kind":"more","t":1772705600,"w":-1,"v1":null,"v2":"nan","f":90,"ok":false,"pf":1}"#
        )
        let item = try #require(trace.rules.first?.items.first)
        let why = item.fields.compactMap { field -> String? in
            if case .none(let why) = field.result { return "\(field.path): \(why)" }
            return nil
        }
        #expect(
            why == [
                "/w: -1 is marked as missing", "/v1: null means no value", "/v2: \"nan\" means no value",
                "/i/*: absent", "/pf: its condition does not hold: /ok is false, not 'true'", "/on: absent",
            ])
        #expect(
            item.fields.contains { field in
                if case .suspect(let value) = field.result { return value.value == 90 }
                return false
            })
        #expect(trace.leftovers == [])
    }

    @Test("a rule that does not fit says which condition failed")
    func misfit() throws {
        #expect(
            try lines(Self.meter, "m/a", #"{"kind":"status"}"#) == [
                "m/a", "  rule in line 3 of p, m/{d}: does not fit, /kind is \"status\", not 'data' or 'more'",
                "  faults", "    no-rule: no rule of the profiles for this topic fits the message",
            ])
    }

    @Test("an unknown topic shows the nearest ones")
    func unknownTopic() throws {
        #expect(
            try lines(Self.meter, "M/a", "{}") == [
                "M/a", "  no rule is for this topic", "  nearest:  m/{d}", "  faults",
                "    unknown-topic: no profile has a rule for this topic",
            ])
    }

    @Test("items, tables and unwrapped bytes are told one by one")
    func items() throws {
        let table = """
            - topic: "t/{d}"
              each: /list/*
              when: {/type: v}
              device: "{d}"
              table: {key: /k, value: /x, rows: {P: {active_power: {unit: W}}}}
            """
        #expect(
            try lines(
                table, "t/a",
                #"{"list":[{"type":"v","k":"P","x":5},{"type":"v","k":"Q","x":6},{"type":"w","k":"P","x":7}]}"#)
                == [
                    "t/a", "  rule in line 3 of p, t/{d}: fits",
                    "    /list/0: device a, time 2026-03-05T10:15:00Z (the time of receipt)",
                    "      /list/0/x  5 W  ->  active_power  5 W",
                    "    /list/1: device a, time 2026-03-05T10:15:00Z (the time of receipt)",
                    "      the table has no row for \"Q\"",
                    "    /list/2: passed over, /type is \"w\", not 'v'",
                    "  read by nothing",
                    "    /list/1/x  6    (the table has no row for \"Q\")",
                    "    /list/2/k  \"P\"  (the rule does not fit: /type is \"w\", not 'v')",
                    "    /list/2/x  7    (the rule does not fit: /type is \"w\", not 'v')",
                ])
        let bytes = """
            - topic: "b/{d}"
              unwrap: {from: /data, as: hex, layout: [{head: u8}, {level: u16be}]}
              device: "{d}"
              read: {light_level: /level}
            """
        #expect(
            try lines(bytes, "b/a", #"{"data":"070032","port":3}"#) == [
                "b/a", "  rule in line 3 of p, b/{d}: fits",
                "    /data »: device a, time 2026-03-05T10:15:00Z (the time of receipt)",
                "      /data »/level  50  ->  light_level  50 %", "  read by nothing", "    /data »/head  7",
                "    /port         3",
            ])
    }

    @Test("an empty list and a missing list are told apart")
    func noList() throws {
        let rule = """
            - topic: "t/{d}"
              each: /list/*
              device: "{d}"
              read: {active_power: /x}
            """
        #expect(
            try lines(rule, "t/a", #"{"other":1}"#)[1]
                == "  rule in line 3 of p, t/{d}: does not fit, nothing to iterate over at /list/*")
    }

    @Test("every sample of the repository is told as it is decoded")
    func repository() throws {
        let folders = try Checkout.folders()
        let catalog = try DeviceCatalog.compile(folders.map(\.source))
        var told = 0
        for file in folders.flatMap(\.samples) {
            let sample = try ProfileSample(file)
            var messages = MessageBatch()
            try sample.append(to: &messages, file: file.path)
            var decoder = sample.decoder(catalog)
            var batch = DecodedBatch()
            var registry = SeriesRegistry()
            let traces = decoder.trace(messages, into: &batch, registry: &registry)
            #expect(traces.count == messages.count)
            let readings = traces.flatMap(\.rules).flatMap(\.items).flatMap(\.fields).count { field in
                if case .reading(let value) = field.result { return !value.isRepeated }
                return false
            }
            #expect(readings == batch.readings.count, "\(file.path)")
            told += readings
        }
        #expect(told > 50)
    }
}
