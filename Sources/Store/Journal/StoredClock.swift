public import Basics
public import Telemetry

/// The gateway's clocks as the store has them: where they went on from, and how far the wall clock can be trusted.
public struct StoredClock: Hashable, Sendable {
    /// The newest moment that was written down.
    public var moment: Moment
    /// Which run of the machine it was in; 0 where that is not known.
    public var boot: Int64
    /// By how much the steady clock is ahead of that run's own.
    public var offset: Duration
    /// Since when the wall clock ran without a step.
    public var unbrokenSince: SteadyTime
    /// How many steps were seen.
    public var steps: Int64
    /// The last one.
    public var lastStep: ClockStep?

    /// As it is to be written down.
    public init(
        moment: Moment, boot: Int64, offset: Duration, unbrokenSince: SteadyTime, steps: Int64 = 0,
        lastStep: ClockStep? = nil
    ) {
        self.moment = moment
        self.boot = boot
        self.offset = offset
        self.unbrokenSince = unbrokenSince
        self.steps = steps
        self.lastStep = lastStep
    }

    /// The moment for a tool that writes in the gateway's place: nobody listens, and only the wall clock tells how much time
    /// ran.
    public func moment(at wall: Timestamp) -> Moment {
        Moment(wall: wall, steady: moment.steady + max(.zero, wall - moment.wall), listened: moment.listened)
    }

    /// nil where none was ever written.
    init?(_ core: Connection) throws(StoreError) {
        guard let moment = try Self.moment(core) else { return nil }
        self.moment = moment
        boot = try Meta.clockBoot.read(core)
        offset = .milliseconds(try Meta.clockOffset.read(core))
        unbrokenSince = SteadyTime(milliseconds: try Meta.clockUnbroken.read(core))
        steps = try Meta.clockSteps.read(core)
        let by = try Meta.clockStepBy.read(core)
        if by != 0 {
            let at = Timestamp(milliseconds: try Meta.clockStepAt.read(core))
            lastStep = ClockStep(at: at, steady: unbrokenSince, by: .milliseconds(by))
        }
    }

    /// The moment alone; nil where none was ever written.
    static func moment(_ core: Connection) throws(StoreError) -> Moment? {
        let wall = try Meta.clockWall.read(core)
        guard wall != 0 else { return nil }
        return Moment(
            wall: Timestamp(milliseconds: wall),
            steady: SteadyTime(milliseconds: try Meta.clockSteady.read(core)),
            listened: SteadyTime(milliseconds: try Meta.clockListened.read(core)))
    }

    func write(_ core: Connection) throws(StoreError) {
        try Meta.clockWall.write(moment.wall.milliseconds, core)
        try Meta.clockSteady.write(moment.steady.milliseconds, core)
        try Meta.clockListened.write(moment.listened.milliseconds, core)
        try Meta.clockBoot.write(boot, core)
        try Meta.clockOffset.write(offset.milliseconds, core)
        try Meta.clockUnbroken.write(unbrokenSince.milliseconds, core)
        try Meta.clockSteps.write(steps, core)
        guard let lastStep else { return }
        try Meta.clockStepAt.write(lastStep.at.milliseconds, core)
        try Meta.clockStepBy.write(lastStep.by.milliseconds, core)
    }
}

extension Journal {
    /// Writes the clocks down, in a transaction of its own: at a start, about once a minute, and at the end. `record` writes
    /// them with the steps of alerts.
    public func save(_ clock: StoredClock) throws(StoreError) {
        try core.transaction { () throws(StoreError) in try clock.write(core) }
        storedClock = clock
    }
}
