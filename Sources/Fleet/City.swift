public import Basics
import City
import Glibc
public import Telemetry

/// The simulated city: a seed, a start and a number of devices give one stream of messages, always the same.
///
/// Pure: it knows no clock and no broker. `next` walks through simulated time from message to message.
public struct City: Sendable {
    /// How large the city is, when its time begins, and how often something breaks.
    public struct Options: Sendable {
        /// Streetlights, in circuits of twenty.
        public var lampCount = 200
        /// Air-quality stations.
        public var airCount = 60
        /// Segments of solar road.
        public var segmentCount = 40
        /// The same seed, start and counts give the same messages.
        public var seed: UInt64 = 1
        /// Simulated time of the first message.
        public var start: Timestamp
        /// Messages a second of simulated time, over all devices, who then all speak equally often; nil is every 10 s
        /// for lamps and segments and every 60 s for air stations.
        public var messagesPerSecond: Double?
        /// Faults an hour of simulated time in the whole city.
        public var faultsPerHour = 0.0

        /// 200 lamps, 60 air stations and 40 segments, without faults.
        public init(start: Timestamp) { self.start = start }

        func count(of family: Family) -> Int {
            switch family {
            case .lamp: lampCount
            case .air: airCount
            case .segment: segmentCount
            }
        }
    }

    /// One message, at the moment it is observed and sent.
    public struct Emission: Equatable, Sendable {
        /// Simulated time; the payload bears it too.
        public let at: Timestamp
        /// The name in the roster.
        public let device: String
        /// Below `lights/`, `air/` or `solar-road/`.
        public let topic: String
        /// JSON in UTF-8, of a malformed message the first three fifths of it.
        public let payload: [UInt8]
        /// Faults of this device at this moment.
        public let faults: [Fault]
        /// The values behind the payload, as sent; of a malformed one, as they would have been.
        package let values: [SensorValue]
    }

    /// As the city was made.
    public let options: Options
    private let noise: Noise
    private var lamps: [Streetlight]
    private let stations: [AirStation]
    private var segments: [RoadSegment]
    /// How many messages each family has sent.
    private var sent = [0, 0, 0]
    private var faults: [Fault] = []
    private var startedFaults: [Fault] = []
    private var nextFaultAt: Timestamp?
    private var faultIndex: Int64 = 0
    private var stuckValues: [String: Double] = [:]
    private var spiked: Set<String> = []
    private var labelled: Set<String> = []

    /// A city without a device, or with a negative count of them, stops the program.
    public init(_ options: Options) {
        precondition(
            options.lampCount >= 0 && options.airCount >= 0 && options.segmentCount >= 0
                && options.lampCount + options.airCount + options.segmentCount > 0, "fleet: at least one device")
        self.options = options
        let noise = Noise(seed: options.seed)
        self.noise = noise
        func own(_ family: Family, _ index: Int) -> Noise {
            noise.forked(UInt64(family.rawValue + 1) << 32 | UInt64(index))
        }
        lamps = (0..<options.lampCount).map { Streetlight(noise: own(.lamp, $0)) }
        stations = (0..<options.airCount).map { AirStation(noise: own(.air, $0)) }
        segments = (0..<options.segmentCount).map { RoadSegment(noise: own(.segment, $0)) }
        planNextFault(after: options.start)
    }

    /// How often each device of a family speaks.
    package func cadence(of family: Family) -> Duration {
        guard let rate = options.messagesPerSecond else {
            return family == .air ? .seconds(60) : .seconds(10)
        }
        let devices = Double(options.lampCount + options.airCount + options.segmentCount)
        return .milliseconds(max(1, Int64((devices / rate * 1000).rounded())))
    }

    /// Adds a fault by hand, on the first sound device unless one is named; false where there is none.
    public mutating func inject(_ kind: FaultKind, at start: Timestamp, lasting: Duration? = nil, device: String? = nil)
        -> Bool
    {
        for family in kind.families where options.count(of: family) > 0 {
            let names = (0..<options.count(of: family)).map { family.name(of: $0) }
            let free = names.first { name in !faults.contains { $0.device == name } }
            guard let chosen = device ?? free, names.contains(chosen) else { continue }
            add(kind, family, chosen, start, lasting ?? kind.usualDuration)
            return true
        }
        return false
    }

