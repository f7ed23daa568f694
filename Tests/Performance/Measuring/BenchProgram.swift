import Glibc

/// What is wrong with a command line.
package struct UsageError: Error {
    package var sentence: String

    package init(sentence: String) { self.sentence = sentence }
}

/// A bench as a program: what it prints and how it ends.
package struct BenchProgram {
    private let name: String
    private let usage: String

    /// `usage` follows what is wrong with a command line.
    package init(_ name: String, usage: String) {
        self.name = name
        self.usage = usage
    }

    /// Runs `body`, which fills the table. Does not return where a figure was missed by more than a fifth (exit code 1),
    /// the command line is wrong (2), or something else failed (3); each is told on standard error.
    package func run(_ body: (inout FigureTable) throws -> Void) {
        do {
            var table = FigureTable()
            try body(&table)
            if !table.missed.isEmpty {
                end("missed by more than a fifth: " + table.missed.joined(separator: "; "), 1)
            }
        } catch let error as UsageError {
            end("\(error.sentence)\n\(usage)", 2)
        } catch {
            end("\(error)", 3)
        }
    }

    private func end(_ text: String, _ code: Int32) -> Never {
        fflush(nil)
        let line = Array("\(name): \(text)\n".utf8)
        _ = write(2, line, line.count)
        exit(code)
    }
}
