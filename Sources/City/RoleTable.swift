import Basics
import Telemetry

/// The part that a quantity plays for a watcher, such as the power of a lamp: one case a part.
protocol Role: CaseIterable, Equatable, Sendable {
    /// The quantity that plays it; no two cases have the same.
    var quantity: Quantity { get }
}

/// Which part each series of the registry plays for one watcher; kept up as the registry grows.
///
/// A series of a channel plays none: what one phase or one string of panels measures is not what the device does.
struct RoleTable<Part: Role> {
    private let byQuantity: [Quantity: Part]
    /// By series.
    private var parts: [Part?] = []

    init() {
        byQuantity = Dictionary(uniqueKeysWithValues: Part.allCases.map { ($0.quantity, $0) })
    }

    @inline(__always)
    subscript(series: SeriesID) -> Part? { parts[series.index] }

    func isBehind(_ registry: SeriesRegistry) -> Bool { parts.count < registry.seriesCount }

    /// Looks at the series that are new since the last time; `found` is told of each that plays a part.
    mutating func grow(_ registry: SeriesRegistry, found: (DeviceIndex, Part) -> Void) {
        for index in parts.count..<registry.seriesCount {
            let series = registry.series[index]
            let part = series.channel == .none ? byQuantity[series.quantity] : nil
            parts.append(part)
            if let part { found(series.device, part) }
        }
    }

    mutating func removeAll() { parts.removeAll() }
}
