import Basics
import Contract
import Telemetry
import Testing
import TestSupport

@testable import Store

private let energy = "active_energy_import"
private let day = 86_400

/// Meters over some days: a count every few minutes with all that meters do, out of order, sealed and compacted by and by,
/// the newest still in the journal.
private struct Meters {
    let folder = TemporaryFolder()
    /// By device, in order of time.
    var readings: [String: [(time: Int64, value: Double)]] = [:]

    init(seed: UInt64, days: LocalDays = LocalDays(), count: Int = 3, length: Int = 4, raw: Duration? = nil) throws {
        var random = SeededGenerator(seed: seed)
        var options = StoreOptions(folder: folder.store)
        options.days = days
        options.retention.raw = raw
        let journal = try Journal.open(options)
        defer { journal.close() }
        var levels = (0..<count).map {
            [12_345, 3, 64_900][$0 % 3] + Double(Int.random(in: 0...99, using: &random)) / 10
        }
        var waiting: [(device: String, time: Timestamp, value: Double)] = []
        for step in 0..<length * 288 {
            let now = seconds(step * 300)
            for meter in 0..<count {
                levels[meter] += Double(Int.random(in: 0...9, using: &random)) / 10
                var value = levels[meter]
                switch Int.random(in: 0..<150, using: &random) {
                case 0: levels[meter] = Double(Int.random(in: 0...3, using: &random))
                case 1, 2: value = 0
                case 3: value *= 3
                case 4 where value > 64_000: levels[meter] = 3
                default: break
                }
                let name = "m\(meter)"
                readings[name, default: []].append((now.milliseconds, value))
                waiting.append((name, now, value))
            }
            // Some come later than others.
            guard Int.random(in: 0..<6, using: &random) == 0 || step == length * 288 - 1 else { continue }
            for entry in waiting.shuffled(using: &random) {
                try journal.put(entry.device, entry.time, [energy: entry.value], now: now)
            }
            waiting = []
            guard Int.random(in: 0..<12, using: &random) == 0 else { continue }
            try journal.seal(now: now)
            while let job = journal.nextCompaction(now: now) {
                try journal.finishCompaction(try job.run(), now: now)
            }
            if raw != nil { _ = try journal.upkeep(now: now) }
        }
    }

    /// What a meter grew by within `span`, by the start of the bucket in which it was seen.
    func increases(_ name: String, _ span: Range<Int64>, bucket: (Int64) -> Int64) -> [Int64: Double] {
        let all = readings[name]!
        var grown: [Int64: Double] = [:]
        var before: (time: Int64, value: Double)?
        for (reading, isBelieved) in zip(all, believedOfCounter(all.map(\.value))) where reading.time < span.upperBound
        {
            if span.contains(reading.time) { grown[bucket(reading.time), default: 0] += 0 }
            guard isBelieved else { continue }
            if let before, span.contains(before.time) {
                grown[bucket(reading.time), default: 0] += counterGrowth(from: before.value, to: reading.value)
            }
            before = reading
        }
        return grown
    }

    /// From the last of what is believed before `until`: what comes later is not known to the question.
    func cut(_ until: Int64) -> Meters {
        var cut = self
        cut.readings = readings.mapValues { $0.filter { $0.time < until } }
        return cut
    }
}

@Suite("Increases of stored counters")
struct IncreaseTests {
    private static let zone = ZoneSample.berlin

