import Detection
import Foundation
import Measuring

/// Measures the detector and prints a table, each figure with its target; exits 1 when one is missed by more than a fifth.
@main
enum Main {
    private static let usage = "usage: detect-bench [--rounds N] [--readings N] [--only light|daily|full|rules]"

    static func main() {
        var rounds = 9
        var readings = 400_000
        var only: String?
        var rest = CommandLine.arguments.dropFirst()
        while let option = rest.popFirst() {
            let value = rest.popFirst()
            switch (option, value, value.flatMap { Int($0) }) {
            case ("--rounds", _, .some(let number)) where (1...1000).contains(number): rounds = number
            case ("--readings", _, .some(let number)) where (1000...100_000_000).contains(number): readings = number
            case ("--only", .some(let name), _): only = name
            default:
                complain("\(option) \(value ?? ""): expected an option with its value\n\(usage)")
                exit(2)
            }
        }
        print(Machine.facts(folder: "."))
        print(FigureTable.heading)
        var table = FigureTable()
        let cases = DetectCase.all.filter { only == nil || $0.name == only }
        guard !cases.isEmpty else {
            complain("--only \(only ?? ""): expected light, daily, full or rules")
            exit(2)
        }
        for one in cases { one.measure(rounds: rounds, readings: readings, &table) }
        guard table.missed.isEmpty else {
            complain("missed by more than a fifth: " + table.missed.joined(separator: "; "))
            exit(1)
        }
    }

    private static func complain(_ text: String) {
        FileHandle.standardError.write(Data("detect-bench: \(text)\n".utf8))
    }
}
