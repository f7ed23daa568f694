import Basics
import Contract
import Fleet
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@testable import Gateway

/// Makes the folder `Fixtures/written-by-…`: a store that this version writes, and what this version then tells of it.
///
/// `BAOTU_MAKE_FIXTURE=<new folder> swift test --filter KeptStoreMaker`; the configuration is that of the kept folder.
/// Days of a simulated city in winter, with faults at fixed hours, some over and some that stand at the end.
@Suite("Making a store to be kept")
struct KeptStoreMaker {
    private static let target = ProcessInfo.processInfo.environment["BAOTU_MAKE_FIXTURE"]

    @Test("a store of this version, and what it tells", .enabled(if: target != nil))
    func make() throws {
        let files = FileManager.default
        let folder = URL(filePath: try #require(Self.target))
        let kept = KeptStore.kept
        try files.createDirectory(at: folder, withIntermediateDirectories: false)
        for name in ["baotu.yaml", "alerts.yaml", "devices"] {
            try files.copyItem(at: kept.appending(path: name), to: folder.appending(path: name))
        }
        func write(_ name: String, _ lines: [String]) throws {
            try (lines.joined(separator: "\n") + "\n").write(
                to: folder.appending(path: name), atomically: true, encoding: .utf8)
        }
        var town = Town()
        try town.roster.write(to: folder.appending(path: "roster.csv"), atomically: true, encoding: .utf8)

        // The past, in a folder of its own: the store is taken out of it as a crash leaves it.
        let past = try KeptStore.copy(of: folder)
        defer { try? files.removeItem(at: past.folder) }
        try live(past, &town)
        let store = folder.appending(path: "store")
        try files.copyItem(at: past.folder.appending(path: "store"), to: store)
        past.crash()
        // Who had it locked.
        try files.removeItem(at: store.appending(path: "lock"))

        let present = try KeptStore.copy(of: folder)
        defer { try? files.removeItem(at: present.folder) }
        try write("alerts.txt", try present.alertLines())
        let count = try present.transitionCount
        let script = town.messages(until: KeptStore.end)
        try write("future.tsv", KeptStore.scriptHeading + script.map(\.line))
        try present.start(at: KeptStore.resume)
        #expect(present.hadSnapshot)
        try write("book.txt", present.bookLines())
        try write("windows.txt", present.windowLines(at: KeptStore.resume))
        try write("health.txt", present.healthLines())
        present.play(script, from: KeptStore.resume, until: KeptStore.end)
        try write("future.txt", try present.transitionLines(after: count))
        try write("end-alerts.txt", try present.alertLines())
        try write("end-book.txt", present.bookLines())
        try write("end-windows.txt", present.windowLines(at: KeptStore.end))
        try write("end-health.txt", present.healthLines())
        present.crash()
    }

    /// A turn a minute until the end of the past. Within it two starts; the last, ten minutes before the end, leaves
    /// the WAL short. The very last turn commits, and fails before it has recorded what its readings mean.
    private func live(_ gateway: KeptStore, _ town: inout Town) throws {
        var moment = Town.start
        try gateway.start(at: moment)
        gateway.broker.whenAcknowledged = {}
        while moment < Town.pastEnd {
            moment = moment + .seconds(60)
            if moment == Town.pastEnd { gateway.broker.whenAcknowledged = { gateway.disk.fails(true) } }
            for message in town.messages(until: moment) { gateway.broker.send(message) }
            for taken in Town.acknowledgements where taken.at == moment {
                let archive = try Archive(folder: gateway.folder.appending(path: "store").path)
                let alert = try #require(
                    try archive.alerts().first {
                        $0.rule == taken.rule && $0.device == taken.device && $0.phase == .firing
                    }, "\(taken)")
                #expect(gateway.acknowledge(alert.id, by: taken.by, note: taken.note))
            }
            gateway.turn(at: moment)
            if Town.restarts.contains(moment) {
                gateway.crash()
                try gateway.start(at: moment)
            }
        }
        gateway.broker.whenAcknowledged = {}
    }
}

