import Alerting
import Basics
import City
import ConfigurationFiles
import Decoding
import Detection
import Fleet
import Foundation
import Profiles
import Settings
import Telemetry
import Testing
import TestSupport
import Windows

@testable import Pipeline

/// A simulated city through the decoder and the pipeline, with the configuration and the rules that are shipped.
final class CityScene {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path(percentEncoded: false)

    var city: City
    var decoder: MessageDecoder
    var pipeline: Pipeline
    var registry = SeriesRegistry()
    var faults: [Fault] = []
    var transitions: [AlertTransition] = []
    /// What the gateway's wall clock is wrong by, at a moment of the city.
    var ahead: (Timestamp) -> Duration = { _ in .zero }
    private let configuration: GatewayConfiguration
    private let rules: [AlertRule]
    let roster: Roster

    static let start = Timestamp(iso8601: "2026-03-02T00:00:00Z")!

    init(devices: Int, cadence: Int, faultsPerHour: Double, seed: UInt64 = 1) throws {
        var options = City.Options(start: Self.start)
        options.lampCount = devices / 2
        options.airCount = devices / 4
        options.segmentCount = devices - options.lampCount - options.airCount
        options.messagesPerSecond = Double(devices) / Double(cadence)
        options.faultsPerHour = faultsPerHour
        options.seed = seed
        city = City(options)
        configuration = try GatewayConfiguration(path: Self.root + "Config/baotu.yaml")
        rules = try RuleFile.parse(
            yaml: try SettingFiles.text(of: configuration.rulesFile), file: configuration.rulesFile,
            windows: configuration.windows.lengths(of:))
        decoder = MessageDecoder(catalog: try DeviceCatalog.load(folder: Self.root + "Devices", parameters: [:]))
        pipeline = Pipeline(configuration.plan, rules: rules)
        var lines: [DeviceIndex: Roster.Line] = [:]
        for entry in city.roster {
            lines[registry.intern(device: entry.device, profile: entry.profile)!] = Roster.Line(
                entry: entry, since: Self.start)
        }
        roster = Roster(lines)
        pipeline.setRoster(roster, registry: registry)
    }

    /// Turns of ten seconds until `end`; `edit` may change or hold back a message.
    func run(
        until end: Timestamp, edit: (City.Emission) -> [UInt8]? = { $0.payload }, turned: (Timestamp) -> Void = { _ in }
    ) {
        var batch = MessageBatch()
        var decoded = DecodedBatch()
        var turnEnd = Self.start + .seconds(10)
        func moment() -> Moment {
            var moment = Moment(turnEnd)
            moment.wall = moment.wall + ahead(turnEnd)
            return moment
        }
        while true {
            let emission = city.next()
            faults += city.takeStartedFaults()
            while emission.at >= turnEnd {
                if !batch.isEmpty {
                    decoded.removeAll()
                    decoder.decode(batch, into: &decoded, registry: &registry)
                    let turn = Turn(
                        origin: .live, at: moment(), fresh: decoded.readings, suspects: decoded.suspects,
                        statuses: decoded.statuses, heard: decoded.heard)
                    transitions += pipeline.step(turn, registry: registry)
                    batch.removeAll()
                }
                transitions += pipeline.scan(registry: registry, isListening: true, at: moment())
                turned(turnEnd)
                turnEnd = turnEnd + .seconds(10)
            }
            guard emission.at < end else { return }
            guard let payload = edit(emission) else { continue }
            batch.append(topic: emission.topic, payload: payload, receivedAt: emission.at + ahead(turnEnd))
        }
    }

    /// One that has seen nothing yet.
    func freshPipeline() -> Pipeline {
        let pipeline = Pipeline(configuration.plan, rules: rules)
        pipeline.setRoster(roster, registry: registry)
        return pipeline
    }

