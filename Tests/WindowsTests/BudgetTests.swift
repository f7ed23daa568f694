import Basics
import Telemetry
import Testing
import TestSupport

@testable import Windows

/// Windows are made for who speaks, within a budget.
@Suite("The budget of windows")
struct BudgetTests {
    private let voltage = quantity("voltage")

    private func id(_ number: Int) -> SeriesID { SeriesID(rawValue: UInt32(number)) }

    /// A table of so many series, of which those in `speaking` spoke, one a second.
    private func table(
        _ count: Int, speaking: Range<Int>, _ budget: WindowBudget = WindowBudget(), at moment: Timestamp = start
    ) -> Box {
        let box = Box(plan, budget)
        box.with { table in
            table.declare(count)
            for number in speaking {
                table.open(id(number), voltage, cadence: nil)
                let now = moment + .seconds(Int64(number))
                table.add(Reading(series: id(number), observed: now, value: Double(number)), at: now)
            }
        }
        return box
    }

    @Test("a name of which nothing comes takes no windows, before and after a restart")
    func names() throws {
        let few = table(100_000, speaking: 0..<10)
        few.with { table in
            #expect(table.seriesCount == 100_000 && table.openCount == 10)
            #expect(table.byteCount == 64 * WindowPlan.bytes(of: plan.windows))
            #expect(table.newest(of: id(50_000)) == nil && table.summaries(of: id(50_000), at: start).isEmpty)
        }
        let state = few.with { $0.state() }
        let traits = { (_: Int) in SeriesTraits(quantity: quantity("voltage"), cadence: nil) }
        let again = try #require(Box(state, plan, traits))
        again.with { table in
            #expect(table.seriesCount == 100_000 && table.openCount == 10)
            #expect(table.newest(of: id(9))?.value == 9)
            #expect(table.state() == state)
        }
    }

    @Test("beyond the budget a series has no windows, and what it said last is known")
    func beyond() {
        let box = table(10, speaking: 0..<10, WindowBudget(seriesMax: 4))
        box.with { table in
            #expect(table.openCount == 4 && table.refusedCount == 6)
            #expect((0..<10).map { table.newest(of: id($0))?.value } == (0..<10).map { Double($0) })
            #expect(table.summaries(of: id(3), at: start + .seconds(10)).isEmpty == false)
            #expect(table.summaries(of: id(4), at: start + .seconds(10)).isEmpty)
            // What is older does not take the place of the newest.
            table.add(Reading(series: id(9), observed: start - .seconds(60), value: -1), at: start + .seconds(10))
            #expect(table.newest(of: id(9))?.value == 9)
            let outcome = table.add(
                Reading(series: id(9), observed: start + .seconds(20), value: 7), at: start + .seconds(20))
            #expect(outcome == .noWindows)
            #expect(table.newest(of: id(9))?.value == 7)
        }
    }

    @Test("bytes bound it too, block by block")
    func bytes() {
        let block = 64 * WindowPlan.bytes(of: plan.windows)
        for (bytesMax, expected) in [(0, 0), (block - 1, 0), (block, 64), (2 * block, 128), (3 * block + 1, 192)] {
            table(300, speaking: 0..<300, WindowBudget(bytesMax: bytesMax)).with { table in
                #expect(table.openCount == expected && table.refusedCount == 300 - expected)
                #expect(table.byteCount <= bytesMax)
            }
        }
    }

    @Test(
        "a restart within a smaller budget keeps who is expected, then who was heard last, and loses nothing of theirs")
    func restart() throws {
        let whole = table(500, speaking: 0..<500)
        let (state, now) = (whole.with { $0.state() }, start + .seconds(600))
        let isExpected = { (number: Int) in number % 50 == 0 }
        let traits = { (number: Int) in
            SeriesTraits(quantity: quantity("voltage"), cadence: nil, isExpected: isExpected(number))
        }
        let again = try #require(Box(state, plan, traits, WindowBudget(seriesMax: 30)))
        again.with { table in
            #expect(table.openCount == 30 && table.refusedCount == 470)
            let kept = (0..<500).filter { table.isOpen(id($0)) }
            #expect(kept == (0..<500).filter { isExpected($0) || $0 >= 480 })
            for number in 0..<500 {
                #expect(table.newest(of: id(number))?.value == Double(number))
                if table.isOpen(id(number)) {
                    let summaries = table.summaries(of: id(number), at: now)
                    #expect(whole.with { $0.summaries(of: id(number), at: now) } == summaries)
                }
            }
        }
        // What was left out is left out again, and its newest sample is not forgotten.
        let small = again.with { $0.state() }
        try #require(Box(small, plan, traits, WindowBudget(seriesMax: 30))).with { table in
            #expect(table.openCount == 30 && table.refusedCount == 470)
            #expect((0..<500).map { table.newest(of: id($0))?.value } == (0..<500).map { Double($0) })
            #expect(table.state() == small)
        }
        try #require(Box(small, plan, traits)).with { table in
            #expect(table.openCount == 500)
            #expect(table.summaries(of: id(3), at: now).allSatisfy { $0.count == 1 && $0.last == 3 })
        }
        // A budget that has room for all leaves out none.
        try #require(Box(state, plan, traits, WindowBudget(bytesMax: 1 << 30))).with { table in
            #expect(table.openCount == 500 && table.refusedCount == 0)
            #expect(table.state() == state)
        }
    }

    @Test("who is silent for longer than its longest window makes room for who speaks")
    func silent() {
        let box = table(10, speaking: 0..<4, WindowBudget(seriesMax: 4))
        box.with { table in
            let later = start + .seconds(7200 + 2)
            let isOpened = table.open(id(5), voltage, cadence: nil)
            let (early, late) = (table.closeSilent(at: start + .seconds(3600)), table.closeSilent(at: later))
            #expect(!isOpened && early == 0 && late == 2)
            #expect((0..<4).map { table.isOpen(id($0)) } == [false, false, true, true])
            #expect(table.newest(of: id(0))?.value == 0)
            #expect(table.refusedCount == 0)
            let bytes = table.byteCount
            for number in [5, 6] {
                let isOpened = table.open(id(number), voltage, cadence: nil)
                #expect(isOpened)
                #expect(table.summaries(of: id(number), at: later).isEmpty)
                table.add(Reading(series: id(number), observed: later, value: 1), at: later)
                #expect(table.summaries(of: id(number), at: later).allSatisfy { $0.count == 1 })
            }
            let isOpenedAgain = table.open(id(0), voltage, cadence: nil)
            #expect(table.byteCount == bytes && !isOpenedAgain)
        }
    }

    @Test("damaged states under a budget are refused or read, and end nothing")
    func damaged() {
        let state = table(40, speaking: 0..<30).with { $0.state() }
        let traits = { (_: Int) in SeriesTraits(quantity: quantity("voltage"), cadence: nil) }
        var random = SeededGenerator(seed: 11)
        for _ in 0..<500 {
            var bytes = state
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            Box(bytes, plan, traits, WindowBudget(seriesMax: 7))?.with { table in
                #expect(table.openCount <= 7)
                for number in 0..<table.seriesCount { _ = table.summaries(of: id(number), at: start) }
            }
        }
    }
}
