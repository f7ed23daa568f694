import Basics
import ConfigurationFiles
import Contract
import Store
import Telemetry
import Testing

@testable import Gateway

/// The clocks of a machine whose wall clock can be set, and which can be started anew.
private final class TrialClocks: @unchecked Sendable {
    var wall = Timestamp(milliseconds: 1_772_705_640_000)
    var running = SteadyTime(milliseconds: 5_000_000)
    var boot: Int64 = 7

    func pass(_ seconds: Int) {
        wall = wall + .seconds(seconds)
        running = running + .seconds(seconds)
    }

    var clocks: MachineClocks { MachineClocks(wall: { self.wall }, running: { self.running }, boot: boot) }
}

@Suite("The clocks of the turn")
struct TurnClockTests {
    private let machine = TrialClocks()

    @Test(
        "a step of the wall clock is told once, and no span knows of it", arguments: [31_536_000, 3600, 2, -2, -3600])
    func step(seconds: Int) {
        var clock = TurnClock(machine.clocks, after: nil)
        #expect(clock.tick(connection: 1, heard: true) == nil)
        let before = clock.moment
        machine.pass(10)
        machine.wall = machine.wall + .seconds(seconds)
        let step = clock.tick(connection: 1, heard: true)
        #expect(step?.by == .seconds(seconds) && step?.at == machine.wall && clock.steps == 1)
        #expect(clock.moment.steady - before.steady == .seconds(10))
        #expect(clock.moment.listened - before.listened == .seconds(10))
        #expect(clock.tick(connection: 1, heard: true) == nil)
    }

    @Test("a clock that is slewed takes no step")
    func slewed() {
        var clock = TurnClock(machine.clocks, after: nil)
        for _ in 0..<1000 {
            machine.pass(1)
            machine.wall = machine.wall + .milliseconds(500)
            #expect(clock.tick(connection: 1, heard: true) == nil)
        }
    }

    @Test("time in which the broker was not heard is not listened to")
    func deaf() {
        var clock = TurnClock(machine.clocks, after: nil)
        func listened(_ body: () -> Void) -> Duration {
            let before = clock.moment.listened
            body()
            return clock.moment.listened - before
        }
        func turn(_ seconds: Int, _ connection: Int?, heard: Bool = true) {
            machine.pass(seconds)
            _ = clock.tick(connection: connection, heard: heard)
        }
        func turns(_ count: Int, _ connection: Int?, heard: Bool = true) {
            for _ in 0..<count { turn(1, connection, heard: heard) }
        }
        #expect(listened { turn(60, nil) } == .zero)
        #expect(listened { turn(60, 1) } == .zero, "the connection is new: nothing was heard before it")
        #expect(listened { turns(60, 1) } == .seconds(60))
        #expect(listened { turn(60, 2) } == .zero, "another connection: between the two it was deaf")
        // A process that was held listened to nobody, and counts on from where it was.
        #expect(listened { turn(30, 2, heard: false) } == .zero)
        #expect(listened { turns(3, 2) } == .seconds(3))
        #expect(listened { turn(30, 2) } == .zero, "the first message that had waited is not all of them")
        #expect(listened { turns(3, 2) } == .seconds(3))
        // A quiet line is taken to be well for a while, and what it shows later counts in full.
        #expect(listened { turn(10, 2, heard: false) } == .seconds(10))
        #expect(listened { turns(40, 2, heard: false) } == .seconds(5))
        #expect(listened { turn(1, 2) } == .seconds(36))
        // A broker that hangs and is lost.
        #expect(listened { turns(100, 2, heard: false) } == TurnClock.quiet)
        #expect(listened { turn(1, nil, heard: false) } == .zero)
    }

    @Test("the steady time goes on over a restart, by the machine's clock where that goes on too")
    func restarts() {
        var clock = TurnClock(machine.clocks, after: nil)
        machine.pass(100)
        _ = clock.tick(connection: 1, heard: true)
        let stored = clock.stored
        machine.pass(50)
        machine.wall = machine.wall + .seconds(9999)
        let again = TurnClock(machine.clocks, after: stored)
        #expect(again.moment.steady - stored.moment.steady == .seconds(50))
        #expect(again.moment.listened == stored.moment.listened, "a gateway that was away was deaf")
        #expect(again.steps == 1 && again.lastStep?.by == .seconds(9999))
    }

