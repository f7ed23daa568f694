public import Basics

/// A reading of a clock that nobody sets: it never goes back, and it counts on over restarts.
///
/// Its numbers began at the wall clock's when the store was made, and mean nothing but by their difference.
public struct SteadyTime: Hashable, Comparable, Sendable {
    /// Whole milliseconds.
    public var milliseconds: Int64

    /// So many milliseconds.
    @inlinable
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Whether the left one is the earlier.
    @inlinable
    public static func < (left: SteadyTime, right: SteadyTime) -> Bool { left.milliseconds < right.milliseconds }

    /// The span counts in whole milliseconds, rounded toward zero; the sum wraps round.
    @inlinable
    public static func + (time: SteadyTime, span: Duration) -> SteadyTime {
        SteadyTime(milliseconds: time.milliseconds &+ span.milliseconds)
    }

    /// The span counts in whole milliseconds, rounded toward zero; the difference wraps round.
    @inlinable
    public static func - (time: SteadyTime, span: Duration) -> SteadyTime {
        SteadyTime(milliseconds: time.milliseconds &- span.milliseconds)
    }

    /// From `earlier` to `later`; negative where they are the other way round.
    @inlinable
    public static func - (later: SteadyTime, earlier: SteadyTime) -> Duration {
        .milliseconds(later.milliseconds &- earlier.milliseconds)
    }
}

/// One moment of the gateway by its three clocks, taken together once a turn.
///
/// The wall clock names moments; people and other machines set it, so no span is measured by it.
public struct Moment: Hashable, Sendable {
    /// What the moment is called.
    public var wall: Timestamp
    /// For ages: runs while the machine does, and between two runs as far as the wall clock went on.
    public var steady: SteadyTime
    /// For silence and hold: as `steady`, but it stands while the gateway does not hear the broker. A gateway that was deaf
    /// can neither blame a device nor know what went on.
    public var listened: SteadyTime

    /// The readings of the three clocks.
    @inlinable
    public init(wall: Timestamp, steady: SteadyTime, listened: SteadyTime) {
        self.wall = wall
        self.steady = steady
        self.listened = listened
    }

    /// Of a gateway whose wall clock was never set and that always heard its broker: for tools and simulations.
    @inlinable
    public init(_ wall: Timestamp) {
        let time = SteadyTime(milliseconds: wall.milliseconds)
        self.init(wall: wall, steady: time, listened: time)
    }

    /// How far the wall clock is ahead of the steady one: it changes with each step of the wall clock, and slowly as that is
    /// slewed.
    @inlinable
    public var wallAhead: Duration { .milliseconds(wall.milliseconds &- steady.milliseconds) }
}

/// A step of the wall clock: somebody set it.
public struct ClockStep: Hashable, Sendable {
    /// Less is no step: a clock that is slewed, or a turn that took the two readings apart.
    public static let least = Duration.seconds(1)

    /// By the wall clock, after the step.
    public var at: Timestamp
    /// By the steady clock.
    public var steady: SteadyTime
    /// Forward; negative where it was set back.
    public var by: Duration

    package init(at: Timestamp, steady: SteadyTime, by: Duration) {
        self.at = at
        self.steady = steady
        self.by = by
    }

    /// The step between two moments; nil where there was none.
    public init?(from before: Moment, to after: Moment) {
        let by = after.wallAhead - before.wallAhead
        guard by >= Self.least || by <= .zero - Self.least else { return nil }
        self.init(at: after.wall, steady: after.steady, by: by)
    }
}
