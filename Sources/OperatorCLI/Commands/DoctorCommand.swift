import ArgumentParser
import Contract

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "What can lose messages or mislead people although the process is up, each with the mend.")

    @OptionGroup var options: AskOptions

    func run() async throws {
        let output = options.output
        try await options.ask { source in
            let findings = try await source.answer(DoctorRequest())
            // A mend is a sentence too long for a column of its own: people get it below its finding.
            let columns: [TextTable.Column] = [.init("level"), .init("check"), .init("finding")]
            try output.print(
                findings, columns: columns + (output.isForPeople ? [] : [.init("mend")]),
                rows: findings.flatMap { finding in
                    let row = [finding.level.rawValue, finding.check, output.text(finding.finding)]
                    guard output.isForPeople else { return [row + [finding.mend ?? ""]] }
                    return [row] + (finding.mend.map { [["", "", "mend: \(output.text($0))"]] } ?? [])
                }, empty: "no findings")
            if findings.contains(where: { $0.level == .bad }) { throw ExitCode(2) }
        }
    }
}
