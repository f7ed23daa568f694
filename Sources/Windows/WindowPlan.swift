import Basics
public import Telemetry

/// Which windows are kept for a quantity, and how finely each is cut into panes.
///
/// Windows with panes of one length share a ring: eight hours and a day, both by the hour, cost what the day costs.
public struct WindowPlan: Equatable, Sendable {
    /// How far a window reaches back, and how many panes it has.
    public struct Window: Hashable, Sendable {
        /// At most `lengthMax`.
        public let length: Duration
        /// The window slides in steps of one pane; its youngest pane is filling.
        public let paneCount: Int
        /// Whole milliseconds, at least 1000.
        public var paneMilliseconds: Int64 { length.milliseconds / Int64(paneCount) }

        /// The lengths of pane that people know, in seconds. Windows meet on them and share rings.
        private static let ladder: [Int64] = [
            1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
        ]
        /// Panes when the device's cadence does not matter: at least so many, so that a window slides by an eighth.
        private static let paneCountMin = 8
        /// However slow the device.
        private static let paneCountLeast = 4
        /// One bit of a word says whether a pane holds something.
        public static let paneCountMax = 64
        /// 31 days: no window reaches back further.
        public static let lengthMax = Duration.seconds(31 * 86_400)

        /// A window cut by the longest pane of `ladder` that divides it into 8 to 64; a day by the hour. nil where none
        /// does.
        public init?(length: Duration) {
            let seconds = length.milliseconds / 1000
            // A day in three-hour panes would slide too coarsely for the daily means of air quality.
            let least = seconds >= 86_400 ? 24 : Int64(Self.paneCountMin)
            func pane(_ range: ClosedRange<Int64>) -> Int64? {
                Self.ladder.last { seconds % $0 == 0 && range.contains(seconds / $0) }
            }
            guard length.milliseconds % 1000 == 0,
                let pane = pane(least...Int64(Self.paneCountMax))
                    ?? pane(Int64(Self.paneCountMin)...Int64(Self.paneCountMax)),
                Self.isPossible(milliseconds: length.milliseconds, paneCount: seconds / pane)
            else { return nil }
            self.init(length: length, paneCount: Int(seconds / pane))
        }

        /// What is not `isPossible` stops the program.
        public init(length: Duration, paneCount: Int) {
            precondition(
                Self.isPossible(milliseconds: length.milliseconds, paneCount: Int64(paneCount)),
                "windows: a window of \(length) cannot have \(paneCount) panes of whole milliseconds, at least 1 s")
            self.length = length
            self.paneCount = paneCount
        }

        /// Panes are whole milliseconds and at least a second long, at most 64 of them, and 31 days in all.
        public static func isPossible(milliseconds: Int64, paneCount: Int64) -> Bool {
            (1...Int64(paneCountMax)).contains(paneCount) && milliseconds >= 1000 * paneCount
                && milliseconds % paneCount == 0 && milliseconds <= lengthMax.milliseconds
        }

        /// The window with panes as coarse as a device of this cadence lets be: no shorter than the cadence, unless that
        /// left fewer than four. Nothing is gained by panes of which most are always empty.
        func adapted(to cadence: Duration?) -> Window {
            guard let cadence else { return self }
            let own = paneMilliseconds
            let length = length.milliseconds
            let pane = Self.ladder.map { $0 * 1000 }.last {
                $0 > own && $0 <= cadence.milliseconds && $0 % own == 0 && length % $0 == 0
                    && length / $0 >= Int64(Self.paneCountLeast)
            }
            return pane.map { Window(length: self.length, paneCount: Int(length / $0)) } ?? self
        }
    }

    /// Of quantities that `quantities` does not name; shortest first.
    public let windows: [Window]
    /// Quantities with windows of their own; shortest first.
    public let quantities: [Quantity: [Window]]

    /// How many of the samples last heard are kept of each series, for exact quantiles and for the neighbours of samples
    /// out of order.
    public static let samplesKept = 34
    /// Of one quantity.
    public static let windowsMax = 8

    /// Each list holds at most `windowsMax` windows of different lengths.
    public init(_ windows: [Window], quantities: [Quantity: [Window]] = [:]) {
        for list in [windows] + quantities.values {
            precondition(
                Self.isPossible(list),
                "windows: 1 to \(Self.windowsMax) windows of different lengths, not \(list.map(\.length))")
        }
        self.windows = Self.sorted(windows)
        self.quantities = quantities.mapValues(Self.sorted)
    }

    static func isPossible(_ list: [Window]) -> Bool {
        (1...windowsMax).contains(list.count) && Set(list.map(\.length)).count == list.count
    }

    private static func sorted(_ list: [Window]) -> [Window] { list.sorted { $0.length < $1.length } }

    /// Five minutes in 30 s, an hour in 5 min, eight hours and a day in hours: 46 panes.
    public static let standard = WindowPlan([
        Window(length: .seconds(300), paneCount: 10), Window(length: .seconds(3600), paneCount: 12),
        Window(length: .seconds(8 * 3600), paneCount: 8), Window(length: .seconds(86_400), paneCount: 24),
    ])

    /// Memory that a series takes for windows of a quantity that has none of its own, in bytes.
    public var seriesBytes: Int { Self.bytes(of: windows) }

    static func bytes(of windows: [Window]) -> Int {
        let layout = Layout(windows)
        defer { layout.deallocate() }
        return layout.hotBytes + layout.coldBytes
    }

    /// Shortest first; before a device's cadence makes panes coarser.
    public func windows(of quantity: Quantity) -> [Window] { quantities[quantity] ?? windows }

    /// Of the quantity of this name; of nil those of any quantity. Shortest first, each once.
    public func lengths(asked name: String?) -> [Duration] {
        if let quantity = name.flatMap({ Quantity(named: $0) }) { return lengths(of: quantity) }
        return Set((windows + quantities.values.joined()).map(\.length)).sorted()
    }

    /// Of nil those of the quantities that have none of their own.
    public func lengths(of quantity: Quantity?) -> [Duration] {
        (quantity.map { windows(of: $0) } ?? windows).map(\.length)
    }
}
