import Telemetry
import Testing
import TestSupport

@testable import Frames

@Suite("Rows that come in any order")
struct GrowingRowsTests {
    enum Order: CaseIterable, Sendable {
        case rising, falling, zigzag, random, fallingAfterLong
    }

    private func times(_ order: Order, _ count: Int, _ random: inout SeededGenerator) -> [Int64] {
        let rising = (0..<count).map { Int64($0) * 10 }
        switch order {
        case .rising: return rising
        case .falling: return rising.reversed()
        case .zigzag: return rising.indices.map { $0.isMultiple(of: 2) ? rising[$0 / 2] : rising[count - 1 - $0 / 2] }
        case .random: return rising.shuffled(using: &random)
        case .fallingAfterLong:
            return Array(rising[(count / 2)...]) + rising[..<(count / 2)].reversed()
        }
    }

    @Test("hold what was put, whatever its order, and give it back by time", arguments: Order.allCases)
    func asPut(order: Order) {
        var random = SeededGenerator(seed: 5)
        var rows = GrowingRows()
        var model: [Int64: [Double]] = [:]
        var known: [Int64] = []
        var (settled, waited) = (0, false)
        for (index, time) in times(order, 20_000, &random).enumerated() {
            // A column more from the middle on.
            let columns = index < 10_000 ? 2 : 3
            rows.widen(to: columns)
            #expect(rows.place(at: time) == GrowingRows.none)
            var place = rows.insert(time)
            if Int.random(in: 0..<50, using: &random) == 0 {
                rows.remove(place)
                #expect(rows.place(at: time) == GrowingRows.none)
                place = rows.insert(time)
            }
            let column = Int.random(in: 0..<columns, using: &random)
            let value = Double(index)
            rows.set(place, column, value)
            var all = model[time] ?? [.nan, .nan, .nan]
            all[column] = value
            model[time] = all
            known.append(time)
            let other = known.randomElement(using: &random)!
            let found = rows.place(at: other)
            #expect(found != GrowingRows.none)
            #expect((0..<3).allSatisfy { same(rows[found, $0], model[other]![$0]) })
            waited = waited || !rows.isSettled
            let before = rows.isSettled
            rows.settle()
            if rows.isSettled, !before { settled += 1 }
        }
        #expect(waited == (order != .rising) && (settled > 0) == (order != .rising), "\(settled)")
        let end = rows.rows
        #expect(end.times == model.keys.sorted())
        for row in 0..<end.count {
            #expect((0..<3).allSatisfy { same(end[row, $0], model[end.times[row]]![$0]) })
        }
        for _ in 0..<200 {
            let (column, through) = (
                Int.random(in: 0..<3, using: &random), Int64.random(in: -5...200_005, using: &random)
            )
            let last = model.filter { $0.key <= through && !$0.value[column].isNaN }.max { $0.key < $1.key }
            let found = rows.last(ofColumn: column, through: through)
            #expect(found?.time == last?.key && found?.value == last?.value[column])
        }
    }

    private func same(_ left: Double, _ right: Double) -> Bool { left == right || left.isNaN && right.isNaN }
}
