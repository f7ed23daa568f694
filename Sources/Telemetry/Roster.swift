public import Basics

/// The devices that the city expects, by their place in the registry, and what is known of them beforehand.
public struct Roster: Sendable {
    /// What the roster says of one device, and since when.
    public struct Line: Hashable, Sendable {
        /// The line as it was read.
        public var entry: RosterEntry
        /// When the roster first named the device, without a break since.
        public var since: Timestamp
        /// The same moment in the time that the gateway listened: one that never speaks is waited for from here on.
        public var awaited: SteadyTime

        /// `entry` as it was read, the rest as the store keeps it; `awaited` has the number of `since` where nothing else is
        /// said.
        public init(entry: RosterEntry, since: Timestamp, awaited: SteadyTime? = nil) {
            self.entry = entry
            self.since = since
            self.awaited = awaited ?? SteadyTime(milliseconds: since.milliseconds)
        }
    }

    /// By device, in no order.
    public let lines: [DeviceIndex: Line]
    /// By name, rising.
    private let circuits: [ByteName: [DeviceIndex]]
    private let areas: [ByteName: [DeviceIndex]]
    /// Those for which maintenance is planned, by number.
    private let maintained: [DeviceIndex]

    /// Files the devices by circuit and by area once: asking costs one look-up.
    public init(_ lines: [DeviceIndex: Line] = [:]) {
        self.lines = lines
        let devices = lines.keys.sorted()
        circuits = Dictionary(grouping: devices) { ByteName(lines[$0]!.entry.circuit) }
        areas = Dictionary(grouping: devices) { ByteName(lines[$0]!.entry.area) }
        maintained = devices.filter { !lines[$0]!.entry.service.maintenance.isEmpty }
    }

    /// The same with the labels that the roster's file gives, by the device's name: a store does not keep them.
    public func with(labels: [ByteName: [String: String]]) -> Roster {
        Roster(
            lines.mapValues { line in
                var line = line
                line.entry.labels = labels[ByteName(line.entry.device)] ?? [:]
                return line
            })
    }

    /// What is known beforehand of the device; nil for one that the roster does not name.
    public subscript(device: DeviceIndex) -> RosterEntry? { lines[device]?.entry }

    /// How often the device is expected to speak; nil for one that the roster does not name.
    public func cadence(of device: DeviceIndex) -> Duration? { lines[device]?.entry.cadence }

    /// Empty for one that the roster does not name, or gives no area.
    public func area(of device: DeviceIndex) -> String { lines[device]?.entry.area ?? "" }

    /// Where the subject lies; empty where that is in no area, or in several.
    public func area(of subject: Subject) -> String {
        switch subject {
        case .series(_, let device), .device(let device): return area(of: device)
        case .circuit(let name):
            let devices = devices(onCircuit: name)
            guard let area = devices.first.map({ self.area(of: $0) }) else { return "" }
            return devices.allSatisfy { self.area(of: $0).hasBytes(of: area) } ? area : ""
        case .area(let name): return name
        case .gateway, .broker: return ""
        }
    }

    /// The circuit that the subject is on, or is; empty where there is none.
    public func circuit(of subject: Subject) -> String {
        switch subject {
        case .series(_, let device), .device(let device): self[device]?.circuit ?? ""
        case .circuit(let name): name
        case .area, .gateway, .broker: ""
        }
    }

    /// The devices of a circuit, by number.
    public func devices(onCircuit name: String) -> [DeviceIndex] { circuits[ByteName(name)] ?? [] }

    /// The new names of circuits, by those of `before`: none of it is left under the old one, and more than half of its devices
    /// are on one that was not there.
    public func renamedCircuits(since before: Roster) -> [String: String] {
        var renamed: [String: String] = [:]
        var taken: Set<ByteName> = []
        for (name, devices) in before.circuits.sorted(by: { $0.key < $1.key })
        where !name.text.isEmpty && circuits[name] == nil {
            let names = devices.compactMap { lines[$0].map { ByteName($0.entry.circuit) } }
            let new = Dictionary(grouping: names) { $0 }.first { $0.value.count * 2 > devices.count }?.key
            guard let new, !new.text.isEmpty, before.circuits[new] == nil, taken.insert(new).inserted else { continue }
            renamed[name.text] = new.text
        }
        return renamed
    }

    /// The devices that are worked on at a moment of the wall clock.
    public func devicesInMaintenance(at moment: Timestamp) -> Set<DeviceIndex> {
        Set(maintained.filter { self[$0]!.service.phase(at: moment) == .maintenance })
    }

    /// The devices of an area, by number.
    public func devices(inArea name: String) -> [DeviceIndex] { areas[ByteName(name)] ?? [] }
}
