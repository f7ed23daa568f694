import Basics
import CMeasuring
import Glibc
import Measuring
import Telemetry
import Windows

/// Measures the windows and prints a table, each figure with its target; exits 1 when one is missed by more than a fifth.
///
/// `--callgrind` counts instructions too, by running itself under valgrind: they do not depend on the machine.
@main
enum Main {
    static func main() {
        BenchProgram("windows-bench", usage: "usage: windows-bench [--callgrind | --readings N | --summaries N]").run {
            table in
            let arguments = Array(CommandLine.arguments.dropFirst())
            let count = arguments.count == 2 ? Int(arguments[1]).flatMap { $0 >= 0 ? $0 : nil } : nil
            switch (arguments.first, count) {
            case (nil, _): try measure(countsInstructions: false, &table)
            case ("--callgrind", nil) where arguments.count == 1: try measure(countsInstructions: true, &table)
            case ("--readings", .some(let count)): run(count)
            case ("--summaries", .some(let count)): summarize(count)
            default: throw UsageError(sentence: "\(arguments.joined(separator: " ")) is not known")
            }
        }
    }

    private static func measure(countsInstructions: Bool, _ table: inout FigureTable) throws {
        print(Machine.facts(folder: "/"))
        print(FigureTable.heading)
        adding(&table)
        summaries(&table)
        memory(&table)
        restarting(&table)
        if countsInstructions { try instructions(&table) }
    }

    private static func adding(_ table: inout FigureTable) {
        for (name, seriesCount, quantities, cadence) in [
            ("a reading, 6,000 series in turn, each a minute, gauges", 6000, ["pm2_5"], 60_000),
            ("a reading, 6,000 series in turn, each a minute, all kinds", 6000, City.kinds, 60_000),
            ("a reading, 6,000 series in turn, each 10 minutes, gauges", 6000, ["pm2_5"], 600_000),
            ("a reading, one series at 10 Hz", 1, ["pm2_5"], 100),
        ] as [(String, Int, [String], Int64)] {
            var city = City(seriesCount: seriesCount, quantities: quantities, cadenceMilliseconds: cadence)
            city.turn(readings: 2_000_000)
            var nanoseconds = Times()
            let before = measuring_allocations()
            let readings = 1_000_000
            for _ in 0..<9 {
                let begin = Clocks.thread
                city.turn(readings: readings)
                nanoseconds.add((Clocks.thread - begin) * 1e9 / Double(readings))
            }
            let allocations = measuring_allocations() - before
            table.add(name, nanoseconds.median, "ns", .atMost(150))
            // The times themselves are kept, too.
            table.add("  allocations a reading", Double(allocations) / (9 * Double(readings)), "", .atMost(0.00001))
        }
    }

    private static func summaries(_ table: inout FigureTable) {
        // A reading a second: an hour has 3600, so that all windows but the shortest are estimated.
        for (name, cadence) in [("a reading a second", 1000), ("a reading a minute", 60_000)] as [(String, Int64)] {
            var city = City(seriesCount: 64, quantities: ["pm2_5"], cadenceMilliseconds: cadence)
            city.turn(readings: 64 * Int(90_000_000 / cadence))
            var microseconds = Times()
            for _ in 0..<9 {
                let begin = Clocks.thread
                for _ in 0..<20 { city.summarizeAll(afterReading: true) }
                microseconds.add((Clocks.thread - begin) * 1e6 / Double(20 * 64))
            }
            table.add("all windows of one series, \(name), after a reading", microseconds.median, "us", .atMost(5))
        }
    }

    private static func memory(_ table: inout FigureTable) {
        let before = residentBytes
        var city = City(seriesCount: 100_000, quantities: ["pm2_5"], cadenceMilliseconds: 60_000)
        city.turn(readings: 4_000_000)
        let bytes = residentBytes - before
        table.add("memory of a series with the four default windows", bytes / 100_000, "B", .atMost(4096))
        table.add("memory of 100,000 series", bytes / 1e6, "MB", .atMost(500))
    }

    private static func restarting(_ table: inout FigureTable) {
        var city = City(seriesCount: 10_000, quantities: ["pm2_5"], cadenceMilliseconds: 60_000)
        city.turn(readings: 10_000 * 1500)
        var begin = Clocks.wall
        let state = city.table.state()
        table.add("state of 10,000 series with a day of readings, to bytes", (Clocks.wall - begin) * 1000, "ms")
        table.add("  bytes of a series", Double(state.count) / 10_000, "B")
        begin = Clocks.wall
        guard
            let restored = WindowTable(
                state: state, traits: { _ in SeriesTraits(quantity: City.quantity("pm2_5"), cadence: nil) })
        else { preconditionFailure("the state is not one") }
        table.add("  and back", (Clocks.wall - begin) * 1000, "ms")
        precondition(restored.seriesCount == 10_000, "the state lost series")
    }

    /// By the difference of two runs, so that starting up does not count.
    private static func instructions(_ table: inout FigureTable) throws {
        func count(_ option: String, _ number: Int) -> Double? {
            let file = "/tmp/windows-bench.\(getpid())"
            let command =
                "valgrind --tool=callgrind --callgrind-out-file=/dev/null '\(Machine.executable)' \(option) \(number) "
                + "> \(file) 2>&1"
            guard system(command) == 0 else { return nil }
            defer { unlink(file) }
            let line = Machine.read(file).split(separator: "\n").first { $0.contains("Collected :") }
            return line?.split(separator: " ").last.flatMap { Double($0) }
        }
        guard let few = count("--readings", 100_000), let many = count("--readings", 600_000),
            let none = count("--summaries", 0), let some = count("--summaries", 2000)
        else {
            throw NoValgrind()
        }
        table.add("instructions of a reading, 6,000 series in turn, each a minute", (many - few) / 500_000, "")
        table.add("instructions of the summaries of one series", (some - none) / 2000, "")
    }

    private static func run(_ readings: Int) {
        var city = City(seriesCount: 6000, quantities: ["pm2_5"], cadenceMilliseconds: 60_000)
        city.turn(readings: readings)
    }

    private static func summarize(_ count: Int) {
        var city = City(seriesCount: 1, quantities: ["pm2_5"], cadenceMilliseconds: 1000)
        city.turn(readings: 10_000)
        for _ in 0..<count { city.summarizeAll(afterReading: true) }
    }

    private static var residentBytes: Double {
        let pages = Machine.read("/proc/self/statm").split(separator: " ").dropFirst().first
        return (pages.flatMap { Double($0) } ?? 0) * 4096
    }
}

private struct NoValgrind: Error, CustomStringConvertible {
    var description: String { "instructions are not counted: valgrind is not here, or failed" }
}