    @Test(
        "hours, days and raw readings tell the increase that all readings tell",
        arguments: 1...12 as ClosedRange<UInt64>)
    func agree(seed: UInt64) throws {
        let isLocal = seed % 3 == 0
        let meters = try Meters(seed: seed, days: isLocal ? Self.zone.days : LocalDays())
        let archive = try Archive(folder: meters.folder.store)
        var random = SeededGenerator(seed: seed)
        let all = noon.milliseconds..<seconds(4 * day).milliseconds
        for (stepSeconds, quantiles) in [(nil, false), (600, false), (3600, false), (6 * 3600, false), (day, true)]
            as [(Int?, Bool)]
        {
            for round in 0..<4 {
                let begin = Int64.random(in: all, using: &random)
                let span = round == 0 ? all : begin..<min(all.upperBound, begin + 100_000_000)
                let answer = try archive.query(
                    QueryRequest(
                        since: Timestamp(milliseconds: span.lowerBound),
                        until: Timestamp(milliseconds: span.upperBound), step: stepSeconds.map { .seconds($0) },
                        quantiles: quantiles))
                #expect(answer.groups.count == 3 && answer.damaged.isEmpty)
                for group in answer.groups {
                    let starts = group.buckets.map(\.start.milliseconds)
                    let right = meters.cut(span.upperBound).increases(group.device!, span) { time in
                        starts.last { $0 <= time } ?? 0
                    }
                    let about = "seed \(seed), \(group.device!), step \(stepSeconds ?? 0), round \(round)"
                    let total = right.values.reduce(0, +)
                    #expect(abs(try #require(group.total?.increase) - total) < 1e-6, "\(about)")
                    #expect(group.total?.sum == nil)
                    for bucket in group.buckets {
                        let its = right[bucket.start.milliseconds] ?? 0
                        #expect(
                            abs(bucket.increase! - its) < 1e-6,
                            "\(about), \(bucket.start): \(bucket.increase!), not \(its)")
                    }
                }
            }
        }
    }

    @Test("a group grows by what its series grow by, and is ranked by it")
    func groups() throws {
        let meters = try Meters(seed: 77)
        let archive = try Archive(folder: meters.folder.store)
        var request = QueryRequest(
            filter: DeviceFilter(quantity: energy), since: noon, until: seconds(4 * day), step: .seconds(3600))
        let single = try archive.query(request)
        request.group = .all
        let all = try archive.query(request).groups[0]
        #expect(abs(all.total!.increase! - single.groups.reduce(0) { $0 + $1.total!.increase! }) < 1e-6)
        #expect(abs(all.buckets.reduce(0) { $0 + $1.increase! } - all.total!.increase!) < 1e-6)
        (request.group, request.top, request.order) = (.series, 2, .increase)
        let ranked = try archive.query(request).groups.map { $0.total!.increase! }
        #expect(ranked == single.groups.map { $0.total!.increase! }.sorted(by: >).prefix(2).map { $0 })
    }

    @Test("a history in steps tells it too")
    func history() throws {
        let meters = try Meters(seed: 5)
        let archive = try Archive(folder: meters.folder.store)
        for step in [900, 3600, day] {
            let span = seconds(1000).milliseconds..<seconds(3 * day).milliseconds
            let history = try archive.history(
                HistoryRequest(
                    device: "m1", since: Timestamp(milliseconds: span.lowerBound),
                    until: Timestamp(milliseconds: span.upperBound), step: .seconds(step))
            ).series[0]
            let starts = history.buckets.map(\.start.milliseconds)
            let right = meters.cut(span.upperBound).increases("m1", span) { time in starts.last { $0 <= time } ?? 0 }
            for bucket in history.buckets {
                #expect(abs(bucket.increase! - right[bucket.start.milliseconds]!) < 1e-6, "\(step), \(bucket.start)")
            }
        }
    }

    @Test("the reading of a reboot is no consumption where a question begins or ends with it")
    func ends() throws {
        let folder = TemporaryFolder()
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        defer { journal.close() }
        for (place, value) in [12345.1, 12345.2, 0, 12345.3, 12345.4, 12345.5, 0].enumerated() {
            try journal.put("m", seconds(place * 60), [energy: value])
        }
        let archive = try Archive(folder: folder.store)
        func increase(_ places: ClosedRange<Int>, step: Int? = nil) throws -> Double? {
            try archive.query(
                QueryRequest(
                    since: seconds(places.lowerBound * 60), until: seconds(places.upperBound * 60 + 1),
                    step: step.map { .seconds($0) })
            ).groups[0].total?.increase
        }
        for step in [nil, 60, 3600, day] {
            #expect(try increase(0...6, step: step) == 0.4)
            #expect(try increase(2...4, step: step) == 0.1)
            #expect(try increase(0...2, step: step) == 0.1)
            #expect(try increase(2...2, step: step) == 0)
        }
        try journal.seal(now: seconds(7200))
        #expect(try increase(0...6) == 0.4)
        #expect(try increase(2...4) == 0.1)
    }

    @Test("a question that asks for the wrong figure is told the right one")
    func refusals() throws {
        let folder = TemporaryFolder()
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        defer { journal.close() }
        try journal.put("m", noon, [energy: 1, "precipitation": 1, "active_power": 1])
        let archive = try Archive(folder: folder.store)
        func ask(_ quantity: String, _ order: QueryRequest.Statistic) throws {
            _ = try archive.query(
                QueryRequest(
                    filter: DeviceFilter(quantity: quantity), since: noon, until: seconds(1), top: 1, order: order))
        }
        #expect(
            throws: StoreError.wrongStatistic(
                "sum: active_energy_import is a counter, whose readings do not add up; ask for increase")
        ) { try ask(energy, .sum) }
        #expect(
            throws: StoreError.wrongStatistic(
                "increase: precipitation is a delta, whose readings are amounts; ask for sum")
        ) { try ask("precipitation", .increase) }
        #expect(throws: StoreError.self) { try ask("active_power", .increase) }
        try ask("active_power", .sum)
        try ask(energy, .increase)
    }

    @Test("where the raw readings were given up, stored hours still tell the increase of a steady meter")
    func withoutRaw() throws {
        let folder = TemporaryFolder()
        var options = StoreOptions(folder: folder.store)
        options.retention.raw = .seconds(2 * day)
        let journal = try Journal.open(options)
        defer { journal.close() }
        for step in 0..<8 * 96 {
            // A spike on the second day, a beginning on the third.
            let level = step < 250 ? 1000 + Double(step) : Double(step - 250)
            try journal.put("m", seconds(step * 900), [energy: step == 130 ? 0 : level])
            guard step % 24 == 23 else { continue }
            let now = seconds(step * 900)
            try journal.seal(now: now)
            while let job = journal.nextCompaction(now: now) { try journal.finishCompaction(try job.run(), now: now) }
            _ = try journal.upkeep(now: now)
        }
        let archive = try Archive(folder: folder.store)
        #expect(try !archive.givenUp().isEmpty)
        #expect(try archive.points("m", energy).count < 5 * 96)
        for step in [3600, day] {
            let group = try archive.query(
                QueryRequest(since: noon, until: seconds(8 * day), step: .seconds(step), quantiles: step == day)
            ).groups[0]
            // 249 before the beginning, and 517 after it. No whole day is stored of the first 48.
            #expect(group.total!.count == (step == day ? 720 : 768))
            let (right, tolerance) = step == day ? (718.0, 40.0) : (766, 6)
            #expect(abs(group.total!.increase! - right) < tolerance, "step \(step): \(group.total!.increase!)")
        }
    }
}
