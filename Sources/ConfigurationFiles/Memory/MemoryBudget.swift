package import Telemetry
package import Windows

/// What the memory that there is allows the gateway to hold, where nothing else is configured: a tenth of it for devices, a
/// tenth for series, three eighths for windows. The rest is for the state while it is written or read (as much as the windows at most), for the
/// journal's rows, for the catalogues of those who ask, and for the turn itself.
package struct MemoryBudget: Sendable {
    /// What there is.
    package var memory: MachineMemory

    /// Of a device with its stream, in bytes: the names, what was heard of it, its clock, its open rows.
    static let deviceBytes = 1400
    /// Of a series without windows.
    static let seriesBytes = 350
    /// A gateway that knows no name.
    static let baseBytes = 100 << 20

    /// What is left of it for what grows.
    private var free: Int { max(0, memory.bytes - Self.baseBytes) }

    /// For windows.
    package var windows: WindowBudget { WindowBudget(bytesMax: free / 8 * 3) }

    /// How many names the registry takes: a tenth of the free memory for devices and as much for their series.
    package var names: SeriesRegistry.Limits {
        var limits = SeriesRegistry.Limits()
        limits.devicesMax = min(limits.devicesMax, max(Self.devicesLeast, free / 10 / Self.deviceBytes))
        limits.seriesMax = min(limits.seriesMax, max(Self.seriesLeast, free / 10 / Self.seriesBytes))
        return limits
    }

    /// A gateway that took no names would be none, however little memory there is.
    private static let devicesLeast = 1000
    private static let seriesLeast = 5000

    /// What so many names and windows take.
    static func bytes(devices: Int, series: Int) -> Int {
        devices.multipliedReportingOverflow(by: deviceBytes).partialValue
            &+ series.multipliedReportingOverflow(by: seriesBytes).partialValue
    }

    /// Archives that answer questions beside each other: each holds a catalogue of its own.
    package func archivesMax(_ names: SeriesRegistry.Limits) -> Int {
        max(3, free / 6 / max(1, Self.archiveBytes(names)))
    }

    private static func archiveBytes(_ names: SeriesRegistry.Limits) -> Int {
        // Names, places and the newest readings.
        names.devicesMax * 250 + names.seriesMax * 150
    }
}
