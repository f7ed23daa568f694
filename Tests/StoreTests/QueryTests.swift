import Basics
import Contract
import Telemetry
import Testing
import TestSupport

@testable import Store

/// A store that lived: batches in and out of order, corrections, seals and compactions, some rows still in the journal.
private struct LivedStore {
    let folder = TemporaryFolder()
    var model = Model()
    var path: String { folder.store }

    init(seed: UInt64, days: LocalDays = LocalDays(), since start: Timestamp = noon, steps: Int = 40) throws {
        var traffic = Traffic(seed: seed, since: start)
        var options = StoreOptions(folder: folder.store)
        options.days = days
        let journal = try Journal.open(options)
        try journal.saveRoster(
            [RosterEntry(device: "d0", area: "north", cadence: .seconds(600))], now: start)
        for step in 0..<steps {
            let items = traffic.next()
            _ = model.apply(items)
            _ = try journal.commit(journal.batch(items), received: items.count, now: start)
            guard step < steps - 3, Int.random(in: 0..<5, using: &traffic.random) == 0 else { continue }
            try journal.seal()
            let later = start + .seconds(86_400 * Int.random(in: 1...6, using: &traffic.random))
            while let job = journal.nextCompaction(now: later) {
                try journal.finishCompaction(try job.run(), now: later)
            }
        }
        journal.close()
    }

    var span: Range<Int64> {
        let times = model.points.values.flatMap(\.keys)
        return times.min()!..<times.max()! + 1
    }
}

/// Sums within rounding: stored and raw readings are added in another order than here.
private func isNear(_ left: Double, _ right: Double) -> Bool {
    abs(left - right) <= 1e-9 * max(1, abs(left), abs(right))
}

@Suite("Queries")
struct QueryTests {
    @Test("stop where nobody waits any more, and the archive goes on with the next")
    func abandoned() throws {
        let lived = try LivedStore(seed: 4)
        let (since, until) = (
            Timestamp(milliseconds: lived.span.lowerBound), Timestamp(milliseconds: lived.span.upperBound)
        )
        let archive = try Archive(folder: lived.path, threads: 2)
        let device = archive.registry.devices[0].name
        let questions: [(String, (Archive) throws -> Void)] = [
            ("whole", { _ = try $0.query(QueryRequest(since: since, until: until)) }),
            ("hours", { _ = try $0.query(QueryRequest(since: since, until: until, step: .seconds(3600))) }),
            ("days", { _ = try $0.query(QueryRequest(since: since, until: until, step: .seconds(86_400))) }),
            ("raw", { _ = try $0.query(QueryRequest(since: since, until: until, step: .seconds(600))) }),
            ("quantiles", { _ = try $0.query(QueryRequest(since: since, until: until, quantiles: true)) }),
            ("history", { _ = try $0.history(HistoryRequest(device: device, since: since, until: until)) }),
            ("export", { _ = try $0.exportPage(from: $0.beginExport(ExportRequest())) }),
        ]
        let abandonment = StopRequest()
        archive.abandonment = abandonment
        for (_, ask) in questions { try ask(archive) }
        abandonment.make()
        for (name, ask) in questions {
            #expect(throws: StoreError.abandoned, "\(name)") { try ask(archive) }
        }
        archive.abandonment = nil
        let fresh = try Archive(folder: lived.path)
        let request = QueryRequest(since: since, until: until, step: .seconds(3600))
        #expect(try archive.query(request) == fresh.query(request))
    }

    /// The plain answer: every reading of the model into its bucket.
    private func plain(
        _ points: [Int64: Double], _ span: Range<Int64>, starts: [Int64]
    ) -> [Int64: [(time: Int64, value: Double)]] {
        var buckets: [Int64: [(time: Int64, value: Double)]] = [:]
        var place = 0
        for (time, value) in points.sorted(by: { $0.key < $1.key }) where span.contains(time) {
            while place + 1 < starts.count, starts[place + 1] <= time { place += 1 }
            buckets[starts[place], default: []].append((time, value))
        }
        return buckets
    }

