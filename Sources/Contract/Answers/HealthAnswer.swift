public import Basics

/// How devices are now, group by group, and how much of a span they were heard in.
///
/// A device is counted once, under what weighs most: `maintenance`, `silenced`, `firing`, `unknown`, `ok`. Those that the roster
/// has as planned or retired are in no row.
public struct HealthAnswer: Codable, Hashable, Sendable {
    /// For which the counts hold.
    public var at: Timestamp
    /// Of the span; nil where none was asked for.
    public var since: Timestamp?
    /// See `since`.
    public var until: Timestamp?
    /// What one sign of `Row.strip` stands for, at most the last one less.
    public var cellSeconds: Double?
    /// The worst first: by `available`, then by how many are not well, then by name.
    public var rows: [Row]
    /// All devices that fit, those of rows that `top` left out included.
    public var total: Row
    /// Devices that fit and are yet to be put up, by the roster.
    public var planned: Int
    /// Devices that fit and were taken down, by the roster.
    public var retired: Int
    /// What of the store did not read; times of which something is missing count as not heard.
    public var damaged: [String]

    enum CodingKeys: String, CodingKey {
        case at, since, until, rows, total, planned, retired, damaged
        case cellSeconds = "cell_seconds"
    }

    /// Some devices together.
    public struct Row: Codable, Hashable, Sendable {
        /// Of the group; empty for devices of which the roster does not say it, and for the city.
        public var name: String
        /// All that are counted here.
        public var devices: Int
        /// They speak, are read, and nothing that is watched is wrong.
        public var ok: Int
        /// An alert about them fires.
        public var firing: Int
        /// They were never heard, are silent for longer than they may be, or give no reading.
        public var unknown: Int
        /// As firing, and a silence or somebody who put the alerts aside keeps them from being told.
        public var silenced: Int
        /// The roster, or a window of the rules file, has them in maintenance.
        public var maintenance: Int
        /// Of the time in which they were meant to run, the share in which they were heard, hour by hour, 0 to 1: an hour counts
        /// with any reading in it, and as long after one as the cadence allows. Of devices that the roster names; nil without
        /// a span, or where none was meant to run in it.
        public var available: Double?
        /// A sign for each cell of the span, oldest first: `-` well, `#` an alert fired, `?` not heard, `m` in maintenance, a
        /// blank where nothing was meant to run. What at least a hundredth of the devices' time had shows, the most of it.
        public var strip: String?

        package init(name: String = "") {
            self.name = name
            (devices, ok, firing, unknown, silenced, maintenance) = (0, 0, 0, 0, 0, 0)
        }

        /// Those that are neither well nor in maintenance.
        public var unwell: Int { firing + unknown + silenced }
    }

    package init(at: Timestamp) {
        self.at = at
        rows = []
        total = Row()
        (planned, retired) = (0, 0)
        damaged = []
    }
}