    @Test("of a machine that was off only the wall clock tells for how long; set back, it counts as no time")
    func machineWasOff() {
        let stored = TurnClock(machine.clocks, after: nil).stored
        machine.boot = 8
        machine.running = SteadyTime(milliseconds: 1000)
        machine.wall = machine.wall + .seconds(3600)
        let later = TurnClock(machine.clocks, after: stored)
        #expect(later.moment.steady - stored.moment.steady == .seconds(3600) && later.steps == 0)
        #expect(!later.isTrusted, "nothing says that the clock of this run is right")
        // A box without a battery begins in 1970.
        machine.wall = Timestamp(milliseconds: 5000)
        let unset = TurnClock(machine.clocks, after: stored)
        #expect(unset.moment.steady == stored.moment.steady && unset.steps == 1)
    }

    @Test("the wall clock is believed after a day without a step, or when a device agrees with it")
    func trust() {
        var clock = TurnClock(machine.clocks, after: nil)
        #expect(!clock.isTrusted)
        machine.pass(86_399)
        _ = clock.tick(connection: nil, heard: false)
        #expect(!clock.isTrusted)
        machine.pass(1)
        _ = clock.tick(connection: nil, heard: false)
        #expect(clock.isTrusted)
        machine.wall = machine.wall + .seconds(31_536_000)
        _ = clock.tick(connection: nil, heard: false)
        #expect(!clock.isTrusted)
        var agreeing = ClockVotes()
        agreeing.agree = 1
        clock.hear(agreeing)
        #expect(!clock.isTrusted, "others may disagree")
        machine.pass(60)
        _ = clock.tick(connection: nil, heard: false)
        #expect(clock.isTrusted)
        machine.wall = machine.wall - .seconds(31_536_000)
        _ = clock.tick(connection: nil, heard: false)
        machine.pass(60)
        _ = clock.tick(connection: nil, heard: false)
        #expect(!clock.isTrusted, "what agreed with the clock before the step says nothing of it now")
    }

    @Test("one device that agrees with a wrong clock gives up nothing while another contradicts")
    func contradiction() {
        var votes = ClockVotes()
        votes.agree = 5
        for contradiction in [\ClockVotes.apart, \ClockVotes.ahead] {
            var clock = TurnClock(machine.clocks, after: nil)
            clock.hear(votes)
            var other = ClockVotes()
            other[keyPath: contradiction] = 1
            clock.hear(other)
            clock.hear(votes)
            machine.pass(3600)
            _ = clock.tick(connection: nil, heard: false)
            #expect(!clock.isTrusted)
            machine.pass(86_400)
            _ = clock.tick(connection: nil, heard: false)
            #expect(clock.isTrusted, "a day without a step tells")
        }
    }

    @Test("what the clock showed for a while admits no device's time; what it showed for an hour does")
    func newestWall() {
        let right = machine.wall
        var clock = TurnClock(machine.clocks, after: nil)
        machine.wall = machine.wall + .seconds(86_400_000)
        _ = clock.tick(connection: nil, heard: false)
        #expect(clock.newestWall == machine.wall)
        machine.pass(3)
        machine.wall = right + .seconds(3)
        _ = clock.tick(connection: nil, heard: false)
        #expect(clock.newestWall == machine.wall)
        machine.pass(3600)
        _ = clock.tick(connection: nil, heard: false)
        let before = machine.wall
        machine.wall = Timestamp(milliseconds: 5000)
        _ = clock.tick(connection: nil, heard: false)
        #expect(clock.newestWall == before, "a box whose clock is lost does not refuse its devices'")
    }

    @Test("doctor tells of a clock that was set until it is believed again")
    func doctor() throws {
        var clock = TurnClock(machine.clocks, after: nil)
        let live = LiveView(LiveStatusAnswer(version: "test", startedAt: machine.wall, broker: "none"))
        let configuration = try GatewayConfiguration(yaml: "store: {folder: /nowhere}", file: "baotu.yaml")
        let doctor = Doctor(configuration: configuration, live: live) { [machine] in machine.wall }
        live.remember(clock)
        #expect(doctor.clockSteps() == [])
        machine.wall = machine.wall + .seconds(3600)
        _ = clock.tick(connection: 1, heard: true)
        live.remember(clock)
        let told = doctor.clockSteps()
        #expect(told.map(\.level) == [.warning] && told[0].finding.contains("set by +3600.0 s"))
        machine.pass(86_400)
        _ = clock.tick(connection: 1, heard: true)
        live.remember(clock)
        #expect(doctor.clockSteps() == [])
    }
}