    /// Faults whose time has come since the last call, for the labels.
    public mutating func takeStartedFaults() -> [Fault] {
        defer { startedFaults.removeAll() }
        return startedFaults
    }

    /// The next message. Devices that are silent are passed over.
    public mutating func next() -> Emission {
        while true {
            let family = Family.allCases.filter { options.count(of: $0) > 0 }.min { moment(of: $0) < moment(of: $1) }
            guard let family else { preconditionFailure("fleet: a city without devices has no messages") }
            let at = moment(of: family)
            let index = sent[family.rawValue] % options.count(of: family)
            sent[family.rawValue] += 1
            startFaults(until: at)
            if let emission = emit(family, index, at) { return emission }
        }
    }

    /// What the gateway should expect: one entry for each device.
    public var roster: [RosterEntry] {
        let areas = ["Lixia", "Shizhong", "Huaiyin", "Tianqiao", "Licheng"]
        return Family.allCases.flatMap { family in
            (0..<options.count(of: family)).map { index in
                let own = noise.forked(UInt64(family.rawValue + 1) << 32 | UInt64(index))
                return RosterEntry(
                    device: family.name(of: index), profile: family.profile,
                    area: areas[index * areas.count / options.count(of: family)],
                    circuit: family == .lamp ? "circuit-\(index / 20 + 1)" : "",
                    latitude: CityWeather.latitude + (own.unit(-11) - 0.5) * 0.1,
                    longitude: CityWeather.longitude + (own.unit(-12) - 0.5) * 0.14,
                    cadence: cadence(of: family),
                    constants: ratedWatts(family, index).map { ["rated_watts": rounded($0, 0)] } ?? [:])
            }
        }
    }

    private func ratedWatts(_ family: Family, _ index: Int) -> Double? {
        switch family {
        case .lamp: lamps[index].ratedWatts
        case .air: nil
        case .segment: segments[index].ratedWatts
        }
    }

    /// Topics of the lamps' states, which are retained.
    public var statusTopics: [String] { (0..<options.lampCount).map { "lights/\(Family.lamp.name(of: $0))/status" } }

    // MARK: Helpers

    /// The devices of a family speak one after the other, spread evenly over the cadence.
    private func moment(of family: Family) -> Timestamp {
        let count = options.count(of: family)
        let (round, index) = sent[family.rawValue].quotientAndRemainder(dividingBy: count)
        let cadence = cadence(of: family).milliseconds
        return options.start + .milliseconds(Int64(round) * cadence + Int64(index) * cadence / Int64(count))
    }

    private mutating func emit(_ family: Family, _ index: Int, _ at: Timestamp) -> Emission? {
        let device = family.name(of: index)
        let active = faults.filter { $0.device == device && $0.isActive(at: at) }
        func strength(_ kind: FaultKind) -> Double {
            active.filter { $0.kind == kind }.map { $0.strength(at: at) }.max() ?? 0
        }
        let weather = CityWeather(at: at, noise: noise)
        // Sampled even when silent: the energy counter runs on.
        var values =
            switch family {
            case .lamp:
                lamps[index].sample(
                    at: at, weather, isOut: strength(.lampOut) > 0, burnsByDay: strength(.dayBurner) > 0)
            case .air: stations[index].sample(at: at, weather, episode: strength(.pollutionEpisode))
            case .segment:
                segments[index].sample(
                    at: at, weather, overheating: strength(.panelOverheating),
                    currentFactor: strength(.overcurrent) > 0 ? 2.2 : 1)
            }
        for fault in active { distort(&values, fault) }
        if active.contains(where: { $0.kind == .silent }) { return nil }
        var payload = Array(Self.json(values, device: family == .lamp ? device : nil, at: at).utf8)
        if active.contains(where: { $0.kind == .malformed }) { payload.removeLast(payload.count * 2 / 5) }
        return Emission(
            at: at, device: device, topic: family.topic(of: device), payload: payload, faults: active, values: values)
    }