    /// Where buckets start, from before `span`: with multiples of the step, or with every so many dates on the clock.
    private func starts(_ span: Range<Int64>, step: Int64, _ zone: ZoneSample) -> [Int64] {
        let day: Int64 = 86_400_000
        guard step % day == 0 else {
            let first = span.lowerBound.flooredDivision(by: step) * step
            return Array(stride(from: first, to: span.upperBound, by: Int64.Stride(step)))
        }
        var starts: [Int64] = []
        var last: Int64?
        let early = (span.lowerBound - step - 2 * day).flooredDivision(by: day) * day
        zone.walk(early..<span.upperBound) { time, date in
            let place = date.flooredDivision(by: step / day)
            if last != place { starts.append(time) }
            last = place
        }
        // The first one has begun before the walk.
        return Array(starts.dropFirst())
    }

    private static let zones: [(ZoneSample, since: Timestamp)] =
        [0, 8, -3, 5.5].map { (ZoneSample(name: "\($0)", hours: $0, changes: []), noon) }
        + [ZoneSample.berlin, .santiago, .lordHowe, .havana].flatMap { zone in
            zone.changes.map { (zone, at($0.at) - .seconds(2 * 86_400)) }
        }

    @Test(
        "buckets of any step agree with every reading, wherever it lies", arguments: 0..<12 as Range<UInt64>,
        [600, 3600, 6 * 3600, 86_400, 3 * 86_400])
    func buckets(seed: UInt64, stepSeconds: Int64) throws {
        let (zone, since) = Self.zones[Int(seed) % Self.zones.count]
        let store = try LivedStore(seed: seed, days: zone.days, since: since)
        var random = SeededGenerator(seed: seed)
        let archive = try Archive(folder: store.path)
        let step = stepSeconds * 1000
        let starts = starts(store.span, step: step, zone)
        for round in 0..<3 {
            let begin = Int64.random(in: store.span, using: &random)
            let span = round == 0 ? store.span : begin..<min(begin + 200_000_000, store.span.upperBound)
            let answer = try archive.query(
                QueryRequest(
                    since: Timestamp(milliseconds: span.lowerBound), until: Timestamp(milliseconds: span.upperBound),
                    step: .milliseconds(step), quantiles: round == 1))
            #expect(answer.damaged.isEmpty && answer.next == nil)
            for group in answer.groups {
                let key = Model.Key(device: group.device!, quantity: group.quantity)
                let expected = plain(store.model.points[key]!, span, starts: starts)
                #expect(group.buckets.map(\.start.milliseconds) == expected.keys.sorted(), "seed \(seed)")
                for bucket in group.buckets {
                    let values = expected[bucket.start.milliseconds]!.map(\.value)
                    let mean = values.reduce(0, +) / Double(values.count)
                    let spread = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
                        .squareRoot()
                    #expect(bucket.count == values.count, "seed \(seed), \(key), \(bucket.start)")
                    #expect(bucket.min == values.min() && bucket.max == values.max())
                    #expect(bucket.last == values.last!, "seed \(seed), \(key), \(bucket.start)")
                    #expect(isNear(bucket.sum!, values.reduce(0, +)) && isNear(bucket.mean, mean))
                    #expect(abs(bucket.standardDeviation - spread) <= 1e-6 * max(1, spread))
                    guard round == 1 else { continue }
                    let sorted = values.sorted()
                    let median = try #require(bucket.median)
                    // Within a bucket of the histogram around the values beside the middle.
                    let (low, high) = (sorted[(sorted.count - 1) / 2], sorted[sorted.count / 2])
                    #expect(median >= low - abs(low) / 16 - 1e-9 && median <= high + abs(high) / 16 + 1e-9)
                }
            }
            let total = answer.groups.reduce(0) { $0 + ($1.total?.count ?? 0) }
            #expect(total == store.model.points.values.reduce(0) { $0 + $1.keys.count { span.contains($0) } })
        }
    }

