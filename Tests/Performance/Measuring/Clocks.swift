import Glibc

/// Seconds of one of the system's clocks.
public enum Clocks {
    public static var wall: Double { seconds(CLOCK_MONOTONIC) }
    /// Of all threads of this process.
    public static var process: Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }
    public static var thread: Double { seconds(CLOCK_THREAD_CPUTIME_ID) }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// Times that something took, in seconds.
public struct Times {
    // Four bytes a time: a run has hundreds of thousands of commits, and its memory is a figure too.
    private var all: [Float] = []

    public init() {}

    public var count: Int { all.count }
    public mutating func add(_ seconds: Double) { all.append(Float(seconds)) }

    /// The nearest rank; 0 where there is none.
    public func quantile(_ q: Double) -> Double {
        guard !all.isEmpty else { return 0 }
        let sorted = all.sorted()
        return Double(sorted[min(sorted.count - 1, Int(q * Double(sorted.count)))])
    }

    public var median: Double { quantile(0.5) }
    public var max: Double { quantile(1) }

    /// Runs `body` so often, after `before` which does not count.
    public static func measure(
        _ count: Int, before: () -> Void = {}, _ body: () throws -> Void
    ) rethrows -> Times {
        var times = Times()
        for _ in 0..<count {
            before()
            let begin = Clocks.wall
            try body()
            times.add(Clocks.wall - begin)
        }
        return times
    }
}
