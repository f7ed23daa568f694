import ArgumentParser
import Basics
import ConfigurationFiles
import Settings
import Telemetry

extension RulesCommand {
    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "test",
            abstract: "Plays readings to rules and compares what they raise with what is expected.",
            discussion: """
                A file of tests names the rules and says what devices tell and what is to come of it:
                  rules: alerts.yaml            # beside this file; or configuration: baotu.yaml, for its windows too
                  roster: |                     # for absence, areas and circuits; or the file of a roster
                    device,area,cadence
                    lamp-1,Lixia,1m
                  tests:
                  - name: a lamp that gets hot
                    start: 2026-01-10T20:00:00+08:00   # left out: 2026-01-01T00:00:00Z
                    every: 1m                          # between readings
                    series:
                    - {device: lamp-1, quantity: control_gear_temperature, values: "70 80x10 90x9 60x9"}
                    - {device: lamp-1, link: "online _x9 offline"}
                    expect:
                    - {after: 17m, rule: control-gear-hot, device: lamp-1, to: firing}
                Values: 80x10 is 80 ten times, _ no reading, 20+5x4 is 20 25 30 35 40. A step is about a device (and its \
                quantity and channel), a circuit, an area, or about: gateway; to: firing, resolved, unknown, or the silent \
                pending and inactive. What people are told and is not expected fails too, unless only: names other rules.
                Exit codes: 0 all as expected; 1 not so, or mistakes in a file.
                """)

        @Argument(help: "Files of tests.", completion: .file(extensions: ["yaml"]))
        var files: [String]

        @Option(help: "table, json or csv.")
        var format: OutputFormat = .table

        func run() async throws {
            let answers = try ProfileFiles.reporting { try load().map(Answer.init) }
            try ProfileFiles.reporting { try print(answers) }
            if !answers.flatMap(\.tests).allSatisfy(\.isPassed) { throw ExitCode(1) }
        }

        /// The mistakes of all files are told before any test is run.
        private func load() throws(Mistakes) -> [RuleTestFile] {
            var (read, mistakes): ([RuleTestFile], [Mistake]) = ([], [])
            for file in files {
                do throws(Mistakes) { read.append(try RuleTestFile.load(file)) } catch { mistakes += error.list }
            }
            guard mistakes.isEmpty else { throw Mistakes(mistakes) }
            return read
        }

        private func print(_ answers: [Answer]) throws {
            let output = Output(format: format)
            let columns: [TextTable.Column] = [
                .init("", key: "result"), .init("after", .right, key: "after_seconds"), .init("expected"), .init("got"),
                .init("rule"), .init("subject"),
            ]
            guard output.isForPeople else {
                let rows = answers.flatMap { answer in
                    answer.tests.flatMap { test in
                        test.steps.map { [answer.file, test.name] + cells($0, output) }
                    }
                }
                return try output.print(
                    answers, columns: [.init("file"), .init("test")] + columns, rows: rows, empty: "")
            }
            for answer in answers {
                for test in answer.tests {
                    try output.write("\(test.isPassed ? "ok  " : "FAIL") \(printable(test.name))")
                    guard !test.steps.isEmpty else { continue }
                    var table = TextTable(columns)
                    for step in test.steps { table.append(cells(step, output)) }
                    try output.write(table.lines().map { "  " + $0 }.joined(separator: "\n"))
                }
                let failed = answer.tests.count { !$0.isPassed }
                let count = answer.tests.count == 1 ? "1 test" : "\(answer.tests.count) tests"
                try output.write(
                    "\(printable(answer.file)): \(count), \(failed == 0 ? "all as expected" : "\(failed) failed")")
            }
        }

        private func cells(_ step: RuleTestRun.Step, _ output: Output) -> [String] {
            func span(_ seconds: Double) -> String {
                output.isForPeople ? Duration.milliseconds(Int64(seconds * 1000)).shortForm : "\(seconds)"
            }
            var got = step.got ?? (output.isForPeople ? "nothing" : "")
            if output.isForPeople, let after = step.gotAfterSeconds, after != step.afterSeconds {
                got += " after \(span(after))"
            }
            let about = [output.text(step.name), step.quantity ?? "", output.text(step.channel)].filter { !$0.isEmpty }
            return [
                step.isPassed ? (output.isForPeople ? "" : "ok") : "FAIL", span(step.afterSeconds),
                step.expected ?? (output.isForPeople ? "nothing" : ""), got, output.text(step.rule),
                about.isEmpty ? step.subject : about.joined(separator: " "),
            ]
        }

        /// What programs get of a file.
        private struct Answer: Encodable {
            var file: String
            var tests: [RuleTestRun]

            init(_ file: RuleTestFile) {
                self.file = file.file
                tests = file.tests.map { RuleTestRun($0, of: file) }
            }
        }
    }
}
