import Basics
import Decoding
import Profiles
import Telemetry
import Testing

@Suite("Format sparkplug")
struct SparkplugTests {
    private static let profile = """
        profile: p
        rules:
        - topic: "spBv1.0/{group}/DBIRTH/{node}/{device}"
          format: sparkplug
          device: "{node}/{device}"
          time: [{at: /timestamp, as: ms}]
          status: {from: /type, map: {DBIRTH: online}}
        - topic: "spBv1.0/{group}/DBIRTH/{node}/{device}"
          format: sparkplug
          each: /metrics/*
          device: "{node}/{device}"
          channel: {from: /properties/unit, map: {W: watts}, else: none}
          time: [{at: /timestamp, as: ms}]
          table: &table
            key: /name
            value: /value
            rows: {p: {active_power: {}}, u: {voltage: {}}, ok: {lamp_fault: {}}}
        - topic: "spBv1.0/{group}/DDATA/{node}/{device}"
          format: sparkplug
          each: /metrics/*
          device: "{node}/{device}"
          channel: {from: /isHistorical, map: {true: late}, else: now}
          time: [{at: /timestamp, as: ms}]
          table: *table
        - topic: "spBv1.0/{group}/DDEATH/{node}/{device}"
          format: sparkplug
          device: "{node}/{device}"
          status: {from: /type, map: {DDEATH: offline}}
        - topic: "spBv1.0/{group}/NBIRTH/{node}"
          format: sparkplug
          each: /metrics/*
          device: "{node}"
          table: *table
        - topic: "spBv1.0/{group}/NDEATH/{node}"
          format: sparkplug
          each: /devices/*
          device: "{node}/{/name}"
          status: {from: /state, map: {offline: offline}}
        """

    // MARK: Writing protocol buffers

    private static func varint(_ number: UInt64) -> [UInt8] {
        number < 0x80 ? [UInt8(number)] : [UInt8(number & 0x7F) | 0x80] + varint(number >> 7)
    }

    private static func field(_ number: UInt64, _ value: UInt64) -> [UInt8] { varint(number << 3) + varint(value) }

    private static func field(_ number: UInt64, _ bytes: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(UInt64(bytes.count)) + bytes
    }

    private static func field(_ number: UInt64, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

    private static func metric(
        _ name: String? = nil, alias: UInt64? = nil, type: UInt64? = nil, _ value: [UInt8] = []
    ) -> [UInt8] {
        (name.map { field(1, $0) } ?? []) + (alias.map { field(2, $0) } ?? []) + (type.map { field(4, $0) } ?? [])
            + value
    }

    private static let moment: UInt64 = 1_772_705_699_000  // 2026-03-05T10:14:59Z

    private static func payload(_ metrics: [[UInt8]], at moment: UInt64 = moment) -> [UInt8] {
        field(1, moment) + metrics.flatMap { field(2, $0) } + field(3, 7)
    }

    private static func bdSeq(_ number: UInt64) -> [UInt8] { metric("bdSeq", type: 8, field(11, number)) }

    /// A bench that has seen the birth of a device with Int16 `p` as alias 1 and Float `u` as alias 2.
    private func born() throws -> Bench {
        var bench = try Bench(profile: Self.profile)
        bench.decode("spBv1.0/g/NBIRTH/n", Self.payload([Self.bdSeq(3)]))
        bench.decode("spBv1.0/g/DBIRTH/n/d", Self.birth)
        bench.batch.removeAll()
        return bench
    }

    private static let birth = payload([
        metric(
            "p", alias: 1, type: 2,
            field(10, 0xFFFF_FFF4) + field(9, field(1, "unit") + field(2, field(1, 12) + field(8, "W")))),
        metric("u", alias: 2, type: 9, [0x65, 0, 0, 0x66, 0x43]),
    ])

    private static let data = "spBv1.0/g/DDATA/n/d"

    private static func statuses(_ bench: borrowing Bench) -> [String] {
        bench.batch.statuses.map { status in
            "\(bench.registry.devices[status.device.index].name) \(status.isOnline ? "online" : "offline") \(status.at)"
        }
    }

    // MARK: Tests

    @Test("a birth gives values, status and properties")
    func birthGivesValues() throws {
        var bench = try Bench(profile: Self.profile)
        bench.decode("spBv1.0/g/DBIRTH/n/d", Self.birth)
        #expect(bench.rejectLines == [])
        #expect(
            bench.lines == [
                "n/d active_power[watts] -12.0 @2026-03-05T10:14:59Z", "n/d voltage[none] 230.0 @2026-03-05T10:14:59Z",
            ])
        let statuses = Self.statuses(bench)
        #expect(statuses == ["n/d online 2026-03-05T10:14:59Z"])
    }

