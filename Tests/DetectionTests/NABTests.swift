import Basics
import Foundation
import Telemetry
import Testing

@testable import Detection

@Suite("Numenta Anomaly Benchmark")
struct NABTests {
    struct Corpus: CustomTestStringConvertible, Sendable {
        var folder: String
        /// Of the standard profile, by tier.
        var floors: [DetectorTier: Double]
        var testDescription: String { folder.contains("Fixtures") ? "three files" : "all files at hand" }
    }

    /// The three files of the repository, and the 31 beside it where they are.
    static let corpora: [Corpus] =
        [Corpus(folder: Samples.fixtures + "/nab", floors: [.light: 54, .daily: 54, .full: 54])]
        + (Samples.dataFolder.map {
            [Corpus(folder: $0 + "/nab", floors: [.light: 65, .daily: 66, .full: 71])]
        } ?? [])

    private static func severities(_ files: [NABFile], _ tier: DetectorTier) -> [[Int: Double]] {
        files.map { Samples.anomalies($0.times, $0.values, DetectorSettings(tier: tier)).mapValues(\.severity) }
    }

    @Test(
        "every tier scores above its floor, and the full one alerts where another implementation does",
        arguments: corpora, DetectorTier.allCases)
    func score(corpus: Corpus, tier: DetectorTier) throws {
        let files = try NABFile.load(folder: corpus.folder)
        let severities = Self.severities(files, tier)
        let score = NABScore.standard.score(files, severities)
        let (fewer, more) = (
            NABScore.lowFalsePositive.score(files, severities), NABScore.lowFalseNegative.score(files, severities)
        )
        print("NAB, \(corpus.testDescription), \(tier): standard \(score), low FP \(fewer), low FN \(more)")
        #expect(score >= corpus.floors[tier] ?? 100)
        #expect(fewer <= score && score < more)
        if tier == .full { try compare(files, severities, corpus) }
    }

    /// With the alerts of another implementation of the same text. Both are doubles, but sums may be taken in another
    /// order, and a few alerts may hang on that.
    private func compare(_ files: [NABFile], _ severities: [[Int: Double]], _ corpus: Corpus) throws {
        var expected: [String: [Int: Double]] = [:]
        for line in try String(contentsOfFile: corpus.folder + "/prototype_alerts.csv", encoding: .utf8)
            .split(separator: "\n") where !line.hasPrefix("#") && !line.hasPrefix("file,")
        {
            let fields = line.split(separator: ",")
            expected[String(fields[0]), default: [:]][try #require(Int(fields[1]))] = Double(fields[2])
        }
        var (same, different) = (0, 0)
        for (file, found) in zip(files, severities) {
            let other = expected[file.name] ?? [:]
            same += found.count { row, severity in abs((other[row] ?? 0) - severity) < 1e-4 }
            different += Set(found.keys).symmetricDifference(other.keys).count
        }
        #expect(same >= 8 && different <= 4 && same >= expected.values.reduce(0) { $0 + $1.count } - 4)
    }

    @Test("the scorer: nothing scores 0, hits at the windows' first rows nearly 100, and a false alert costs a little")
    func scorer() {
        let file = NABFile(
            name: "", times: [], values: [Double](repeating: 0, count: 1000), windows: [300...399, 700...799])
        func score(_ rows: [Int], _ profile: NABScore = .standard) -> Double {
            profile.score([file], [Dictionary(uniqueKeysWithValues: rows.map { ($0, 0.6) })])
        }
        #expect(score([]) == 0)
        #expect(score([300, 700]) == 100)
        // One of two windows missed: (1 - 1 + 2) / 4.
        #expect(abs(score([300]) - 50) < 1e-9)
        // A second alert within a window, and any in the probation of 150 rows, count nothing.
        #expect(score([300, 350, 700]) == 100 && score([10, 149, 300, 700]) == 100)
        // Before the first window a false alert costs all of its weight, just behind one nearly nothing.
        #expect(abs(score([200, 300, 700]) - (100 - 100 * 0.11 / 4)) < 1e-9)
        #expect(score([300, 400, 700]) > 99.8 && score([300, 400, 700]) < 100)
        #expect(abs(score([200, 300, 700], .lowFalsePositive) - (100 - 100 * 0.22 / 4)) < 1e-9)
        // Missed windows weigh double, and so does the span: (1 - 2 + 4) / 6.
        #expect(abs(score([300], .lowFalseNegative) - 50) < 1e-9)
        // The best threshold leaves the false alert out.
        let graded = [300: 0.9, 700: 0.9, 200: 0.55]
        #expect(NABScore.standard.score([file], [graded]) == 100)
    }
}
