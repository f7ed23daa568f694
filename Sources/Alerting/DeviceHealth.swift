public import Basics
public import Telemetry

/// When each device was last heard, what it said of its link, which series sent impossible values, and what was last
/// noticed about each.
///
/// Spans are of the time in which the gateway listened (`Moment.listened`). Device by `DeviceIndex`, series by `SeriesID`.
/// Part of the state that a restart restores.
public struct DeviceHealth: Equatable, Sendable {
    /// A device was heard, or an impossible value observed.
    public struct Mark: Equatable, Sendable {
        /// What the moment is called.
        public var at: Timestamp
        /// For the span since.
        public var listened: SteadyTime

        /// Both name one moment.
        public init(at: Timestamp, listened: SteadyTime) {
            self.at = at
            self.listened = listened
        }

        fileprivate static let never = Mark(
            at: Timestamp(milliseconds: .min), listened: SteadyTime(milliseconds: .min))
    }

    private var heard: [Mark] = []
    private var links: [DeviceIndex: LinkWord] = [:]
    /// Those whose word is that they are gone: few, so that hearing a device costs no look-up.
    private var offline: Set<DeviceIndex> = []
    /// When a value of the series was last out of its physical range.
    private var suspect: [SeriesID: Mark] = [:]

    fileprivate struct Key: Hashable {
        var kind: Finding.Kind
        var subject: Subject
    }

    fileprivate struct LastFinding: Equatable {
        var listened: SteadyTime
        /// Of the last that was told, 0.5 to 1.
        var severity: Double
    }

    private var noticed: [Key: LastFinding] = [:]

    /// Nothing was heard of any device.
    public init() {}

    // MARK: Taking in

    /// Takes in who was heard in a live turn, what devices said of their links, and what was impossible.
    ///
    /// `age` tells how old a time of a device was when it came; see `DeviceClocks`.
    public mutating func absorb(
        _ turn: Turn, device: (SeriesID) -> DeviceIndex, age: (DeviceIndex, Timestamp) -> Duration
    ) {
        // Of this turn's messages only those behind a word of its own end that.
        speak(turn.heard, isOfTurn: false)
        for status in turn.statuses {
            links[status.device, default: LinkWord()].absorb(status, lastHeard: lastHeard(status.device)?.at)
            if links[status.device]!.saysOffline {
                offline.insert(status.device)
            } else {
                offline.remove(status.device)
            }
        }
        if !turn.statuses.isEmpty { speak(turn.heard, isOfTurn: true) }
        for hearing in turn.heard {
            let passed = max(.zero, turn.now - hearing.at)
            hear(hearing.device, Mark(at: hearing.at, listened: turn.moment.listened - passed))
        }
        for reading in turn.suspects {
            let passed = age(device(reading.series), reading.observed)
            let mark = Mark(at: reading.observed, listened: turn.moment.listened - passed)
            if suspect[reading.series].map({ $0.listened <= mark.listened }) ?? true { suspect[reading.series] = mark }
        }
    }

    private mutating func speak(_ heard: [Hearing], isOfTurn: Bool) {
        guard !offline.isEmpty else { return }
        for hearing in heard where offline.contains(hearing.device) {
            if links[hearing.device]?.absorb(hearing, isOfTurn: isOfTurn) ?? false { offline.remove(hearing.device) }
        }
    }

    private mutating func hear(_ device: DeviceIndex, _ mark: Mark) {
        while heard.count <= device.index { heard.append(.never) }
        // The wall clock may have been set back since: what was heard last is told by the other one.
        if mark.listened >= heard[device.index].listened { heard[device.index] = mark }
    }

    /// Takes in what the watchers noticed in a turn.
    ///
    /// What a backlog tells is as old as it says.
    public mutating func absorb(
        _ noticed: Noticed, at moment: Moment, age: (DeviceIndex, Timestamp) -> Duration
    ) {
        func listened(_ subject: Subject, _ at: Timestamp) -> SteadyTime {
            moment.listened - (subject.device.map { age($0, at) } ?? max(.zero, moment.wall - at))
        }
        for standing in noticed.standing {
            record(standing.kind, standing.subject, listened(standing.subject, standing.at))
        }
        for finding in noticed.findings {
            record(finding.kind, finding.subject, listened(finding.subject, finding.observed), finding.severity)
        }
    }

