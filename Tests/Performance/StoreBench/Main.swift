import Measuring
import Glibc
import Store

/// Measures the store and prints a table, each figure with its target; exits 1 when one is missed by more than a fifth.
@main
enum Main {
    static func main() {
        do {
            let arguments = Array(CommandLine.arguments.dropFirst())
            if arguments.first == "--step", arguments.count == 4 {
                return try step(arguments[1], arguments[2], readings: Int(arguments[3]) ?? 0)
            }
            try run(try BenchOptions(arguments))
        } catch let error as UsageError {
            complain("\(error.sentence)\n\(BenchOptions.usage)")
            exit(2)
        } catch {
            complain("\(error)")
            exit(3)
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

    private static func run(_ options: BenchOptions) throws {
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
        if options.keeps { print("left in \(folder)") }
        guard bench.table.missed.isEmpty else {
            complain("missed by more than a fifth: " + bench.table.missed.joined(separator: "; "))
            if !options.keeps {
                for name in ["fleet", "beijing", "replay"] { Machine.removeTree(folder + "/" + name) }
                rmdir(folder)
            }
            exit(1)
        }
    }

    private static func complain(_ text: String) {
        let line = Array("store-bench: \(text)\n".utf8)
        _ = write(2, line, line.count)
    }
}
