import Alerting
import Basics
import Decoding
import Fleet
import Foundation
import Measuring
import Settings
import Telemetry

/// Plays a simulated city through decoder and pipeline with the configuration that is shipped, and counts the labelled
/// faults that were found and the alerts that were about nothing; exits 1 when a figure is missed.
@main
enum Main {
    static func main() {
        BenchProgram("city-bench", usage: Options.usage).run { table in
            var options = Options()
            try options.read(Array(CommandLine.arguments.dropFirst()))
            print(Machine.facts(folder: options.root))
            let trial = try Trial(options)
            trial.run()
            print(FigureTable.heading)
            trial.report(&table)
            if options.lists { trial.list() }
        }
    }
}

struct Options {
    static let usage =
        "usage: city-bench [--root DIR] [--days N] [--devices N] [--cadence SECONDS] [--faults-per-hour X] [--seed N] [--list]"

    /// Holds Config and Devices.
    var root = "."
    var days = 20
    /// Half of them lamps, a quarter air stations, a quarter segments of a solar road.
    var devices = 80
    var cadence = 60
    var faultsPerHour = 1.5
    var seed: UInt64 = 1
    var lists = false

    mutating func read(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            func value<Value: LosslessStringConvertible>(_ isGood: (Value) -> Bool) throws -> Value {
                guard let text = rest.popFirst(), let value = Value(text), isGood(value) else {
                    throw UsageError(sentence: "\(option): a value is missing or out of range")
                }
                return value
            }
            switch option {
            case "--root": root = try value { !$0.isEmpty }
            case "--days": days = try value { (1...1000).contains($0) }
            case "--devices": devices = try value { (20...10_000).contains($0) }
            case "--cadence": cadence = try value { (1...3600).contains($0) }
            case "--faults-per-hour": faultsPerHour = try value { (0...1000).contains($0) }
            case "--seed": seed = try value { _ in true }
            case "--list": lists = true
            default: throw UsageError(sentence: "unknown option \(option)")
            }
        }
    }
}
