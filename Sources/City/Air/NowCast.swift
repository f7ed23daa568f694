import Glibc

/// The weighted mean of the last twelve hours by which US EPA tells the 24 h mean of particles before the day is over.
///
/// The weight of an hour is w^i with i hours gone, w = least / greatest of the hours and at least 0.5: steady air
/// counts all hours alike, changing air the newest most.
///
/// Source: US EPA, EPA-454/B-24-002 (May 2024).
public enum NowCast {
    /// Hours that count.
    public static let hours = 12

    /// `newestFirst`: means of clock hours, nil where missing; what is behind the twelfth does not count. nil unless two
    /// of the three newest are there. Never negative.
    public static func particles(_ newestFirst: [Double?]) -> Double? {
        let hours = newestFirst.prefix(hours)
        let valid = hours.compactMap { $0 }
        guard hours.prefix(3).filter({ $0 != nil }).count >= 2, let least = valid.min(), let greatest = valid.max()
        else { return nil }
        guard greatest > 0 else { return 0 }
        let weight = max(0.5, least / greatest)
        var (sum, weights, power) = (0.0, 0.0, 1.0)
        for hour in hours {
            if let hour {
                sum += power * hour
                weights += power
            }
            power *= weight
        }
        return max(0, sum / weights)
    }
}

/// The ozone NowCast of US EPA: the 8 h mean around the present hour, told from the last two weeks.
///
/// Every hour that has its 8 h mean (of the four hours before it, itself and the three after it, six of them valid)
/// is a row: the 96 hours up to it, against that mean. The fit over the rows then tells the mean of the newest hour.
/// EPA names the method partial least squares and keeps all 96 components, which is ordinary least squares.
/// Missing hours among the 96 are filled with the mean of four neighbours on each side, weighing 1/2^distance.
///
/// About 3.8 million multiplications a call; the buffers (0.4 MB) are kept from call to call.
///
/// Source: US EPA, repository USEPA/O3-Nowcast (in use since 2019-08-01), its R code and white paper.
public struct OzoneNowCast: Sendable {
    /// Two weeks, which the fit is made of.
    public static let hours = 336
    /// Enough for `value` to go back where the newest two hours are missing.
    public static let hoursWanted = hours + 2

    private static let predictors = 96
    private static let validMin = 252
    private static let gapMax = 7
    /// Rows whose mean is missing, of the 241 from the 96th hour on; the last three always are.
    private static let rowsMissingShareMax = 0.25

    /// How a value was come by.
    public enum Method: Hashable, Sendable {
        case leastSquares
        /// Of too few hours, or with too long a gap: 0.85 c + 4.5 ppb of the newest valid of the last three hours.
        case surrogate
        case allZero
        /// The NowCast of one or two hours before, because the newest are missing.
        case earlier(hours: Int)
    }

    private var filled: [Double] = []
    private var means: [Double?] = []
    private var squares = LeastSquares(columns: predictors, rowsMax: hours)

    /// Allocates the buffers of the fit, once.
    public init() {}

    /// `ppb`: means of clock hours, oldest first, nil where missing; only the last 336 count, or those up to the newest
    /// that is not missing. nil where the last three are missing, and where EPA's code gives none.
    public mutating func value(_ ppb: [Double?]) -> (ppb: Double, method: Method)? {
        let end = ppb.count
        var window = ppb.suffix(Self.hours).map { $0 }
        window = [Double?](repeating: nil, count: Self.hours - window.count) + window
        let valid = window.reduce(0) { $1 == nil ? $0 : $0 + 1 }
        guard valid > 0 else { return nil }
        if valid < Self.validMin || longestGap(window) > Self.gapMax {
            guard let newest = window.suffix(3).reversed().compactMap({ $0 }).first else { return nil }
            return (max(0, 0.85 * newest + 4.5), .surrogate)
        }
        if window.allSatisfy({ $0 == nil || $0 == 0 }) { return (0, .allZero) }
        guard window[Self.hours - 1] != nil else {
            for back in 1...2 where window[Self.hours - 1 - back] != nil {
                // Hours before the oldest given are missing then, which the rules above allow for.
                return value(Array(ppb[..<(end - back)])).map { ($0.ppb, .earlier(hours: back)) }
            }
            return nil
        }
        return predicted(window).map { (max(0, $0), .leastSquares) }
    }

    private func longestGap(_ window: [Double?]) -> Int {
        var (longest, run) = (0, 0)
        for hour in window {
            run = hour == nil ? run + 1 : 0
            longest = max(longest, run)
        }
        return longest
    }

    private mutating func predicted(_ window: [Double?]) -> Double? {
        fill(window)
        average(window)
        let first = Self.predictors - 1
        let rows = (first..<Self.hours).filter { means[$0] != nil }
        let missing = Double(Self.hours - first - rows.count) / Double(Self.hours - first)
        guard missing <= Self.rowsMissingShareMax else { return nil }
        return squares.prediction(
            rows: rows.count,
            predictor: { row, column in filled[rows[row] - first + column] },
            outcome: { means[rows[$0]]! },
            at: { filled[Self.hours - Self.predictors + $0] })
    }

    /// The 8 h means; nil at the ends, where the eight hours are not all in the window.
    private mutating func average(_ window: [Double?]) {
        means.removeAll(keepingCapacity: true)
        for hour in 0..<Self.hours {
            guard hour >= 4, hour + 3 < Self.hours else {
                means.append(nil)
                continue
            }
            let valid = window[(hour - 4)...(hour + 3)].compactMap { $0 }
            means.append(valid.count >= 6 ? valid.reduce(0, +) / Double(valid.count) : nil)
        }
    }

    /// Source of the weights: the function `na_ma` of the R package imputeTS, with k = 4.
    private mutating func fill(_ window: [Double?]) {
        filled.removeAll(keepingCapacity: true)
        for (hour, value) in window.enumerated() {
            if let value {
                filled.append(value)
                continue
            }
            var reach = 4
            while true {
                let around = max(0, hour - reach)...min(window.count - 1, hour + reach)
                let count = window[around].reduce(0) { $1 == nil ? $0 : $0 + 1 }
                if count >= 2 || around == 0...(window.count - 1) {
                    var (sum, weights) = (0.0, 0.0)
                    for neighbour in around {
                        guard let value = window[neighbour] else { continue }
                        let weight = exp2(-Double(abs(neighbour - hour)))
                        sum += weight * value
                        weights += weight
                    }
                    filled.append(sum / weights)
                    break
                }
                reach += 1
            }
        }
    }
}