    /// As a restart does: a new pipeline from the state of the old one and its stored alerts.
    func restart() throws {
        let state = pipeline.state()
        let alerts = pipeline.book.active.map {
            (
                key: $0.key, state: $0.value.state, severity: $0.value.severity, watched: $0.value.watched,
                peak: $0.value.peak
            )
        }
        pipeline = freshPipeline()
        #expect(pipeline.restore(state, registry: registry) == [])
        pipeline.restore(alerts)
        #expect(pipeline.state() == state)
    }

    func firings(of rule: String) -> [AlertTransition] {
        transitions.filter { $0.key.rule == rule && $0.to == .firing }
    }

    func name(_ transition: AlertTransition) -> String { transition.key.subject.name(in: registry) }
}

extension [UInt8] {
    /// The payload of a lamp with these numbers 0.
    fileprivate func zeroed(_ keys: [String]) -> [UInt8] {
        var text = String(decoding: self, as: UTF8.self)
        for key in keys { text = text.replacing(try! Regex("\"\(key)\":[0-9.]+"), with: "\"\(key)\":0") }
        return Array(text.utf8)
    }
}

@Suite("A simulated city with faults")
struct CityPipelineTests {
    /// `make bench-city` plays more of it: 1,600 device-days.
    @Test("faults are found, and sound devices raise nothing")
    func faults() throws {
        let scene = try CityScene(devices: 24, cadence: 60, faultsPerHour: 2)
        let end = CityScene.start + .seconds(86_400)
        scene.run(until: end)
        let firing = scene.transitions.filter { $0.to == .firing }
        let judged = scene.faults.filter { $0.start + .seconds(1800) < end && $0.kind != .stuck }
        let found = judged.filter { fault in
            firing.contains {
                scene.name($0) == fault.device && $0.at >= fault.start && $0.at <= fault.start + .seconds(420)
            }
        }
        #expect(judged.count > 20)
        #expect(Double(found.count) >= 0.95 * Double(judged.count), "\(judged.filter { !found.contains($0) })")
        // Ice and bad air are the weather's.
        let weather: Set = ["road-ice-risk", "road-ice", "pm2_5-high", "pm10-high", "ozone-high"]
        let wrong = firing.filter { alert in
            !weather.contains(alert.key.rule)
                && !scene.faults.contains {
                    $0.device == scene.name(alert) && alert.at >= $0.start && alert.at <= $0.end + .seconds(3600)
                }
        }
        #expect(wrong.isEmpty, "\(wrong.map(\.sentence))")
    }

