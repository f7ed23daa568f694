import Foundation

@testable import City

/// A table of test vectors, with its source in its comment lines.
func fixture(_ name: String) throws -> FactTable {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)")
    return try FactTable(Array(Data(contentsOf: file)), name)
}
