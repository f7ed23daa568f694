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
        /// How far the device's clock is behind, and how old its newest reading was when it came beyond that.
        public let clock: (DeviceIndex) -> (skew: Duration, backlog: Duration)

        package init(
            newest: @escaping (SeriesID) -> (value: Double, observed: Timestamp)?,
            summary: @escaping (SeriesID, Duration, _ quantiles: Bool) -> WindowSummary?,
            clock: @escaping (DeviceIndex) -> (skew: Duration, backlog: Duration) = { _ in (.zero, .zero) }
        ) {
            self.newest = newest
            self.summary = summary
            self.clock = clock
        }
    }

    /// One alert that is not inactive.
    public struct Active: Equatable, Sendable {
        /// Never `inactive`.
        public var state: AlertState
        /// The rule's, at the alert's last step.
        public var severity: Severity
    }
}
