import Telemetry

/// Which windows are kept for every series, and how finely each is cut into panes.
public struct WindowPlan: Equatable, Sendable {
    public struct Window: Equatable, Sendable {
        public let length: Duration
        /// The window slides in steps of one pane; its youngest pane is filling.
        public let paneCount: Int
        public var paneMilliseconds: Int64 { length.milliseconds / Int64(paneCount) }

        /// A window of whole panes. A whole number of days is cut by the hour (24 panes a day at most 7 days), any
        /// other length into 20 panes.
        public init(length: Duration) {
            let hours = length.milliseconds / 3_600_000
            let isWholeDays = length.milliseconds % 86_400_000 == 0 && hours <= 168
            self.init(length: length, paneCount: isWholeDays ? Int(hours) : 20)
        }

        public init(length: Duration, paneCount: Int) {
            precondition(
                Self.isPossible(milliseconds: length.milliseconds, paneCount: Int64(paneCount)),
                "windows: a window of \(length) cannot have \(paneCount) panes of whole milliseconds, at least 1 s")
            self.length = length
            self.paneCount = paneCount
        }

        /// Panes are whole milliseconds and at least a second long, at most 32,767 of them, and 400 days in all.
        public static func isPossible(milliseconds: Int64, paneCount: Int64) -> Bool {
            (1...32_767).contains(paneCount) && milliseconds >= 1000 * paneCount && milliseconds % paneCount == 0
                && milliseconds <= 400 * 86_400_000
        }
    }

    /// Shortest first.
    public let windows: [Window]
    /// How many of the samples last heard are kept for exact quantiles.
    public let samplesKept: Int
    let panesPerSeries: Int

    public static let windowsMax = 8

    /// At most `windowsMax` windows of different lengths.
    public init(_ windows: [Window], samplesKept: Int = 64) {
        precondition(
            (1...Self.windowsMax).contains(windows.count) && Set(windows.map(\.length)).count == windows.count,
            "windows: 1 to \(Self.windowsMax) windows of different lengths, not \(windows.map(\.length))")
        self.windows = windows.sorted { $0.length < $1.length }
        self.samplesKept = samplesKept
        panesPerSeries = windows.reduce(0) { $0 + $1.paneCount }
    }

    /// Five minutes in 15 s, an hour in 3 min, a day in hours: 64 panes or 4 KiB a series, and 1 KiB of samples.
    public static let standard = WindowPlan([5, 60, 1440].map { Window(length: .seconds($0 * 60)) })

    public func index(of length: Duration) -> Int? { windows.firstIndex { $0.length == length } }
}