/// A handful of devices of the city, thinned out, with faults by the clock, and two corners of their own making.
private struct Town {
    /// Local midnight in Jinan, in the cold.
    static let start = Timestamp(iso8601: "2026-01-20T00:00:00+08:00")!
    static let pastEnd = hour(6, 6)
    static let restarts: Set = [hour(3, 7, 30), hour(6, 5, 50)]
    static let acknowledgements = [
        (at: hour(3, 2, 45), rule: "feeder-fault", device: "lamp-0001", by: "li", note: "the fuse again"),
        (
            at: hour(5, 23, 30), rule: "lamp-fault", device: "lamp-0006", by: "wang",
            note: "a driver is ordered; see 4711"
        ),
        (at: hour(6, 5, 10), rule: "feeder-fault", device: "lamp-0001", by: "li", note: "the crew is on its way, 出发了"),
    ]

    /// An hour of the local clock, by day since the start.
    static func hour(_ day: Int, _ hour: Int, _ minute: Int = 0) -> Timestamp {
        start + .seconds(day * 86_400 + hour * 3600 + minute * 60)
    }

    private static let cadence = Duration.seconds(300)
    private static let keys: Set = [
        "p", "u", "d", "lamp", "fault", "pm2_5", "o3", "temperature", "humidity", "dc_power", "irradiance",
        "panel_temperature", "road_surface_temperature", "energy_total",
    ]

    private var city: City
    /// The next one, already taken from the city.
    private var ahead: City.Emission?
    private var noise = SplitNoise()
    private var sent = 0
    private var backlog: [String: [String]] = [:]
    private var nextCorner = start + .seconds(17)
    private var kept: [String: Double] = [:]

    init() {
        var options = City.Options(start: Self.start)
        (options.lampCount, options.airCount, options.segmentCount, options.seed) = (10, 6, 5, 7)
        options.messagesPerSecond = 21 / 300
        city = City(options)
    }

    var roster: String {
        let entries = city.roster.map { entry in
            var entry = entry
            entry.area = "Lixia"
            if entry.profile == "streetlight-controller" {
                entry.circuit = entry.device <= "lamp-0005" ? "circuit-1" : "circuit-2"
                entry.area = entry.device <= "lamp-0005" ? "Lixia" : "Shizhong"
            }
            // Its power is learnt.
            if entry.device == "lamp-0010" { entry.constants = [:] }
            return entry
        }
        return rosterText(
            entries + [
                RosterEntry(device: "corner-01", profile: "corner-station", area: "Shizhong", cadence: Self.cadence)
            ])
    }

    // MARK: Messages

    mutating func messages(until end: Timestamp) -> [ScriptedMessage] {
        var messages: [ScriptedMessage] = []
        while true {
            let emission = ahead ?? city.next()
            ahead = emission
            if nextCorner <= min(end, emission.at) {
                messages += corners(at: nextCorner)
                nextCorner = nextCorner + Self.cadence
            } else if emission.at <= end {
                ahead = nil
                messages += spoken(emission)
            } else {
                return messages
            }
        }
    }

    /// One at a corner, and one of the same kind that is not on the roster.
    private mutating func corners(at moment: Timestamp) -> [ScriptedMessage] {
        ["corner-01", "visitor-01"].map { device in
            let isRaining = isWithin((2, 14, 0), (2, 17, 0), moment) || isWithin((6, 9, 0), (6, 11, 0), moment)
            let isTaken = isWithin((4, 9, 0), (4, 13, 0), moment) || isWithin((6, 4, 0), (6, 8, 0), moment)
            let isLow = device == "corner-01" && isWithin((6, 5, 30), (6, 7, 0), moment)
            let direction = (352 + 40 * noise.next()).truncatingRemainder(dividingBy: 360)
            let values: [(String, Double, Int)] = [
                ("wd", direction, 0), ("rain", isRaining ? 0.2 + 0.2 * noise.next() : 0, 1),
                ("taken", isTaken ? 1 : noise.next() < 0.4 ? 1 : 0, 0), ("ua", 228 + 4 * noise.next(), 1),
                ("ub", (isLow ? 190 : 228) + 4 * noise.next(), 1), ("uc", 228 + 4 * noise.next(), 1),
            ]
            return ScriptedMessage(
                at: moment, topic: "corner/\(device)/telemetry", payload: json(values, at: moment))
        }
    }

