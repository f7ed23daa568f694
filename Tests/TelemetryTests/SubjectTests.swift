import Basics
import Telemetry
import TestSupport
import Testing

@Suite("What an alert is about")
struct SubjectTests {
    private static let subjects: [Subject] = [
        .device(DeviceIndex(rawValue: 0)), .series(SeriesID(rawValue: 0), of: DeviceIndex(rawValue: 0)),
        .series(SeriesID(rawValue: 7), of: DeviceIndex(rawValue: 0)), .device(DeviceIndex(rawValue: 3)),
        .circuit("circuit-1"), .circuit("circuit-2"), .area("Lixia"), .gateway, .broker,
    ]

    @Test("has an order in which no two are equal, whatever the order they come in")
    func order() {
        #expect(Self.subjects.reversed().sorted() == Self.subjects)
        for left in Self.subjects.indices {
            for right in Self.subjects.indices {
                #expect((Self.subjects[left] < Self.subjects[right]) == (left < right))
            }
        }
    }

    @Test("names are bytes: circuits, areas, rules and the roster's places that look alike are two")
    func bytes() {
        let (composed, decomposed) = ("\u{E9}", "e\u{301}")
        #expect(composed == decomposed)
        #expect(Subject.circuit(composed) != .circuit(decomposed) && Subject.area(composed) != .area(decomposed))
        #expect((Subject.area(composed) < .area(decomposed)) != (Subject.area(decomposed) < .area(composed)))
        let keys = [composed, decomposed].flatMap { name in
            [
                AlertKey(rule: "r", subject: .circuit(name)), AlertKey(rule: "r", subject: .area(name)),
                AlertKey(rule: name, subject: .gateway),
            ]
        }
        #expect(Set(keys).count == 6)
        let lines = [composed, decomposed].enumerated().map { index, name in
            (
                DeviceIndex(rawValue: UInt32(index)),
                Roster.Line(
                    entry: RosterEntry(device: "d\(index)", area: name, circuit: name, cadence: .seconds(10)),
                    since: Timestamp(milliseconds: 0))
            )
        }
        let roster = Roster(Dictionary(uniqueKeysWithValues: lines))
        #expect(roster.devices(inArea: composed) == [DeviceIndex(rawValue: 0)])
        #expect(roster.devices(onCircuit: decomposed) == [DeviceIndex(rawValue: 1)])
    }

    @Test("comes back from its bytes", arguments: subjects)
    func stored(subject: Subject) {
        var writer = StateWriter()
        writer.append(subject)
        var reader = StateReader(writer.bytes)
        #expect(reader.nextSubject() == subject && reader.isAtEnd)
        for length in 0..<writer.bytes.count {
            var cut = StateReader(Array(writer.bytes[..<length]))
            #expect(cut.nextSubject() == nil)
        }
    }

    /// They stand in stores and in answers.
    @Test("is stored by names that never change")
    func names() {
        #expect(Subject.Kind.allCases.map(\.rawValue) == ["series", "device", "circuit", "area", "gateway", "broker"])
    }

    @Test("is called as people call it")
    func called() throws {
        var registry = SeriesRegistry()
        let device = registry.intern(device: "lamp-1", profile: "p")!
        let series = registry.intern(device: device, quantity: .activePower, channel: .none)!
        #expect(Subject.series(series, of: device).name(in: registry) == "lamp-1")
        #expect(Subject.circuit("circuit-1").name(in: registry) == "circuit-1")
        #expect(Subject.broker.name(in: registry) == "broker")
    }
}

@Suite("The laws that stand once")
struct LawTests {
    private static let now = Timestamp(milliseconds: 1_772_705_640_000)

    @Test(
        "a device may miss three messages, and five minutes at the least",
        arguments: [(nil, 300), (1, 300), (60, 300), (100, 300), (101, 303), (3600, 10_800)] as [(Int?, Int)])
    func staleness(cadence: Int?, allowance: Int) {
        #expect(Staleness.allowance(cadence: cadence.map { .seconds($0) }) == .seconds(allowance))
    }

