import Basics
import Contract
import Frames
import Glibc
import Telemetry
import Testing
import TestSupport

@testable import Store

/// What statistics by day say of a series: by the start of the day, count, min, max and last.
struct DayFigures: Equatable {
    var count: Int
    var min: Double
    var max: Double
    var last: Double
}

extension Model.Key {
    /// As the archive tells them, of the times that these tests have readings of.
    func days(_ archive: Archive) throws -> [Int64: DayFigures] {
        var days: [Int64: DayFigures] = [:]
        for (since, until) in [
            ("1970-01-01", "1970-01-10"), ("2013-02-20", "2013-04-10"), ("2019-12-20", "2020-01-10"),
            ("2026-03-20", "2026-05-10"), ("2027-03-25", "2027-04-10"),
        ] {
            let request = HistoryRequest(
                device: device, quantity: quantity, since: at(since + "T00:00:00Z"), until: at(until + "T00:00:00Z"),
                step: .seconds(86_400))
            for bucket in try archive.history(request).series.flatMap(\.buckets) {
                days[bucket.start.milliseconds] = DayFigures(
                    count: bucket.count, min: bucket.min, max: bucket.max, last: bucket.last)
            }
        }
        return days
    }
}

extension Model {
    /// As they must be, for days of these clocks.
    func days(of key: Key, _ local: LocalDays) -> [Int64: DayFigures] {
        var days: [Int64: DayFigures] = [:]
        for (time, value) in (points[key] ?? [:]).sorted(by: { $0.key < $1.key }) {
            let start = local.span(of: local.day(of: time)).lowerBound
            var day = days[start] ?? DayFigures(count: 0, min: .infinity, max: -.infinity, last: value)
            day.count += 1
            (day.min, day.max, day.last) = (Swift.min(day.min, value), Swift.max(day.max, value), value)
            days[start] = day
        }
        return days
    }
}

@Suite("Keys that count from 1970")
struct KeyTests {
    private let folder = TemporaryFolder()

    @Test(
        "a key gives back its stream and its time, up to the last of both, and keys are in the order of both",
        arguments: [FrameKey.Layout.since2020, .since1970])
    func layouts(layout: FrameKey.Layout) {
        let (first, end) = (layout.times.lowerBound, layout.times.upperBound)
        var before: Int64 = -1
        for stream in [0, 1, layout.streamsMax / 2, layout.streamsMax - 1] {
            for time in [first, first + 1, noon.milliseconds, end - 2, end - 1] {
                let key = FrameKey(stream, time, layout)
                #expect(key.stream == stream && key.time == time && key.rawValue > before)
                #expect(FrameKey(rawValue: key.rawValue, layout) == key)
                before = key.rawValue
            }
        }
        #expect(before == .max)
        #expect(FrameKey.Layout.since1970.times == FrameKey.times)
        #expect(FrameKey.Layout.since1970.streamsMax == SeriesRegistry.streamsMax)
        #expect(FrameKey.Layout.allStored == [2020, 1970])
    }

    @Test("a stream more than the keys hold is refused as a series more than the limit is")
    func streamsMax() throws {
        var limits = SeriesRegistry.Limits()
        limits.seriesMax = 64_000_000
        var registry = SeriesRegistry(limits: limits)
        registry.restore(device: "a", profile: "p")
        let device = DeviceIndex(rawValue: 0)
        for _ in 1..<SeriesRegistry.streamsMax { registry.restoreStream(of: device) }
        let quantity = try #require(Quantity(named: "voltage"))
        let found = registry.intern(device: device, quantity: quantity, channel: .none)
        let last = try #require(found)
        // It may need the last stream for itself.
        let channel = registry.intern(channel: "l1")!
        let second = registry.intern(device: device, quantity: quantity, channel: channel)
        #expect(second == nil)
        registry.closeRow([Reading(series: last, observed: noon, value: 1)][...])
        #expect(registry.streamCount == SeriesRegistry.streamsMax)
        let third = registry.intern(device: device, quantity: quantity, channel: channel)
        #expect(third == nil)
        #expect(registry.find(device: device, quantity: quantity, channel: .none) == last)
    }

