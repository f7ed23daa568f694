import Basics
import Contract
import Telemetry
import Testing
import TestSupport

@testable import Store

@Suite("Taking readings out")
struct ForgetTests {
    private let now = at("2026-04-10T00:00:00Z")

    /// Old files and new ones, sealed and small, with ghosts a year ahead.
    private func makeStore(_ random: inout SeededGenerator) throws -> (OldStore, Model) {
        let old = try OldStore(6)
        var model = Model()
        model.points = old.expected
        let journal = try Journal.open(StoreOptions(folder: old.folder.store))
        defer { journal.close() }
        func put(_ begin: String, _ count: Int) throws {
            for _ in 0..<count {
                let items = ["active_power", "voltage"].map { quantity in
                    Model.Item(
                        key: Model.Key(device: "d\(Int.random(in: 0...2, using: &random))", quantity: quantity),
                        time: at(begin).milliseconds + Int64.random(in: 0..<192, using: &random) * 900_000,
                        value: Double(Int.random(in: 0...99, using: &random)))
                }
                _ = model.apply(items)
                _ = try journal.commit(journal.batch(items), received: 1, now: now)
            }
        }
        try put("2026-04-02T00:00:00Z", 20)
        try put("2013-03-01T00:00:00Z", 10)
        try journal.seal(now: now)
        try journal.compact(now: at("2026-04-04T12:00:00Z"))
        try put("2026-03-28T00:00:00Z", 20)
        try put("2027-04-02T00:00:00Z", 10)
        try journal.seal(now: now)
        return (old, model)
    }

    private func check(_ model: Model, _ path: String, _ what: Comment) throws {
        #expect(try contents(path) == model.points.filter { !$0.value.isEmpty }, what)
        #expect(try StoreCheck.run(folder: path).damage == [], what)
        let archive = try Archive(folder: path)
        try archive.catchUp()
        for key in model.points.keys {
            #expect(try key.days(archive) == model.days(of: key, ZoneSample.berlin.days), what)
        }
    }

    private func randomRequest(_ random: inout SeededGenerator) -> ForgetRequest {
        let spans = [
            ("2026-03-27T03:30:00Z", "2026-03-29T17:45:00Z"), ("2026-03-26T00:00:00Z", "2026-04-20T00:00:00Z"),
            ("2026-10-01T00:00:00Z", "2109-01-01T00:00:00Z"), ("1970-01-01T00:00:00Z", "2015-01-01T00:00:00Z"),
            ("2026-04-01T10:00:00Z", "2026-04-02T10:00:00Z"), ("1970-01-01T00:00:00Z", "2109-01-01T00:00:00Z"),
        ]
        let span = spans.randomElement(using: &random)!
        return ForgetRequest(
            device: "d\(Int.random(in: 0...2, using: &random))",
            quantity: ["active_power", "voltage", nil].randomElement(using: &random)!, since: at(span.0),
            until: at(span.1))
    }

    private func forgotten(_ request: ForgetRequest, _ model: Model) -> (Model, taken: Int) {
        var (rest, taken) = (model, 0)
        for (key, points) in model.points
        where key.device == request.device && request.quantity.map({ $0 == key.quantity }) ?? true {
            let gone = points.keys.filter {
                (request.since.milliseconds..<request.until.milliseconds).contains($0)
            }
            taken += gone.count
            for time in gone { rest.points[key]![time] = nil }
        }
        return (rest, taken)
    }

    @Test(
        "what was asked for is gone from every answer, the rest stays, and the ledger tells it",
        arguments: 0..<8 as Range<UInt64>)
    func againstModel(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var (old, model) = try makeStore(&random)
        let path = old.folder.store
        try check(model, path, "before, seed \(seed)")
        for _ in 0..<4 {
            let request = randomRequest(&random)
            let what: Comment = "seed \(seed), \(request)"
            let (rest, taken) = forgotten(request, model)
            let counts = try Archive(folder: path).count(request)
            #expect(counts.reduce(0) { $0 + $1.readings } == taken, what)
            let journal = try Journal.open(StoreOptions(folder: path))
            let entry = try journal.forget(request, by: "anna", now: now)
            journal.close()
            #expect((entry == nil) == (taken == 0), what)
            try check(rest, path, what)
            #expect(try Archive(folder: path).count(request) == [], what)
            if let entry {
                #expect(try Archive(folder: path).givenUp().last == entry)
                #expect(entry.why == .order && entry.at == now && entry.rows > 0)
                let words = [request.device, request.quantity].compactMap { $0 }.joined(separator: " ")
                #expect(entry.detail.hasPrefix("\(taken) readings of \(words) were taken out by anna; what was learnt"))
                #expect(entry.first == counts.map(\.first).min() && entry.last == counts.map(\.last).max())
            }
            model = rest
        }
        // What goes on: the same readings may come again, and the days are packed.
        let journal = try Journal.open(StoreOptions(folder: path))
        let items = [
            Model.Item(
                key: .init(device: "d0", quantity: "voltage"), time: at("2026-03-28T09:00:00Z").milliseconds, value: 7)
        ]
        _ = model.apply(items)
        _ = try journal.commit(journal.batch(items), received: 1, now: now)
        try journal.seal(now: now)
        try check(model, path, "sealed after, seed \(seed)")
        try journal.compact(now: at("2027-06-01T00:00:00Z"))
        try check(model, path, "compacted after, seed \(seed)")
        journal.close()
    }

