import Basics
import Decoding
import Profiles
import Telemetry
import Testing

/// What the decoder does with one message, rule by rule of the language.
@Suite("Message decoder")
struct MessageDecoderTests {
    private static let plain = """
        profile: p
        rules:
        - topic: "t/{d}"
          device: "{d}"
          time: [{at: /ts, as: ms}, {at: /when, as: iso, zone: site}, {at: /clock, as: "dd.MM.yy HH:mm", zone: "+08:00"}]
          read:
            active_power: {from: [/p, /power], missing: [-999]}
            voltage: {from: /u, unit: mV}
            lamp_on: {from: /on, map: {on: 1, off: 0, 2: 1, broken: null}, else: null}
            lamp_fault: {from: /flags, bits: 0x0C}
            inverter_state: {from: /flags, bits: 4..6}
        """

    private func lines(_ payload: String, zone: Int = 0) throws -> [String] {
        var bench = try Bench(profile: Self.plain, siteZoneOffsetSeconds: zone)
        bench.decode("t/d", payload)
        #expect(bench.batch.rejects.isEmpty, "\(bench.batch.rejects.map(\.detail))")
        return bench.lines.map { String($0.dropFirst(2)) }
    }

    @Test(
        "a value becomes a reading in the canonical unit",
        arguments: [
            ("{\"p\":1.5}", "active_power 1.5"), ("{\"p\":\" 1.5e1 \"}", "active_power 15.0"),
            ("{\"p\":true}", "active_power 1.0"), ("{\"u\":230500}", "voltage 230.5"),
            ("{\"p\":-0}", "active_power 0.0"),
            ("{\"power\":7}", "active_power 7.0"), ("{\"p\":null,\"power\":7}", "active_power 7.0"),
            ("{\"p\":-999,\"power\":7}", "active_power 7.0"), ("{\"\\u0070\":7}", "active_power 7.0"),
            ("{\"on\":\"on\"}", "lamp_on 1.0"), ("{\"on\":\"off\"}", "lamp_on 0.0"), ("{\"on\":2.0}", "lamp_on 1.0"),
            ("{\"flags\":24}", "lamp_fault 1.0,inverter_state 1.0"), ("{\"p\":1,\"p\":2}", "active_power 1.0"),
        ])
    func values(payload: String, expected: String) throws {
        #expect(
            try lines(payload).joined(separator: ",")
                == expected.split(separator: ",").map { $0 + " @2026-03-05T10:15:00Z" }.joined(separator: ","))
    }

    @Test(
        "a missing value is no reading, and a message without any counts as empty",
        arguments: [
            "{}", "{\"p\":null}", "{\"p\":\"\"}", "{\"p\":\"nan\"}", "{\"p\":\"NaN\"}", "{\"p\":\"None\"}",
            "{\"p\":\"unknown\"}", "{\"p\":\"unavailable\"}", "{\"p\":\"urn:ngsi-ld:null\"}", "{\"p\":\"-inf\"}",
            "{\"p\":1e999}", "{\"p\":\"-999\"}", "{\"on\":\"broken\"}", "{\"on\":\"who knows\"}", "",
        ])
    func missing(payload: String) throws {
        var bench = try Bench(profile: Self.plain)
        bench.decode("t/d", payload)
        #expect(bench.batch.readings.isEmpty && bench.batch.rejects.isEmpty)
        #expect(bench.batch.emptyMessages == 1)
    }

    @Test(
        "the first usable time is taken, the time of receipt last",
        arguments: [
            ("{\"p\":1,\"ts\":1772705640123}", "2026-03-05T10:14:00.123Z"),
            ("{\"p\":1,\"ts\":\"1772705640123\"}", "2026-03-05T10:14:00.123Z"),
            ("{\"p\":1,\"ts\":0,\"when\":\"2026-03-05T11:00:00\"}", "2026-03-05T10:00:00Z"),
            ("{\"p\":1,\"when\":\"2026-03-05T10:00:00Z\"}", "2026-03-05T10:00:00Z"),
            ("{\"p\":1,\"clock\":\"05.03.26 18:01\"}", "2026-03-05T10:01:00Z"),
            ("{\"p\":1,\"ts\":1772709300000}", "2026-03-05T11:15:00Z"),
            ("{\"p\":1,\"ts\":1577836800000}", "2020-01-01T00:00:00Z"),
            ("{\"p\":1}", "2026-03-05T10:15:00Z"), ("{\"p\":1,\"ts\":null}", "2026-03-05T10:15:00Z"),
            ("{\"p\":1,\"ts\":\"\"}", "2026-03-05T10:15:00Z"),
        ])
    func time(payload: String, expected: String) throws {
        #expect(try lines(payload, zone: 3600) == ["active_power 1.0 @\(expected)"])
    }

    @Test(
        "history is read from 1970 on, but for the first day of a clock that counts from its start, or its first year",
        arguments: [
            (1_356_998_400_000, "2013-01-01T00:00:00Z", "2013-01-01T00:00:00Z"),
            (31_536_000_000, "1971-01-01T00:00:00Z", "1971-01-01T00:00:00Z"),
            (31_535_999_999, "1970-12-31T23:59:59.999Z", nil), (86_400_000, "1970-01-02T00:00:00Z", nil),
            (86_399_999, nil, nil), (0, nil, nil),
        ] as [(Int, String?, String?)])
    func history(milliseconds: Int, expected: String?, orReceipt: String?) throws {
        var limits = DecodingLimits()
        limits.timeMin = DecodingLimits.historyMin
        for (profile, time) in [
            (Self.plain, expected),
            (
                Self.plain.replacing("{at: /ts, as: ms}", with: "{at: /ts, as: ms, else: receipt}"),
                orReceipt ?? "2026-03-05T10:15:00Z"
            ),
        ] {
            let catalog = try DeviceCatalog.compile([ProfileSource(path: "test.yaml", text: profile)])
            var bench = Bench(catalog, limits: limits)
            bench.decode("t/d", "{\"p\":1,\"ts\":\(milliseconds)}")
            #expect(bench.lines == (time.map { ["d active_power 1.0 @\($0)"] } ?? []))
            #expect(bench.batch.rejects.map(\.reason) == (time == nil ? [.unusableTime] : []))
        }
    }

    @Test(
        "a time that cannot be used is told with its payload, and never a reading of now",
        arguments: [
            ("{\"p\":1,\"clock\":\"05.03.26 18:01x\"}", "its time cannot be read by the profile"),
            ("{\"p\":1,\"ts\":1577836799999}", "before 2020-01-01T00:00:00Z"),
            ("{\"p\":1,\"ts\":1772705700}", "in seconds the same number would be 2026-03-05T10:15:00Z"),
            ("{\"p\":1,\"ts\":0}", "1970-01-01T00:00:00Z"), ("{\"p\":1,\"ts\":1356998400000}", "2013-01-01T00:00:00Z"),
            ("{\"p\":1,\"ts\":1772709300001}", "more than an hour ahead"),
            ("{\"p\":1,\"ts\":3976214400000}", "2096-01-01T00:00:00Z"), ("{\"p\":1,\"ts\":1e300}", "cannot be read"),
            ("{\"p\":1,\"ts\":\"soon\"}", "cannot be read"), ("{\"p\":1,\"ts\":[]}", "cannot be read"),
        ])
    func unusableTime(payload: String, detail: String) throws {
        var bench = try Bench(profile: Self.plain)
        bench.decode("t/d", payload)
        #expect(bench.batch.readings.isEmpty && bench.batch.heard.count == 1)
        #expect(bench.batch.rejects.map(\.reason) == [.unusableTime])
        #expect(bench.batch.rejects[0].detail.contains(detail), "\(bench.batch.rejects[0].detail)")
        #expect(bench.batch.rejects[0].payload == Array(payload.utf8) && bench.batch.rejects[0].device != nil)
        // A profile may allow the receipt instead.
        var lenient = try Bench(
            profile: Self.plain.replacing("{at: /ts, as: ms}", with: "{at: /ts, as: ms, else: receipt}"))
        lenient.decode("t/d", payload)
        #expect(lenient.lines == ["d active_power 1.0 @2026-03-05T10:15:00Z"] && lenient.batch.rejects.isEmpty)
        #expect(lenient.batch.stamped.count == 1)
    }

    @Test(
        "what cannot be decoded is a reject with its reason",
        arguments: [
            ("x/d", "{}", Reject.Reason.unknownTopic), ("t/d", "{\"p\":", .malformed), ("t/d", "p=1", .malformed),
            ("t/d", "{\"p\":NaN}", .malformed), ("t/", "{\"p\":1}", .noDevice), ("t/a\u{7}b", "{\"p\":1}", .noDevice),
            ("t/\(String(repeating: "x", count: 129))", "{\"p\":1}", .noDevice),
            ("t/d", "{\"p\":\"abc\"}", .unexpectedValue), ("t/d", "{\"p\":{}}", .unexpectedValue),
            ("t/d", "{\"p\":[1]}", .unexpectedValue), ("t/d", "{\"flags\":1.5}", .unexpectedValue),
            ("t/d", "{\"u\":1000001}", .implausible),
        ])
    func rejects(topic: String, payload: String, reason: Reject.Reason) throws {
        var bench = try Bench(profile: Self.plain)
        bench.decode(topic, payload)
        #expect(Set(bench.batch.rejects.map(\.reason)) == [reason])
        #expect(bench.batch.readings.isEmpty && bench.batch.emptyMessages == 0)
    }

    @Test("one bad value costs itself, not the others")
    func oneBadValue() throws {
        var bench = try Bench(profile: Self.plain)
        bench.decode("t/d", "{\"p\":\"abc\",\"u\":230000,\"flags\":8}")
        #expect(bench.lines.count == 2)
        #expect(bench.lines.first == "d voltage 230.0 @2026-03-05T10:15:00Z")
        #expect(bench.batch.rejects.first?.detail == "active_power: expected a number that fits, found a text")
        #expect(bench.batch.rejects.first?.device == DeviceIndex(rawValue: 0))
    }

    @Test("an implausible value is kept as a suspect beside the good ones, in their stream")
    func suspects() throws {
        var bench = try Bench(profile: Self.plain)
        bench.decode("t/d", "{\"p\":20000000,\"u\":230000}")
        #expect(bench.lines == ["d voltage 230.0 @2026-03-05T10:15:00Z"])
        #expect(bench.suspectLines == ["d active_power 20000000.0 @2026-03-05T10:15:00Z"])
        #expect(bench.batch.rejects.map(\.reason) == [.implausible])
        let places = (0..<2).map { bench.registry.place(of: SeriesID(rawValue: $0)).stream }
        #expect(places[0] == places[1])
        bench.decode("t/e", "{\"p\":20000000}")
        #expect(bench.registry.place(of: SeriesID(rawValue: 2)).column == 0)
    }

    @Test("rules of one topic all contribute, and ignore ends the search")
    func severalRules() throws {
        var bench = try Bench(
            profile: """
                profile: p
                rules:
                - {topic: "t/{d}", when: {/kind: [a, 2]}, device: "{d}", read: {active_power: /p}}
                - {topic: "t/{x}", when: {/kind: a, /u: exists}, device: "{x}", read: {voltage: /u}}
                - {topic: "t/{d}", when: {/kind: {like: "noise-{any}"}}, ignore: true}
                - {topic: "t/{d}", when: {/kind: noise-1}, device: "{d}", read: {active_power: /p}}
                """)
        bench.decode("t/d", "{\"kind\":\"a\",\"p\":1,\"u\":2}")
        #expect(bench.lines.map { $0.prefix(16) } == ["d active_power 1", "d voltage 2.0 @2"])
        #expect(bench.batch.heard.count == 1)
        bench.decode("t/d", "{\"kind\":2,\"p\":3,\"u\":2}")
        #expect(bench.lines.count == 3)
        bench.decode("t/d", "{\"kind\":\"noise-1\",\"p\":3}")
        #expect(bench.batch.ignoredMessages == 1 && bench.lines.count == 3)
        bench.decode("t/d", "{\"kind\":\"b\",\"p\":3}")
        #expect(bench.batch.rejects.map(\.reason) == [.noRule])
    }

    @Test("rows of a batch are joined by device and time; what an item tells again is of a row behind")
    func rows() throws {
        var bench = try Bench(
            profile: """
                profile: p
                rules:
                - {topic: b, each: /*, device: "{/d}", time: {at: /t, as: s}, read: {active_power: /p, voltage: /u}}
                """)
        bench.decode(
            "b",
            """
            [{"d":"x","t":1772705600,"p":1},{"d":"y","t":1772705600,"p":2},{"d":"x","t":1772705600,"u":3},
             {"d":"x","t":1772705601,"p":4},{"d":"x","t":1772705600,"p":9},{"d":"y","t":1772705600,"u":5}]
            """)
        #expect(
            bench.lines.map { $0.replacing("2026-03-05T10:", with: "") } == [
                "x active_power 1.0 @13:20Z", "x voltage 3.0 @13:20Z", "x active_power 9.0 @13:20Z",
                "y active_power 2.0 @13:20Z", "y voltage 5.0 @13:20Z", "x active_power 4.0 @13:21Z",
            ])
        #expect(bench.registry.streamCount == 2)
    }

    @Test("iterations give keys, positions and the enclosing message")
    func iterations() throws {
        var bench = try Bench(
            profile: """
                profile: p
                rules:
                - topic: n
                  each: /sites/*/lamps/*
                  when: {^/ok: true}
                  device: "{^/gw}-{/id}"
                  channel: "{@key}"
                  read: {active_power: /p}
                - topic: k
                  each: /values/*
                  device: x
                  table: {key: "@key", value: ., rows: {pow: {active_power: {}}, volt: {voltage: {unit: mV}}}}
                - topic: f
                  device: x
                  read:
                    active_power: {from: "/list/[name=pow]/value"}
                    voltage: {from: /many/*/v, channel: "l{@index + 1}"}
                    current: {from: [/amps/*, /amps], channel: "{@key}"}
                """)
        bench.decode("n", #"{"ok":true,"gw":"g","sites":[{"lamps":{"a":{"id":1,"p":5},"b/":{"id":"2","p":6}}},{}]}"#)
        bench.decode("k", #"{"values":{"pow":1,"other":{},"volt":"1500"}}"#)
        bench.decode(
            "f", #"{"list":[{"name":"x","value":1},{"name":"pow","value":2}],"many":[{"v":1},{},{"v":3}],"amps":7}"#)
        bench.decode("f", #"{"amps":{"in":1,"out":2}}"#)
        #expect(
            bench.lines.map { $0.split(separator: " @")[0] } == [
                "g-1 active_power[a] 5.0", "g-2 active_power[b/] 6.0", "x active_power 1.0", "x voltage 1.5",
                "x active_power 2.0", "x voltage[l1] 1.0", "x voltage[l3] 3.0", "x current 7.0", "x current[in] 1.0",
                "x current[out] 2.0",
            ])
        #expect(bench.batch.rejects.isEmpty)
        bench.decode("n", #"{"ok":false,"gw":"g","sites":[]}"#)
        bench.decode("n", #"{"ok":true}"#)
        #expect(bench.batch.rejects.map(\.reason) == [.noRule, .noRule])
        bench.decode("n", #"{"ok":true,"sites":[]}"#)
        #expect(bench.batch.rejects.count == 3 || bench.batch.emptyMessages == 1)
    }

    @Test("bytes follow their layout, and one byte too few or too many fails the message")
    func layout() throws {
        var bench = try Bench(
            profile: """
                profile: p
                rules:
                - topic: h
                  device: x
                  unwrap:
                    from: /hex
                    as: hex
                    layout:
                    - {kind: u8, must: 1}
                    - skip: 1
                    - power: i16le
                    - amps: f32be
                    - repeat: 2
                      name: cells
                      fields: [{volt: u24be}]
                  read:
                    active_power: /power
                    current: /amps
                    dc_voltage: {from: /cells/*/volt, unit: mV, channel: "dc{@index + 1}"}
                """)
        bench.decode("h", #"{"hex":"01ffF6ff3fc000000003e80007d0"}"#)
        #expect(
            bench.lines.map { $0.split(separator: " @")[0] } == [
                "x active_power -10.0", "x current 1.5", "x dc_voltage[dc1] 1.0", "x dc_voltage[dc2] 2.0",
            ])
        for (hex, reason) in [
            ("01ffF6ff3fc000000003e80007", Reject.Reason.malformed), ("01ffF6ff3fc000000003e80007d000", .malformed),
            ("02ffF6ff3fc000000003e80007d0", .unexpectedValue), ("01f", .malformed), ("zz", .malformed),
        ] {
            bench.batch.removeAll()
            bench.decode("h", "{\"hex\":\"\(hex)\"}")
            #expect(bench.batch.rejects.map(\.reason) == [reason], "\(hex)")
            #expect(bench.batch.readings.isEmpty)
        }
        bench.batch.removeAll()
        bench.decode("h", "{}")
        #expect(bench.batch.emptyMessages == 1)
    }

    @Test("a device is heard at the receipt; what the broker replays is as old as the payload says")
    func heard() throws {
        var bench = try Bench(profile: Self.plain)
        for (payload, isRetained) in [
            ("{\"p\":1,\"ts\":1772705640000}", false), ("{\"p\":1,\"ts\":1772705640000}", true),
        ] {
            var messages = MessageBatch()
            messages.append(
                topic: "t/d", payload: Array(payload.utf8), receivedAt: Bench.received, isRetained: isRetained)
            bench.decoder.decode(messages, into: &bench.batch, registry: &bench.registry)
        }
        bench.decode("t/silent", "{}")
        #expect(
            bench.batch.heard.map { "\(bench.registry.devices[$0.device.index].name) \($0.at)" } == [
                "d 2026-03-05T10:15:00Z", "d 2026-03-05T10:14:00Z", "silent 2026-03-05T10:15:00Z",
            ])
    }

    @Test("a payload that cannot be read is laid to the device that the topic names, if it is known")
    func malformedOfKnownDevice() throws {
        var bench = try Bench(profile: Self.plain)
        bench.decode("t/known", "{\"p\":1}")
        bench.decode("t/known", "{\"p\":1")
        bench.decode("t/stranger", "{\"p\":1")
        #expect(bench.batch.rejects.map(\.device) == [DeviceIndex(rawValue: 0), nil])
        #expect(bench.batch.rejects.map(\.detail) == ["not JSON from byte 6 on", "not JSON from byte 6 on"])
        #expect(bench.registry.deviceCount == 1)
    }

    @Test("a text that does not fit its capture names no device, and the next item does")
    func captureFails() throws {
        var bench = try Bench(
            profile: """
                profile: p
                rules:
                - {topic: c, each: /*, capture: {/src: "/devices/{d}/{f}"}, device: "{d}", read: {voltage: /u}}
                """)
        bench.decode("c", #"[{"src":"/devices/a/m","u":1},{"src":"/lamps/b/m","u":2},{"src":"\/devices\/c\/m","u":3}]"#)
        #expect(bench.lines.map { $0.split(separator: " @")[0] } == ["a voltage 1.0", "c voltage 3.0"])
        #expect(bench.batch.rejects.map(\.reason) == [.noDevice])
    }

    @Test("a batch decodes as its messages do one by one, and another registry starts afresh")
    func batches() throws {
        var single = Bench(try Repository.catalog.get())
        var whole = Bench(try Repository.catalog.get())
        var messages = MessageBatch()
        // What a rule holds outlives the registry, so the second time a unit would be known that was not at first.
        for sample in Repository.samples where !sample.path.contains("/homie-5/") {
            try sample.append(to: &messages)
            for message in sample.sequence {
                single.decode(message.topic, message.bytes, at: try moment(message.received))
            }
        }
        whole.decoder.decode(messages, into: &whole.batch, registry: &whole.registry)
        #expect(whole.lines == single.lines)
        let lines = whole.lines
        whole.batch.removeAll()
        whole.registry = SeriesRegistry()
        whole.decoder.decode(messages, into: &whole.batch, registry: &whole.registry)
        #expect(whole.lines == lines)
    }

    @Test("limits hold, and say which one")
    func limits() throws {
        let text = """
            profile: p
            rules:
            - {topic: "t/{d}", device: "{d}", read: {active_power: {from: /p/*, channel: "c{@index}"}, voltage: /u}}
            """
        let catalog = try DeviceCatalog.compile([ProfileSource(path: "p.yaml", text: text)])
        var limits = DecodingLimits()
        limits.payloadBytesMax = 100
        limits.readingsPerMessageMax = 3
        limits.rejectsPerMessageMax = 2
        var names = SeriesRegistry.Limits()
        names.devicesMax = 2
        names.seriesMax = 5
        var bench = Bench(catalog, limits: limits, registryLimits: names)
        bench.decode("t/a", String(repeating: " ", count: 101))
        #expect(bench.batch.rejects.map(\.reason) == [.tooLarge])
        bench.batch.removeAll()
        bench.decode("t/a", "{\"p\":[1,2,3,4,5]}")
        #expect(bench.batch.readings.count == 3 && bench.batch.rejects.map(\.reason) == [.tooLarge])
        bench.batch.removeAll()
        bench.decode("t/a", "{\"p\":[\"x\",\"x\",\"x\",\"x\"]}")
        #expect(bench.batch.rejects.count == 2)
        #expect(bench.batch.rejects.last?.detail.hasSuffix("; 2 more faults in this message") == true)
        bench.batch.removeAll()
        bench.decode("t/b", "{\"p\":[1,2,3]}")
        #expect(bench.batch.readings.count == 2 && bench.batch.rejects.map(\.reason) == [.cardinality])
        bench.batch.removeAll()
        bench.decode("t/c", "{\"u\":1}")
        #expect(bench.batch.rejects.map(\.reason) == [.cardinality])
        bench.batch.removeAll()
        bench.decode("t/\u{1}", "{\"u\":1}")
        #expect(bench.batch.rejects.map(\.reason) == [.noDevice])
    }
}
