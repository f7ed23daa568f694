import Basics
import Glibc
import Measuring
import Store
import Telemetry

/// What the command line asks for.
struct BenchOptions {
    /// Groups of figures, in the order in which they are measured.
    static let names = [
        "ingest", "bytes", "rollups", "latest", "series", "city", "scan", "memory", "drop", "beijing", "backlog",
        "replay",
    ]

    var days = 31
    var replayReadings = 10_000_000
    /// Empty for a new folder beside the executable.
    var folder = ""
    var keeps = false
    var only = Set(names)

    static let usage = """
        usage: store-bench [--tenth] [--folder DIR] [--keep] [--only NAME,...]
          --tenth    3 days instead of 31, a tenth of the journal to replay
          --folder   where the store is made; one that --keep left there is measured again
          --keep     leaves the files
          --only     of \(names.joined(separator: ", "))
        """

    init(_ arguments: [String]) throws(UsageError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--tenth": (days, replayReadings) = (3, 1_000_000)
            case "--keep": keeps = true
            case "--folder":
                guard let value = rest.popFirst() else { throw UsageError(sentence: "--folder needs a folder") }
                folder = value
            case "--only":
                only = Set((rest.popFirst() ?? "").split(separator: ",").map(String.init))
                guard !only.isEmpty, only.isSubset(of: Self.names) else {
                    throw UsageError(sentence: "--only takes \(Self.names.joined(separator: ", "))")
                }
            default: throw UsageError(sentence: "\(argument) is not known")
            }
        }
    }
}

/// Fills a store as a city would, asks it what people ask, and compares what that took with the targets.
struct Bench {
    let options: BenchOptions
    let folder: String
    var table = FigureTable()

    var store: String { folder + "/fleet" }
    /// After the last minute that is sealed and compacted: what came later waits in the journal.
    var end: Timestamp { Fleet.time(ofMinute: options.days * Fleet.minutesPerDay) }
    /// The first and the last of the days that are closed.
    var days: Range<Int> { 0..<options.days }

    private func wants(_ name: String) -> Bool { options.only.contains(name) }

    mutating func run() throws {
        if Machine.isFolder(store) {
            print("The store that is there is measured again; how it was filled is not.")
        } else if !options.only.isDisjoint(with: Set(BenchOptions.names).subtracting(["beijing", "backlog", "replay"]))
        {
            try ingest()
        }
        if wants("bytes") { bytes() }
        if wants("rollups") { rollups() }
        if wants("latest") { try latest() }
        if wants("series") { try series() }
        if wants("city") { try city() }
        if wants("scan") { try scan() }
        if wants("memory") { memory() }
        if wants("drop") { try dropDays() }
        if wants("beijing") { try beijing() }
        if wants("backlog") { try backlog() }
        if wants("replay") { try replay() }
    }

    // MARK: Filling the store

    static let readingsPerCommit = 1000

    /// Flat out: the next batch is committed as soon as the one before is.
    private mutating func ingest() throws {
        let turns = try Turns(StoreOptions(folder: store))
        var fleet = Fleet(registry: &turns.journal.registry)
        var batch = DecodedBatch()
        let devicesPerCommit = Self.readingsPerCommit / Fleet.columns
        var (generatorCPU, generatorWall) = (0.0, 0.0)
        let (beginCPU, beginWall) = (Clocks.process, Clocks.wall)
        for minute in 0..<options.days * Fleet.minutesPerDay {
            for first in stride(from: 0, to: Fleet.devices, by: devicesPerCommit) {
                let (cpu, wall) = (Clocks.thread, Clocks.wall)
                let now = fleet.fill(&batch, minute: minute, devices: first..<first + devicesPerCommit)
                generatorCPU += Clocks.thread - cpu
                generatorWall += Clocks.wall - wall
                try turns.turn(batch, now: now)
            }
        }
        try turns.finish(now: end + .seconds(7 * 3600))
        let cpu = Clocks.process - beginCPU - generatorCPU
        let wall = Clocks.wall - beginWall - generatorWall
        let readings = Double(turns.readings)
        let size = "\(options.days) days, \(Figure.text(readings)) readings"
        table.add(
            "ingest: readings per CPU second, all threads", readings / cpu, "1/s", .atLeast(400_000),
            "\(size), \(turns.seals) seals, \(turns.compactions) compactions")
        table.add(
            "ingest: readings per second of the wall", readings / wall, "1/s", .none,
            "generator left out: \(fixed(generatorCPU / readings * 1e9, 0)) ns a reading")
        let busy = turns.busyCommits
        let share = Double(busy.count) / Double(busy.count + turns.quietCommits.count) * 100
        let note = "\(Figure.text(Double(busy.count))) commits flat out beside a job, \(fixed(share, 0)) % of all"
        table.add("commit beside seals and compactions, p50", busy.median * 1e3, "ms", .atMost(5), note)
        table.add(
            "commit beside seals and compactions, p99", busy.quantile(0.99) * 1e3, "ms", .atMost(60),
            "longest \(fixed(busy.max * 1e3, 0)) ms")
        let quiet = turns.quietCommits
        table.add(
            "commit while no job runs, p50", quiet.median * 1e3, "ms", .none,
            "p99 \(fixed(quiet.quantile(0.99) * 1e3, 1)) ms")
        table.add(
            "beginning and ending a job on the committing thread, p99", turns.housekeeping.quantile(0.99) * 1e3, "ms",
            .none,
            "p50 \(fixed(turns.housekeeping.median * 1e3, 1)) ms, longest \(fixed(turns.housekeeping.max * 1e3, 0)) ms")
        turns.journal.close()
    }

