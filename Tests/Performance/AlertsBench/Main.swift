import Alerting
import Basics
import ConfigurationFiles
import Glibc
import Measuring
import Pipeline
import Store
import Telemetry
import Windows

/// Rehearses rules over a store of its own: 200 devices with five quantities each, a reading of them every ten minutes. Then
/// what many series and devices cost, see `Crowd`.
///
/// `alerts-bench [--only rehearsal|crowd] [--days N] [--folder DIR]`: 365 days are 52,560,000 readings. With a folder the store is kept and taken
/// again. Without the scans that `--plain` asks for a day has 86,400 of them.
@main
enum Main {
    private static let start = Timestamp(iso8601: "2025-03-01T00:00:00Z")!
    private static let quantities = [
        "pm2_5", "panel_temperature", "control_gear_temperature", "active_power", "voltage",
    ]
    .map { Quantity(named: $0)! }
    private static let devices = 200
    private static let cadence = Duration.seconds(600)

    static func main() {
        BenchProgram("alerts-bench", usage: "alerts-bench [--only rehearsal|crowd] [--days N] [--folder DIR] [--plain]")
            .run { table in
                var (days, folder, isPlain, only) = (365, "", false, "")
                var arguments = CommandLine.arguments.dropFirst()
                while let word = arguments.popFirst() {
                    switch word {
                    case "--days": days = arguments.popFirst().flatMap { Int($0) } ?? 0
                    case "--folder": folder = arguments.popFirst() ?? ""
                    case "--plain": isPlain = true
                    case "--only":
                        only = arguments.popFirst() ?? ""
                        guard ["rehearsal", "crowd"].contains(only) else {
                            throw UsageError(sentence: "--only: expected rehearsal or crowd")
                        }
                    default: throw UsageError(sentence: "\(word) is no option")
                    }
                }
                guard days > 0 else { throw UsageError(sentence: "--days: expected 1 or more") }
                print(FigureTable.heading)
                // First: its figures have the memory of the process.
                if only != "crowd" { try rehearsed(folder, days: days, isPlain: isPlain, &table) }
                if only != "rehearsal" { try Crowd.measure(&table) }
            }
    }

    private static func rehearsed(_ path: String, days: Int, isPlain: Bool, _ table: inout FigureTable) throws {
        var folder = path
        let isOwn = folder.isEmpty
        if isOwn { folder = "/tmp/alerts-bench-\(getpid())" }
        defer { if isOwn { Machine.removeTree(folder) } }
        if !Machine.isFolder(folder) { try fill(folder, days: days) }
        try rehearse(folder, days: days, isPlain: isPlain, &table)
    }

    // MARK: The store

    private static func fill(_ folder: String, days: Int) throws {
        let journal = try Journal.open(StoreOptions(folder: folder))
        defer { journal.close() }
        let lines = (0..<devices).map { "sensor-\($0),area-\($0 % 10),10m\n" }.joined()
        _ = try journal.saveRoster(
            try RosterFile.parse(csv: "device,area,cadence\n" + lines, file: "roster.csv"), at: Moment(start))
        var series: [[SeriesID]] = []
        for device in 0..<devices {
            let index = journal.registry.intern(device: "sensor-\(device)", profile: "city-sensor")!
            let row = quantities.map { journal.registry.intern(device: index, quantity: $0, channel: .none)! }
            journal.registry.closeRow(row.map { Reading(series: $0, observed: start, value: 0) }[...])
            series.append(row)
        }
        var random: UInt64 = 1
        func noise() -> Double {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(random >> 33) / Double(1 << 31) - 0.5
        }
        var air = [Double](repeating: 35, count: devices)
        var batch = DecodedBatch()
        var sealed = 0
        for step in 0..<days * 144 {
            batch.removeAll()
            let at = start + cadence * step
            let hour = Double(step % 144) / 6
            for device in 0..<devices {
                // A device is away for an hour now and then.
                if (step / 6 + device * 7) % 2003 == 0 { continue }
                let observed = at + .milliseconds(Int64(device) * 2900 + Int64(noise() * 400))
                air[device] = max(1, air[device] + noise() * 8 - (air[device] - 45) * 0.01)
                let sun = max(0, sin((hour - 6) / 12 * .pi))
                let values = [
                    air[device], 15 + 55 * sun + noise() * 12, 55 + 24 * sun + noise() * 14,
                    hour < 6 || hour > 18 ? 120 + noise() * 4 : 0,
                    236 + noise() * 24,
                ]
                for (place, value) in values.enumerated() {
                    batch.readings.append(
                        Reading(series: series[device][place], observed: observed, value: (value * 10).rounded() / 10))
                }
                batch.heard.append(Hearing(device: DeviceIndex(rawValue: UInt32(device)), at: observed))
            }
            let now = at + .milliseconds(599_900)
            _ = try journal.commit(batch, received: batch.heard.count, at: Moment(now))
            guard step % 36 == 35 else { continue }
            try journal.finishSeal(try journal.beginSeal(state: [], now: now).run())
            sealed += 1
            guard sealed % 4 == 0 else { continue }
            while let job = journal.nextCompaction(now: now) { try journal.finishCompaction(try job.run(), now: now) }
            _ = try journal.upkeep(now: now)
        }
    }

