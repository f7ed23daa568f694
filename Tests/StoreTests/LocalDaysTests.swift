import Basics
import Contract
import Frames
import Telemetry
import Testing
import TestSupport

@testable import Store

/// A zone's clock around its changes, as tzdata 2025b has it.
struct ZoneSample: Sendable, CustomStringConvertible {
    var name: String
    /// Hours east of UTC before the first change.
    var hours: Double
    var changes: [(at: String, hours: Double)]

    var description: String { name }
    var offsetSeconds: Int { Int(hours * 3600) }
    var days: LocalDays {
        LocalDays(
            offsetSeconds: offsetSeconds,
            changes: changes.map { .init(at: at($0.at), offsetSeconds: Int($0.hours * 3600)) })!
    }

    /// Walked minute by minute: what the clock shows, and the latest date it has shown.
    func walk(_ span: Range<Int64>, _ body: (_ time: Int64, _ date: Int64) -> Void) {
        var latest = Int64.min
        let changes = changes.map { (at: at($0.at).milliseconds, offset: Int64($0.hours * 3_600_000)) }
        for time in stride(from: span.lowerBound, to: span.upperBound, by: 60_000) {
            let offset = changes.last { $0.at <= time }?.offset ?? Int64(offsetSeconds) * 1000
            latest = max(latest, (time + offset).flooredDivision(by: 86_400_000))
            body(time, latest)
        }
    }

    static let berlin = ZoneSample(
        name: "Europe/Berlin", hours: 1, changes: [("2026-03-29T01:00:00Z", 2), ("2026-10-25T01:00:00Z", 1)])
    /// Back from Saturday's midnight, forward at Sunday's.
    static let santiago = ZoneSample(
        name: "America/Santiago", hours: -3, changes: [("2026-04-05T03:00:00Z", -4), ("2026-09-06T04:00:00Z", -3)])
    static let beirut = ZoneSample(
        name: "Asia/Beirut", hours: 2, changes: [("2026-03-28T22:00:00Z", 3), ("2026-10-24T21:00:00Z", 2)])
    static let lordHowe = ZoneSample(
        name: "Australia/Lord_Howe", hours: 11, changes: [("2026-04-04T15:00:00Z", 10.5), ("2026-10-03T15:30:00Z", 11)])
    /// Back to midnight: Sunday has two.
    static let havana = ZoneSample(
        name: "America/Havana", hours: -5, changes: [("2026-03-08T05:00:00Z", -4), ("2026-11-01T05:00:00Z", -5)])
    static let kathmandu = ZoneSample(name: "Asia/Kathmandu", hours: 5.75, changes: [])
    /// Forward at a minute past midnight, and back to before it: the date was there already.
    static let stJohns = ZoneSample(
        name: "America/St_Johns", hours: -3.5,
        changes: [("2010-03-14T03:31:00Z", -2.5), ("2010-11-07T02:31:00Z", -3.5)])
    /// Left out 2011-12-30.
    static let apia = ZoneSample(
        name: "Pacific/Apia", hours: -11,
        changes: [("2011-09-24T14:00:00Z", -10), ("2011-12-30T10:00:00Z", 14), ("2012-03-31T14:00:00Z", 13)])

    static let all = [berlin, santiago, beirut, lordHowe, havana, kathmandu, stJohns, apia]
}

private let hour: Int64 = 3_600_000