    /// What becomes of a message of the city under the faults of the hour.
    private mutating func spoken(_ emission: City.Emission) -> [ScriptedMessage] {
        let device = emission.device
        let topic = String(emission.topic.dropLast("/telemetry".count))
        var messages: [ScriptedMessage] = []
        func message(_ ending: String, _ payload: String) -> ScriptedMessage {
            ScriptedMessage(at: emission.at, topic: "\(topic)/\(ending)", payload: payload)
        }
        for (status, moment) in Self.statuses where device == "lamp-0008" {
            if moment <= emission.at, emission.at < moment + Self.cadence { messages.append(message("status", status)) }
        }
        if Self.silences.contains(where: { $0.device == device && isWithin($0.from, $0.until, emission.at) }) {
            return messages
        }
        var values = emission.values.filter { Self.keys.contains($0.key) }.map { ($0.key, $0.value, $0.decimals) }
        for fault in Self.faults where fault.devices.contains(device) && isWithin(fault.from, fault.until, emission.at)
        {
            for place in values.indices {
                guard let change = fault.changes[values[place].0] else { continue }
                let key = "\(fault.from) \(device) \(values[place].0)"
                let before = kept[key] ?? values[place].1
                kept[key] = before
                values[place].1 =
                    switch change {
                    case .to(let value): value
                    case .by(let factor): values[place].1 * factor
                    case .plus(let value): values[place].1 + value
                    case .stuck: before
                    case .alternating: sent % 2 == 0 ? 0 : values[place].1
                    }
            }
            if fault.changes.values.contains(.alternating) { sent += 1 }
        }
        // Two clocks are wrong: one is late, one ahead.
        let skew: Duration = device == "lamp-0004" ? .seconds(-95) : device == "air-05" ? .seconds(20) : .zero
        let payload = json(values, at: emission.at + skew)
        if device == "air-03" {
            // Twice it had no line for an hour, and sends what it kept.
            if isWithin((5, 10, 0), (5, 11, 0), emission.at) || isWithin((6, 11, 0), (6, 12, 0), emission.at) {
                backlog[device, default: []].append(payload)
                return messages
            }
            if let held = backlog.removeValue(forKey: device) {
                let batch = message("batch", "[" + held.joined(separator: ",") + "]")
                // In order the one time; the other time late, behind the first that it measured since.
                messages +=
                    emission.at > Self.pastEnd
                    ? [batch, message("telemetry", payload)] : [message("telemetry", payload), batch]
                return messages
            }
        }
        let number = noise.count()
        // Now and then one breaks off, or comes twice.
        messages.append(message("telemetry", number % 211 == 0 ? String(payload.dropLast(9)) : payload))
        if number % 97 == 0 { messages.append(message("telemetry", payload)) }
        // Or is put right by another of the same time.
        if number % 307 == 0 {
            values[0].1 += 1
            messages.append(message("telemetry", json(values, at: emission.at + skew)))
        }
        return messages
    }

    private func json(_ values: [(key: String, value: Double, decimals: Int)], at moment: Timestamp) -> String {
        "{\"ts\":\(moment.milliseconds)"
            + values.map { value in
                var scale = 1.0
                for _ in 0..<value.decimals { scale *= 10 }
                return ",\"\(value.key)\":\((value.value * scale).rounded() / scale)"
            }.joined() + "}"
    }

    // MARK: What goes wrong, and when

    private typealias Hour = (day: Int, hour: Int, minute: Int)

    private func isWithin(_ from: Hour, _ until: Hour, _ moment: Timestamp) -> Bool {
        Self.hour(from.day, from.hour, from.minute) <= moment && moment < Self.hour(until.day, until.hour, until.minute)
    }

    private enum Change: Equatable {
        case to(Double), by(Double), plus(Double)
        case stuck, alternating
    }

    private struct Fault {
        var devices: Set<String>
        var from: Hour
        var until: Hour
        var changes: [String: Change]
    }

    private static let circuit: Set = ["lamp-0001", "lamp-0002", "lamp-0003", "lamp-0004", "lamp-0005"]
    private static let dark: [String: Change] = ["p": .to(0)]
    private static let burning: [String: Change] = ["p": .to(61.5), "d": .to(100), "lamp": .to(1)]

