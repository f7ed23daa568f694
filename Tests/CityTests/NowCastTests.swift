import Testing

@testable import City

@Suite("NowCast")
struct NowCastTests {
    @Test("particles: only twelve hours count, steady air keeps its decimal, never below zero")
    func particles() throws {
        #expect(NowCast.particles([10, 10, 10] + Array(repeating: nil, count: 9) + [900]) == 10)
        let steady = try #require(NowCast.particles(Array(repeating: 9.1, count: 12)))
        #expect(ExactDecimal(calculated: steady) == ExactDecimal("9.1"))
        #expect(NowCast.particles([-3, -1, -2]) == 0)
        #expect(NowCast.particles([]) == nil)
        #expect(NowCast.particles([1, nil, nil, 1]) == nil)
        #expect(NowCast.particles([nil, 4, 4]) == 4)
    }

    @Test("ozone: too few hours or too long a gap give the surrogate of the newest valid of three hours")
    func surrogate() throws {
        var nowcast = OzoneNowCast()
        var hours = try VectorTests.ozoneExample()
        for hour in 100..<107 { hours[hour] = nil }
        #expect(nowcast.value(hours)?.method == .leastSquares)
        hours[107] = nil
        let gap = nowcast.value(hours)
        #expect(gap?.method == .surrogate)
        #expect(gap?.ppb == 0.85 * 14 + 4.5)
        hours[335] = nil
        #expect(nowcast.value(hours)?.ppb == 0.85 * 6 + 4.5)
        hours[334] = nil
        #expect(nowcast.value(hours)?.ppb == 0.85 * 7 + 4.5)
        hours[333] = nil
        #expect(nowcast.value(hours) == nil)
        #expect(nowcast.value([20])?.ppb == 21.5)
        #expect(nowcast.value([]) == nil)
        #expect(nowcast.value([nil, nil]) == nil)
        #expect(nowcast.value([-30])?.ppb == 0)
    }

    @Test("ozone: 251 of 336 hours are too few, 252 are enough")
    func fewHours() throws {
        var nowcast = OzoneNowCast()
        var hours = try VectorTests.ozoneExample()
        // Single gaps over the first two thirds, which no rule but the count minds.
        var valid = hours.compactMap { $0 }.count
        var place = 0
        while valid > 252 {
            if hours[place] != nil {
                hours[place] = nil
                valid -= 1
            }
            place += place % 4 == 1 ? 3 : 1
            if place >= 330 { break }
        }
        #expect(hours.compactMap { $0 }.count == 252)
        #expect(nowcast.value(hours)?.method != .surrogate)
        hours[334] = nil
        #expect(nowcast.value(hours)?.method == .surrogate)
    }

    @Test("ozone: without the newest hours the NowCast of one or two hours before, over its own two weeks")
    func earlier() throws {
        var nowcast = OzoneNowCast()
        let example = try VectorTests.ozoneExample()
        let whole = nowcast.value(example)
        let hours = [30, 31] + example
        #expect(nowcast.value(hours)?.ppb == whole?.ppb)
        let one = nowcast.value(hours + [nil])
        #expect(one?.method == .earlier(hours: 1))
        #expect(one?.ppb == whole?.ppb)
        let two = nowcast.value(hours + [nil, nil])
        #expect(two?.method == .earlier(hours: 2))
        #expect(two?.ppb == whole?.ppb)
        #expect(nowcast.value(hours + [nil, nil, nil]) == nil)
    }

    @Test("ozone: all zero is zero, and steady air stays what it is")
    func plain() throws {
        var nowcast = OzoneNowCast()
        let zero = nowcast.value(Array(repeating: 0, count: 336))
        #expect(zero?.method == .allZero)
        #expect(zero?.ppb == 0)
        let steady = nowcast.value(Array(repeating: 41, count: 336))
        #expect(steady?.method == .leastSquares)
        #expect(steady?.ppb == 41)
    }

    @Test("least squares finds the plane that the rows lie on, and leaves out a column that repeats another")
    func leastSquares() {
        var squares = LeastSquares(columns: 3, rowsMax: 40)
        for (weights, third) in [([2.0, -1, 0.5], 0.0), ([3, 1, 0], 1)] {
            func column(_ row: Int, _ column: Int) -> Double {
                switch column {
                case 0: Double(row)
                case 1: Double(row * row % 7)
                default: third == 0 ? Double(row * 3 % 5) : 2 * Double(row) + 1
                }
            }
            let value = squares.prediction(
                rows: 40, predictor: column,
                outcome: { row in 7 + (0..<3).reduce(0) { $0 + weights[$1] * column(row, $1) } },
                at: { column(50, $0) })
            let expected = 7 + (0..<3).reduce(0) { $0 + weights[$1] * column(50, $1) }
            #expect(abs(value - expected) < 1e-9)
        }
    }
}