@Suite("Days of the site")
struct LocalDaysTests {
    @Test("each moment lies in the one day that a walk along the clock says", arguments: ZoneSample.all)
    func walk(zone: ZoneSample) {
        let days = zone.days
        for change in zone.changes.map({ at($0.at) }) + (zone.changes.isEmpty ? [noon] : []) {
            var known: Int64?
            var wrong = 0
            zone.walk((change - .seconds(5 * 86_400)).milliseconds..<(change + .seconds(4 * 86_400)).milliseconds) {
                time, date in
                if days.day(of: time) != date || days.day(of: time + 59_999) != date { wrong += 1 }
                if let known, known != date {
                    // A date that was left out is empty; all others follow each other without a gap.
                    for skipped in known + 1..<date { #expect(days.span(of: skipped).isEmpty) }
                    #expect(days.start(of: date) == time, "\(zone), \(Timestamp(milliseconds: time))")
                    #expect(days.span(of: known).upperBound == time)
                }
                known = date
            }
            #expect(wrong == 0)
        }
    }

    @Test("days begin where the law says")
    func starts() {
        func spans(_ zone: ZoneSample, _ since: String, _ until: String) -> [String] {
            zone.days.overlapping(at(since).milliseconds..<at(until).milliseconds).map {
                "\(Timestamp(milliseconds: $0.lowerBound)) \(Double($0.upperBound - $0.lowerBound) / Double(hour))"
            }
        }
        #expect(
            spans(.berlin, "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z") == [
                "2026-03-27T23:00:00Z 24.0", "2026-03-28T23:00:00Z 23.0", "2026-03-29T22:00:00Z 24.0",
            ])
        #expect(spans(.berlin, "2026-10-25T12:00:00Z", "2026-10-25T12:00:01Z") == ["2026-10-24T22:00:00Z 25.0"])
        #expect(spans(.santiago, "2026-04-04T12:00:00Z", "2026-04-04T13:00:00Z") == ["2026-04-04T03:00:00Z 25.0"])
        // At 01:00 local time.
        #expect(spans(.santiago, "2026-09-06T12:00:00Z", "2026-09-06T13:00:00Z") == ["2026-09-06T04:00:00Z 23.0"])
        #expect(
            spans(.lordHowe, "2026-10-03T00:00:00Z", "2026-10-04T00:00:00Z") == [
                "2026-10-02T13:30:00Z 24.0", "2026-10-03T13:30:00Z 23.5",
            ])
        #expect(spans(.havana, "2026-11-01T12:00:00Z", "2026-11-01T13:00:00Z") == ["2026-11-01T04:00:00Z 25.0"])
        #expect(
            spans(.apia, "2011-12-30T09:00:00Z", "2011-12-30T11:00:00Z") == [
                "2011-12-29T10:00:00Z 24.0", "2011-12-30T10:00:00Z 24.0",
            ])
        #expect(spans(.kathmandu, "2026-03-15T00:00:00Z", "2026-03-15T00:00:01Z") == ["2026-03-14T18:15:00Z 24.0"])
    }

    @Test("days are of whole hours, UTC, or they are not")
    func areHourly() {
        func answer(_ zone: ZoneSample, _ since: String, _ until: String) -> Bool {
            zone.days.areHourly(in: at(since).milliseconds..<at(until).milliseconds)
        }
        #expect(answer(.berlin, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"))
        #expect(answer(.santiago, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"))
        #expect(!answer(.kathmandu, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"))
        #expect(answer(.lordHowe, "2026-03-01T00:00:00Z", "2026-04-04T12:59:00Z"))
        // The day of the change ends at half past.
        #expect(!answer(.lordHowe, "2026-03-01T00:00:00Z", "2026-04-04T13:01:00Z"))
        #expect(!answer(.lordHowe, "2026-10-03T00:00:00Z", "2026-10-05T00:00:00Z"))
        #expect(answer(.lordHowe, "2026-10-05T00:00:00Z", "2026-10-06T00:00:00Z"))
    }

    @Test("changes that no clock makes are no days")
    func refused() {
        func days(_ offset: Int, _ changes: [(Int64, Int)]) -> LocalDays? {
            LocalDays(
                offsetSeconds: offset,
                changes: changes.map { .init(at: Timestamp(milliseconds: $0.0), offsetSeconds: $0.1) })
        }
        #expect(days(0, [(1, 3600), (2, 0)]) != nil)
        #expect(days(0, [(2, 3600), (1, 0)]) == nil && days(0, [(1, 3600), (1, 0)]) == nil)
        #expect(days(26 * 3600 + 1, []) == nil && days(.min, []) == nil && days(0, [(1, .min)]) == nil)
        #expect(days(0, [(.max, 3600)]) == nil && days(0, [(.min, 3600)]) == nil)
        #expect(days(0, (0..<4097).map { (Int64($0), Int($0 % 2)) }) == nil)
        // What changes nothing is no change.
        #expect(days(3600, [(1, 3600), (2, 0), (3, 0)]) == days(3600, [(2, 0)]))
        #expect(days(3600, [(1, 3600)]) == LocalDays(offsetSeconds: 3600))
    }

    // MARK: Keys

    @Test("a stored day is known by its whole span, and days of 24 hours by the keys they always had")
    func keys() throws {
        for zone in ZoneSample.all {
            for text in zone.changes.map(\.at) where at(text) > at("1970-01-03T00:00:00Z") {
                let days = zone.days
                let change = days.day(of: at(text).milliseconds)
                for span in (change - 2...change + 2).map({ days.span(of: $0) }) where !span.isEmpty {
                    let key = try #require(RollupKey.day(span, stream: 4_000_000))
                    let year = Folder.year(of: span.lowerBound)
                    #expect(RollupKey.span(ofDay: key, in: year) == span && RollupKey.stream(key) == 4_000_000)
                    #expect(RollupKey.day(span.lowerBound..<span.upperBound + hour, stream: 4_000_000) != key)
                    if span.upperBound - span.lowerBound == 24 * hour {
                        let epoch = year < 2020 ? 0 : at("2020-01-01T00:00:00Z").milliseconds
                        #expect(key == ((span.lowerBound - epoch) / 60_000) << 22 | 4_000_000)
                    }
                }
            }
        }
        let epoch: Int64 = 0
        #expect(RollupKey.day(epoch - 60_000..<epoch, stream: 0) == nil)
        #expect(RollupKey.day(epoch + 1..<epoch + 1 + 24 * hour, stream: 0) == nil)
        #expect(RollupKey.day(epoch..<epoch + 24 * hour + 1, stream: 0) == nil)
        #expect(RollupKey.day(epoch..<epoch + 100 * hour, stream: 0) == nil)
        #expect(RollupKey.day(epoch..<epoch, stream: 0) == nil)
    }

    @Test("stored days that share time with some are found among others, and among keys of none", arguments: 0..<8)
    func storedDays(seed: UInt64) throws {
        let folder = TemporaryFolder()
        let store = Folder(folder.path)
        var random = SeededGenerator(seed: seed)
        let begin = at("2026-03-01T00:00:00Z").milliseconds
        var spans: Set<Range<Int64>> = []
        let file = try Connection(store.rollup(2026), .writer(pageBytes: 8192), effects: nil)
        try Schema.prepareRollup(file)
        func insert(_ key: Int64) throws {
            try file.run("INSERT OR IGNORE INTO r1d VALUES (?, 0, x'')", .integer(key))
        }
        for _ in 0..<60 {
            let start = begin + Int64.random(in: 0...2000, using: &random) * 30 * 60_000
            let length = [24, 24, 23, 25, 1, 76].randomElement(using: &random)! * hour
            spans.insert(start..<start + length)
            for stream in 0..<Int.random(in: 1...3, using: &random) {
                try insert(try #require(RollupKey.day(start..<start + length, stream: stream)))
            }
        }
        for _ in 0..<40 { try insert(Int64.random(in: .min ... .max, using: &random)) }
        for key in [Int64.min, -1, .max, 0, 1 << 48, (1 << 41 - 1) << 22] { try insert(key) }
        try file.checkpoint()
        file.close()
        for day in Int64(0)..<45 {
            let span = begin + day * 24 * hour..<begin + (day + 1) * 24 * hour
            let found = try RollupReader(store, effects: nil).storedDays(overlapping: span)
            #expect(found.count == Set(found).count)
            #expect(Set(found).intersection(spans) == spans.filter { $0.overlaps(span) }, "seed \(seed)")
            #expect(found.allSatisfy { $0.overlaps(span) })
        }
    }

    // MARK: In the store

    private let folder = TemporaryFolder()

    private func open(_ days: LocalDays?, raw: Duration? = nil) throws -> Journal {
        var options = StoreOptions(folder: folder.store)
        options.days = days
        options.retention.raw = raw
        return try Journal.open(options)
    }

    /// A reading every half hour of ten days around a change, its value the number of its half hour.
    private func fill(_ journal: Journal, around change: Timestamp) throws -> Range<Timestamp> {
        let day = Timestamp(milliseconds: FrameKey.day(of: change.milliseconds) * 24 * hour)
        let span = day - .seconds(5 * 86_400)..<day + .seconds(5 * 86_400)
        for place in 0..<480 {
            try journal.put("a", span.lowerBound + .seconds(place * 1800), ["voltage": Double(place)])
        }
        return span
    }

    private func answers(_ archive: Archive, _ span: Range<Timestamp>, step: Int = 1) throws -> [QueryAnswer] {
        try [false, true].map {
            try archive.query(
                QueryRequest(
                    since: span.lowerBound, until: span.upperBound, step: .seconds(step * 86_400), quantiles: $0))
        }
    }

    private static let around: [(ZoneSample, String)] =
        ZoneSample.all.flatMap { zone in zone.changes.map { (zone, $0.at) } } + [
            (.kathmandu, "2026-03-15T12:00:00Z")
        ]

    @Test(
        "days around a change are the same from the journal, from small files, from hours and from stored days",
        arguments: around)
    func equal(zone: ZoneSample, change: String) throws {
        let journal = try open(zone.days, raw: .seconds(86_400))
        let span = try fill(journal, around: at(change))
        let archive = try Archive(folder: folder.store)
        var starts: [Int64: Int] = [:]
        // The first and the last day are not whole.
        var begin = Int64.min
        var date = Int64.min
        zone.walk(span.lowerBound.milliseconds - 2 * 24 * hour..<span.upperBound.milliseconds) { time, latest in
            if latest != date { (begin, date) = (time, latest) }
            if time >= span.lowerBound.milliseconds, time % (hour / 2) == 0 { starts[begin, default: 0] += 1 }
        }
        let whole = try answers(archive, span)
        for answer in whole {
            #expect(answer.groups[0].buckets.map(\.start.milliseconds) == starts.keys.sorted())
            #expect(answer.groups[0].buckets.map(\.count) == starts.sorted { $0.key < $1.key }.map(\.value))
        }
        let coarse = try answers(archive, span, step: 3)
        func check(_ what: Comment) throws {
            #expect(try answers(archive, span) == whole, what)
            #expect(try answers(archive, span, step: 3) == coarse, what)
        }
        try journal.seal(now: span.upperBound)
        try check("small files")
        let later = span.upperBound + .seconds(4 * 86_400)
        try journal.compact(now: later)
        try check("compacted")
        // Whole days outlive their readings.
        let inner = Timestamp(milliseconds: starts.keys.sorted()[1])..<Timestamp(milliseconds: starts.keys.max()!)
        let before = try answers(archive, inner)
        #expect(try journal.upkeep(now: later).gaveUp.count > 0)
        #expect(try archive.points("a", "voltage").isEmpty)
        #expect(try answers(archive, inner) == before)
        #expect(
            before[1].groups[0].buckets.allSatisfy { $0.median != nil } && before[0].groups[0].buckets[0].median == nil)
        #expect(before[0].groups[0].buckets.count >= 8)
    }

    @Test(
        "a page of days goes on where the one before ended, and each reading is expected for the true length of a day")
    func pages() throws {
        let journal = try open(ZoneSample.berlin.days)
        try journal.saveRoster([RosterEntry(device: "a", area: "", cadence: .seconds(1800))], now: noon)
        let span = try fill(journal, around: at("2026-10-25T01:00:00Z"))
        let archive = try Archive(folder: folder.store)
        let whole = try archive.query(
            QueryRequest(since: span.lowerBound, until: span.upperBound, step: .seconds(86_400)))
        #expect(whole.groups[0].buckets.allSatisfy { abs($0.coverage! - 1) < 1e-9 })
        #expect(whole.groups[0].buckets.map(\.count) == [44, 48, 48, 48, 48, 50, 48, 48, 48, 48, 2])
        for days in 1...4 {
            func history(_ since: Timestamp, limit: Int) throws -> SeriesHistory {
                try archive.history(
                    HistoryRequest(
                        device: "a", since: since, until: span.upperBound, step: .seconds(days * 86_400), limit: limit)
                ).series[0]
            }
            let all = try history(span.lowerBound, limit: 100)
            #expect(all.next == nil && all.buckets.map(\.count).reduce(0, +) == 480)
            var paged: [SeriesHistory.Bucket] = []
            var since: Timestamp? = span.lowerBound
            while let from = since {
                let page = try history(from, limit: 1)
                paged += page.buckets
                since = page.next
            }
            #expect(paged == all.buckets)
        }
    }

    @Test("a reader sees other days as soon as the gateway has them, and the store keeps them")
    func change() throws {
        var journal = try open(LocalDays(offsetSeconds: 3600))
        let span = try fill(journal, around: at("2026-03-29T01:00:00Z"))
        try journal.seal(now: span.upperBound)
        let archive = try Archive(folder: folder.store)
        func starts() throws -> [String] {
            try answers(archive, span)[0].groups[0].buckets.map { String("\($0.start)".dropFirst(8).prefix(5)) }
        }
        let fixed = ["23", "24", "25", "26", "27", "28", "29", "30", "31", "01", "02"].map { $0 + "T23" }
        #expect(try starts() == fixed)
        journal.close()
        journal = try open(ZoneSample.berlin.days)
        let berlin = Array(fixed[..<6]) + ["29", "30", "31", "01", "02"].map { $0 + "T22" }
        #expect(try starts() == berlin)
        journal.close()
        let version = {
            try Connection(folder.store + "/core.db", .readOnly, effects: nil).integer(
                "SELECT value FROM meta WHERE key = 'manifest_version'")
        }
        let before = try version()
        // The same, and nothing said: nothing changes.
        for days in [nil, ZoneSample.berlin.days] {
            journal = try open(days)
            #expect(journal.localDays == ZoneSample.berlin.days)
            #expect(try starts() == berlin && Archive(folder: folder.store).localDays == ZoneSample.berlin.days)
            journal.close()
        }
        #expect(try version() == before)
        journal = try open(LocalDays(offsetSeconds: 3600))
        #expect(try starts() == fixed)
        #expect(try journal.core.integer("SELECT count(*) FROM meta WHERE key LIKE 'day_offset%'") == 1)
        journal.close()
    }

    @Test("stored days that the site still has go on answering, others are made of hours, and none becomes stale")
    func otherDays() throws {
        var journal = try open(LocalDays(offsetSeconds: 3600))
        let span = try fill(journal, around: at("2026-03-29T01:00:00Z"))
        try journal.seal(now: span.upperBound)
        var now = span.upperBound + .seconds(2 * 86_400)
        try journal.compact(now: now)
        let archive = try Archive(folder: folder.store)
        let fixed = try answers(archive, span)
        journal.close()

        // A late reading on the 29th while days are Berlin's.
        journal = try open(ZoneSample.berlin.days)
        let zoned = try answers(archive, span)
        #expect(zoned[1].groups[0].buckets.map(\.count) == [46, 48, 48, 48, 48, 46, 48, 48, 48, 48, 4])
        try journal.put("a", at("2026-03-29T22:10:00Z"), ["voltage": 1000], now: now)
        try journal.seal(now: now)
        now = now + .seconds(2 * 86_400)
        try journal.compact(now: now)
        #expect(try answers(archive, span)[1].groups[0].buckets.map(\.max).contains(1000))
        journal.close()

        // Of the same readings, whether their days were stored before or not.
        journal = try open(LocalDays(offsetSeconds: 3600), raw: .seconds(86_400))
        for (before, answer) in zip(fixed, try answers(archive, span)) {
            for (old, new) in zip(before.groups[0].buckets, answer.groups[0].buckets) {
                let isLate = "\(old.start)" == "2026-03-28T23:00:00Z"
                #expect(new.count == old.count + (isLate ? 1 : 0) && new.max == (isLate ? 1000 : old.max))
                #expect(new.start == old.start && (new.revised ?? false) == isLate)
            }
        }
        // Without readings: days of both are there, hours for all.
        #expect(try journal.upkeep(now: now).gaveUp.count > 0)
        journal.close()
        journal = try open(ZoneSample.berlin.days)
        let left = try answers(archive, at("2026-03-24T23:00:00Z")..<at("2026-04-01T22:00:00Z"))
        #expect(left[0].groups[0].buckets.map(\.count) == [48, 48, 48, 48, 46, 49, 48, 48])
        // The days that fixed days were stored of, and those that the late reading has renewed.
        #expect(left[1].groups[0].buckets.map(\.count) == [48, 48, 48, 48, 46, 49])
        journal.close()
    }

    @Test("a file of rollups that a crash left without tables holds nothing, and is filled by the next compaction")
    func emptyRollups() throws {
        let journal = try open(ZoneSample.berlin.days)
        let span = try fill(journal, around: at("2026-03-29T01:00:00Z"))
        try journal.seal(now: span.upperBound)
        let archive = try Archive(folder: folder.store)
        let before = try answers(archive, span)
        writeFile(folder.store + "/rollup-2026.db", [])
        #expect(try answers(Archive(folder: folder.store), span) == before)
        try journal.compact(now: span.upperBound + .seconds(2 * 86_400))
        #expect(try answers(archive, span) == before)
        #expect(try RollupReader(Folder(folder.store), effects: nil).days()?.count == 10)
    }

    @Test("days that do not read are told, and mended by the gateway that knows them")
    func unreadable() throws {
        try open(ZoneSample.berlin.days).close()
        func write(_ key: String, _ value: Int64) throws {
            let core = try Connection(folder.store + "/core.db", .writer(pageBytes: 4096), effects: nil)
            try core.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", .text(key), .integer(value))
            try core.checkpoint()
            core.close()
        }
        let wrong: [(String, Int64)] = [
            ("day_offset@", 0), ("day_offset@12x", 0), ("day_offset@9223372036854775807", 0),
            ("day_offset@01774746000000", 0), ("day_offset@5", .max), ("day_offset", .min),
        ]
        for (key, value) in wrong {
            try write(key, value)
            #expect(throws: StoreError.self, "\(key)") { try Archive(folder: folder.store) }
            #expect(throws: StoreError.self, "\(key)") { try open(nil) }
            try open(ZoneSample.berlin.days).close()
            #expect(try Archive(folder: folder.store).localDays == ZoneSample.berlin.days)
        }
    }
}
