import Basics
import Telemetry
import Testing
import TestSupport

@testable import Windows

@Suite("Event time")
struct EventTimeTests {
    private func reading(_ observed: Timestamp, _ value: Double = 1, _ number: UInt32 = 0) -> Reading {
        Reading(series: SeriesID(rawValue: number), observed: observed, value: value)
    }

    private func table(_ count: Int = 1) -> WindowTable {
        var table = WindowTable(plan: .standard)
        for _ in 0..<count { table.open(quantity("pm2_5"), cadence: nil) }
        return table
    }

    @Test("a late reading corrects its window, which says so")
    func revision() {
        var table = table()
        for second in stride(from: 0 as Int64, through: 600, by: 10) {
            #expect(table.add(reading(start + .seconds(second)), at: start + .seconds(second)) == .taken)
        }
        let now = start + .seconds(605)
        let before = table.summaries(of: series, at: now)
        #expect(before.allSatisfy { $0.revision == 0 })
        // Six minutes late: in none of the five, in a closed pane of the hour, and in the open pane of the day, or the
        // one before it.
        #expect(table.add(reading(now - .seconds(360), 100), at: now) == .revised)
        let after = table.summaries(of: series, at: now)
        #expect(after[0] == before[0])
        #expect(after[1].revision == 1 && after[1].count == before[1].count + 1 && after[1].max == 100)
        #expect(after[3].count == before[3].count + 1 && after[3].max == 100)
        // Out of order, but in the open panes: nothing was complete yet.
        #expect(table.add(reading(now - .milliseconds(1)), at: now) == .taken)
    }

    @Test("a backlog fills its panes and moves nothing else")
    func backlog() {
        var table = table()
        let now = start + .seconds(86_400)
        table.add(reading(now, 5), at: now)
        for minute in 0..<300 as Range<Int64> {
            #expect(table.add(reading(now - .seconds(18_000 - minute * 60), 7), at: now) == .revised)
        }
        let all = table.summaries(of: series, at: now)
        #expect(all.allSatisfy { $0.last == 5 && $0.lastAt == now })
        #expect(all[2].count == 301 && all[3].count == 301 && table.newest(of: series)?.observed == now)
        #expect(all[2].median == 7)
    }

    @Test("a fast clock makes no other series late")
    func fastClock() {
        var table = table(2)
        #expect(table.add(reading(start + .seconds(3600)), at: start) == .taken)
        #expect(table.add(reading(start, 2, 1), at: start) == .taken)
        #expect(table.summary(of: SeriesID(rawValue: 1), window: 0, at: start)?.count == 1)
        #expect(table.add(reading(Timestamp(milliseconds: .max), 9, 1), at: start) == .tooOld)
        #expect(table.add(reading(Timestamp(milliseconds: .min), 9, 1), at: start) == .tooOld)
    }

    @Test("samples kept know their moments across the years")
    func rare() {
        var table = table()
        var now = start
        for _ in 0..<100 {
            now = now + .seconds(17 * 86_400)
            table.add(reading(now), at: now)
            let day = table.summary(of: series, over: .seconds(86_400), at: now)!
            #expect(day.count == 1 && day.hasExactQuantiles)
        }
        #expect(table.records[0].map { $0.keptCount <= 3 } == true)
    }

    @Test("late readings in many panes leave quantiles near")
    func lateQuantiles() {
        var random = SeededGenerator(seed: 4)
        var table = table()
        var values: [Double] = []
        let now = start + .seconds(86_400)
        table.add(reading(now, 50), at: now)
        for hour in (1..<8 as Range<Int64>).shuffled(using: &random) {
            for minute in 0..<60 as Range<Int64> {
                let value = Double.random(in: 0..<100, using: &random)
                values.append(value)
                table.add(reading(now - .seconds(hour * 3600 - minute * 60), value), at: now)
            }
        }
        let summary = table.summary(of: series, over: .seconds(8 * 3600), at: now)!
        #expect(summary.count > 400 && !summary.hasExactQuantiles)
        #expect(abs(summary.median! - 50) < 12 && abs(summary.p95! - 95) < 5)
    }
}

@Suite("WindowPlan")
struct WindowPlanTests {
    @Test(
        "windows are cut by lengths people know",
        arguments: [
            (60, 5), (300, 30), (600, 60), (900, 60), (1800, 120), (3600, 300), (7200, 900), (28_800, 3600),
            (86_400, 3600), (7 * 86_400, 21_600), (31 * 86_400, 86_400), (3660, 60),
        ])
    func cut(seconds: Int, pane: Int) {
        #expect(WindowPlan.Window(length: .seconds(seconds))?.paneMilliseconds == Int64(pane) * 1000)
    }

