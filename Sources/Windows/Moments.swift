/// Count, mean and spread of the samples in one pane of a window.
///
/// `mean` keeps the unit of the samples and `variance` is that unit squared. A window merges its panes and never
/// subtracts: subtraction would carry the rounding of one wild sample into every later answer.
///
/// Source: Welford (1962) for `add`, Chan, Golub and LeVeque (1983) for `merge`.
public struct Moments: Equatable, Sendable {
    public private(set) var count = 0
    public private(set) var mean = 0.0
    /// Sum of squared deviations from the mean.
    private var squares = 0.0

    @inlinable
    public init() {}

    init(count: Int, mean: Double, squares: Double) {
        self.count = count
        self.mean = mean
        self.squares = squares
    }

    public mutating func add(_ sample: Double) {
        count += 1
        let deviation = sample - mean
        mean += deviation / Double(count)
        squares += deviation * (sample - mean)
    }

    public mutating func merge(_ other: Moments) {
        guard other.count > 0 else { return }
        guard count > 0 else {
            self = other
            return
        }
        let total = Double(count + other.count)
        let apart = other.mean - mean
        mean += apart * Double(other.count) / total
        squares += other.squares + apart * apart * Double(count) * Double(other.count) / total
        count += other.count
    }

    /// Population variance; 0 without samples.
    public var variance: Double { count > 0 ? max(0, squares / Double(count)) : 0 }
    public var standardDeviation: Double { variance.squareRoot() }
}
