import Basics
import Foundation
import Telemetry
import Testing

@testable import Fleet

@Suite("The simulated city")
struct CityTests {
    static func options(_ start: String, seed: UInt64 = 1) -> City.Options {
        var options = City.Options(start: Timestamp(iso8601: start)!)
        options.lampCount = 10
        options.airCount = 3
        options.segmentCount = 3
        options.seed = seed
        return options
    }

    static func run(_ options: City.Options, _ count: Int) -> [City.Emission] {
        var city = City(options)
        return (0..<count).map { _ in city.next() }
    }

    static func value(_ key: String, _ emission: City.Emission) -> Double {
        emission.values.first { $0.key == key }!.value
    }

    @Test("is the same for the same seed, and another for another")
    func isDeterministic() {
        var options = Self.options("2026-03-05T18:00:00Z")
        options.faultsPerHour = 200
        let first = Self.run(options, 2000)
        #expect(first == Self.run(options, 2000))
        options.seed = 2
        #expect(first != Self.run(options, 2000))
    }

    @Test("sends in the order of its time, each device at its cadence")
    func keepsCadence() {
        let all = Self.run(Self.options("2026-03-05T18:00:00Z"), 3000)
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.at <= $1.at })
        for (device, cadence) in [("lamp-0003", 10_000), ("air-02", 60_000), ("segment-03", 10_000)] {
            let times = all.filter { $0.device == device }.map(\.at.milliseconds)
            #expect(times.count > 10)
            #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 == Int64(cadence) })
        }
        var options = Self.options("2026-03-05T18:00:00Z")
        options.messagesPerSecond = 32
        let fast = Self.run(options, 3200)
        #expect((fast.last!.at - fast.first!.at).milliseconds <= 100_000)
    }

    @Test("has its lamps off at noon and on at midnight, dimmed", arguments: ["04:00", "16:30"])
    func lampsFollowTheSun(hour: String) {
        for emission in Self.run(Self.options("2026-03-05T\(hour):00Z"), 160) where emission.device.hasPrefix("lamp") {
            let isNight = hour == "16:30"
            #expect(Self.value("lamp", emission) == (isNight ? 1 : 0))
            #expect(isNight ? Self.value("p", emission) > 15 : Self.value("p", emission) < 1)
            #expect(isNight ? (50...70).contains(Self.value("d", emission)) : Self.value("d", emission) == 0)
            #expect((200...250).contains(Self.value("u", emission)))
            // Active power is voltage times current times power factor.
            let power = Self.value("u", emission) * Self.value("i", emission) * Self.value("pf", emission)
            #expect(abs(power - Self.value("p", emission)) < 0.01)
        }
    }

    @Test("has irradiance by day and none at night, and power only with it")
    func sunFollowsTheClock() {
        for emission in Self.run(Self.options("2026-06-21T16:00:00Z"), 160) where emission.device.hasPrefix("segment") {
            #expect(Self.value("irradiance", emission) == 0)
            #expect(Self.value("dc_power", emission) == 0)
        }
        for emission in Self.run(Self.options("2026-06-21T04:00:00Z"), 160) where emission.device.hasPrefix("segment") {
            #expect((150...1100).contains(Self.value("irradiance", emission)))
            #expect(Self.value("dc_power", emission) > 100)
        }
    }

    @Test("never counts energy backwards, over a day with faults")
    func energyIsMonotonous() {
        var options = Self.options("2026-03-05T00:00:00Z")
        options.messagesPerSecond = 0.2
        options.faultsPerHour = 20
        var last: [String: Double] = [:]
        for emission in Self.run(options, 17_000) {
            for key in ["e", "energy_total"] {
                guard let value = emission.values.first(where: { $0.key == key })?.value else { continue }
                if value < last[emission.device] ?? 0 { Issue.record("\(emission.device) fell to \(value)") }
                last[emission.device] = value
            }
        }
        #expect(last.count == 13)
    }

    @Test("stays within what is physically possible without faults, over two days")
    func staysPhysical() {
        var options = Self.options("2026-01-20T00:00:00Z")
        options.messagesPerSecond = 0.1
        let bounds: [String: ClosedRange<Double>] = [
            "p": 0...130, "u": 200...250, "i": 0...1, "pf": 0.3...1, "t": -30...70, "d": 0...100,
            "pm2_5": 0...300, "pm10": 0...450, "no2": 0...250, "o3": 0...400, "so2": 0...60, "co": 50...4000,
            "temperature": -30...45, "humidity": 0...100, "pressure": 980...1050, "laeq": 30...90,
            "dc_power": 0...4000, "dc_voltage": 0...450, "dc_current": 0...12, "irradiance": 0...1100,
            "panel_temperature": -30...85, "road_surface_temperature": -30...70, "strain": -50...300,
        ]
        for emission in Self.run(options, 17_000) {
            for value in emission.values {
                // Not #expect: at 150,000 values its bookkeeping would take seconds.
                if let range = bounds[value.key], !range.contains(value.value) {
                    Issue.record("\(emission.device) \(value.key) is \(value.value)")
                }
            }
        }
    }

    @Test("writes well-formed JSON in the dialects of its families")
    func writesJSON() throws {
        for emission in Self.run(Self.options("2026-03-05T18:00:00Z"), 300) {
            let object = try #require(
                JSONSerialization.jsonObject(with: Data(emission.payload)) as? [String: Any])
            #expect(object["ts"] as? Int == Int(emission.at.milliseconds))
            switch emission.topic.split(separator: "/").first {
            case "lights":
                #expect(
                    Set(object.keys) == ["id", "fw", "ts", "p", "u", "i", "pf", "t", "d", "lamp", "fault", "e"])
                #expect(object["id"] as? String == emission.device)
                #expect(emission.topic == "lights/\(emission.device)/telemetry")
            case "air":
                #expect(
                    Set(object.keys) == [
                        "ts", "pm2_5", "pm10", "no2", "o3", "so2", "co", "temperature", "humidity", "pressure", "laeq",
                    ])
            case "solar-road":
                #expect(
                    Set(object.keys) == [
                        "ts", "dc_power", "dc_voltage", "dc_current", "irradiance", "panel_temperature",
                        "road_surface_temperature", "strain", "energy_total",
                    ])
            default: Issue.record("unknown topic \(emission.topic)")
            }
        }
    }

    /// Each kind at an hour at which it can be seen.
    static let visible: [(FaultKind, String)] = [
        (.lampOut, "16:00"), (.dayBurner, "04:00"), (.stuck, "04:00"), (.spike, "04:00"), (.silent, "04:00"),
        (.panelOverheating, "04:00"), (.overcurrent, "04:00"), (.pollutionEpisode, "04:00"), (.malformed, "04:00"),
    ]

    @Test("shows a labelled fault in the payloads, while the label says", arguments: visible)
    func showsFaults(kind: FaultKind, hour: String) throws {
        let options = Self.options("2026-06-21T\(hour):00Z")
        var city = City(options)
        let start = options.start + .seconds(300)
        let isInjected = city.inject(kind, at: start, lasting: .seconds(600))
        #expect(isInjected)
        let early = city.takeStartedFaults()
        #expect(early.isEmpty)
        var sound: [City.Emission] = []
        var faulty: [City.Emission] = []
        var after: [City.Emission] = []
        var labels: [Fault] = []
        for _ in 0..<2600 {
            let emission = city.next()
            labels += city.takeStartedFaults()
            guard emission.device == labels.first?.device ?? emission.device else { continue }
            if emission.at < start {
                sound.append(emission)
            } else if emission.faults.isEmpty {
                after.append(emission)
            } else {
                faulty.append(emission)
            }
        }
        let label = try #require(labels.first)
        #expect(labels.count == 1)
        #expect(label.kind == kind && label.start == start && label.end == start + .seconds(600))
        sound.removeAll { $0.device != label.device }
        after.removeAll { $0.device != label.device }
        #expect(!sound.isEmpty && !after.isEmpty)
        #expect(faulty.allSatisfy { $0.at >= label.start && $0.at < label.end })
        #expect(after.allSatisfy { $0.at >= label.end })
        func peak(_ emissions: [City.Emission], _ key: String) -> Double {
            emissions.map { Self.value(key, $0) }.max() ?? .nan
        }
        switch kind {
        case .lampOut:
            #expect(faulty.allSatisfy { Self.value("p", $0) == 0 && Self.value("fault", $0) == 1 })
            #expect(faulty.allSatisfy { Self.value("lamp", $0) == 1 })
        case .dayBurner: #expect(faulty.allSatisfy { Self.value("p", $0) > 30 && Self.value("lamp", $0) == 1 })
        case .stuck: #expect(Set(faulty.map { Self.value("u", $0) }).count == 1)
        case .spike: #expect(faulty.filter { Self.value("u", $0) == 9999 }.count == 1)
        case .silent: #expect(faulty.isEmpty)
        case .panelOverheating:
            #expect(peak(faulty, "panel_temperature") > peak(sound, "panel_temperature") + 30)
        case .overcurrent: #expect(peak(faulty, "dc_current") > 13)
        case .pollutionEpisode: #expect(peak(faulty, "pm2_5") > 150)
        case .malformed:
            #expect(faulty.allSatisfy { (try? JSONSerialization.jsonObject(with: Data($0.payload))) == nil })
        }
        if kind != .silent { #expect(!faulty.isEmpty) }
        let json = try #require(JSONSerialization.jsonObject(with: Data(label.json.utf8)) as? [String: Any])
        #expect(json["kind"] as? String == kind.rawValue)
    }

    @Test("labels every fault of a schedule once, on devices that exist")
    func labelsSchedule() {
        var options = Self.options("2026-03-05T00:00:00Z")
        options.faultsPerHour = 30
        var city = City(options)
        var labels: [Fault] = []
        let devices = Set(city.roster.map(\.device))
        for _ in 0..<30_000 {
            let emission = city.next()
            labels += city.takeStartedFaults()
            if emission.faults.contains(where: { $0.device != emission.device }) { Issue.record("\(emission)") }
        }
        #expect(labels.count > 60)
        #expect(Set(labels.map(\.json)).count == labels.count)
        #expect(labels.allSatisfy { devices.contains($0.device) })
        #expect(Set(labels.map(\.kind)).count >= 8)
    }

    @Test("writes a roster that names every device with its profile and cadence")
    func writesRoster() {
        let text = rosterText(City(Self.options("2026-03-05T00:00:00Z")).roster)
        let lines = text.split(separator: "\n")
        #expect(lines.count == 17)
        #expect(lines[0] == "device,profile,area,circuit,latitude,longitude,cadence,constants")
        #expect(lines[1].hasPrefix("lamp-0001,streetlight-controller,Lixia,circuit-1,36."))
        #expect(lines[1].hasSuffix(",10s,rated_watts=60"))
        #expect(lines[11].hasPrefix("air-01,air-station,Lixia,,") && lines[11].hasSuffix(",60s,"))
        #expect(lines[16].hasPrefix("segment-03,solar-road-segment,"))
    }

    @Test(
        "rounds as a sensor does",
        arguments: [
            (41.25, 1, "41.3"), (41.04, 1, "41"), (-0.04, 1, "0"), (-3.25, 2, "-3.25"), (0.187, 3, "0.187"),
            (1234.5, 0, "1235"), (0.05, 2, "0.05"), (-0.5, 1, "-0.5"),
        ] as [(Double, Int, String)])
    func rounds(value: Double, decimals: Int, text: String) {
        #expect(rounded(value, decimals) == text)
    }
}