    // MARK: Bytes

    private mutating func bytes() {
        let names = Machine.names(in: store + "/raw").filter { $0.hasSuffix(".db") }
        let bytes = names.reduce(0) { $0 + Machine.size(of: store + "/raw/" + $1) }
        let readings = Double(options.days * Fleet.readingsPerDay)
        table.add(
            "bytes of a reading in the files of raw readings", Double(bytes) / readings, "B", .atMost(0.80),
            "\(names.count) files, \(fixed(Double(bytes) / 1e6, 1)) MB")
    }

    private mutating func rollups() {
        let names = Machine.names(in: store).filter { $0.hasPrefix("rollup-") && $0.hasSuffix(".db") }
        let size = names.reduce(0) { $0 + Machine.size(of: store + "/" + $1) }
        var sums: [String: Double] = [:]
        for name in names { sums.merge(tableBytes(store + "/" + name, tables: ["r1h", "r1d"])) { $0 + $1 } }
        let seriesDays = Double(Fleet.readingsPerMinute * options.days)
        table.add(
            "rollups: bytes of a series and hour, stored hours", (sums["r1h"] ?? 0) / seriesDays / 24, "B",
            .atMost(6.5), "\(fixed(sums["r1h"] ?? 0, 0)) of \(size) bytes")
        table.add(
            "rollups: the daily histograms beside them, by series and hour", (sums["r1d"] ?? 0) / seriesDays / 24, "B",
            .none, "\(fixed((sums["r1d"] ?? 0) / seriesDays, 0)) B a series and day")
    }

    // MARK: Memory

    private mutating func memory() {
        table.add(
            "resident memory, peak of all above", Machine.peakResidentBytes / 1e6, "MB", .atMost(300),
            "this program's own included")
    }

    // MARK: Retention

    /// The step that gives a day up, and the one that unlinks its file a minute later.
    private mutating func dropDays() throws {
        let now = end + .seconds(8 * 3600)
        var times = Times()
        for day in 0..<min(5, options.days - 1) {
            var options = StoreOptions(folder: store)
            options.retention.raw = now - Fleet.time(ofMinute: (day + 1) * Fleet.minutesPerDay)
            let journal = try Journal.open(options)
            let begin = Clocks.wall
            let report = try journal.upkeep(now: now)
            _ = try journal.upkeep(now: now + .seconds(61))
            times.add(Clocks.wall - begin)
            journal.close()
            precondition(report.gaveUp.count == 1, "store-bench: \(report.gaveUp.count) files were given up, not one")
        }
        table.add(
            "dropping a day of \(Figure.text(Double(Fleet.readingsPerDay))) readings, p50", times.median * 1e3, "ms",
            .atMost(5), "both steps, \(times.count) days")
    }

    // MARK: Real readings

    private mutating func beijing() throws {
        guard let rows = Beijing.load() else {
            print("bytes of Beijing's air quality: left out, \(Beijing.file) is nowhere above this folder")
            return
        }
        let path = folder + "/beijing"
        let turns = try Turns(StoreOptions(folder: path))
        var batch = DecodedBatch()
        var series: [SeriesID] = []
        let device = turns.journal.registry.intern(device: "aotizhongxin", profile: "air-station")!
        for quantity in Beijing.quantities {
            series.append(
                turns.journal.registry.intern(device: device, quantity: Quantity(named: quantity)!, channel: .none)!)
        }
        var now = Beijing.start
        for (hour, row) in rows.enumerated() {
            let observed = Beijing.start + .seconds(hour * 3600)
            let first = batch.readings.count
            for (column, value) in row.enumerated() where !value.isNaN {
                batch.readings.append(Reading(series: series[column], observed: observed, value: value))
            }
            turns.journal.registry.closeRow(batch.readings[first...])
            batch.heard.append(Hearing(device: device, at: observed))
            // A day at a time: a commit for each of 35,064 hours would measure the disk's patience.
            guard hour % 24 == 23 || hour == rows.count - 1 else { continue }
            now = observed
            try turns.turn(batch, now: now)
            batch.removeAll()
        }
        try turns.finish(now: now + .seconds(40 * 3600))
        turns.journal.close()
        let names = Machine.names(in: path + "/raw").filter { $0.hasSuffix(".db") }
        let bytes = names.reduce(0) { $0 + Machine.size(of: path + "/raw/" + $1) }
        table.add(
            "bytes of a reading of Beijing's air quality, in files", Double(bytes) / Double(turns.readings), "B",
            .atMost(0.80), "\(Figure.text(Double(turns.readings))) readings, \(names.count) files, \(bytes) bytes")
    }
}
