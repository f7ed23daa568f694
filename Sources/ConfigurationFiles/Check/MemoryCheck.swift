import Basics
import Settings
import Store
import Telemetry
import Windows

// Whether what was configured fits into the memory that there is.
extension ConfigurationCheck {
    func memoryWarnings() -> [Mistake] {
        let (budget, names) = (configuration.memory, configuration.store.limits)
        func warn(_ key: String, _ value: Int, _ expected: String) -> Mistake {
            Mistake(
                file: configuration.file, line: nil, key: key, value: "\(value)", expected: expected, isWarning: true)
        }
        let there = "\(budget.memory.bytes >> 20) MiB are there (\(budget.memory.source))"
        let mend = "allow more memory (MemoryMax= of the unit), or leave the key out for what fits"
        var warnings: [Mistake] = []
        let automatic = budget.names
        let fitting = budget.memory.bytes / 2
        if names.devicesMax > automatic.devicesMax, MemoryBudget.bytes(devices: names.devicesMax, series: 0) > fitting {
            warnings.append(
                warn(
                    "limits.devices", names.devicesMax,
                    "so many names take \(MemoryBudget.bytes(devices: names.devicesMax, series: 0) >> 20) MiB, and \(there); \(mend)"
                ))
        }
        if names.seriesMax > automatic.seriesMax, MemoryBudget.bytes(devices: 0, series: names.seriesMax) > fitting {
            warnings.append(
                warn(
                    "limits.series", names.seriesMax,
                    "so many names take \(MemoryBudget.bytes(devices: 0, series: names.seriesMax) >> 20) MiB, and \(there); \(mend)"
                ))
        }
        let each = configuration.windows.seriesBytes
        if let windowed = configuration.windowedSeries, windowed > budget.memory.bytes / 8 * 3 / each {
            warnings.append(
                warn(
                    "limits.windowed_series", windowed,
                    "windows of so many series take \(windowed * each >> 20) MiB, and as much again while they are written, and \(there); \(mend)"
                ))
        }
        if roster.count > names.devicesMax {
            warnings.append(
                warn(
                    "limits.devices", names.devicesMax,
                    "the roster alone names \(counted(roster.count, "device")); those beyond the limit find no room: raise it, and the memory with it (\(there))"
                ))
        }
        return warnings
    }
}