    @Test("lengths that no known pane divides are refused", arguments: [3601_000, 61_500, 4020_000, 32 * 86_400_000])
    func refused(milliseconds: Int64) { #expect(WindowPlan.Window(length: .milliseconds(milliseconds)) == nil) }

    @Test("a slow device has few panes, a fast one no finer ones")
    func cadence() {
        func panes(_ cadence: Duration?) -> [Int] {
            WindowPlan.standard.windows.map { $0.adapted(to: cadence).paneCount }
        }
        #expect(panes(nil) == [10, 12, 8, 24] && panes(.seconds(1)) == [10, 12, 8, 24])
        #expect(panes(.seconds(60)) == [5, 12, 8, 24])
        #expect(panes(.seconds(600)) == [5, 6, 8, 24])
        #expect(panes(.seconds(21_600)) == [5, 4, 4, 4])
    }

    @Test("the default windows take 4 KiB a series, those of a slow device less")
    func memory() {
        func bytes(_ cadence: Duration?) -> Int {
            let layout = Layout(WindowPlan.standard.windows.map { $0.adapted(to: cadence) })
            defer { layout.deallocate() }
            return layout.hotBytes + layout.coldBytes + MemoryLayout<SeriesRecord>.stride
        }
        #expect(bytes(nil) <= 4096 && bytes(.seconds(600)) < 3500)
    }

    @Test("a quantity can have windows of its own, which restore as they were")
    func quantities() throws {
        let plan = WindowPlan(
            [.init(length: .seconds(300))!], quantities: [quantity("pm2_5"): [.init(length: .seconds(3600))!]])
        var table = WindowTable(plan: plan)
        table.open(quantity("pm2_5"), cadence: .seconds(60))
        table.open(quantity("lamp_on"), cadence: nil)
        #expect(table.windows(of: series) == [.seconds(3600)])
        #expect(table.windows(of: SeriesID(rawValue: 1)) == [.seconds(300)])
        #expect(table.summary(of: series, over: .seconds(300), at: start) == nil)
        let names = ["pm2_5", "lamp_on"].map(quantity)
        let restored = try #require(
            Box(
                table.state(), nil, { SeriesTraits(quantity: names[$0], cadence: $0 == 0 ? .seconds(60) : nil) })
        ).take()
        #expect(restored.plan == plan && restored.state() == table.state())
    }

    /// Another cadence than before, and windows that come and go.
    @Test("windows with other panes are filled from finer ones that fit, others begin empty")
    func rebinned() throws {
        var table = WindowTable(plan: .standard)
        table.open(quantity("pm2_5"), cadence: nil)
        var plain = PlainWindows(quantity("pm2_5"), cadence: nil, .standard)
        for minute in 0..<120 as Range<Int64> {
            let moment = start + .seconds(minute * 60)
            table.add(Reading(series: series, observed: moment, value: Double(minute % 7)), at: moment)
            _ = plain.add(at: moment.milliseconds, Double(minute % 7))
        }
        let now = start + .seconds(119 * 60)
        let slow = SeriesTraits(quantity: quantity("pm2_5"), cadence: .seconds(600))
        let restored = try #require(Box(table.state(), nil, { _ in slow })).take()
        let hour = restored.summary(of: series, over: .seconds(3600), at: now)!
        #expect((50...60).contains(hour.count) && hour.min == 0 && hour.max == 6 && abs(hour.median! - 3) <= 1)
        #expect(abs(hour.mean! - 3) < 0.1)
        // Finer panes than there were cannot be told, but for the five minutes that have panes of a minute.
        let fast = try #require(
            Box(restored.state(), nil, { _ in SeriesTraits(quantity: quantity("pm2_5"), cadence: nil) })
        ).take()
        #expect((1...5).contains(fast.summary(of: series, over: .seconds(3600), at: now)!.count))
        #expect(fast.summary(of: series, over: .seconds(86_400), at: now)?.count == 120)
        // Another kind begins anew.
        let other = SeriesTraits(quantity: quantity("lamp_on"), cadence: nil)
        #expect(try #require(Box(table.state(), nil, { _ in other })).take().newest(of: series) == nil)
    }
}