    private mutating func distort(_ values: inout [SensorValue], _ fault: Fault) {
        guard let place = values.firstIndex(where: { $0.key == fault.quantity }) else { return }
        let key = "\(fault.device)/\(fault.start.milliseconds)"
        switch fault.kind {
        case .stuck:
            let kept = stuckValues[key] ?? values[place].value
            stuckValues[key] = kept
            values[place].value = kept
        case .spike:
            // Once: a device that repeats it would be broken, not spiking.
            if spiked.insert(key).inserted { values[place].value = fault.family == .lamp ? 9999 : 850 }
        case .lampOut, .dayBurner, .silent, .panelOverheating, .overcurrent, .pollutionEpisode, .malformed: break
        }
    }

    private static func json(_ values: [SensorValue], device: String?, at: Timestamp) -> String {
        var text =
            device.map { #"{"id":"\#($0)","fw":"1.4.2","ts":\#(at.milliseconds)"# } ?? #"{"ts":\#(at.milliseconds)"#
        for value in values { text += ",\"\(value.key)\":\(rounded(value.value, value.decimals))" }
        return text + "}"
    }

    private mutating func add(
        _ kind: FaultKind, _ family: Family, _ device: String, _ start: Timestamp, _ duration: Duration
    ) {
        faults.append(
            Fault(
                kind: kind, family: family, device: device, quantity: kind.quantity(in: family), start: start,
                // A spike must meet one message, whatever the cadence.
                end: start + max(duration, cadence(of: family) + .milliseconds(1))))
        faults.sort { $0.start < $1.start }
    }

    private mutating func startFaults(until moment: Timestamp) {
        while let due = nextFaultAt, due <= moment {
            chooseFault(at: due)
            planNextFault(after: due)
        }
        // Started ones move to the labels once; ended ones are forgotten, so that the list stays short.
        for fault in faults where fault.start <= moment && !labelled.contains(Self.key(fault)) {
            labelled.insert(Self.key(fault))
            startedFaults.append(fault)
        }
        for fault in faults where fault.end <= moment {
            labelled.remove(Self.key(fault))
            let key = "\(fault.device)/\(fault.start.milliseconds)"
            stuckValues[key] = nil
            spiked.remove(key)
        }
        faults.removeAll { $0.end <= moment }
    }

    private static func key(_ fault: Fault) -> String {
        "\(fault.kind.rawValue)/\(fault.device)/\(fault.start.milliseconds)"
    }

    /// Exponential gaps: faults do not know of each other.
    private mutating func planNextFault(after moment: Timestamp) {
        guard options.faultsPerHour > 0 else { return }
        faultIndex += 1
        let gap = -log(1 - noise.forked(77).unit(faultIndex)) * 3600 / options.faultsPerHour
        nextFaultAt = moment + .milliseconds(max(1, Int64(min(gap, 1e7) * 1000)))
    }

    /// A kind that can be seen at this hour, on any device that can have it and has none yet.
    private mutating func chooseFault(at moment: Timestamp) {
        // In the twilight a lamp may burn or not, and with a low sun a segment has no current to have too much of.
        let elevation = CityWeather(at: moment, noise: noise).sunElevation
        let kinds = FaultKind.allCases.filter { kind in
            guard kind.families.contains(where: { options.count(of: $0) > 0 }) else { return false }
            return switch kind {
            case .lampOut: elevation < -8
            case .dayBurner, .overcurrent: elevation > 12
            case .stuck, .spike, .silent, .panelOverheating, .pollutionEpisode, .malformed: true
            }
        }
        let chance = noise.forked(78)
        guard !kinds.isEmpty else { return }
        let kind = kinds[Int(chance.unit(faultIndex * 3) * Double(kinds.count))]
        let families = kind.families.filter { options.count(of: $0) > 0 }
        let family = families[Int(chance.unit(faultIndex * 3 + 1) * Double(families.count))]
        let device = family.name(of: Int(chance.unit(faultIndex * 3 + 2) * Double(options.count(of: family))))
        guard !faults.contains(where: { $0.device == device }) else { return }
        add(kind, family, device, moment, kind.usualDuration)
    }
}
