import Basics
package import Contract
import Interchange
package import Telemetry

extension ImportOrder {
    /// Reads the body, has its readings committed, and joins what either refused. Throws `.wrong` for text that does not
    /// read at all.
    package func commit(
        by commit: (NamedReadings) async throws(Refusal) -> ImportReceipt
    ) async throws(Refusal) -> ImportReceipt {
        let (readings, refused) = try readings()
        var receipt = readings.isEmpty ? ImportReceipt() : try await commit(readings)
        receipt.add(refused)
        return receipt
    }

    private func readings() throws(Refusal) -> (NamedReadings, ImportReceipt) {
        var reader = ReadingReader(InterchangeFormat(format), file: "body")
        var readings = NamedReadings()
        body.withUnsafeBytes { reader.take($0) }
        reader.takeEnd()
        do throws(Mistake) {
            guard try !reader.read(into: &readings, readingsMax: Self.readingsMax + 1) else {
                throw Mistake(
                    file: "body", line: nil, key: "", value: nil,
                    expected: "expected at most \(Self.readingsMax) readings")
            }
        } catch {
            throw .wrong(error.description)
        }
        var receipt = ImportReceipt()
        receipt.refused = reader.report.refused
        receipt.refusals = reader.takeRefusals().map { ImportReceipt.Refusal(line: $0.line, sentence: $0.sentence) }
        receipt.refusals += reader.unknownWords.map {
            ImportReceipt.Refusal(line: 0, sentence: "'\($0.word)' is not a quantity")
        }
        return (readings, receipt)
    }
}

extension ImportReceipt {
    /// What was refused before the readings were committed.
    fileprivate mutating func add(_ other: ImportReceipt) {
        refused += other.refused
        refusals = Array((other.refusals + refusals).prefix(Self.refusalsMax))
    }
}