    // MARK: The rehearsal

    private static let rules = """
        rules:
        - {rule: air, threshold: {quantity: pm2_5, statistic: mean, window: 24h, above: 60, clear: 50}}
        - {rule: episode, threshold: {quantity: pm2_5, statistic: mean, window: 1h, above: 90, clear: 70, hold: 1m}}
        - {rule: panel, threshold: {quantity: panel_temperature, above: 75, clear: 70}}
        - {rule: gear, threshold: {quantity: control_gear_temperature, statistic: mean, window: 1h, above: 84, clear: 75}}
        - {rule: power, threshold: {quantity: active_power, statistic: max, window: 1h, above: 130, clear: 125}}
        - {rule: voltage, threshold: {quantity: voltage, statistic: median, window: 1h, above: 246, clear: 242}}
        - {rule: silent, absence: {}}
        """

    private static func rehearse(_ folder: String, days: Int, isPlain: Bool, _ table: inout FigureTable) throws {
        let archive = try Archive(folder: folder, threads: 1)
        let configuration = try GatewayConfiguration(yaml: "{}", file: "baotu.yaml")
        let rules = try RuleFile.parse(
            yaml: rules, file: "alerts.yaml", windows: configuration.windows.lengths(of:))
        var plan = configuration.plan
        plan.hasWatchers = false
        let pipeline = Pipeline(plan, rules: rules)
        let registry = archive.registry
        let roster = Roster(try archive.expectedDevices())
        pipeline.setRoster(roster, registry: registry)
        var book = AlertBook(rules: rules)
        book.setRoster(roster)
        let wanted = book.judgedBy(registry)
        var rehearsal = Rehearsal(pipeline, from: Moment(start), everySecond: isPlain)
        var (readings, turns, steps) = (0, 0, 0)
        let begin = Clocks.process
        try archive.forEachTurn(
            PastTurnsRequest(
                since: start, until: start + .seconds(86_400) * days, series: wanted.series, devices: wanted.devices,
                quietMax: .seconds(1800))
        ) { turn in
            readings += turn.fresh.count
            turns += 1
            rehearsal.take(turn, registry) { steps += $0.count }
        }
        let seconds = Clocks.process - begin
        table.add(
            "rehearsal: seconds of one core", seconds, "s", days == 365 && !isPlain ? .atMost(60) : .none,
            "\(days) days, \(Figure.text(Double(readings))) readings, \(turns) turns, \(rehearsal.scans) scans, \(steps) steps"
        )
        table.add("rehearsal: a reading", seconds / Double(max(1, readings)) * 1e9, "ns", .none, "\(rules.count) rules")
        table.add(
            "rehearsal: peak resident memory", Machine.peakResidentBytes / 1e6, "MB", .atMost(300),
            "the store's filling included, where it was")
    }
}
