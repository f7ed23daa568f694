import Basics
import Contract
import Dispatch
import Frames
import Synchronization
import Telemetry

/// How time is cut into buckets: from 1970 on, so that they are the same wherever a question begins.
enum BucketGrid {
    /// One bucket.
    case whole
    /// Each of so many milliseconds, from midnight UTC.
    case even(Int64)
    /// Each of so many days of the site; those of a date that was left out count as days.
    case days(Int64, LocalDays)

    /// `step` in milliseconds; nil for one bucket.
    init(step: Int64?, _ days: LocalDays) {
        guard let step else {
            self = .whole
            return
        }
        let (count, rest) = step.quotientAndRemainder(dividingBy: FrameKey.dayMilliseconds)
        self = rest == 0 ? .days(count, days) : .even(step)
    }

    var isWhole: Bool { if case .whole = self { true } else { false } }

    func place(of time: Int64) -> Int64 {
        switch self {
        case .whole: 0
        case .even(let step): time.flooredDivision(by: step)
        case .days(let count, let days): days.day(of: time).flooredDivision(by: count)
        }
    }

    func start(of place: Int64) -> Int64 {
        switch self {
        case .whole: .min
        case .even(let step): place * step
        case .days(let count, let days): days.start(of: place * count)
        }
    }
}
