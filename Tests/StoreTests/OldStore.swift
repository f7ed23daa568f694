import Foundation
import Testing

@testable import Store

/// Makes `folder.store` from an archive in `Fixtures`.
func unpack(_ name: String, in folder: TemporaryFolder) throws {
    let archive = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name).tar.gz").path
    let tar = Process()
    tar.executableURL = URL(filePath: "/bin/tar")
    tar.arguments = ["-xzf", archive, "-C", folder.path]
    try tar.run()
    tar.waitUntilExit()
}

/// A store as an earlier version of core.db left it. `expected.csv` holds what it was given: device, quantity,
/// milliseconds, bits of the value.
///
/// 1: 20 commits in small files of seven days, seven in the journal, an alert, a roster. 6: half hours of a week around a
/// change of Berlin's clock, in a sealed file of four days with late readings and corrections beside it, small files of
/// the others, rollups of both kinds, ten rows in the journal; no key counts from 1970.
struct OldStore {
    let folder = TemporaryFolder()
    var expected: [Model.Key: [Int64: Double]] = [:]

    init(_ version: Int) throws {
        try unpack("store-v\(version)", in: folder)
        for line in String(decoding: readFile(folder.path + "/expected.csv"), as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: ",")
            let key = Model.Key(device: String(fields[0]), quantity: String(fields[1]))
            expected[key, default: [:]][Int64(fields[2])!] = Double(bitPattern: UInt64(fields[3])!)
        }
        try #require(expected.values.reduce(0) { $0 + $1.count } == [1: 491, 6: 560][version])
    }
}
