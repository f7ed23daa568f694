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

    /// What was noticed about a series, or about a device as a whole.
    private struct Noticed: Hashable, Comparable {
        var kind: UInt8
        var device: DeviceIndex
        var series: SeriesID?

        static func < (left: Noticed, right: Noticed) -> Bool {
            (left.device, left.series?.rawValue ?? .max, left.kind) < (
                right.device, right.series?.rawValue ?? .max, right.kind
            )
        }
    }

    private var noticed: [Noticed: Timestamp] = [:]

    public init() {}

    public mutating func note(_ finding: Finding) {
        note(finding.kind, device: finding.device, series: finding.series, at: finding.observed)
    }

    /// What was told before still holds; of what was not, nothing is noted.
    public mutating func renew(_ kind: Finding.Kind, device: DeviceIndex, series: SeriesID?, at moment: Timestamp) {
        guard lastFinding(kind, device: device, series: series) != nil else { return }
        note(kind, device: device, series: series, at: moment)
    }

    public mutating func note(_ kind: Finding.Kind, device: DeviceIndex, series: SeriesID?, at moment: Timestamp) {
        let key = Noticed(kind: kind.number, device: device, series: series)
        noticed[key] = max(noticed[key] ?? Self.never, moment)
    }

    /// When it was last noticed; nil if never.
    public func lastFinding(_ kind: Finding.Kind, device: DeviceIndex, series: SeriesID?) -> Timestamp? {
        noticed[Noticed(kind: kind.number, device: device, series: series)]
    }

    public mutating func hear(_ device: DeviceIndex, at moment: Timestamp) {
        while heard.count <= device.index { heard.append(Self.never) }
        if moment > heard[device.index] { heard[device.index] = moment }
    }

    public mutating func note(_ status: DeviceStatus) {
        if status.isOnline { offline.remove(status.device) } else { offline.insert(status.device) }
    }

    public mutating func noteSuspect(_ series: SeriesID, at moment: Timestamp) { suspect[series] = moment }

    /// nil for a device that never spoke.
    public func lastHeard(_ device: DeviceIndex) -> Timestamp? {
        guard device.index < heard.count, heard[device.index] != Self.never else { return nil }
        return heard[device.index]
    }

    /// Whether the device's last word about its link was that it is gone.
    public func saidOffline(_ device: DeviceIndex) -> Bool { offline.contains(device) }

    public func lastSuspect(_ series: SeriesID) -> Timestamp? { suspect[series] }

    /// Little endian, version first.
    public func state() -> [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(2))
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
        for (key, moment) in noticed.sorted(by: { $0.key < $1.key }) {
            writer.append(UInt32(key.kind))
            writer.append(key.device.rawValue)
            writer.append(key.series?.rawValue ?? .max)
            writer.append(moment.milliseconds)
        }
        return writer.bytes
    }

    /// nil when the bytes are not a state of a version that is known.
    public init?(state: [UInt8]) {
        var reader = StateReader(state)
        guard let version = reader.next(UInt32.self), (1...2).contains(version),
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
            guard let kind = reader.next(UInt32.self), kind < Finding.Kind.allCases.count,
                let device = reader.next(UInt32.self), let series = reader.next(UInt32.self),
                let moment = reader.next(Int64.self)
            else { return nil }
            let key = Noticed(
                kind: UInt8(kind), device: DeviceIndex(rawValue: device),
                series: series == .max ? nil : SeriesID(rawValue: series))
            noticed[key] = Timestamp(milliseconds: moment)
        }
        guard reader.isAtEnd else { return nil }
    }
}

extension Finding.Kind {
    /// As it stands in the state: new kinds go to the end.
    fileprivate var number: UInt8 { UInt8(Self.allCases.firstIndex(of: self)!) }
}
