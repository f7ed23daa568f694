import Basics

/// What a finding or an alert is about: the thing that somebody has to look after.
///
/// A fault of a feeder is about its circuit and not about the first of its lamps; a broker that throws messages away is
/// about the broker and about no device.
public enum Subject: Hashable, Sendable {
    /// One quantity of one device.
    case series(SeriesID, of: DeviceIndex)
    case device(DeviceIndex)
    /// An electrical circuit or feeder, by its name in the roster.
    case circuit(String)
    /// An area, by its name in the roster.
    case area(String)
    /// This gateway itself: its disk, its clock, its channels.
    case gateway
    /// The broker that this gateway listens to.
    case broker

    /// The kinds, by the names under which they are stored and shown: these never change.
    public enum Kind: String, CaseIterable, Sendable {
        case series, device, circuit, area, gateway, broker

        /// Whether it is a device or a part of one, and so is called by the device's name.
        public var isOfDevice: Bool {
            switch self {
            case .series, .device: true
            case .circuit, .area, .gateway, .broker: false
            }
        }
    }

    /// What it is, without which.
    public var kind: Kind {
        switch self {
        case .series: .series
        case .device: .device
        case .circuit: .circuit
        case .area: .area
        case .gateway: .gateway
        case .broker: .broker
        }
    }

    /// The device of a series, or the device itself; nil for what is larger than a device.
    public var device: DeviceIndex? {
        switch self {
        case .series(_, let device), .device(let device): device
        case .circuit, .area, .gateway, .broker: nil
        }
    }

    /// nil where it is more than one series.
    public var series: SeriesID? {
        switch self {
        case .series(let series, _): series
        case .device, .circuit, .area, .gateway, .broker: nil
        }
    }

    /// A series where one is meant, else the device as a whole.
    public init(device: DeviceIndex, series: SeriesID?) {
        self = series.map { .series($0, of: device) } ?? .device(device)
    }

    /// As people call it: the name of its device, of the circuit or of the area; `gateway` and `broker` by that word.
    public func name(in registry: SeriesRegistry) -> String {
        switch self {
        case .series(_, let device), .device(let device): registry.devices[device.index].name
        case .circuit(let name), .area(let name): name
        case .gateway, .broker: kind.rawValue
        }
    }
}

// Names are bytes: two circuits whose names look alike are two.
extension Subject {
    /// By number, or by the bytes of the name.
    public static func == (left: Subject, right: Subject) -> Bool {
        left.rank == right.rank && (left.device != nil || left.name.hasBytes(of: right.name))
    }

    /// Of the number, or of the bytes of the name.
    public func hash(into hasher: inout Hasher) {
        let rank = rank
        hasher.combine(rank.0)
        hasher.combine(rank.1)
        hasher.combine(rank.2)
        switch self {
        case .circuit(let name), .area(let name): name.hashBytes(into: &hasher)
        case .series, .device, .gateway, .broker: break
        }
    }
}

extension Subject: Comparable {
    /// By device, the device as a whole before its series; then circuits and areas by name, gateway, broker.
    ///
    /// The order in which a turn tells what it found: a dictionary has none, and the same turn must tell the same.
    public static func < (left: Subject, right: Subject) -> Bool {
        left.rank < right.rank || left.rank == right.rank && left.name.precedesByBytes(right.name)
    }

    private var rank: (UInt8, UInt32, UInt64) {
        switch self {
        case .device(let device): (0, device.rawValue, 0)
        case .series(let series, let device): (0, device.rawValue, 1 + UInt64(series.rawValue))
        case .circuit: (1, 0, 0)
        case .area: (2, 0, 0)
        case .gateway: (3, 0, 0)
        case .broker: (4, 0, 0)
        }
    }

    private var name: String {
        switch self {
        case .circuit(let name), .area(let name): name
        case .series, .device, .gateway, .broker: ""
        }
    }
}
