import Basics
import Telemetry
import Testing
import TestSupport

@testable import Windows

@Suite("DeviceClocks")
struct DeviceClocksTests {
    private struct Scene {
        var registry = SeriesRegistry()
        var clocks = DeviceClocks()
        let device: DeviceIndex
        let series: SeriesID

        init() {
            device = registry.intern(device: "lamp-1", profile: "lamp")!
            series = registry.intern(device: device, quantity: quantity("active_power"), channel: .none)!
        }

        mutating func deliver(_ observed: Timestamp, at received: Timestamp) {
            let turn = Turn(
                origin: .live, now: received, fresh: [Reading(series: series, observed: observed, value: 1)],
                heard: [Hearing(device: device, at: received)])
            clocks.absorb(turn, registry: registry)
        }
    }

    @Test("the skew is the clock's error, whatever single messages waited or said", arguments: [0, 90, -40, 3600])
    func skew(seconds: Int64) {
        var scene = Scene()
        var random = SeededGenerator(seed: UInt64(seconds + 100))
        for minute in 0..<100 as Range<Int64> {
            let received = start + .seconds(minute * 60)
            let way = Int64.random(in: 100...3000, using: &random)
            var observed = received - .milliseconds(seconds * 1000 + way)
            if minute == 50 { observed = observed + .seconds(20) }
            scene.deliver(observed, at: received)
        }
        let skew = scene.clocks.skew(of: scene.device)!.milliseconds
        #expect(abs(skew - seconds * 1000) < 1500)
        #expect(scene.clocks.backlog(of: scene.device) < .seconds(4))
    }

    @Test("a backlog is no skew, and shows while it comes in")
    func backlog() {
        var scene = Scene()
        for minute in 0..<30 as Range<Int64> {
            scene.deliver(start + .seconds(minute * 60), at: start + .seconds(minute * 60 + 1))
        }
        // Silent for a day, then ten readings a second.
        let back = start + .seconds(86_400)
        for number in 0..<1410 as Range<Int64> {
            scene.deliver(start + .seconds((30 + number) * 60), at: back + .milliseconds(number * 100))
            if number == 100 {
                #expect(scene.clocks.backlog(of: scene.device) > .seconds(70_000))
                #expect(scene.clocks.skew(of: scene.device) == .seconds(1))
            }
        }
        #expect(scene.clocks.backlog(of: scene.device) < .seconds(300))
        #expect(scene.clocks.skew(of: scene.device) == .seconds(1))
        #expect(scene.clocks.watermark(of: scene.device) == start + .seconds(1439 * 60))
    }

    @Test(
        "a clock that is set, the device's or ours, is followed with the second reading",
        arguments: [86_400, 1800, -1800, -86_400])
    func set(by seconds: Int64) {
        var scene = Scene()
        var passed: Int64 = 0
        /// One reading as our clock stamps it; `ahead` is how far that is ahead of the steady one.
        func deliver(ahead: Int64) -> Moment {
            passed += 60
            let moment = Moment(
                wall: start + .seconds(passed + ahead),
                steady: SteadyTime(milliseconds: start.milliseconds + passed * 1000),
                listened: SteadyTime(milliseconds: passed * 1000))
            scene.clocks.absorb(
                Turn(
                    origin: .live, at: moment, fresh: [Reading(series: scene.series, observed: moment.wall, value: 1)],
                    heard: [Hearing(device: scene.device, at: moment.wall)]), registry: scene.registry)
            return moment
        }
        for _ in 0..<50 { _ = deliver(ahead: 0) }
        #expect(scene.clocks.skew(of: scene.device) != nil)
        _ = deliver(ahead: seconds)
        let moment = deliver(ahead: seconds)
        #expect(scene.clocks.present(of: scene.device, at: moment) == moment.wall)
    }

