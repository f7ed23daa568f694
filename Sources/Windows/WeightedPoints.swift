/// A value that stands for so many samples.
struct WeightedPoint {
    var value: Double
    var weight: Double
}

/// The quantile points of several panes together, between the least and the most of all.
///
/// The weight in each of 64 equal parts of the span says in which one a quantile lies; only the points in it are put in
/// order. (224 points, median and p95: 2 µs by two runs of quickselect over all points, which a processor cannot foresee.)
struct WeightedPoints {
    private static let parts = 64

    private let points: UnsafeMutableBufferPointer<WeightedPoint>
    private let least: Double
    private let most: Double
    private let perSpan: Double
    private var count = 0
    private var total = 0.0

    /// `points` has room for all that will be taken.
    init(_ points: UnsafeMutableBufferPointer<WeightedPoint>, _ least: Double, _ most: Double) {
        self.points = points
        self.least = least
        self.most = most
        perSpan = most > least ? Double(Self.parts) / (most - least) : 0
    }

    mutating func take(_ shape: QuantilePoints, _ pane: Pane) {
        let weight = Double(pane.count) * (1 / Double(QuantilePoints.count))
        for index in 0..<QuantilePoints.count {
            points[count &+ index] = WeightedPoint(value: shape.value(index, pane.min, pane.max), weight: weight)
        }
        count += QuantilePoints.count
        total += Double(pane.count)
    }

    @inline(__always)
    private func part(of value: Double) -> Int {
        Swift.min(Self.parts - 1, Swift.max(0, Int((value - least) * perSpan)))
    }

    /// The value at which the weights, in order of value, first reach this share of the whole.
    func quantile(_ share: Double) -> Double {
        guard most > least else { return least }
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.parts) { weights in
            weights.update(repeating: 0)
            for index in 0..<count { weights[part(of: points[index].value)] += points[index].weight }
            let target = share * total
            var below = 0.0
            var its = 0
            while its < Self.parts - 1, below + weights[its] < target {
                below += weights[its]
                its += 1
            }
            // The points of that part go to the front.
            var end = 0
            for index in 0..<count where part(of: points[index].value) == its {
                let point = points[index]
                points[index] = points[end]
                points[end] = point
                end += 1
            }
            let value = Self.select(target - below, UnsafeMutableBufferPointer(rebasing: points[..<end]))
            return Swift.min(most, Swift.max(least, value ?? most))
        }
    }

    /// The value at which the weights first reach `target`, by sorting; the last one where rounding leaves them short.
    private static func select(_ target: Double, _ points: UnsafeMutableBufferPointer<WeightedPoint>) -> Double? {
        var points = points
        points.sort { $0.value < $1.value }
        var sum = 0.0
        for point in points {
            sum += point.weight
            if sum >= target { return point.value }
        }
        return points.last?.value
    }
}
