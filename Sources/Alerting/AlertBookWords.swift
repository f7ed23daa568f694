public import Basics
public import Telemetry

// What goes in, and what is kept of each alert.
extension AlertBook {
    /// Looks at the rolling statistics: the newest sample, or the summary of a window, at the moment of evaluation.
    public struct Statistics {
        /// The newest sample by observed time; nil for a series without one.
        public let newest: (SeriesID) -> (value: Double, observed: Timestamp)?
        /// Of a series and the length of a window; with the quantiles only when they are asked for.
        public let summary: (SeriesID, Duration, _ quantiles: Bool) -> WindowSummary?
        /// How old a reading of the device is, by the time that it bears: what its clock is known to be behind does not count.
        public let age: (DeviceIndex, Timestamp) -> Duration
        /// How old the device's newest reading was when it came: large while it delivers what it had kept.
        public let backlog: (DeviceIndex) -> Duration
        /// What there is of the series' window of this length.
        public let extent: (SeriesID, Duration) -> WindowExtent
        /// The present by a device's own times.
        public let present: (DeviceIndex) -> Timestamp

        package init(
            newest: @escaping (SeriesID) -> (value: Double, observed: Timestamp)?,
            summary: @escaping (SeriesID, Duration, _ quantiles: Bool) -> WindowSummary?,
            age: @escaping (DeviceIndex, Timestamp) -> Duration, backlog: @escaping (DeviceIndex) -> Duration,
            extent: @escaping (SeriesID, Duration) -> WindowExtent = { _, _ in .whole },
            present: @escaping (DeviceIndex) -> Timestamp = { _ in Timestamp(milliseconds: .max) }
        ) {
            self.present = present
            self.newest = newest
            self.summary = summary
            self.age = age
            self.backlog = backlog
            self.extent = extent
        }
    }

    /// One alert that is not inactive.
    public struct Active: Equatable, Sendable {
        /// Never `inactive`.
        public var state: AlertState
        /// The rule's, at the alert's last step.
        public var severity: Severity
        /// `AlertRule.watched` at the alert's last step; empty where an earlier version stored it.
        public var watched: String
        /// The worst value since it was up; nil where none decides.
        public var peak: AlertPeak?
        var next = NextLook()
    }
}

/// What there is of a window.
public enum WindowExtent: Equatable, Sendable {
    /// It lay in time that was listened to, on one clock.
    case whole
    /// Some of it nobody listened to: what it counts is the least that there was.
    case part
    /// The wall clock was set back in it: what it counts may stand twice.
    case mixed
}
