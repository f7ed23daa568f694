import Glibc
import Measuring
import Store

/// Measures the store and prints a table, each figure with its target; exits 1 when one is missed by more than a fifth.
@main
enum Main {
    static func main() {
        BenchProgram("store-bench", usage: BenchOptions.usage).run { table in
            let arguments = Array(CommandLine.arguments.dropFirst())
            if arguments.first == "--step", arguments.count == 4 {
                return try step(arguments[1], arguments[2], readings: Int(arguments[3]) ?? 0)
            }
            try run(try BenchOptions(arguments), &table)
        }
    }

    private static func step(_ name: String, _ folder: String, readings: Int) throws {
        switch name {
        case "fill": try Replay.fill(folder, readings: readings)
        case "open": try Replay.open(folder)
        case "seal": try Replay.seal(folder)
        default: throw UsageError(sentence: "\(name) is no step")
        }
    }

    private static func run(_ options: BenchOptions, _ table: inout FigureTable) throws {
        let isOwn = options.folder.isEmpty
        let executable = Machine.executable
        let beside = executable.lastIndex(of: "/").map { String(executable[..<$0]) } ?? "."
        let folder = isOwn ? "\(beside)/store-bench-\(getpid())" : options.folder
        mkdir(folder, 0o750)
        defer {
            if !options.keeps {
                for name in ["fleet", "beijing", "replay"] { Machine.removeTree(folder + "/" + name) }
                rmdir(folder)
            }
        }
        print(Machine.facts(folder: folder))
        print("4 kB appended and synced take \(fixed(Machine.syncSeconds(in: folder) * 1e3, 2)) ms (p50)")
        print(FigureTable.heading)
        var bench = Bench(options: options, folder: folder)
        try bench.run()
        table = bench.table
        if options.keeps { print("left in \(folder)") }
    }
}
