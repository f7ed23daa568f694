import Contract

/// Lines of an answer, or one sentence and an exit code where they cannot be written.
func writeLines(_ lines: [String]) throws {
    do {
        try StandardStreams.write(lines.map { $0 + "\n" }.joined())
    } catch let error as NoAnswer {
        throw failure(error.description, error.exitCode)
    }
}
