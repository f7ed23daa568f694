import Basics
import Telemetry
import Windows

// The windows without a daemon: as it would have them, under the plan of its own that its state keeps.

extension WindowTable {
    /// The table of a state; where there is none, or one that cannot be read, an empty one with the default windows.
    init(resuming state: [UInt8]?, _ registry: SeriesRegistry, cadence: (DeviceIndex) -> Duration?) {
        let restored = state.flatMap { state in
            WindowTable(
                state: state,
                traits: { number in
                    guard number < registry.seriesCount else { return nil }
                    let series = registry.series[number]
                    return SeriesTraits(quantity: series.quantity, cadence: cadence(series.device))
                })
        }
        self = restored ?? WindowTable(plan: .standard)
        openAll(of: registry, cadence: cadence)
    }

    /// Makes room for the series that were heard of since.
    mutating func openAll(of registry: SeriesRegistry, cadence: (DeviceIndex) -> Duration?) {
        while seriesCount < registry.seriesCount {
            let series = registry.series[seriesCount]
            open(series.quantity, cadence: cadence(series.device))
        }
    }
}