    private static let faults = [
        // Over before the end of the past.
        Fault(devices: ["lamp-0003"], from: (1, 3, 0), until: (1, 4, 0), changes: dark),
        Fault(devices: ["lamp-0002"], from: (2, 11, 0), until: (2, 12, 30), changes: burning),
        Fault(devices: ["segment-02"], from: (2, 14, 0), until: (2, 14, 10), changes: ["panel_temperature": .to(850)]),
        Fault(devices: circuit, from: (3, 2, 0), until: (3, 3, 30), changes: dark),
        Fault(devices: ["air-02"], from: (4, 8, 0), until: (4, 12, 0), changes: ["temperature": .stuck]),
        Fault(devices: ["lamp-0002"], from: (4, 19, 0), until: (4, 20, 0), changes: ["p": .alternating]),
        Fault(devices: ["air-05"], from: (4, 20, 0), until: (4, 21, 0), changes: ["o3": .to(205)]),
        Fault(devices: ["air-05"], from: (5, 1, 0), until: (5, 4, 0), changes: ["o3": .to(205)]),
        Fault(devices: ["air-04"], from: (5, 12, 0), until: (5, 14, 0), changes: ["pm2_5": .plus(180)]),
        Fault(devices: ["segment-04"], from: (5, 12, 0), until: (5, 13, 0), changes: ["panel_temperature": .plus(40)]),
        Fault(devices: ["lamp-0003"], from: (5, 9, 0), until: (5, 9, 5), changes: ["u": .to(300)]),
        // What stands at the end, and is over in the hours after it.
        Fault(devices: ["lamp-0010"], from: (5, 20, 0), until: (6, 6, 20), changes: ["p": .by(0.55)]),
        Fault(devices: ["lamp-0006"], from: (5, 22, 0), until: (6, 7, 0), changes: ["p": .to(0), "fault": .to(1)]),
        Fault(devices: ["lamp-0007"], from: (5, 23, 0), until: (6, 9, 0), changes: ["u": .plus(-30)]),
        Fault(
            devices: ["segment-03"], from: (5, 23, 0), until: (6, 8, 30),
            changes: ["road_surface_temperature": .plus(-11)]),
        Fault(devices: ["air-04"], from: (6, 1, 0), until: (6, 10, 0), changes: ["temperature": .stuck]),
        Fault(devices: ["lamp-0009"], from: (6, 2, 0), until: (6, 6, 30), changes: dark),
        Fault(devices: ["air-06"], from: (6, 2, 0), until: (6, 9, 0), changes: ["pm2_5": .plus(190)]),
        Fault(devices: ["air-06"], from: (6, 3, 30), until: (6, 9, 0), changes: ["o3": .to(215)]),
        Fault(devices: circuit, from: (6, 3, 30), until: (6, 6, 20), changes: dark),
        Fault(devices: ["air-02"], from: (6, 4, 0), until: (6, 8, 0), changes: ["pm2_5": .plus(170)]),
        Fault(devices: ["air-05"], from: (6, 5, 20), until: (6, 9, 0), changes: ["o3": .to(220)]),
        Fault(devices: ["air-03"], from: (6, 5, 40), until: (6, 6, 10), changes: ["humidity": .to(140)]),
        // In the turn that ends in the middle.
        Fault(devices: ["lamp-0010"], from: (6, 5, 59), until: (6, 6, 0), changes: ["u": .to(9999)]),
        // New after it.
        Fault(devices: ["lamp-0004"], from: (6, 10, 0), until: (6, 12, 0), changes: burning),
        Fault(devices: ["segment-02"], from: (6, 11, 0), until: (6, 12, 0), changes: ["panel_temperature": .plus(50)]),
        Fault(devices: ["air-01"], from: (6, 13, 0), until: (6, 14, 0), changes: ["pm2_5": .plus(90)]),
        Fault(devices: ["lamp-0001"], from: (6, 13, 0), until: (6, 16, 0), changes: ["u": .stuck]),
    ]

    private static let silences: [(device: String, from: Hour, until: Hour)] = [
        ("air-01", (3, 9, 0), (3, 10, 0)), ("lamp-0008", (4, 5, 0), (4, 6, 0)), ("air-06", (6, 4, 30), (6, 9, 0)),
        ("lamp-0008", (6, 5, 10), (6, 8, 0)), ("segment-01", (6, 5, 45), (6, 7, 0)),
        ("lamp-0008", (6, 14, 0), (7, 0, 0)), ("segment-05", (6, 15, 0), (7, 0, 0)),
    ]

    /// What lamp-0008 says of its link.
    private static let statuses = [
        ("offline", hour(4, 5)), ("online", hour(4, 6)), ("offline", hour(6, 5, 10)), ("online", hour(6, 8)),
        ("offline", hour(6, 14)),
    ]
}

/// A few random numbers, always the same.
private struct SplitNoise {
    private var generator = SeededGenerator(seed: 11)
    private var messages = 0

    mutating func next() -> Double { Double.random(in: 0..<1, using: &generator) }

    mutating func count() -> Int {
        messages += 1
        return messages
    }
}
