import Basics
import Glibc
import Store
import Telemetry

/// The machine's clocks, read together; the tests have others.
struct MachineClocks: Sendable {
    /// What the time is called.
    var wall: @Sendable () -> Timestamp
    /// Runs from the machine's start on, also while it sleeps.
    var running: @Sendable () -> SteadyTime
    /// Which run of the machine this is; 0 where it does not say.
    var boot: Int64
    /// Turns follow each other much faster: a process that was held, or a machine that slept, listened to nobody meanwhile.
    var held = Duration.seconds(10)

    /// Those of Linux.
    static let linux = MachineClocks(
        wall: { ServiceLogHandler.now() },
        running: {
            var time = timespec()
            clock_gettime(CLOCK_BOOTTIME, &time)
            return SteadyTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
        },
        boot: bootNumber())

    /// The check value of the kernel's number of this run, which it draws anew at each start.
    private static func bootNumber() -> Int64 {
        guard let file = fopen("/proc/sys/kernel/random/boot_id", "r") else { return 0 }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = fread(&bytes, 1, bytes.count, file)
        return bytes[..<count].withUnsafeBytes { CRC32C.check(key: 0, $0) }
    }
}

/// The clocks of the turn: the steady time that goes on over restarts, the time that the gateway listened, and what is known
/// of the wall clock.
struct TurnClock {
    /// The wall clock is believed by itself once it ran for so long without a step.
    static let trust = Duration.seconds(24 * 3600)

    private let clocks: MachineClocks
    /// The steady clock is ahead of the machine's by this.
    private let offset: Duration
    /// As of the last turn.
    private(set) var moment: Moment
    /// The newest moment that the wall clock showed while it could be believed: a device's time is not refused for a clock that
    /// was set back since. What it showed for a while before it was set is no such moment.
    private var believedWall: Timestamp
    private(set) var unbrokenSince: SteadyTime
    private(set) var steps: Int64
    private(set) var lastStep: ClockStep?
    /// A line that is quiet for no longer than this is taken to be well, until it shows that it is not.
    static let quiet = Duration.seconds(15)

    /// When the broker last showed that it was there, and what had been listened by then; nil while the gateway is deaf.
    private var heardLast: (at: SteadyTime, listened: SteadyTime)?
    /// Of the connection that is listened to.
    private var connection: Int?
    /// Whether devices whose messages bear their own time agreed with the wall clock since its last step, and whether one did
    /// not, be it for what it had buffered: then nobody knows who is right, and a day without a step has to tell.
    private var votes = (agreed: false, contradicted: false)
    /// One voice is no majority: those who disagree are waited for.
    static let hearing = Duration.seconds(60)
    /// A clock that ran for so long without a step was right.
    private static let settled = Duration.seconds(3600)

    /// Goes on from what the store has; `lastStep` is the one that the wall clock took since, where that can be told.
    init(_ clocks: MachineClocks, after stored: StoredClock?) {
        self.clocks = clocks
        let (wall, running) = (clocks.wall(), clocks.running())
        steps = stored?.steps ?? 0
        believedWall = max(wall, stored?.moment.wall ?? wall)
        lastStep = stored?.lastStep
        guard let stored else {
            offset = .milliseconds(wall.milliseconds - running.milliseconds)
            moment = Moment(wall)
            unbrokenSince = moment.steady
            return
        }
        if stored.boot == clocks.boot, clocks.boot != 0 {
            offset = stored.offset
            moment = Moment(wall: wall, steady: running + offset, listened: stored.moment.listened)
            unbrokenSince = stored.unbrokenSince
            if let step = ClockStep(from: stored.moment, to: moment) { take(step) }
        } else {
            // Nothing but the wall clock tells how long the machine was off, and nothing tells whether that was set.
            let off = max(.zero, wall - stored.moment.wall)
            let steady = stored.moment.steady + off
            offset = steady - running
            moment = Moment(wall: wall, steady: steady, listened: stored.moment.listened)
            unbrokenSince = steady
            if wall < stored.moment.wall - ClockStep.least {
                take(ClockStep(at: wall, steady: steady, by: wall - stored.moment.wall))
            }
        }
    }

    /// For what comes in during a turn, which names its receipt.
    var wall: @Sendable () -> Timestamp { clocks.wall }

    /// The machine's steady clock as it is now, for how long something takes.
    var running: SteadyTime { clocks.running() }

    /// Whether ages may be counted by the wall clock.
    var isTrusted: Bool {
        let unbroken = moment.steady - unbrokenSince
        return unbroken >= Self.trust || unbroken >= Self.hearing && votes.agreed && !votes.contradicted
    }

    /// The newest moment that there can be in devices' times, as far as the wall clock tells.
    var newestWall: Timestamp { max(believedWall, moment.wall) }

    var stored: StoredClock {
        StoredClock(
            moment: moment, boot: clocks.boot, offset: offset, unbrokenSince: unbrokenSince, steps: steps,
            lastStep: lastStep)
    }

    /// Reads the clocks for a turn. `connection`: which of the connections that were ever made is listened to, nil while none
    /// is; `heard`: something came from the broker since the last turn. Returns the step that the wall clock took, if any.
    ///
    /// Time counts as listened once the broker has shown that it was there, and for the first seconds until it does: one that
    /// hangs is not heard.
    mutating func tick(connection: Int?, heard: Bool) -> ClockStep? {
        let before = moment
        moment.wall = clocks.wall()
        moment.steady = max(before.steady, clocks.running() + offset)
        if connection != self.connection { heardLast = nil }
        self.connection = connection
        if heardLast != nil, moment.steady - before.steady > clocks.held {
            // What comes at once afterwards had waited: it says nothing of those who are yet to come.
            heardLast = (moment.steady, before.listened)
        } else if let last = heardLast {
            let passed = moment.steady - last.at
            moment.listened = max(before.listened, last.listened + (heard ? passed : min(passed, Self.quiet)))
            if heard { heardLast = (moment.steady, moment.listened) }
        } else if connection != nil {
            heardLast = (moment.steady, moment.listened)
        }
        guard let step = ClockStep(from: before, to: moment) else { return nil }
        if isTrusted || before.steady - unbrokenSince >= Self.settled { believedWall = max(believedWall, before.wall) }
        take(step)
        return step
    }

    /// What the messages of a turn say of the wall clock.
    mutating func hear(_ said: ClockVotes) {
        if said.agree > 0 { votes.agreed = true }
        if said.apart + said.ahead > 0 { votes.contradicted = true }
    }

    private mutating func take(_ step: ClockStep) {
        unbrokenSince = step.steady
        steps += 1
        lastStep = step
        votes = (false, false)
    }
}
