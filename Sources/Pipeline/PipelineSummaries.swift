public import Basics
public import Telemetry
import Windows

extension Pipeline {
    /// The summaries of all windows of one series that are not empty, shortest window first.
    public func summaries(of series: SeriesID, at now: Timestamp) -> [WindowSummary] {
        windows.summaries(of: series, at: now)
    }

    /// The same of a series of `device`, at what the present is by its own times (`DeviceClocks.present`).
    public func summaries(of series: SeriesID, _ device: DeviceIndex, at moment: Moment) -> [WindowSummary] {
        windows.summaries(of: series, at: clocks.present(of: device, at: moment))
    }
}