    @Test("readings from the first millisecond of 1970 to the last of a key are kept through seal and compaction")
    func edges() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        defer { journal.close() }
        let last = FrameKey.times.upperBound - 1
        let times: [Int64] = [
            0, 1, 86_399_999, 86_400_000, 1_577_836_799_999, 1_577_836_800_000, noon.milliseconds, last - 1, last,
        ]
        for (index, time) in times.enumerated() {
            try journal.put("a", Timestamp(milliseconds: time), ["voltage": Double(index)], now: noon)
        }
        for time in [-1, last + 1] {
            let refused = try journal.put("a", Timestamp(milliseconds: time), ["voltage": 9], now: noon)
            #expect(refused.turn.fresh.isEmpty)
        }
        #expect(journal.counters.rejected == 2)
        let expected = [
            Model.Key(device: "a", quantity: "voltage"): Dictionary(
                uniqueKeysWithValues: times.enumerated().map { ($1, Double($0)) })
        ]
        #expect(try contents(folder.store) == expected)
        try journal.seal()
        #expect(try contents(folder.store) == expected)
        try journal.compact(now: at("2110-01-01T00:00:00Z"))
        #expect(journal.sealed.manifest.live.allSatisfy { $0.isSealed && $0.keys == .since1970 })
        #expect(try contents(folder.store) == expected)
        #expect(try StoreCheck.run(folder: folder.store).damage == [])
    }

    @Test("a store of version 6 opens and goes on, and its day files stay byte for byte")
    func upgrade() throws {
        let old = try OldStore(6)
        #expect(try contents(old.folder.store) == old.expected, "before a gateway has led it forward")
        let journal = try Journal.open(StoreOptions(folder: old.folder.store))
        defer { journal.close() }
        #expect(try Schema.version(of: journal.core) == Schema.version)
        let parts = journal.sealed.manifest.live
        #expect(parts.count > 5 && parts.contains(where: \.isSealed) && parts.allSatisfy { $0.keys == .since2020 })
        let bytes = parts.map { readFile(old.folder.store + "/" + $0.file) }
        // Of other days, so that no small file of before takes them.
        for time in ["2013-03-01T00:00:00Z", "2026-05-01T00:00:00Z"] {
            try journal.put("d0", at(time), ["voltage": 1], now: at("2026-05-01T00:00:00Z"))
        }
        #expect(journal.journalRows == 12)
        try journal.seal(now: at("2026-05-01T00:00:00Z"))
        let live = journal.sealed.manifest.live
        #expect(live.filter { $0.keys == .since1970 }.map(\.days) == [15_765...15_765, 20_574...20_574])
        // The seal wrote the journal's rows to small files of before; the sealed ones stay.
        for (part, before) in zip(parts, bytes) where part.isSealed {
            #expect(readFile(old.folder.store + "/" + part.file) == before)
        }
        var expected = old.expected
        let key = Model.Key(device: "d0", quantity: "voltage")
        expected[key]![at("2013-03-01T00:00:00Z").milliseconds] = 1
        expected[key]![at("2026-05-01T00:00:00Z").milliseconds] = 1
        #expect(try contents(old.folder.store) == expected)
        #expect(try StoreCheck.run(folder: old.folder.store).damage == [])
    }

    @Test("files of a newer version are refused, and core.db of this one by those before")
    func newer() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        defer { journal.close() }
        try journal.put("a", noon, ["voltage": 1])
        try journal.seal()
        let path = folder.store + "/" + journal.sealed.manifest.live[0].file
        let file = try Connection(path, .writer(pageBytes: SealJob.dayPageBytes), effects: nil)
        try file.run("PRAGMA user_version = \(Schema.dayVersion + 1)")
        try file.checkpoint()
        file.close()
        try journal.put("a", noon + .seconds(1), ["voltage": 2])
        let error = StoreError.schemaTooNew(found: Schema.dayVersion + 1, supported: Schema.dayVersion)
        #expect(throws: error) { try journal.seal() }
        // Version 6 refuses what is above it, as this one does.
        #expect(Schema.version == 12)
        try journal.core.run("PRAGMA user_version = 13")
        #expect(throws: StoreError.schemaTooNew(found: 13, supported: 12)) { try Archive(folder: folder.store) }
    }

    @Test(
        "a store of which one file is newer is refused whole, and nothing of it is changed",
        arguments: ["raw", "rollup"])
    func newerFile(kind: String) throws {
        let journal = try makeVariedStore(folder.store)
        journal.close()
        let path =
            folder.store + (kind == "raw" ? "/raw/" + names(in: folder.store + "/raw").sorted()[0] : "/rollup-2026.db")
        chmod(path, 0o640)
        let (found, supported) = kind == "raw" ? (Schema.dayVersion + 1, Schema.dayVersion) : (2, Schema.rollupVersion)
        var bytes = readFile(path)
        let size = try #require(PageFile(path)).pageBytes
        bytes[63] = UInt8(found)
        // A damaged page says nothing of versions.
        writeFile(path, bytes)
        try Journal.open(StoreOptions(folder: folder.store)).close()
        bytes[0..<size].withUnsafeMutableBytes { PageChecks.seal($0, number: 1) }
        writeFile(path, bytes)
        let before = readFile(folder.store + "/core.db")
        let error = StoreError.schemaTooNew(found: found, supported: supported)
        #expect(throws: error) { try Journal.open(StoreOptions(folder: folder.store)) }
        #expect(throws: error) { try StoreCheck.run(folder: folder.store) }
        #expect(throws: error) { try StoreRepair.run(folder: folder.store, now: noon) }
        #expect(readFile(path) == bytes && readFile(folder.store + "/core.db") == before)
    }

    /// Days long ago, days that the old files have, and new ones.
    private static let eras = [
        "1970-01-02T00:00:00Z", "2013-03-30T12:00:00Z", "2019-12-31T12:00:00Z", "2026-03-26T12:00:00Z",
        "2026-04-01T00:00:00Z",
    ]

    @Test(
        "files of both layouts side by side answer as the model does, through seals, compaction and restarts",
        arguments: 0..<8 as Range<UInt64>)
    func mixed(seed: UInt64) throws {
        let old = try OldStore(6)
        let path = old.folder.store
        var model = Model()
        model.points = old.expected
        var random = SeededGenerator(seed: seed)
        var journal = try Journal.open(StoreOptions(folder: path))
        let now = at("2026-04-10T00:00:00Z")
        var sawBoth = false
        for step in 0..<40 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0..<5:
                let era = at(Self.eras.randomElement(using: &random)!).milliseconds
                let items = (0..<Int.random(in: 1...12, using: &random)).map { _ in
                    Model.Item(
                        key: Model.Key(
                            device: "d\(Int.random(in: 0...3, using: &random))",
                            quantity: ["active_power", "voltage"].randomElement(using: &random)!),
                        time: era + Int64.random(in: 0..<96, using: &random) * 1_800_000,
                        value: Double(Int.random(in: 0...500, using: &random)))
                }
                let verdicts = model.apply(items)
                let commit = try journal.commit(journal.batch(items), received: items.count, now: now)
                #expect(commit.duplicates == verdicts.count { $0 == .duplicate }, "seed \(seed), step \(step)")
                #expect(commit.turn.corrections.count == verdicts.count { $0 == .corrected })
            case 5: try journal.seal(now: now)
            case 6:
                try journal.seal(now: now)
                if let job = journal.nextCompaction(now: now) {
                    try journal.finishCompaction(try job.run(), now: now)
                }
            default:
                journal.close()
                journal = try Journal.open(StoreOptions(folder: path))
            }
            sawBoth = sawBoth || Set(journal.sealed.manifest.live.map(\.keys)).count == 2
            #expect(try contents(path) == model.points, "seed \(seed), step \(step)")
        }
        #expect(sawBoth)
        try journal.seal(now: now)
        try check(model, path, "small files, seed \(seed)")
        let copy = old.folder.path + "/backup"
        _ = try StoreBackup.run(from: path, to: copy, now: now)
        try check(model, copy, "backup, seed \(seed)")
        try journal.compact(now: at("2026-06-01T00:00:00Z"))
        #expect(journal.sealed.manifest.live.allSatisfy { $0.isSealed })
        try check(model, path, "compacted, seed \(seed)")
        journal.close()
        try giveUp(model, path)
    }

    private func check(_ model: Model, _ path: String, _ what: Comment) throws {
        #expect(try contents(path) == model.points, what)
        #expect(try StoreCheck.run(folder: path).damage == [], what)
        let archive = try Archive(folder: path)
        try archive.catchUp()
        for key in model.points.keys {
            #expect(try key.days(archive) == model.days(of: key, ZoneSample.berlin.days), what)
        }
    }

    /// Readings go with their age, and their days stay told.
    private func giveUp(_ model: Model, _ path: String) throws {
        var options = StoreOptions(folder: path)
        options.retention.raw = .seconds(30 * 86_400)
        let journal = try Journal.open(options)
        defer { journal.close() }
        _ = try journal.upkeep(now: at("2027-01-01T00:00:00Z"))
        let archive = try Archive(folder: path)
        #expect(try contents(path, archive).isEmpty)
        for key in model.points.keys {
            #expect(try key.days(archive) == model.days(of: key, ZoneSample.berlin.days))
        }
    }

    @Test("a file of before whose first page is gone is repaired with the keys that the manifest tells")
    func repair() throws {
        let old = try OldStore(6)
        try Journal.open(StoreOptions(folder: old.folder.store)).close()
        let core = try Connection(old.folder.store + "/core.db", .immutable, effects: nil)
        let part = try #require(try Manifest(core).live.first(where: \.isSealed))
        core.close()
        let path = old.folder.store + "/" + part.file
        var bytes = readFile(path)
        for index in 0..<100 { bytes[index] = 0xFF }
        chmod(path, 0o640)
        writeFile(path, bytes)
        let repair = try StoreRepair.run(folder: old.folder.store, now: noon)
        #expect(repair.isGood, "\(repair.remaining)")
        #expect(try contents(old.folder.store) == old.expected)
    }
}

