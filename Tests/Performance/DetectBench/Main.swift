import Detection
import Foundation
import Measuring

/// Measures the detector and prints a table, each figure with its target; exits 1 when one is missed by more than a fifth.
@main
enum Main {
    static func main() {
        BenchProgram(
            "detect-bench", usage: "usage: detect-bench [--rounds N] [--readings N] [--only light|daily|full|rules]"
        ).run { table in
            var rounds = 9
            var readings = 400_000
            var cases = DetectCase.all
            var rest = CommandLine.arguments.dropFirst()
            while let option = rest.popFirst() {
                let value = rest.popFirst()
                switch (option, value, value.flatMap { Int($0) }) {
                case ("--rounds", _, .some(let number)) where (1...1000).contains(number): rounds = number
                case ("--readings", _, .some(let number)) where (1000...100_000_000).contains(number):
                    readings = number
                case ("--only", .some(let name), _) where cases.contains { $0.name == name }:
                    cases.removeAll { $0.name != name }
                default: throw UsageError(sentence: "\(option) \(value ?? "") is no option with its value")
                }
            }
            print(Machine.facts(folder: "."))
            print(FigureTable.heading)
            for one in cases { one.measure(rounds: rounds, readings: readings, &table) }
        }
    }
}
