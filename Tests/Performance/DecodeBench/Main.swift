import Basics
import Decoding
import Foundation
import Measuring
import Profiles
import Settings
import Telemetry

/// Measures the decoder and prints a table, each figure with its target; exits 1 when one is missed by more than a fifth.
@main
enum Main {
    static func main() {
        BenchProgram("decode-bench", usage: Options.usage).run { table in
            var options = Options()
            try options.read(Array(CommandLine.arguments.dropFirst()))
            print(Machine.facts(folder: options.devices))
            print(FigureTable.heading)
            let sources = try SettingFiles.paths(named: "profile.yaml", under: options.devices).map {
                ProfileSource(path: $0, text: try SettingFiles.text(of: $0))
            }
            let catalog = try DeviceCatalog.compile(sources)
            for family in Family.all { family.measure(catalog, pairs: options.pairs, &table) }
            try Loading.measure(sources, &table)
        }
    }
}

struct Options {
    static let usage = "usage: decode-bench [--devices DIR] [--pairs N]"

    var devices = "Devices"
    var pairs = 9

    mutating func read(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            guard let value = rest.popFirst() else { throw UsageError(sentence: "\(option) needs a value") }
            func number(_ range: ClosedRange<Int>) throws -> Int {
                guard let number = Int(value), range.contains(number) else {
                    throw UsageError(
                        sentence: "\(option) \(value): expected \(range.lowerBound) to \(range.upperBound)")
                }
                return number
            }
            switch option {
            case "--devices": devices = value
            case "--pairs": pairs = try number(1...1000)
            default: throw UsageError(sentence: "\(option) is no option")
            }
        }
    }
}