    /// The newest moment counts, whatever the order of the calls.
    private mutating func record(
        _ kind: Finding.Kind, _ subject: Subject, _ time: SteadyTime, _ severity: Double? = nil
    ) {
        let key = Key(kind: kind, subject: subject)
        let known = noticed[key]
        noticed[key] = LastFinding(
            listened: known.map { max($0.listened, time) } ?? time, severity: severity ?? known?.severity ?? 0)
    }

    /// Forgets what is known of devices that nobody expects any more; of one that speaks again it is learnt anew.
    public mutating func forget(_ devices: Set<DeviceIndex>, device: (SeriesID) -> DeviceIndex) {
        for gone in devices {
            if gone.index < heard.count { heard[gone.index] = .never }
            links[gone] = nil
        }
        offline.subtract(devices)
        suspect = suspect.filter { !devices.contains(device($0.key)) }
        noticed = noticed.filter { $0.key.subject.device.map { !devices.contains($0) } ?? true }
    }

    /// Forgets what rests on readings that were taken out: what was noticed of `subjects`, and impossible values of the
    /// same times.
    public mutating func forget(_ order: Forgotten, noticedOf subjects: Set<Subject>) {
        noticed = noticed.filter { !subjects.contains($0.key.subject) }
        suspect = suspect.filter { !order.series.contains($0.key) || !order.span.contains($0.value.at) }
    }

    // MARK: Asking

    /// When it was last noticed; nil if never.
    public func lastFinding(_ kind: Finding.Kind, subject: Subject) -> SteadyTime? {
        noticed[Key(kind: kind, subject: subject)]?.listened
    }

    /// The subjects of which a finding of these kinds, as severe, was noticed after `time`, in order.
    public func noticed(_ kinds: Set<Finding.Kind>, severityMin: Double, after time: SteadyTime) -> [Subject] {
        let found = noticed.filter {
            kinds.contains($0.key.kind) && $0.value.listened > time && $0.value.severity >= severityMin
        }
        return Set(found.map(\.key.subject)).sorted()
    }

    /// What was noticed about circuits goes along with their new names.
    public mutating func rename(circuits: [String: String]) {
        for (key, last) in noticed {
            guard case .circuit(let old) = key.subject, let new = circuits[old] else { continue }
            noticed[key] = nil
            noticed[Key(kind: key.kind, subject: .circuit(new))] = last
        }
    }

    /// nil for a device that never spoke.
    public func lastHeard(_ device: DeviceIndex) -> Mark? {
        guard device.index < heard.count, heard[device.index] != .never else { return nil }
        return heard[device.index]
    }

    /// For how long the gateway has listened to a device without hearing it; nil for one that never spoke.
    public func silence(of device: DeviceIndex, at moment: Moment) -> Duration? {
        lastHeard(device).map { moment.listened - $0.listened }
    }

    /// Whether the device's last word about its link was that it is gone, and nothing came of it since.
    public func saidOffline(_ device: DeviceIndex) -> Bool { offline.contains(device) }

    /// Its last impossible value; nil if there was none.
    public func lastSuspect(_ series: SeriesID) -> Mark? { suspect[series] }

    /// Series with an impossible value after `time`, in order.
    public func suspects(after time: SteadyTime) -> [SeriesID] {
        suspect.filter { $0.value.listened > time }.map(\.key).sorted()
    }

    // MARK: State to bytes and back