    @Test(
        "a wall clock that is set makes no reading older and moves no present, however few came before",
        arguments: [5, 600, 7200, 86_400, -600, -86_400] as [Int64], [1, 3, 50])
    func step(by seconds: Int64, after count: Int64) throws {
        var scene = Scene()
        let other = scene.registry.intern(device: "lamp-2", profile: "lamp")!
        func moment(_ passed: Int64, ahead: Int64) -> Moment {
            let steady = SteadyTime(milliseconds: start.milliseconds + passed * 1000)
            return Moment(wall: start + .seconds(passed + ahead), steady: steady, listened: steady)
        }
        /// A reading by the device's own clock, which is right.
        func deliver(_ passed: Int64, ahead: Int64) {
            let moment = moment(passed, ahead: ahead)
            let reading = Reading(series: scene.series, observed: start + .seconds(passed), value: 1)
            scene.clocks.absorb(
                Turn(
                    origin: .live, at: moment, fresh: [reading],
                    heard: [Hearing(device: scene.device, at: moment.wall)]), registry: scene.registry)
        }
        for number in 1...count { deliver(number * 60, ahead: 0) }
        let now = moment(count * 60 + 4, ahead: seconds)
        // Somebody else speaks under the new wall clock.
        scene.clocks.absorb(
            Turn(origin: .live, at: now, heard: [Hearing(device: other, at: now.wall)]), registry: scene.registry)
        func expectAsBefore(_ now: Moment, ago: Int64) {
            let observed = scene.clocks.watermark(of: scene.device)!
            #expect(scene.clocks.backlog(of: scene.device) == .zero)
            #expect(scene.clocks.age(of: scene.device, observed: observed, at: now) == .seconds(ago))
            #expect(scene.clocks.present(of: scene.device, at: now) == observed + .seconds(ago))
        }
        expectAsBefore(now, ago: 4)
        scene.clocks = try #require(DeviceClocks(state: scene.clocks.state()))
        expectAsBefore(now, ago: 4)
        deliver((count + 1) * 60, ahead: seconds)
        expectAsBefore(moment((count + 1) * 60 + 2, ahead: seconds), ago: 2)
    }

    @Test("a state of the second version goes on with the wall clock of its newest turn")
    func second() throws {
        var writer = StateWriter()
        writer.append(UInt32(2))
        writer.append(Int64(5000))
        writer.append(UInt32(1))
        for number in [start.milliseconds, start.milliseconds - 5000, start.milliseconds - 5000, Int64.max] {
            writer.append(number)
        }
        for _ in 0..<3 { writer.append(UInt8(0)) }
        let clocks = try #require(DeviceClocks(state: writer.bytes))
        let device = Scene().device
        #expect(clocks.backlog(of: device) == .zero && clocks.watermark(of: device) == start)
        let later = Moment(
            wall: start + .seconds(65), steady: SteadyTime(milliseconds: start.milliseconds + 55_000),
            listened: SteadyTime(milliseconds: 0))
        #expect(clocks.present(of: device, at: later) == start + .seconds(60))
        #expect(clocks.age(of: device, observed: start, at: later) == .seconds(60))
    }

    @Test("one time that is a slip leaves the skew as it is")
    func slip() {
        var scene = Scene()
        // Half an hour behind, and once it is not.
        for minute in 0..<200 as Range<Int64> {
            let received = start + .seconds(minute * 60)
            scene.deliver(received - .seconds(minute == 100 ? 0 : 1800), at: received)
            guard minute > 9 else { continue }
            #expect(scene.clocks.skew(of: scene.device) == .seconds(1800), "minute \(minute)")
        }
    }

    @Test("nothing is told of who never spoke")
    func unknown() {
        let scene = Scene()
        #expect(scene.clocks.skew(of: scene.device) == nil && scene.clocks.watermark(of: scene.device) == nil)
        #expect(scene.clocks.backlog(of: scene.device) == .zero)
    }

    @Test("a restart at any point changes nothing, and bytes that are no state are refused")
    func state() throws {
        var scene = Scene()
        for minute in 0..<60 as Range<Int64> {
            let bytes = scene.clocks.state()
            scene.clocks = try #require(DeviceClocks(state: bytes))
            #expect(scene.clocks.state() == bytes)
            for length in 0..<bytes.count { #expect(DeviceClocks(state: Array(bytes.prefix(length))) == nil) }
            scene.deliver(start + .seconds(minute * 60), at: start + .seconds(minute * 60) + .milliseconds(minute))
        }
        var straight = Scene()
        for minute in 0..<60 as Range<Int64> {
            straight.deliver(start + .seconds(minute * 60), at: start + .seconds(minute * 60) + .milliseconds(minute))
        }
        #expect(straight.clocks == scene.clocks && straight.clocks.skew(of: straight.device) == .milliseconds(33))
    }
}