    @Test("groups put the readings of their series together, and the greatest come first")
    func groups() throws {
        let store = try LivedStore(seed: 3)
        let archive = try Archive(folder: store.path)
        func query(_ group: QueryRequest.Group, _ change: (inout QueryRequest) -> Void = { _ in }) throws -> QueryAnswer
        {
            var request = QueryRequest(
                since: Timestamp(milliseconds: store.span.lowerBound),
                until: Timestamp(milliseconds: store.span.upperBound), group: group)
            change(&request)
            return try archive.query(request)
        }
        let all = try query(.all)
        for entry in all.groups {
            let values = store.model.points.filter { $0.key.quantity == entry.quantity }.flatMap(\.value.values)
            #expect(entry.total?.count == values.count)
            #expect(isNear(entry.total!.mean, values.reduce(0, +) / Double(values.count)))
            #expect(entry.device == nil && entry.series == 5)
        }
        let areas = try query(.area) { $0.filter.quantity = all.groups[0].quantity }
        #expect(areas.groups.map(\.area) == ["", "north"])
        #expect(areas.groups.map(\.series) == [4, 1])
        #expect(areas.groups.reduce(0) { $0 + $1.total!.count } == all.groups[0].total!.count)
        // A cadence of ten minutes is known of the one device only.
        let hours = Double(store.span.upperBound - store.span.lowerBound) / 600_000
        #expect(areas.groups[0].total?.coverage == nil)
        #expect(isNear(areas.groups[1].total!.coverage!, Double(areas.groups[1].total!.count) / hours))

        let ranked = try query(.series) {
            $0.top = 3
            $0.order = .max
        }
        let maxima = store.model.points.values.map { $0.values.max()! }.sorted(by: >)
        #expect(ranked.groups.map { $0.total!.max } == Array(maxima.prefix(3)))
        let least = try query(.device) {
            $0.top = 1
            $0.order = .min
            $0.ascending = true
        }
        #expect(least.groups[0].total!.min == store.model.points.values.map { $0.values.min()! }.min())
        #expect(throws: StoreError.noSuchArea(name: "nroth", nearest: "north")) {
            try query(.area) { $0.filter.area = "nroth" }
        }
    }

    // MARK: Several threads

    /// 70 devices over two days: the first one compacted, the second one sealed, its end in the journal.
    private func manyDevices(_ folder: TemporaryFolder) throws -> Journal {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        let names = (0..<70).map { "d\($0)" }
        try journal.saveRoster(
            names.map { RosterEntry(device: $0, area: "area \($0.utf8.last! % 3)", cadence: .seconds(1800)) }, now: noon
        )
        var random = SeededGenerator(seed: 7)
        for step in 0..<96 {
            var batch = DecodedBatch()
            for name in names {
                let first = batch.readings.count
                for quantity in ["pm2_5", "voltage"] {
                    // No decimals, so that every other order of adding shows in the last bits.
                    batch.readings.append(
                        Reading(
                            series: journal.series(name, quantity), observed: seconds(step * 1800),
                            value: Double.random(in: 0...300, using: &random)))
                }
                journal.registry.closeRow(batch.readings[first...])
            }
            _ = try journal.commit(batch, received: 1, now: seconds(step * 1800))
            if step == 48 || step == 90 { try journal.seal(now: seconds(step * 1800)) }
        }
        let later = seconds(90 * 1800)
        while let job = journal.nextCompaction(now: later) {
            try journal.finishCompaction(try job.run(), now: later)
        }
        return journal
    }

    @Test("the answer does not depend on the number of threads, to the last bit")
    func threads() throws {
        let folder = TemporaryFolder()
        let journal = try manyDevices(folder)
        defer { journal.close() }
        let alone = try Archive(folder: folder.store, effects: nil)
        let together = try (2...5).map { try Archive(folder: folder.store, threads: $0, effects: nil) }
        let steps: [(seconds: Int?, quantiles: Bool)] = [(nil, false), (600, false), (3600, false), (86_400, true)]
        for group in QueryRequest.Group.allCases {
            for step in steps {
                let request = QueryRequest(
                    since: noon, until: seconds(96 * 1800), step: step.seconds.map { .seconds($0) }, group: group,
                    quantiles: step.quantiles)
                let answer = try alone.query(request)
                #expect(answer.groups.reduce(0) { $0 + $1.total!.count } == 70 * 2 * 96)
                for archive in together { #expect(try archive.query(request) == answer, "\(request)") }
            }
        }
    }

    @Test("a question of several threads sees what was committed since the last one")
    func threadsFollow() throws {
        let folder = TemporaryFolder()
        let journal = try manyDevices(folder)
        let archive = try Archive(folder: folder.store, threads: 4, effects: nil)
        let request = QueryRequest(since: noon, until: seconds(200_000), step: .seconds(3600), group: .all)
        func counts() throws -> [Int] { try archive.query(request).groups.map { $0.total!.count } }
        #expect(try counts() == [70 * 96, 70 * 96])
        try journal.put("d69", seconds(180_000), ["voltage": 230])
        #expect(try counts() == [70 * 96, 70 * 96 + 1])
        try journal.seal(now: seconds(190_000))
        #expect(try counts() == [70 * 96, 70 * 96 + 1])
        let later = seconds(86_400 * 6)
        while let job = journal.nextCompaction(now: later) {
            try journal.finishCompaction(try job.run(), now: later)
        }
        try journal.put("d0", seconds(181_000), ["voltage": 231])
        #expect(try counts() == [70 * 96, 70 * 96 + 2])
    }

    @Test("each of several threads tells the frames it could not read")
    func threadsTellDamage() throws {
        let folder = TemporaryFolder()
        let journal = try manyDevices(folder)
        journal.close()
        for name in names(in: folder.store + "/raw") where name.hasSuffix(".db") {
            let path = folder.store + "/raw/" + name
            var bytes = readFile(path)
            for place in stride(from: 20_000, to: bytes.count, by: 9_973) { bytes[place] ^= 1 }
            writeFile(path, bytes)
        }
        let request = QueryRequest(since: noon, until: seconds(96 * 1800), step: .seconds(600), group: .all)
        let alone = try Archive(folder: folder.store, effects: nil).query(request)
        #expect(alone.damaged.count > 2)
        let together = try Archive(folder: folder.store, threads: 3, effects: nil).query(request)
        #expect(together.groups == alone.groups)
        // A damaged page is told by every thread that met it, once.
        #expect(Set(together.damaged) == Set(alone.damaged) && together.damaged.count == alone.damaged.count)
    }

    @Test("a thread that fails makes the question fail", arguments: [1, 3])
    func threadsFail(threads: Int) throws {
        let folder = TemporaryFolder()
        let journal = try manyDevices(folder)
        defer { journal.close() }
        let saboteur = Saboteur()
        let archive = try Archive(folder: folder.store, threads: threads, effects: saboteur.hook)
        let request = QueryRequest(since: noon, until: seconds(96 * 1800), step: .seconds(600), group: .all)
        let answer = try archive.query(request)
        saboteur.arm(.max, .ioError(file: "test", detail: "test"))
        #expect(try archive.query(request) == answer)
        let effects = saboteur.count
        var hits = 0
        for target in stride(from: 3, to: effects, by: effects / 20) {
            saboteur.arm(target, .ioError(file: "test", detail: "test"))
            let outcome = Result { () throws(StoreError) in try archive.query(request) }
            // Threads that share the work do not always read the same number of times.
            let isHit = saboteur.count > target
            #expect(outcome == (isHit ? .failure(.ioError(file: "test", detail: "test")) : .success(answer)))
            hits += isHit ? 1 : 0
            saboteur.disarm()
            #expect(try archive.query(request) == answer)
        }
        #expect(hits > 15)
    }

    @Test("an answer too large for one comes in several")
    func pages() throws {
        let folder = TemporaryFolder()
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        try journal.put("a", noon, ["voltage": 1])
        try journal.put("a", noon + .seconds(300), ["voltage": 2])
        let archive = try Archive(folder: folder.store)
        var request = QueryRequest(since: noon, until: noon + .seconds(301), step: .milliseconds(1))
        var starts: [Int] = []
        for _ in 0..<3 {
            let answer = try archive.query(request)
            starts += answer.groups[0].buckets.map { Int($0.start.milliseconds - noon.milliseconds) }
            guard let next = answer.next else { break }
            request.since = next
        }
        #expect(starts == [0, 300_000])
        #expect(request.since == noon + .milliseconds(200_000))
    }

    // MARK: Revisions

    @Test("an hour told before a late reading is marked as revised, in the journal, sealed and compacted")
    func revised() throws {
        let folder = TemporaryFolder()
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        for minute in 0..<180 { try journal.put("a", seconds(minute * 60), ["voltage": 230]) }
        try journal.seal(now: seconds(180 * 60 + 1200))
        let archive = try Archive(folder: folder.store)
        func marks(_ step: Int = 3600) throws -> [Bool] {
            try archive.query(
                QueryRequest(since: noon, until: noon + .seconds(10_800), step: .seconds(step))
            ).groups[0].buckets.map { $0.revised ?? false }
        }
        #expect(try marks() == [false, false, false])
        // Late by two hours, between two others; and one at exactly the start of the frame.
        try journal.put("a", seconds(3630), ["voltage": 240], now: seconds(12_000))
        #expect(try marks() == [false, true, false])
        try journal.put("a", seconds(0), ["voltage": 231], now: seconds(12_000))
        #expect(try marks() == [true, true, false])
        try journal.seal(now: seconds(13_000))
        #expect(try marks() == [true, true, false])
        func compact(_ days: Int) throws {
            let later = noon + .seconds(86_400 * days)
            let job = try #require(journal.nextCompaction(now: later))
            try journal.finishCompaction(try job.run(), now: later)
        }
        try compact(1)
        #expect(try marks() == [true, true, false])
        // What was told by the day after.
        try journal.seal(now: noon + .seconds(86_400))
        try journal.put("a", seconds(7230), ["voltage": 240], now: noon + .seconds(90_000))
        #expect(try marks() == [true, true, true])
        try journal.seal(now: noon + .seconds(90_000))
        #expect(try marks() == [true, true, true])
        try compact(3)
        #expect(try marks() == [true, true, true])
        #expect(try marks(10_800) == [true])
        let day = try archive.query(
            QueryRequest(
                since: Timestamp(milliseconds: noon.milliseconds - 43_200_000), until: noon + .seconds(43_200),
                step: .seconds(86_400), quantiles: true))
        #expect(day.groups[0].buckets.map(\.count) == [182])
        #expect(day.groups[0].buckets[0].revised == true)
        #expect(abs(day.groups[0].buckets[0].median! - 230) < 230.0 / 32)
    }

    @Test("hours and days outlive the raw readings they were made of")
    func outlive() throws {
        let folder = TemporaryFolder()
        var options = StoreOptions(folder: folder.store)
        options.retention.raw = .seconds(86_400)
        let journal = try Journal.open(options)
        for minute in 0..<2880 { try journal.put("a", seconds(minute * 60), ["voltage": Double(minute % 50) / 10]) }
        try journal.seal(now: noon + .seconds(172_800))
        let archive = try Archive(folder: folder.store)
        let since = Timestamp(milliseconds: noon.milliseconds - 43_200_000)
        func answers() throws -> [QueryAnswer] {
            try [(3600, false), (86_400, true)].map {
                try archive.query(
                    QueryRequest(
                        since: since, until: since + .seconds(86_400 * 2), step: .seconds($0.0), quantiles: $0.1))
            }
        }
        let before = try answers()
        let later = noon + .seconds(86_400 * 4)
        while let job = journal.nextCompaction(now: later) {
            try journal.finishCompaction(try job.run(), now: later)
        }
        #expect(try answers() == before)
        #expect(try journal.upkeep(now: later).gaveUp.count > 0)
        #expect(try archive.points("a", "voltage").isEmpty)
        #expect(try answers() == before)
        #expect(
            try archive.history(
                HistoryRequest(device: "a", since: since, until: later, step: .seconds(3600))
            ).series[0].buckets.map(\.count).reduce(0, +) == 2880)
    }
}