    @Test("with restarts at any turn the same alerts come as without")
    func restarts() throws {
        let end = CityScene.start + .seconds(6 * 3600)
        let straight = try CityScene(devices: 20, cadence: 60, faultsPerHour: 8, seed: 3)
        straight.run(until: end)
        let broken = try CityScene(devices: 20, cadence: 60, faultsPerHour: 8, seed: 3)
        var turns = 0
        broken.run(
            until: end,
            turned: { _ in
                turns += 1
                if turns % 197 == 0 { #expect(throws: Never.self) { try broken.restart() } }
            })
        #expect(turns > 2000 && straight.transitions.contains { $0.to == .firing })
        #expect(broken.transitions == straight.transitions)
        #expect(broken.pipeline.state() == straight.pipeline.state())
    }

    @Test("a lamp that burns by day is told with its power and the sun's height")
    func dayBurner() throws {
        let scene = try CityScene(devices: 20, cadence: 60, faultsPerHour: 0)
        // Noon in Jinan is shortly after four o'clock UTC.
        let noon = CityScene.start + .seconds(4 * 3600)
        let isInjected = scene.city.inject(.dayBurner, at: noon, device: "lamp-0003")
        #expect(isInjected)
        scene.run(until: noon + .seconds(3 * 3600))
        let told = scene.firings(of: "day-burner")
        #expect(told.map { scene.name($0) } == ["lamp-0003"])
        #expect(told.first.map { $0.at - noon <= .seconds(200) } == true)
        #expect(told.first?.sentence.contains("while the sun stands") == true, "\(told.map(\.sentence))")
        #expect(scene.transitions.contains { $0.key.rule == "day-burner" && $0.to == .resolved })
    }

    @Test("lamps of one circuit that go out together are one feeder fault")
    func feeder() throws {
        let scene = try CityScene(devices: 40, cadence: 60, faultsPerHour: 0)
        // Night falls in Jinan at about half past ten UTC.
        let dark = CityScene.start + .seconds(13 * 3600)
        scene.run(until: dark + .seconds(3600)) { emission in
            guard emission.at >= dark, emission.topic.hasPrefix("lights/"), emission.device > "lamp-0004" else {
                return emission.payload
            }
            // Their controllers live on a battery and say what is: no power, though told to burn.
            return emission.payload.zeroed(["p", "i"])
        }
        let told = scene.firings(of: "feeder-fault")
        #expect(told.count == 1)
        #expect(told.first?.key.subject == .circuit("circuit-1"))
        #expect(told.first?.sentence.hasPrefix("circuit-1: Feeder fault: ") == true, "\(told.map(\.sentence))")
        #expect(told.first.map { $0.at - dark <= .seconds(600) } == true)
        #expect(scene.firings(of: "lamp-out").isEmpty, "\(scene.firings(of: "lamp-out").map(\.sentence))")
    }

    @Test("a feeder that comes back for one report of each lamp before they are switched off is back")
    func feederBackBeforeDawn() throws {
        let scene = try CityScene(devices: 40, cadence: 60, faultsPerHour: 0)
        let dark = CityScene.start + .seconds(13 * 3600)
        let (back, off) = (dark + .seconds(1800), dark + .seconds(1860))
        scene.run(until: off + .seconds(3600)) { emission in
            guard emission.at >= dark, emission.topic.hasPrefix("lights/"), !(back..<off).contains(emission.at) else {
                return emission.payload
            }
            return emission.payload.zeroed(emission.at < back ? ["p", "i"] : ["p", "i", "d", "lamp"])
        }
        #expect(scene.firings(of: "feeder-fault").count == 1)
        let over = scene.transitions.filter { $0.key.rule == "feeder-fault" && $0.to == .resolved }
        #expect(over.count == 1)
        #expect(over.first.map { (back..<off + .seconds(420)).contains($0.at) } == true, "\(over.map(\.at))")
        #expect(scene.firings(of: "lamp-out").isEmpty, "\(scene.firings(of: "lamp-out").map(\.sentence))")
    }

    @Test("lamps of one circuit that say nothing are down when the law of staleness says so, however often they speak")
    func silentCircuit() throws {
        let quiet = CityScene.start + .seconds(600)
        for (minutes, isFault) in [(4, false), (8, true)] {
            let scene = try CityScene(devices: 40, cadence: 10, faultsPerHour: 0)
            scene.run(until: quiet + .seconds(900)) { emission in
                let isQuiet = emission.at >= quiet && emission.at < quiet + .seconds(60 * minutes)
                return isQuiet && emission.topic.hasPrefix("lights/") ? nil : emission.payload
            }
            let told = scene.firings(of: "feeder-fault")
            #expect(told.isEmpty != isFault, "\(minutes) min: \(told.map(\.sentence))")
            for one in told { #expect((300...360).contains((one.at - quiet).milliseconds / 1000)) }
        }
    }

    /// A wall clock that is set three minutes later makes it no sooner and no later.
    @Test(
        "one lamp that goes out without saying so is told by itself, once its neighbours were heard",
        arguments: [0, 1200, -1800])
    func lampOut(step: Int) throws {
        let scene = try CityScene(devices: 20, cadence: 60, faultsPerHour: 0)
        let dark = CityScene.start + .seconds(13 * 3600)
        scene.ahead = { $0 >= dark + .seconds(180) ? .seconds(step) : .zero }
        scene.run(until: dark + .seconds(3600)) { emission in
            guard emission.at >= dark, emission.device == "lamp-0002" else { return emission.payload }
            return emission.payload.zeroed(["p", "i"])
        }
        let told = scene.firings(of: "lamp-out")
        #expect(told.map { scene.name($0) } == ["lamp-0002"])
        let seconds = told.map { ($0.steady.milliseconds - dark.milliseconds) / 1000 }
        #expect(seconds.allSatisfy { (360...540).contains($0) }, "\(seconds) s after it went out")
        #expect(scene.firings(of: "feeder-fault").isEmpty)
    }

    @Test("a part of the state that does not read costs that part, is told, and nothing else")
    func damagedStates() throws {
        let scene = try CityScene(devices: 20, cadence: 60, faultsPerHour: 20)
        scene.run(until: CityScene.start + .seconds(1800))
        let state = scene.pipeline.state()
        let whole = try #require(StateBlocks(bytes: state))
        #expect(
            whole.blocks.map(\.name) == [
                "windows", "health", "clocks", "detectors", "lamps", "roads", "peers",
            ])
        for block in whole.blocks {
            var damaged = whole
            damaged.put(block.name, [9, 9, 9])
            let pipeline = scene.freshPipeline()
            let unread = pipeline.restore(damaged.bytes, registry: scene.registry)
            #expect(unread.count == 1 && unread[0].contains(block.name), "\(unread)")
            let after = try #require(StateBlocks(bytes: pipeline.state()))
            for other in whole.blocks where other.name != block.name {
                #expect(after[other.name] == other.bytes, "\(other.name) beside \(block.name)")
            }
        }
        // What breaks off has what lies before.
        for length in stride(from: 8, to: state.count, by: 997) {
            let pipeline = scene.freshPipeline()
            #expect(!pipeline.restore(Array(state[..<length]), registry: scene.registry).isEmpty)
        }
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<300 {
            var bytes = state
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            let damaged = scene.freshPipeline()
            #expect(!damaged.restore(bytes, registry: scene.registry).isEmpty)
            #expect(!damaged.unreadBlocks.isEmpty)
        }
        let pipeline = scene.freshPipeline()
        #expect(pipeline.restore(state, registry: scene.registry) == [])
        #expect(pipeline.state() == state)
    }

    @Test("a block that has lost its name, one that is missing, and bytes beside the blocks are told")
    func lostBlocks() throws {
        let scene = try CityScene(devices: 20, cadence: 60, faultsPerHour: 20)
        scene.run(until: CityScene.start + .seconds(1800))
        let state = scene.pipeline.state()
        let whole = try #require(StateBlocks(bytes: state))
        // Behind the version and the count.
        var place = 8
        for block in whole.blocks {
            // One bit of the name.
            let name = Array(block.name.utf8)
            #expect(Array(state[place + 4..<place + 4 + name.count]) == name)
            var renamed = state
            renamed[place + 4] ^= 1
            place += 4 + name.count + 4 + block.bytes.count + 4
            let pipeline = scene.freshPipeline()
            let told = pipeline.restore(renamed, registry: scene.registry)
            #expect(told.count == 1 && told[0].contains(block.name), "\(told)")
            #expect(pipeline.unreadBlocks.map(\.bytes) == [block.bytes])
            // Not carried for ever.
            #expect(StateBlocks(bytes: pipeline.state())?.blocks.count == whole.blocks.count)
            var rest = StateBlocks()
            for other in whole.blocks where other.name != block.name { rest.put(other.name, other.bytes) }
            let missing = scene.freshPipeline().restore(rest.bytes, registry: scene.registry)
            #expect(missing.count == 1 && missing[0].contains("\(block.name) is missing"), "\(missing)")
        }
        var fewer = state
        fewer[4] -= 1
        let told = scene.freshPipeline().restore(fewer, registry: scene.registry)
        #expect(told.count == 2 && told[0].contains("peers is missing") && told[1].contains("more than its blocks"))
        #expect(scene.freshPipeline().restore(state + [0], registry: scene.registry).count == 1)
        #expect(scene.freshPipeline().restore([], registry: scene.registry).count == 1)
    }

    @Test("a gateway goes on from whatever is taken of a state without check values")
    func goesOn() throws {
        let scene = try CityScene(devices: 20, cadence: 60, faultsPerHour: 20)
        scene.run(until: CityScene.start + .seconds(1800))
        let whole = try #require(StateBlocks(bytes: scene.pipeline.state()))
        let now = CityScene.start + .seconds(1860)
        let readings = scene.registry.series.indices.map { number in
            Reading(series: SeriesID(rawValue: UInt32(number)), observed: now, value: Double(number))
        }
        let turn = Turn(origin: .live, now: now, fresh: readings)
        var generator = SeededGenerator(seed: 6)
        for _ in 0..<300 {
            var writer = StateWriter()
            writer.append(StateBlocks.uncheckedVersion)
            writer.append(UInt32(whole.blocks.count))
            for block in whole.blocks {
                var bytes = block.bytes
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[place] = UInt8.random(in: 0...255, using: &generator)
                writer.append(text: block.name)
                writer.append(block: bytes)
            }
            let pipeline = scene.freshPipeline()
            _ = pipeline.restore(writer.bytes, registry: scene.registry)
            _ = pipeline.step(turn, registry: scene.registry)
            _ = pipeline.scan(registry: scene.registry, isListening: true, at: Moment(now))
        }
    }

    @Test("peers whose series nobody has are no state")
    func peersOfNobody() throws {
        let scene = try CityScene(devices: 20, cadence: 60, faultsPerHour: 0)
        let entry = PeerPlan.Entry(quantities: [Quantity(named: "pm10")!])
        func state(_ series: UInt32) -> [UInt8] {
            var group = StateWriter()
            group.append(UInt32(1))
            group.append(series)
            group.append(UInt32(3))
            var writer = StateWriter()
            writer.append(UInt32(2))
            writer.append(Int64(0))
            writer.append(UInt32(1))
            for text in ["pm10", "", PeerPlan.Grouping.profile.rawValue, "air", ""] { writer.append(text: text) }
            writer.append(block: group.bytes)
            return writer.bytes
        }
        scene.run(until: CityScene.start + .seconds(120))
        let table = PeerTable(plan: PeerPlan([entry]))
        let count = UInt32(scene.registry.seriesCount)
        #expect(!table.resume(state(count), registry: scene.registry))
        #expect(!table.resume(state(.max), registry: scene.registry))
        #expect(table.resume(state(count - 1), registry: scene.registry))
    }

    @Test("a tool that had nothing to carry leaves a state of which nothing is lost")
    func toolFirst() throws {
        let scene = try CityScene(devices: 20, cadence: 60, faultsPerHour: 0)
        let tool = Pipeline()
        tool.setRoster(scene.roster, registry: scene.registry)
        #expect(scene.freshPipeline().restore(tool.state(), registry: scene.registry) == [])
    }

    @Test("a tool without watchers carries along what they learnt")
    func carried() throws {
        let scene = try CityScene(devices: 20, cadence: 60, faultsPerHour: 20)
        scene.run(until: CityScene.start + .seconds(1800))
        let state = scene.pipeline.state()
        let tool = Pipeline()
        tool.setRoster(scene.roster, registry: scene.registry)
        #expect(tool.restore(state, registry: scene.registry) == [])
        // An import is history: windows take it, and nobody else.
        let series = SeriesID(rawValue: 0)
        let old = Turn(
            origin: .imported, now: CityScene.start + .seconds(1800),
            fresh: [Reading(series: series, observed: CityScene.start - .seconds(600), value: 1)])
        #expect(tool.step(old, registry: scene.registry) == [])
        let before = try #require(StateBlocks(bytes: state))
        let after = try #require(StateBlocks(bytes: tool.state()))
        for block in before.blocks where block.name != "windows" { #expect(after[block.name] == block.bytes) }
        #expect(after["windows"] != before["windows"])
    }
}

@Suite("Configuration of detection, peers and lamps")
struct DetectionConfigurationTests {
    @Test("what is written is what is watched")
    func reads() throws {
        let configuration = try GatewayConfiguration(
            yaml: """
                devices: {site_offset: "+08:00"}
                detection:
                - {quantities: [pm2_5, no2], tier: full}
                - {quantities: [voltage], rules: {stand_still: true, change_per_hour: 30}}
                peers:
                - {quantities: [pm10], by: area, spreads: 8, floor: 5, rounds: 2}
                lamps: {on_below: -7, off_above: 0, part_night: "01:00-05:00", reports: 2, must_burn: true}
                """, file: "baotu.yaml")
        let voltage = try #require(Quantity(named: "voltage"))
        let settings = configuration.detection.settings(for: voltage, cadence: .seconds(60))
        #expect(settings?.tier == nil && settings?.localOffsetSeconds == 28_800 && settings?.interval == .seconds(60))
        #expect(settings?.rules?.toldOfStandStill == true && settings?.rules?.toldOfSpikes == false)
        #expect(settings?.rules?.changePerHourMax == 30)
        #expect(configuration.detection.settings(for: Quantity(named: "no2")!, cadence: nil)?.tier == .full)
        #expect(configuration.detection.settings(for: Quantity(named: "o3")!, cadence: nil) == nil)
        #expect(
            configuration.peers.entries == [
                PeerPlan.Entry(quantities: [Quantity(named: "pm10")!], by: .area, spreadsMax: 8, floor: 5, rounds: 2)
            ])
        #expect(
            configuration.lamps.expectation
                == LampExpectation(
                    onBelow: -7, offAbove: 0, partNight: LampExpectation.PartNight(offMinute: 60, onMinute: 300)))
        #expect(configuration.lamps.reports == 2 && configuration.lamps.mustBurnInTheDark)
        let empty = try GatewayConfiguration(yaml: "{}", file: "baotu.yaml")
        #expect(empty.detection.entries.isEmpty && empty.peers.entries.isEmpty && empty.lamps == LampRules())
    }

