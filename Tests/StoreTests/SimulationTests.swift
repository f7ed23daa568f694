import Basics
import Contract
import Synchronization
import Telemetry
import Testing
import TestSupport

@testable import Store

/// What the store should hold, kept in the plainest way: the oracle of the tests below.
struct Model: Equatable {
    struct Key: Hashable {
        var device: String
        var quantity: String
    }
    var points: [Key: [Int64: Double]] = [:]
    var transitions = 0

    struct Item {
        var key: Key
        var time: Int64
        var value: Double
    }

    enum Verdict: Equatable { case fresh, duplicate, corrected }

    /// The verdict for each item in order, as the items are applied.
    mutating func apply(_ items: [Item]) -> [Verdict] {
        items.map { item in
            let known = points[item.key]?[item.time]
            if known == item.value { return .duplicate }
            points[item.key, default: [:]][item.time] = item.value
            return known == nil ? .fresh : .corrected
        }
    }
}

extension Journal {
    func batch(_ items: [Model.Item]) -> DecodedBatch {
        var batch = DecodedBatch()
        var first = 0
        for (index, item) in items.enumerated() {
            let series = series(item.key.device, item.key.quantity)
            batch.readings.append(
                Reading(series: series, observed: Timestamp(milliseconds: item.time), value: item.value))
            let next = index + 1 < items.count ? items[index + 1] : nil
            if next?.key.device != item.key.device || next?.time != item.time {
                registry.closeRow(batch.readings[first...])
                first = batch.readings.count
            }
            batch.heard.append(Hearing(device: registry.device(named: item.key.device)!, at: noon))
        }
        return batch
    }
}

/// Everything the archive of this folder answers about readings.
func contents(_ folder: String, _ archive: Archive? = nil) throws -> [Model.Key: [Int64: Double]] {
    let archive = try archive ?? Archive(folder: folder)
    try archive.withSnapshot { _ in }
    var found: [Model.Key: [Int64: Double]] = [:]
    for (id, series) in archive.registry.series.enumerated() {
        let key = Model.Key(
            device: archive.registry.devices[series.device.index].name, quantity: series.quantity.name)
        var before = Int64.min
        try archive.forEachReading(
            of: SeriesID(rawValue: UInt32(id)), since: Timestamp(milliseconds: .min),
            until: Timestamp(milliseconds: .max)
        ) { time, value in
            #expect(time.milliseconds > before, "\(key) is not in order")
            before = time.milliseconds
            found[key, default: [:]][time.milliseconds] = value
            return true
        }
    }
    return found
}

func latest(_ folder: String) throws -> [Model.Key: [Int64: Double]] {
    var found: [Model.Key: [Int64: Double]] = [:]
    for answer in try Archive(folder: folder).latest() {
        found[Model.Key(device: answer.device, quantity: answer.quantity)] = [
            answer.observed.milliseconds: answer.value
        ]
    }
    return found
}

extension Model {
    var latest: [Key: [Int64: Double]] {
        points.mapValues { series in
            let newest = series.max { $0.key < $1.key }!
            return [newest.key: newest.value]
        }
    }
}

/// Random batches: mostly in order, some repeated, some late, some days late, some corrected.
struct Traffic {
    var random: SeededGenerator
    private var clock: Int64
    private var sent: [Model.Item] = []
    private let quantities = Quantity.all.prefix(4).map(\.name)

    init(seed: UInt64, since: Timestamp = noon) {
        random = SeededGenerator(seed: seed)
        clock = since.milliseconds
    }

    mutating func next() -> [Model.Item] {
        var items: [Model.Item] = []
        for _ in 0..<Int.random(in: 1...12, using: &random) {
            let device = "d\(Int.random(in: 0...4, using: &random))"
            clock += Int64.random(in: 0...5, using: &random) * 600_000
            let late: Int64 =
                switch Int.random(in: 0..<10, using: &random) {
                case 0: Int64.random(in: 0...20, using: &random) * 600_000
                case 1: Int64.random(in: 0...4, using: &random) * 86_400_000 + 600_000
                default: 0
                }
            let count = Int.random(in: 1...4, using: &random)
            for quantity in quantities.shuffled(using: &random).prefix(count) {
                let value =
                    [Double(Int.random(in: 0...50, using: &random)) / 10, .random(in: -1...1, using: &random), -0.0]
                    .randomElement(using: &random)!
                items.append(
                    Model.Item(
                        key: Model.Key(device: device, quantity: quantity), time: clock - late, value: value))
            }
            if !sent.isEmpty, Int.random(in: 0..<4, using: &random) == 0 {
                var again = sent.randomElement(using: &random)!
                if Bool.random(using: &random) { again.value += 1 }
                items.append(again)
            }
        }
        sent.append(contentsOf: items)
        return items
    }
}