    @Test(
        "a whole number is read by the type of the birth, however wide it is written",
        arguments: [
            (1, 0xF4, "-12.0"), (1, 0xFFFF_FFF4, "-12.0"), (1, 0x7F, "127.0"), (1, 0xFFFF_FFFF_FFFF_FFF4, "-12.0"),
            (1, 0x100, nil), (2, 0xFFF4, "-12.0"), (2, 0xFFFF_FFF4, "-12.0"), (2, 0x8000, "-32768.0"),
            (2, 0x1_0000, nil),
            (3, 0xFFFF_FFF4, "-12.0"), (3, 0xFFFF_FFFF_FFFF_FFF4, "-12.0"), (3, 0x1_0000_0000, nil),
            (4, 0xFFFF_FFFF_FFFF_FFF4, "-12.0"), (4, 0xFFFF_FFF4, "4294967284.0"), (5, 0xFF, "255.0"), (5, 0x100, nil),
            (6, 0xFFF4, "65524.0"), (6, 0x1_0000, nil), (7, 0xFFFF_FFF4, "4294967284.0"), (7, 0x1_0000_0000, nil),
            (8, 0x1_0000_0000, "4294967296.0"), (11, 1, "1.0"), (11, 0, "0.0"), (9, 7, "7.0"),
        ] as [(UInt64, UInt64, String?)])
    func signs(type: UInt64, bits: UInt64, expected: String?) throws {
        var bench = try Bench(profile: Self.profile)
        bench.decode("spBv1.0/g/DBIRTH/n/d", Self.payload([Self.metric("p", alias: 1, type: type)]))
        #expect(bench.batch.readings.isEmpty)
        // The repeated name and a type of the data's own must not change the meaning.
        for metric in [
            Self.metric(alias: 1, Self.field(11, bits)), Self.metric("p", Self.field(10, bits)),
            Self.metric("p", alias: 1, type: 7, Self.field(10, bits)),
        ] {
            bench.batch.removeAll()
            bench.decode(Self.data, Self.payload([metric]))
            let values = (bench.batch.readings + bench.batch.suspects).map { "\($0.value)" }
            #expect(values == (expected.map { [$0] } ?? []))
            if expected == nil { #expect(bench.batch.rejects.map(\.reason) == [.unexpectedValue]) }
        }
    }

    @Test("times are those of the metric, then of the payload; null and absent values are missing")
    func timesAndNulls() throws {
        var bench = try born()
        bench.decode(
            Self.data,
            Self.payload([
                Self.metric(alias: 1, Self.field(3, Self.moment - 1000) + Self.field(5, 1) + Self.field(10, 5)),
                Self.metric(alias: 2, Self.field(7, 1)), Self.metric(alias: 2),
                Self.metric(alias: 1, Self.field(10, 6)),
            ]))
        #expect(bench.rejectLines == [])
        #expect(
            bench.lines == [
                "n/d active_power[late] 5.0 @2026-03-05T10:14:58Z", "n/d active_power[now] 6.0 @2026-03-05T10:14:59Z",
            ])
    }