    @Test("what was taken out stays out when the day gets readings again, and again")
    func staysOut() throws {
        let folder = TemporaryFolder()
        let begin = at("2026-03-05T00:00:00Z")
        func give(_ minutes: [Int]) throws {
            let journal = try Journal.open(StoreOptions(folder: folder.store))
            defer { journal.close() }
            for minute in minutes {
                try journal.put("d", begin + .seconds(60 * minute), ["voltage": Double(minute)], now: now)
            }
            try journal.seal(now: now)
        }
        func values() throws -> [Double] {
            try Archive(folder: folder.store).points("d", "voltage").map { Double(bitPattern: $0.bits) }
        }
        let all = ForgetRequest(
            device: "d", quantity: nil, since: begin, until: begin + .seconds(86_400))
        for round in 0..<4 {
            try give([10 + round, 20 + round])
            #expect(try values() == [Double(10 + round), Double(20 + round)], "round \(round)")
            let journal = try Journal.open(StoreOptions(folder: folder.store))
            _ = try journal.forget(all, by: "", now: now)
            journal.close()
            #expect(try values() == [], "round \(round)")
            #expect(try StoreCheck.run(folder: folder.store).damage == [])
        }
    }

    /// Half an hour's readings over six days, of which retention keeps the raw ones of three.
    @Test(
        "a local day whose beginning is no longer kept loses what is taken out, and nothing else",
        arguments: [ZoneSample.berlin, .lordHowe, .kathmandu])
    func atTheEdgeOfRetention(zone: ZoneSample) throws {
        var random = SeededGenerator(seed: 7)
        let folder = TemporaryFolder()
        var options = StoreOptions(folder: folder.store)
        options.days = zone.days
        options.retention.raw = .seconds(3 * 86_400)
        let journal = try Journal.open(options)
        var model = Model()
        let key = Model.Key(device: "d", quantity: "voltage")
        let begin = at("2026-04-06T00:00:00Z")
        for day in 0..<6 {
            let items = (0..<48).map { half in
                Model.Item(
                    key: key, time: (begin + .seconds(day * 86_400 + half * 1800)).milliseconds,
                    value: Double(Int.random(in: 0...99, using: &random)))
            }
            _ = model.apply(items)
            let later = begin + .seconds((day + 1) * 86_400 + 12 * 3600)
            _ = try journal.commit(journal.batch(items), received: 1, now: later)
            try journal.seal(now: later)
            try journal.compact(now: later)
            _ = try journal.upkeep(now: later)
        }
        let archive = try Archive(folder: folder.store)
        let kept = try archive.points("d", "voltage")
        #expect(kept.count < 4 * 48)
        let first = Int64(kept[0].time)
        let edge = zone.days.span(of: zone.days.day(of: first))
        #expect(edge.lowerBound < first, "the day is cut")
        #expect(try key.days(archive) == model.days(of: key, zone.days))
        let entry = try journal.forget(
            ForgetRequest(
                device: "d", quantity: nil, since: Timestamp(milliseconds: first + 3_600_000),
                until: Timestamp(milliseconds: first + 3 * 3_600_000)),
            by: "", now: begin + .seconds(7 * 86_400))
        #expect(entry?.rows == 4)
        journal.close()
        for time in stride(from: first + 3_600_000, to: first + 3 * 3_600_000, by: 1_800_000) {
            #expect(model.points[key]?.removeValue(forKey: time) != nil)
        }
        var (told, truth) = (try key.days(archive), model.days(of: key, zone.days))
        if !edge.lowerBound.isMultiple(of: 3_600_000) {
            // What is gone began within an hour: its extremes are those of the whole.
            #expect(
                told.removeValue(forKey: edge.lowerBound)?.count == truth.removeValue(forKey: edge.lowerBound)?.count)
        }
        #expect(told == truth)
        let day = try archive.query(
            QueryRequest(
                since: Timestamp(milliseconds: edge.lowerBound), until: Timestamp(milliseconds: edge.upperBound),
                step: .seconds(86_400), quantiles: true))
        let values = (model.points[key] ?? [:]).filter { edge.contains($0.key) }.map(\.value).sorted()
        let exact = values[Int((0.5 * Double(values.count - 1)).rounded())]
        let median = try #require(day.groups.first?.buckets.first?.median)
        #expect(abs(median - exact) <= exact / 32, "\(median), \(exact)")
    }

    @Test("the newest reading is the newest that is left")
    func newest() throws {
        let folder = TemporaryFolder()
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        let ahead = now + .seconds(400 * 86_400)
        try journal.put("a", now - .seconds(60), ["voltage": 1], now: now)
        try journal.put("a", ahead, ["voltage": 2, "current": 3], now: ahead)
        try journal.put("b", ahead, ["voltage": 4], now: ahead)
        try journal.seal(now: now)
        let all = { (device: String) in
            ForgetRequest(device: device, since: self.now, until: at("2100-01-01T00:00:00Z"))
        }
        #expect(try Archive(folder: folder.store).latest().map(\.value) == [2, 3, 4])
        #expect(try journal.forget(all("a"), by: "x", now: now)?.rows == 1)
        #expect(try Archive(folder: folder.store).latest().map(\.value) == [1, 4])
        #expect(try journal.forget(all("b"), by: "x", now: now)?.rows == 1)
        #expect(try Archive(folder: folder.store).latest().map(\.value) == [1])
        journal.close()
        let again = try Journal.open(StoreOptions(folder: folder.store))
        defer { again.close() }
        // No ghost hides it, and it is no longer a duplicate of one.
        #expect(try again.put("b", ahead, ["voltage": 4], now: ahead).turn.fresh.count == 1)
        #expect(try again.put("a", now, ["voltage": 5], now: now).turn.fresh.count == 1)
        #expect(try Archive(folder: folder.store).latest().map(\.value) == [5, 4])
    }

    @Test("a crash or a full disk at any effect leaves all of the readings or none", arguments: 0..<2 as Range<UInt64>)
    func failures(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let (old, model) = try makeStore(&random)
        let request = ForgetRequest(
            device: "d1", since: at("2026-03-27T00:00:00Z"), until: at("2028-01-01T00:00:00Z"))
        let rest = forgotten(request, model).0
        let saboteur = Saboteur()
        var target = Int(seed)
        var outcomes: Set<Bool> = []
        while true {
            let copy = old.folder.path + "/try-\(target)"
            copyStore(old.folder.store, to: copy)
            var options = StoreOptions(folder: copy)
            options.effects = saboteur.hook
            let journal = try Journal.open(options)
            saboteur.arm(target, .diskFull(file: "test", detail: "test"))
            let isDone = (try? journal.forget(request, by: "x", now: now)) != nil
            saboteur.disarm()
            journal.close()
            let isGone = try contents(copy) != model.points
            outcomes.insert(isGone)
            #expect(!isDone || isGone)
            try Journal.open(StoreOptions(folder: copy)).close()
            try check(isGone ? rest : model, copy, "effect \(target), seed \(seed)")
            if !isGone {
                let again = try Journal.open(StoreOptions(folder: copy))
                #expect(try again.forget(request, by: "x", now: now) != nil)
                again.close()
                try check(rest, copy, "again after effect \(target), seed \(seed)")
            }
            removeTree(copy)
            if isDone { break }
            target += 23
        }
        #expect(outcomes == [true, false])
    }

    @Test("names that nothing has are errors with what is near, and a span without readings is none")
    func names() throws {
        let old = try OldStore(6)
        let archive = try Archive(folder: old.folder.store)
        let (since, until) = (at("2000-01-01T00:00:00Z"), at("2001-01-01T00:00:00Z"))
        #expect(throws: StoreError.self) {
            try archive.count(ForgetRequest(device: "d9", since: since, until: until))
        }
        #expect(throws: StoreError.self) {
            try archive.count(ForgetRequest(device: "d0", quantity: "current", since: since, until: until))
        }
        #expect(throws: StoreError.self) {
            try archive.count(ForgetRequest(device: "d*", since: since, until: until))
        }
        #expect(try archive.count(ForgetRequest(device: "d0", since: since, until: until)) == [])
    }

    @Test("ghosts are named from the journal and from day files, and a clock that is a little fast is none")
    func ghosts() throws {
        let folder = TemporaryFolder()
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        defer { journal.close() }
        let hour = Duration.seconds(3600)
        try journal.put("a", now, ["voltage": 1], now: now)
        try journal.put("fast", now + hour, ["voltage": 1], now: now)
        try journal.put("b", now + hour + .milliseconds(1), ["voltage": 1], now: now)
        for step in 0..<3 {
            try journal.put("a", now + .seconds(86_400 * (9 + step)), ["voltage": 1, "current": 2], now: now)
        }
        let archive = try Archive(folder: folder.store)
        func told() throws -> [String] {
            try archive.ghosts(at: now).map { "\($0.device) \($0.quantity) \($0.readings) \($0.first) \($0.last)" }
        }
        let expected = [
            "a voltage 3 2026-04-19T00:00:00Z 2026-04-21T00:00:00Z",
            "b voltage 1 2026-04-10T01:00:00.001Z 2026-04-10T01:00:00.001Z",
            "a current 3 2026-04-19T00:00:00Z 2026-04-21T00:00:00Z",
        ]
        #expect(try told().sorted() == expected.sorted())
        // The present comes back, and hides them no more than they hid it.
        try journal.put("a", now + .seconds(1), ["voltage": 2], now: now + .seconds(1))
        try journal.seal(now: now)
        #expect(try told().sorted() == expected.sorted())
        #expect(try archive.ghosts(at: now + .seconds(86_400 * 12)) == [])
        _ = try journal.forget(
            ForgetRequest(device: "a", since: now + hour, until: at("2100-01-01T00:00:00Z")), by: "x", now: now)
        #expect(try told() == [expected[1]])
    }
}