    /// Little endian, version first.
    public func state() -> [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(4))
        writer.append(UInt32(heard.count))
        for mark in heard { writer.append(mark) }
        writer.append(UInt32(links.count))
        for (device, link) in links.sorted(by: { $0.key < $1.key }) {
            writer.append(device.rawValue)
            writer.append(UInt8(link.isOnline.map { $0 ? 1 : 0 } ?? 2))
            writer.append(link.saidAt.milliseconds)
            writer.append(UInt8(link.isOver ? 1 : 0))
        }
        writer.append(UInt32(suspect.count))
        for (series, mark) in suspect.sorted(by: { $0.key < $1.key }) {
            writer.append(series.rawValue)
            writer.append(mark)
        }
        writer.append(UInt32(noticed.count))
        for (key, last) in noticed.sorted(by: {
            ($0.key.subject, $0.key.kind.rawValue) < ($1.key.subject, $1.key.kind.rawValue)
        }) {
            writer.append(text: key.kind.rawValue)
            writer.append(key.subject)
            writer.append(last.listened.milliseconds)
            writer.append(last.severity.bitPattern)
        }
        return writer.bytes
    }

    /// nil when the bytes are not a state of a version that is known. `circuit` gives that of a device: in versions 1 and 2 a
    /// fault of a feeder was about one of its lamps. Up to version 3 there was the wall clock alone: the steady time began
    /// with its numbers.
    public init?(state: [UInt8], circuit: (DeviceIndex) -> String = { _ in "" }) {
        var reader = StateReader(state)
        guard let version = reader.next(UInt32.self), (1...4).contains(version),
            let devices = reader.next(UInt32.self)
        else { return nil }
        for _ in 0..<devices {
            guard let mark = reader.nextMark(version) else { return nil }
            heard.append(mark)
        }
        guard version < 4 ? readOffline(&reader) : readLinks(&reader) else { return nil }
        guard let suspectCount = reader.next(UInt32.self) else { return nil }
        for _ in 0..<suspectCount {
            guard let series = reader.next(UInt32.self), let mark = reader.nextMark(version) else { return nil }
            suspect[SeriesID(rawValue: series)] = mark
        }
        // The first version knew no findings.
        let findings = version == 1 ? 0 : reader.next(UInt32.self)
        guard let findings else { return nil }
        for _ in 0..<findings {
            if version == 2 {
                guard let key = Key(second: &reader, circuit), let moment = reader.next(Int64.self) else { return nil }
                record(key.kind, key.subject, SteadyTime(milliseconds: moment))
            } else {
                guard let kind = reader.nextText(), let subject = reader.nextSubject(),
                    let moment = reader.next(Int64.self),
                    let severity = version < 4 ? Double(0).bitPattern : reader.next(UInt64.self)
                else { return nil }
                // A kind that no watcher tells any more is nobody's.
                guard let kind = Finding.Kind(rawValue: kind) else { continue }
                record(kind, subject, SteadyTime(milliseconds: moment), Double(bitPattern: severity))
            }
        }
        guard reader.isAtEnd else { return nil }
    }

    /// Up to version 3: the devices whose last word was that they are gone.
    private mutating func readOffline(_ reader: inout StateReader) -> Bool {
        guard let count = reader.next(UInt32.self) else { return false }
        for _ in 0..<count {
            guard let device = reader.next(UInt32.self) else { return false }
            links[DeviceIndex(rawValue: device)] = LinkWord(
                isOnline: false, saidAt: Timestamp(milliseconds: .min), isOver: false)
            offline.insert(DeviceIndex(rawValue: device))
        }
        return true
    }

    private mutating func readLinks(_ reader: inout StateReader) -> Bool {
        guard let count = reader.next(UInt32.self) else { return false }
        for _ in 0..<count {
            guard let device = reader.next(UInt32.self), let word = reader.next(UInt8.self), word <= 2,
                let at = reader.next(Int64.self), let isOver = reader.next(UInt8.self), isOver <= 1
            else { return false }
            let link = LinkWord(
                isOnline: word == 2 ? nil : word == 1, saidAt: Timestamp(milliseconds: at), isOver: isOver == 1)
            links[DeviceIndex(rawValue: device)] = link
            if link.saysOffline { offline.insert(DeviceIndex(rawValue: device)) }
        }
        return true
    }
}

extension StateWriter {
    fileprivate mutating func append(_ mark: DeviceHealth.Mark) {
        append(mark.at.milliseconds)
        append(mark.listened.milliseconds)
    }
}

extension StateReader {
    /// Up to version 3 the wall clock's number stood for both.
    fileprivate mutating func nextMark(_ version: UInt32) -> DeviceHealth.Mark? {
        guard let at = next(Int64.self), let listened = version < 4 ? at : next(Int64.self) else { return nil }
        return DeviceHealth.Mark(at: Timestamp(milliseconds: at), listened: SteadyTime(milliseconds: listened))
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