    @Test("data with an alias that no birth named is rejected whole")
    func unknownAlias() throws {
        var bench = try born()
        let known = Self.metric(alias: 1, Self.field(10, 5))
        bench.decode(Self.data, Self.payload([known, Self.metric(alias: 9, Self.field(10, 5))]))
        #expect(bench.lines == [])
        #expect(bench.rejectLines == ["unexpected-value: alias 9 is not known: no birth before this message names it"])

        // Another device, another node, and this device after its node was born again.
        for topic in ["spBv1.0/g/DDATA/n/e", "spBv1.0/g/DDATA/m/d", "spBv1.0/h/DDATA/n/d"] {
            bench.batch.removeAll()
            bench.decode(topic, Self.payload([known]))
            #expect(bench.batch.rejects.count == 1 && bench.batch.readings.isEmpty)
        }
        bench.decode("spBv1.0/g/NBIRTH/n", Self.payload([Self.bdSeq(3)], at: Self.moment + 5))
        bench.batch.removeAll()
        bench.decode(Self.data, Self.payload([known]))
        #expect(bench.batch.rejects.count == 1 && bench.batch.readings.isEmpty)

        // Names need no birth where the type is told or has no sign.
        bench.batch.removeAll()
        bench.decode(
            Self.data,
            Self.payload([
                Self.metric("p", type: 2, Self.field(10, 0xFFF4)), Self.metric("u", [0x65, 0, 0, 0x66, 0x43]),
            ]))
        #expect(bench.batch.readings.map(\.value) == [-12, 230])
        bench.batch.removeAll()
        bench.decode(Self.data, Self.payload([Self.metric("p", Self.field(10, 5))]))
        #expect(
            bench.rejectLines == [
                "unexpected-value: a whole number of unknown type: no birth before this message tells it"
            ])
    }

    @Test("a decoder that is shown the births of another reads the data that follow")
    func restores() throws {
        var first = try Bench(profile: Self.profile)
        first.decode("spBv1.0/g/NBIRTH/n", Self.payload([Self.bdSeq(3)]))
        first.decode("spBv1.0/g/DBIRTH/n/d", Self.birth)
        first.decode(Self.data, Self.payload([Self.metric(alias: 1, Self.field(10, 5))]))
        #expect(first.batch.remembered.count == 2)
        var second = try Bench(profile: Self.profile)
        second.decoder.restore(first.batch.remembered)
        second.decode(Self.data, Self.payload([Self.metric(alias: 1, Self.field(10, 0xFFFF_FFF4))]))
        #expect(second.rejectLines == [])
        #expect(second.batch.readings.map(\.value) == [-12])
    }

    @Test("the same birth of a node once more forgets nothing")
    func repeatedBirth() throws {
        var bench = try born()
        bench.decode("spBv1.0/g/NBIRTH/n", Self.payload([Self.bdSeq(3)]))
        bench.decode(Self.data, Self.payload([Self.metric(alias: 1, Self.field(10, 5))]))
        #expect(bench.lines == ["n/d active_power[now] 5.0 @2026-03-05T10:14:59Z"])
    }

    @Test("the death of a node takes its devices offline, unless it is of an earlier session")
    func deaths() throws {
        var bench = try born()
        bench.decode("spBv1.0/g/DBIRTH/n/c", Self.birth)
        bench.batch.removeAll()
        bench.decode("spBv1.0/g/NDEATH/n", Self.payload([Self.bdSeq(2)]))
        bench.decode("spBv1.0/g/NDEATH/other", Self.payload([Self.bdSeq(2)]))
        #expect(bench.batch.statuses.isEmpty && bench.batch.rejects.isEmpty && bench.batch.emptyMessages == 2)
        bench.decode("spBv1.0/g/NDEATH/n", Self.payload([Self.metric("bdSeq", Self.field(11, 3))]))
        bench.decode("spBv1.0/g/DDEATH/n/d", Self.payload([]))
        let statuses = Self.statuses(bench)
        let at = "2026-03-05T10:15:00Z"
        #expect(statuses == ["n/c offline \(at)", "n/d offline \(at)", "n/d offline \(at)"])
    }

    @Test("births are bounded in number and size")
    func limits() throws {
        var limits = DecodingLimits()
        limits.sparkplugDevicesMax = 3
        limits.sparkplugMetricsMax = 5
        let catalog = try DeviceCatalog.compile([ProfileSource(path: "p", text: Self.profile)])
        var bench = Bench(catalog, limits: limits)
        bench.decode("spBv1.0/g/DBIRTH/n/a", Self.birth)
        bench.decode("spBv1.0/g/DBIRTH/n/b", Self.birth)
        for _ in 0..<20 { bench.decode("spBv1.0/g/DBIRTH/n/a", Self.birth) }
        #expect(bench.rejectLines == [])
        bench.decode("spBv1.0/g/DBIRTH/n/c", Self.birth)
        bench.decode("spBv1.0/g/NBIRTH/m", Self.payload([]))
        bench.decode("spBv1.0/g/DBIRTH/n/a", Self.payload((0..<4).map { Self.metric("m\($0)", type: 3) }))
        #expect(
            bench.rejectLines == [
                "cardinality: the limit of 3 Sparkplug nodes and devices is reached",
                "cardinality: the limit of 3 Sparkplug nodes and devices is reached",
                "cardinality: the limit of 5 Sparkplug metrics is reached",
            ])
        bench.batch.removeAll()
        let name = String(repeating: "n", count: 1025)
        bench.decode("spBv1.0/g/DBIRTH/n/a", Self.payload([Self.metric(name, type: 3)]))
        #expect(bench.rejectLines == ["too-large: a metric's name of more than 1024 bytes"])
    }

    @Test(
        "what is no Sparkplug payload is rejected with the place",
        arguments: [
            ([0x08], "malformed: the end of the payload inside a protobuf number at byte 1"),
            ([0x12, 0x05, 0x0A], "malformed: a protobuf field of 5 bytes, 1 of them there, at byte 0"),
            ([0x12, 0x02, 0x0A, 0x04], "malformed: a protobuf field of 4 bytes, 0 of them there, at byte 2"),
            ([0x0B], "malformed: a protobuf field of unknown type at byte 0"),
            ([0x00, 0x01], "malformed: a protobuf field without a number at byte 0"),
            ([0x0A, 0x00], "malformed: field 1 of the Sparkplug payload has another type"),
            ([0x12, 0x02, 0x08, 0x01], "malformed: field 1 of a Sparkplug metric has another type"),
            (
                [0x08] + [UInt8](repeating: 0xFF, count: 9) + [0x02],
                "malformed: a protobuf number of more than 64 bits at byte 1"
            ),
        ] as [([UInt8], String)])
    func malformed(payload: [UInt8], expected: String) throws {
        var bench = try Bench(profile: Self.profile)
        bench.decode(Self.data, payload)
        #expect(bench.rejectLines == [expected])
    }

    @Test("truncated and damaged payloads end in something, and nothing crashes")
    func hostile() throws {
        let data = Self.payload([
            Self.metric(alias: 1, Self.field(3, Self.moment) + Self.field(10, 5)),
            Self.metric("u", type: 9, [0x65, 0, 0, 0x66, 0x43]),
        ])
        for type in ["DBIRTH", "DDATA"] {
            try FormatTests.torture(Self.profile, topic: "spBv1.0/g/\(type)/n/d", [Self.birth, data])
        }
        try FormatTests.torture(Self.profile, topic: "spBv1.0/g/NDEATH/n", [Self.payload([Self.bdSeq(3)])], rounds: 300)
    }
}
