public import Basics
public import Telemetry

/// When each device was last heard, what it said of its link, which series sent impossible values, and what was last
/// noticed about each.
///
/// Device by `DeviceIndex`, series by `SeriesID`. Part of the state that a restart restores.
public struct DeviceHealth: Equatable, Sendable {
    private static let never = Timestamp(milliseconds: .min)

    private var heard: [Timestamp] = []
    private var offline: Set<DeviceIndex> = []
    /// When a value of the series was last out of its physical range.
    private var suspect: [SeriesID: Timestamp] = [:]

    fileprivate struct Key: Hashable {
        var kind: Finding.Kind
        var subject: Subject
    }

    private var noticed: [Key: Timestamp] = [:]

    /// Nothing was heard of any device.
    public init() {}

    /// Takes in what the watchers noticed in a turn.
    public mutating func absorb(_ noticed: Noticed) {
        for standing in noticed.standing { record(standing.kind, subject: standing.subject, at: standing.at) }
        for finding in noticed.findings { record(finding.kind, subject: finding.subject, at: finding.observed) }
    }

    /// The newest moment counts, whatever the order of the calls.
    public mutating func record(_ kind: Finding.Kind, subject: Subject, at moment: Timestamp) {
        let key = Key(kind: kind, subject: subject)
        noticed[key] = max(noticed[key] ?? Self.never, moment)
    }

    /// When it was last noticed; nil if never.
    public func lastFinding(_ kind: Finding.Kind, subject: Subject) -> Timestamp? {
        noticed[Key(kind: kind, subject: subject)]
    }

    /// `moment` by the gateway's clock; an older one than known changes nothing.
    public mutating func hear(_ device: DeviceIndex, at moment: Timestamp) {
        while heard.count <= device.index { heard.append(Self.never) }
        if moment > heard[device.index] { heard[device.index] = moment }
    }

    /// The last call counts, not the newest time: a device's word holds until its next.
    public mutating func absorb(_ status: DeviceStatus) {
        if status.isOnline { offline.remove(status.device) } else { offline.insert(status.device) }
    }

    /// `moment` is when the value was observed.
    public mutating func recordSuspect(_ series: SeriesID, at moment: Timestamp) { suspect[series] = moment }

    /// nil for a device that never spoke.
    public func lastHeard(_ device: DeviceIndex) -> Timestamp? {
        guard device.index < heard.count, heard[device.index] != Self.never else { return nil }
        return heard[device.index]
    }

    /// Whether the device's last word about its link was that it is gone.
    public func saidOffline(_ device: DeviceIndex) -> Bool { offline.contains(device) }

    /// When its last impossible value was observed; nil if there was none.
    public func lastSuspect(_ series: SeriesID) -> Timestamp? { suspect[series] }

    /// Little endian, version first.
    public func state() -> [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(3))
        writer.append(UInt32(heard.count))
        for moment in heard { writer.append(moment.milliseconds) }
        writer.append(UInt32(offline.count))
        for device in offline.sorted() { writer.append(device.rawValue) }
        writer.append(UInt32(suspect.count))
        for (series, moment) in suspect.sorted(by: { $0.key < $1.key }) {
            writer.append(series.rawValue)
            writer.append(moment.milliseconds)
        }
        writer.append(UInt32(noticed.count))
        for (key, moment) in noticed.sorted(by: {
            ($0.key.subject, $0.key.kind.rawValue) < ($1.key.subject, $1.key.kind.rawValue)
        }) {
            writer.append(text: key.kind.rawValue)
            writer.append(key.subject)
            writer.append(moment.milliseconds)
        }
        return writer.bytes
    }

    /// nil when the bytes are not a state of a version that is known. `circuit` gives that of a device: in versions 1 and 2 a
    /// fault of a feeder was about one of its lamps.
    public init?(state: [UInt8], circuit: (DeviceIndex) -> String = { _ in "" }) {
        var reader = StateReader(state)
        guard let version = reader.next(UInt32.self), (1...3).contains(version),
            let devices = reader.next(UInt32.self)
        else { return nil }
        for _ in 0..<devices {
            guard let moment = reader.next(Int64.self) else { return nil }
            heard.append(Timestamp(milliseconds: moment))
        }
        guard let offlineCount = reader.next(UInt32.self) else { return nil }
        for _ in 0..<offlineCount {
            guard let device = reader.next(UInt32.self) else { return nil }
            offline.insert(DeviceIndex(rawValue: device))
        }
        guard let suspectCount = reader.next(UInt32.self) else { return nil }
        for _ in 0..<suspectCount {
            guard let series = reader.next(UInt32.self), let moment = reader.next(Int64.self) else { return nil }
            suspect[SeriesID(rawValue: series)] = Timestamp(milliseconds: moment)
        }
        // The first version knew no findings.
        let findings = version == 1 ? 0 : reader.next(UInt32.self)
        guard let findings else { return nil }
        for _ in 0..<findings {
            if version == 2 {
                guard let key = Key(second: &reader, circuit), let moment = reader.next(Int64.self) else { return nil }
                record(key.kind, subject: key.subject, at: Timestamp(milliseconds: moment))
            } else {
                guard let kind = reader.nextText(), let subject = reader.nextSubject(),
                    let moment = reader.next(Int64.self)
                else { return nil }
                // A kind that no watcher tells any more is nobody's.
                guard let kind = Finding.Kind(rawValue: kind) else { continue }
                record(kind, subject: subject, at: Timestamp(milliseconds: moment))
            }
        }
        guard reader.isAtEnd else { return nil }
    }
}

extension DeviceHealth.Key {
    /// As version 2 wrote it: the place of the kind in a list, a device, and a series or the greatest number.
    fileprivate init?(second reader: inout StateReader, _ circuit: (DeviceIndex) -> String) {
        guard let place = reader.next(UInt32.self), place < Self.secondKinds.count,
            let number = reader.next(UInt32.self), let series = reader.next(UInt32.self)
        else { return nil }
        let kind = Self.secondKinds[Int(place)]
        let device = DeviceIndex(rawValue: number)
        var subject = Subject(device: device, series: series == .max ? nil : SeriesID(rawValue: series))
        if kind == .feederFault, !circuit(device).isEmpty { subject = .circuit(circuit(device)) }
        self.init(kind: kind, subject: subject)
    }

    /// The kinds in the order of version 2.
    private static let secondKinds: [Finding.Kind] = [
        .seasonal, .novelty, .range, .mean, .physicalRange, .rateOfChange, .flatLine, .straightLine, .spike,
        .levelShift,
        .gap, .peers, .dayBurner, .lampOut, .flicker, .lampPower, .feederFault, .yieldLoss, .icing,
    ]
}