    @Test("mistakes are told with their place and what would be right")
    func mistakes() {
        let yaml = """
            detection:
            - {quantities: [pm2_5, pm25], tier: best}
            - {quantities: [pm2_5]}
            - {quantities: [no2], rules: {change_per_hour: -1, spikes: true}}
            peers:
            - {quantities: [pm10], by: street, spreads: 0}
            lamps: {on_below: 5, off_above: 1, part_night: night, reports: 0}
            """
        do {
            _ = try GatewayConfiguration(yaml: yaml, file: "baotu.yaml")
            Issue.record("the mistakes passed")
        } catch {
            let told = error.list.map { "\($0.line ?? 0) \($0.key): \($0.expected)" }
            for start in [
                "2 detection[0].quantities[1]: expected a quantity of the vocabulary; did you mean 'pm2_5'?",
                "2 detection[0].tier: expected light, daily or full", "3 detection[1].quantities[0]: pm2_5 is named",
                "3 detection[1]: expected a tier, rules or both",
                "4 detection[2].rules.change_per_hour: expected a change above 0",
                "4 detection[2].rules.spikes: unknown key; did you mean 'spike'?", "6 peers[0].by: expected",
                "6 peers[0].spreads: expected 1.0 to 1000.0", "7 lamps: expected on_below to be at most off_above",
                "7 lamps.part_night: expected the hours", "7 lamps.reports: expected",
            ] {
                #expect(told.contains { $0.hasPrefix(start) }, "\(start) in \(told)")
            }
        }
    }
}
