import Basics
import Glibc
import Measuring
import Telemetry

/// Four years of hourly air quality of one station, public data that lies beside the repository where it is there.
enum Beijing {
    static let file = "shared/data/air/beijing_aotizhongxin_hourly.csv"
    /// The readings are of 2013 to 2017; the store takes times from 2020 on.
    static let start = Timestamp(iso8601: "2020-01-01T00:00:00Z")!
    static let quantities = [
        "pm2_5", "pm10", "so2", "no2", "co", "o3", "air_temperature", "air_pressure", "dew_point", "precipitation",
        "wind_speed",
    ]
    /// The cells of a line, without its time and the direction of the wind, which is a word.
    private static let cells = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]

    /// An hour a row, NaN where there is no value; nil where there is no file.
    static func load() -> [[Double]]? {
        var folder = [UInt8](repeating: 0, count: 4096)
        guard getcwd(&folder, folder.count) != nil else { return nil }
        var path = String(decoding: folder.prefix { $0 != 0 }, as: UTF8.self)
        while true {
            let text = Machine.read(path + "/" + file)
            if !text.isEmpty { return parse(text) }
            guard let slash = path.lastIndex(of: "/") else { return nil }
            path = String(path[..<slash])
        }
    }

    private static func parse(_ text: String) -> [[Double]] {
        text.split(whereSeparator: \.isNewline).dropFirst().map { line in
            let values = line.split(separator: ",", omittingEmptySubsequences: false)
            return cells.map { cell in
                let value = cell < values.count ? Double(values[cell]) ?? .nan : .nan
                return value.isFinite ? value : .nan
            }
        }
    }
}
