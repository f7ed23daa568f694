import Basics
import Foundation
import Telemetry

@testable import Detection

/// Files that the tests run on.
enum Samples {
    /// The folder of public data sets beside the checkout, or beside a folder above it, if it is there.
    static let dataFolder: String? = {
        var folder = URL(filePath: #filePath).standardizedFileURL
        while folder.pathComponents.count > 1 {
            folder = folder.deletingLastPathComponent()
            let candidate = folder.appending(path: "shared/data").path(percentEncoded: false)
            if FileManager.default.fileExists(atPath: candidate) { return candidate }
        }
        return nil
    }()

    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        .path(percentEncoded: false)

    static let series = SeriesID(rawValue: 0)

    /// What is told of the values, by row.
    static func anomalies(
        _ times: [Timestamp], _ values: [Double], _ settings: DetectorSettings
    ) -> [Int: Anomaly] {
        var table = DetectorTable()
        table.watch(series, settings)
        var found: [Int: Anomaly] = [:]
        for row in values.indices {
            found[row] = table.addInOrder(Reading(series: series, observed: times[row], value: values[row]))
        }
        return found
    }
}
