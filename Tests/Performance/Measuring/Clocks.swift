import Glibc

/// Seconds of one of the system's clocks.
package enum Clocks {
    package static var wall: Double { seconds(CLOCK_MONOTONIC) }
    /// Of all threads of this process.
    package static var process: Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }
    package static var thread: Double { seconds(CLOCK_THREAD_CPUTIME_ID) }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// Times that something took, in seconds.
package struct Times {
    // Four bytes a time: a run has hundreds of thousands of commits, and its memory is a figure too.
    private var all: [Float] = []

    package init() {}

    package var count: Int { all.count }
    package mutating func add(_ seconds: Double) { all.append(Float(seconds)) }

    /// The nearest rank; 0 where there is none.
    package func quantile(_ q: Double) -> Double {
        guard !all.isEmpty else { return 0 }
        let sorted = all.sorted()
        return Double(sorted[min(sorted.count - 1, Int(q * Double(sorted.count)))])
    }

    package var median: Double { quantile(0.5) }
    package var max: Double { quantile(1) }

    /// Runs `body` so often, after `before` which does not count.
    package static func measure(
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
