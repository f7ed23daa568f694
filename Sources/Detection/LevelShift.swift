/// Six days all above, or all below, every one of the 28 days before them: told with the first reading after the six.
///
/// Days are judged by their means, so that night and day, and weekdays among the six, make no difference. A day with less
/// than half of the usual number of readings is left out.
struct LevelShift: BitwiseCopyable {
    static let daysBefore = 28
    static let daysAfter = 6
    static let daysMax = daysBefore + daysAfter

    /// The day that is filling: its number, and the mean and number of its readings.
    var day = Int64.min
    var mean = 0.0
    var readings = 0
    /// The usual number of readings a day.
    var readingsUsual = 0.0
    /// Means of days, oldest first.
    var means = InlineArray<34, Double>(repeating: 0)
    var days = 0

    /// The level before and after and the readings since, once a shift.
    mutating func judge(_ x: Double, day today: Int64) -> (before: Double, after: Double, readings: Int)? {
        defer {
            readings += 1
            mean += (x - mean) / Double(readings)
        }
        guard today != day else { return nil }
        var shift: (before: Double, after: Double, readings: Int)?
        if readings > 0, Double(readings) >= 0.5 * readingsUsual {
            push(mean)
            shift = found()
        }
        if readings > 0 { readingsUsual += (readingsUsual == 0 ? 1 : 0.2) * (Double(readings) - readingsUsual) }
        (day, mean, readings) = (today, 0, 0)
        return shift
    }

    private mutating func push(_ value: Double) {
        if days == Self.daysMax {
            for place in 1..<Self.daysMax { means[place - 1] = means[place] }
            days -= 1
        }
        means[days] = value
        days += 1
    }

    private mutating func found() -> (before: Double, after: Double, readings: Int)? {
        guard days == Self.daysMax else { return nil }
        var (sum, low, high) = (0.0, Double.infinity, -Double.infinity)
        for place in 0..<Self.daysBefore {
            sum += means[place]
            (low, high) = (min(low, means[place]), max(high, means[place]))
        }
        let before = sum / Double(Self.daysBefore)
        var squares = 0.0
        for place in 0..<Self.daysBefore { squares += (means[place] - before) * (means[place] - before) }
        var (sumAfter, lowAfter, highAfter) = (0.0, Double.infinity, -Double.infinity)
        for place in Self.daysBefore..<Self.daysMax {
            sumAfter += means[place]
            (lowAfter, highAfter) = (min(lowAfter, means[place]), max(highAfter, means[place]))
        }
        // By a third of the spread: a steady trend, as of spring, parts them by an eighth.
        let apart = 0.35 * (squares / Double(Self.daysBefore)).squareRoot() + 1e-9 * abs(before)
        guard max(lowAfter - high, low - highAfter) > apart else { return nil }
        // What comes next is judged by the new level.
        for place in 0..<Self.daysAfter { means[place] = means[Self.daysBefore + place] }
        days = Self.daysAfter
        return (before, sumAfter / Double(Self.daysAfter), Int((readingsUsual * Double(Self.daysAfter)).rounded()))
    }
}