    @Test(
        "no news is no good news",
        arguments: [
            // Heard so many seconds ago, cadence, said offline, an alert fires.
            (nil, 60, false, false, .neverHeard), (nil, 60, true, false, .unknown), (nil, nil, false, true, .firing),
            (0, 60, false, false, .ok),
            (300, 60, false, false, .ok), (301, 60, false, false, .unknown), (0, 60, true, false, .unknown),
            (0, 60, true, true, .firing), (1_000_000, nil, false, false, .ok), (1_000_000, 60, false, true, .firing),
        ] as [(Int?, Int?, Bool, Bool, Health)])
    func health(heard: Int?, cadence: Int?, saidOffline: Bool, isFiring: Bool, expected: Health) {
        let health = Health(
            silence: heard.map { .seconds($0) }, cadence: cadence.map { .seconds($0) }, saidOffline: saidOffline,
            isFiring: isFiring)
        #expect(health == expected)
    }

    @Test("heard is not read", arguments: [(true, Health.unread), (false, .ok)])
    func unread(isUnread: Bool, expected: Health) {
        func health(_ silence: Int?, cadence: Int? = nil, isFiring: Bool = false) -> Health {
            Health(
                silence: silence.map { .seconds($0) }, cadence: cadence.map { .seconds($0) }, saidOffline: false,
                isFiring: isFiring, isUnread: isUnread)
        }
        #expect(health(0) == expected && health(0, cadence: 60) == expected)
        #expect(health(301, cadence: 60) == .unknown && health(nil) == .neverHeard)
        #expect(health(0, isFiring: true) == .firing)
    }

    @Test("a time may be an hour ahead and not a millisecond more")
    func fence() {
        #expect(TimeFence.admits(Self.now + .seconds(3600), at: Self.now))
        #expect(!TimeFence.admits(Self.now + .milliseconds(3_600_001), at: Self.now))
        #expect(TimeFence.admits(Timestamp(milliseconds: .min), at: Self.now))
        #expect(!TimeFence.admits(Timestamp(milliseconds: .max), at: Self.now))
    }

    @Test(
        "names have 128 bytes at most and no control characters",
        arguments: [
            ("", true), ("lamp-1", true), (String(repeating: "a", count: 128), true),
            (String(repeating: "a", count: 129), false), (String(repeating: "灯", count: 42), true),
            (String(repeating: "灯", count: 43), false), ("a\nb", false), ("a\u{7F}", false), ("a\u{1B}[31m", false),
        ])
    func names(name: String, isUsable: Bool) { #expect(UsableName.admits(name) == isUsable) }

    @Test("every quantity that code speaks of is in the vocabulary")
    func quantities() {
        let known: [Quantity] = [
            .lampOn, .lightLevel, .lightCommand, .lampFault, .activePower, .current, .roadSurfaceTemperature,
            .waterFilmThickness, .freezingTemperature, .iceThickness, .roadCondition, .airTemperature,
            .relativeHumidity, .dewPoint, .dcPower, .solarIrradiance, .panelTemperature, .windDirection,
        ]
        #expect(Set(known).count == known.count)
    }
}

@Suite("A turn")
struct TurnTests {
    /// Bytes in the journal.
    @Test("stores its origin under numbers that never change")
    func origins() { #expect(Turn.Origin.live.rawValue == 1 && Turn.Origin.imported.rawValue == 2) }

    @Test("lends its readings by messages: what shares device and time and stands together")
    func rows() throws {
        var registry = SeriesRegistry()
        var series: [SeriesID] = []
        for name in ["a", "b"] {
            let device = registry.intern(device: name, profile: "p")!
            for quantity in [Quantity.activePower, .current] {
                series.append(registry.intern(device: device, quantity: quantity, channel: .none)!)
            }
        }
        let start = Timestamp(milliseconds: 0)
        func reading(_ place: Int, _ seconds: Int) -> Reading {
            Reading(series: series[place], observed: start + .seconds(seconds), value: 1)
        }
        let turn = Turn(
            origin: .live, now: start,
            fresh: [reading(0, 1), reading(1, 1), reading(2, 1), reading(2, 2), reading(3, 2), reading(0, 1)])
        var rows: [String] = []
        turn.forEachRow(registry) { device, readings in
            rows.append("\(registry.devices[device.index].name)\(readings.count)")
        }
        #expect(rows == ["a2", "b1", "b2", "a1"])
        #expect(!turn.isEmpty && Turn(origin: .live, now: start).isEmpty)
        #expect(!Turn(origin: .live, now: start, corrections: [reading(0, 1)]).isEmpty)
    }
}