extension FrameKey.Layout {
    /// As the manifest has them.
    static var allStored: [Int64] { [since2020, since1970].map(\.rawValue) }
}

extension Journal {
    /// Makes the small files of days what version 3 of them had: rows whose check values are over the key and the blob alone.
    func becomeDayVersion3() throws {
        for part in sealed.manifest.live where !part.isSealed {
            let file = try Connection(
                folder.path(of: part), .writer(pageBytes: SealJob.dayPageBytes), effects: nil)
            defer { file.close() }
            var rows: [(key: Int64, crc: Int64)] = []
            try file.rows("SELECT k, b FROM frame") { row throws(StoreError) in
                let key = row.word("k")
                rows.append((key, row.withBlob("b") { CRC32C.check(key: key, $0) }))
            }
            for row in rows {
                try file.run("UPDATE frame SET ver = 2, crc = ? WHERE k = ?", .integer(row.crc), .integer(row.key))
            }
            try file.run("PRAGMA user_version = 3")
            try file.checkpoint()
        }
    }
}

@Suite("Files of frames of version 3")
struct DayVersionTests {
    private let folder = TemporaryFolder()

    @Test("they are read and found good, take rows of this version beside theirs, and are compacted with them")
    func goesOn() throws {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        defer { journal.close() }
        for minute in 0..<40 {
            for device in ["a", "b"] { try journal.put(device, seconds(minute * 60), ["voltage": Double(minute)]) }
        }
        try journal.seal()
        try journal.becomeDayVersion3()
        var expected = try contents(folder.store)
        #expect(expected.values.map(\.count) == [40, 40])
        #expect(try StoreCheck.run(folder: folder.store).damage == [])
        try journal.put("a", seconds(30), ["voltage": 7])
        try journal.seal()
        expected[Model.Key(device: "a", quantity: "voltage")]![seconds(30).milliseconds] = 7
        let path = folder.store + "/" + journal.sealed.manifest.live[0].file
        let file = try Connection(path, .readOnly, effects: nil)
        #expect(try Schema.version(of: file) == Schema.dayVersion)
        #expect(try file.integer("SELECT count(DISTINCT ver) FROM frame") == 2)
        file.close()
        #expect(try contents(folder.store) == expected)
        #expect(try StoreCheck.run(folder: folder.store).damage == [])
        try journal.compact(now: seconds(400_000))
        #expect(journal.sealed.manifest.live.allSatisfy { $0.isSealed })
        #expect(try contents(folder.store) == expected)
        #expect(try StoreCheck.run(folder: folder.store).damage == [])
    }
}