@Suite("The store against its model")
struct SimulationTests {
    /// Commits, seals in parts, clean restarts and crashes in random order; every verdict and every answer is checked.
    @Test("answers as the model does, through seals, restarts and crashes", arguments: 0..<24 as Range<UInt64>)
    func random(seed: UInt64) throws {
        let folder = TemporaryFolder()
        var path = folder.store
        var generation = 0
        var traffic = Traffic(seed: seed)
        var model = Model()
        var journal: Journal? = try Journal.open(StoreOptions(folder: path))
        var job: SealJob?
        var written: SealedDays?
        var compactions = 0
        var reader = try Archive(folder: path)
        for step in 0..<80 {
            switch Int.random(in: 0..<24, using: &traffic.random) {
            case 0..<12:
                let items = traffic.next()
                var next = model
                let verdicts = next.apply(items)
                let commit = try journal!.commit(journal!.batch(items), received: items.count, now: noon)
                let fresh = zip(items, verdicts).filter { $0.1 == .fresh }.map {
                    Point(time: $0.0.time, bits: $0.0.value.bitPattern)
                }
                #expect(commit.turn.fresh.map { Point($0.observed, $0.value) } == fresh, "seed \(seed), step \(step)")
                #expect(commit.duplicates == verdicts.count { $0 == .duplicate })
                #expect(commit.turn.corrections.count == verdicts.count { $0 == .corrected })
                model = next
            case 12, 13:
                if job == nil { job = try journal!.beginSeal(state: [UInt8(step)], now: noon) }
            case 14, 15:
                if let job { written = try job.run() }
            case 16:
                if let days = written {
                    try journal!.finishSeal(days)
                    (job, written) = (nil, nil)
                }
            case 17:
                journal!.close()
                journal = try Journal.open(StoreOptions(folder: path))
                (job, written) = (nil, nil)
            case 18:
                generation += 1
                let copy = folder.path + "/crash-\(generation)"
                copyStore(path, to: copy)
                journal = nil
                path = copy
                journal = try Journal.open(StoreOptions(folder: path))
                reader = try Archive(folder: path)
                (job, written) = (nil, nil)
            case 19, 20:
                // Some days later, so that some days are closed and some late rows have rested.
                let later = noon + .seconds(86_400 * Int.random(in: 1...9, using: &traffic.random))
                if let job { try journal!.finishSeal(try job.run()) } else { try journal!.seal() }
                (job, written) = (nil, nil)
                for _ in 0..<3 {
                    guard let compaction = journal!.nextCompaction(now: later) else { break }
                    let compacted = try compaction.run()
                    compactions += 1
                    // Sometimes it ends before it is noted, as with a crash.
                    guard Bool.random(using: &traffic.random) else { break }
                    try journal!.finishCompaction(compacted, now: later)
                }
            default:
                let kept = try contents(path, reader)
                #expect(kept == model.points, "seed \(seed), step \(step), a reader kept open")
            }
        }
        #expect(compactions > 0)
        let found = try contents(path)
        #expect(found == model.points, "seed \(seed)")
        let newest = try latest(path)
        #expect(newest == model.latest, "seed \(seed)")
        let registry = journal!.registry
        journal!.close()
        let closed = try contents(path)
        #expect(closed == model.points, "seed \(seed), without a writer")
        let again = try Journal.open(StoreOptions(folder: path))
        #expect(again.registry.devices == registry.devices)
        #expect(again.registry.streams == registry.streams)
        #expect(
            again.registry.series.map { [$0.device.index, Int($0.quantity.index)] }
                == registry.series.map { [$0.device.index, Int($0.quantity.index)] })
    }

    // MARK: Every effect failing in turn

    /// What a gateway does in an hour, in small: each step is done or not done.
    private static let steps: [@Sendable (Journal, inout Traffic, inout Model) throws -> Void] = {
        let commit: @Sendable (Journal, inout Traffic, inout Model) throws -> Void = { journal, traffic, model in
            // The batch of a step is the same when the step is done again: the broker sends it again.
            var next = traffic
            var after = model
            let items = next.next()
            let verdicts = after.apply(items)
            let commit = try journal.commit(journal.batch(items), received: 1, now: noon)
            #expect(commit.turn.fresh.count == verdicts.count { $0 == .fresh })
            #expect(commit.turn.corrections.count == verdicts.count { $0 == .corrected })
            (traffic, model) = (next, after)
        }
        let seal: @Sendable (Journal, inout Traffic, inout Model) throws -> Void = { journal, _, _ in
            // As the gateway does it: a job that failed is run again.
            let job = try journal.beginSeal(state: [1, 2, 3], now: noon)
            let days = try again { () throws(StoreError) in try job.run() }
            try again { () throws(StoreError) in try journal.finishSeal(days) }
        }
        let record: @Sendable (Journal, inout Traffic, inout Model) throws -> Void = { journal, _, model in
            let transition = AlertTransition(
                key: AlertKey(rule: "r", subject: .device(DeviceIndex(rawValue: 0))), severity: .info,
                from: .inactive, to: .firing, at: noon, since: noon, value: nil, sentence: "s")
            try journal.record(
                [transition], channels: ["mail"], now: noon, evaluatedThrough: journal.lastJournalID)
            model.transitions += 1
        }
        let roster: @Sendable (Journal, inout Traffic, inout Model) throws -> Void = { journal, _, _ in
            try journal.saveRoster([RosterEntry(device: "silent", cadence: .seconds(60))], now: noon)
        }
        let compact: @Sendable (Journal, inout Traffic, inout Model) throws -> Void = { journal, _, _ in
            let later = noon + .seconds(86_400 * 9)
            guard let job = journal.nextCompaction(now: later) else { return }
            let days = try again { () throws(StoreError) in try job.run() }
            try again { () throws(StoreError) in try journal.finishCompaction(days, now: later) }
        }
        // A minute after what was replaced may go.
        let upkeep: @Sendable (Journal, inout Traffic, inout Model) throws -> Void = { journal, _, _ in
            _ = try journal.upkeep(now: noon + .seconds(86_400 * 9 + 100))
        }
        return [
            commit, commit, record, seal, compact, upkeep, commit, roster, commit, seal, compact, compact, upkeep,
            commit, record,
        ]
    }()

    private static func again<R>(_ body: () throws(StoreError) -> R) throws(StoreError) -> R {
        do { return try body() } catch { return try body() }
    }

    enum After: CaseIterable { case retry, crash }

    /// Runs all steps with one effect failing; returns how many effects there were.
    private func run(failing target: Int, _ after: After, seed: UInt64) throws -> Int {
        let folder = TemporaryFolder()
        let saboteur = Saboteur()
        var options = StoreOptions(folder: folder.store)
        options.effects = saboteur.hook
        let error: StoreError =
            target % 2 == 0 ? .diskFull(file: "test", detail: "test") : .ioError(file: "test", detail: "test")
        saboteur.arm(target, error)
        var traffic = Traffic(seed: seed)
        var model = Model()
        var journal = try Self.again { () throws(StoreError) in try Journal.open(options) }
        var generation = 0
        for step in Self.steps {
            do {
                try step(journal, &traffic, &model)
            } catch let thrown as StoreError {
                #expect(thrown == error)
                if after == .crash {
                    generation += 1
                    let copy = folder.path + "/crash-\(generation)"
                    copyStore(options.folder, to: copy)
                    options.folder = copy
                    journal = try Journal.open(options)
                    let found = try contents(copy)
                    #expect(found == model.points, "effect \(target): a failed step left something")
                }
                try step(journal, &traffic, &model)
            }
        }
        let count = saboteur.count
        saboteur.disarm()
        #expect(journal.counters.committed == model.points.values.reduce(0) { $0 + $1.count })
        #expect(try journal.alertStates().count == 1)
        #expect(
            try journal.core.integer("SELECT count(*) FROM outbox WHERE delivered_at IS NULL")
                == Int64(model.transitions))
        journal.close()
        journal = try Journal.open(options)
        let found = try contents(options.folder)
        #expect(found == model.points, "effect \(target)")
        let newest = try latest(options.folder)
        #expect(newest == model.latest, "effect \(target)")
        return count
    }

    @Test("whichever effect fails, what was acknowledged is there once", arguments: After.allCases)
    func everyEffect(after: After) throws {
        let count = try run(failing: .max, after, seed: 5)
        #expect(count > 300)
        for target in 0..<count { _ = try run(failing: target, after, seed: 5) }
    }

    @Test("a crash before any effect leaves the step done or not done", arguments: [3, 8] as [UInt64])
    func crashAnywhere(seed: UInt64) throws {
        let folder = TemporaryFolder()
        let copier = Copier(folder.store, folder.path)
        var options = StoreOptions(folder: folder.store)
        options.effects = copier.hook
        var traffic = Traffic(seed: seed)
        var model = Model()
        let journal = try Journal.open(options)
        for step in Self.steps {
            let before = model
            try step(journal, &traffic, &model)
            for copy in copier.take() {
                let again = try Journal.open(StoreOptions(folder: copy))
                let found = try contents(copy)
                #expect(found == before.points || found == model.points)
                again.close()
                removeTree(copy)
            }
        }
    }
}

/// Copies the store before every effect, as a crash there would leave it.
final class Copier: Sendable {
    private let from: String
    private let to: String
    private let copies = Mutex<[String]>([])

    init(_ from: String, _ to: String) {
        self.from = from
        self.to = to
    }

    var hook: EffectHook {
        { [self] effect throws(StoreError) in
            guard Folder.exists(from + "/core.db"), effect.kind == .step || effect.kind == .file else { return }
            copies.withLock { copies in
                let copy = to + "/copy-\(copies.count)"
                copyStore(from, to: copy)
                copies.append(copy)
            }
        }
    }

    func take() -> [String] {
        copies.withLock { copies in
            defer { copies = [] }
            return copies
        }
    }
}
