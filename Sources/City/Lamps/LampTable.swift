import Basics
public import Telemetry

/// The lamps among the devices: their messages through `LampWatch`, their circuits through `CircuitRules`.
///
/// A device is a lamp when it has a quantity that only lamps have.
public final class LampTable: Watcher {
    /// `lamps`; never changes.
    public static let stateName = "lamps"

    private enum Part: Role {
        case isOn, level, command, watts, amperes, fault

        var quantity: Quantity {
            switch self {
            case .isOn: .lampOn
            case .level: .lightLevel
            case .command: .lightCommand
            case .watts: .activePower
            case .amperes: .current
            case .fault: .lampFault
            }
        }

        /// Whether only lamps have it.
        var tellsLamp: Bool {
            switch self {
            case .isOn, .level, .command, .fault: true
            case .watts, .amperes: false
            }
        }
    }

    private struct Lamp {
        var watch = LampWatch()
        var device: DeviceIndex
        var place: (latitude: Double, longitude: Double)?
        var ratedWatts: Double?
        var cadence: Duration?
        /// In `circuits`; -1: on none.
        var circuit = -1
        /// Of the newest report; nil while it burns, or has no cause to.
        var out: LampFinding?
        /// The sun at the lamp, as of a moment not long ago.
        var sun: (elevation: Double, at: Timestamp)?
    }

    private struct Circuit {
        var name: String
        var lamps: [Int] = []
        /// Of its slowest lamp, which says how long it takes until all are known to be down.
        var cadence: Duration
        var hasFeederFault = false
    }

    private static let sunAge = Duration.seconds(60)
    private static let roundMilliseconds: Int64 = 30_000
    /// The constant of the roster that gives a lamp's power at full light, W.
    package static let ratingName = "rated_watts"

    private let rules: LampRules
    private var parts = RoleTable<Part>()
    /// By device: the place in `lamps`, -1 for what is none.
    private var places: [Int32] = []
    private var lamps: [Lamp] = []
    private var circuits: [Circuit] = []
    private var roster = Roster()
    private var lastRound = Int64.min
    private var sunClock = SunClock()
    /// Of devices that the roster has not given to this start yet.
    private var resumed: [DeviceIndex: LampWatch] = [:]
    private var resumedFeeders: Set<ByteName> = []

    /// One set of rules for all lamps.
    public init(rules: LampRules) { self.rules = rules }

    /// Gives each lamp its place, rating, cadence and circuit anew; a feeder fault that stands goes on.
    public func setRoster(_ roster: Roster, registry: SeriesRegistry) {
        self.roster = roster
        for circuit in circuits where circuit.hasFeederFault { resumedFeeders.insert(ByteName(circuit.name)) }
        circuits.removeAll()
        for place in lamps.indices { settle(place) }
    }

    /// A feeder fault goes on under the circuit's new name.
    public func rename(circuits renamed: [String: String]) {
        for (old, new) in renamed where resumedFeeders.remove(ByteName(old)) != nil {
            if let circuit = circuits.firstIndex(where: { $0.name.hasBytes(of: new) }) {
                circuits[circuit].hasFeederFault = true
            } else {
                resumedFeeders.insert(ByteName(new))
            }
        }
    }

    // MARK: The turn

    /// Each message of a lamp as it comes, and the circuits twice a minute of the turn's time.
    public func watch(_ turn: Turn, _ scene: Scene, _ noticed: inout Noticed) {
        if parts.isBehind(scene.registry) { enrol(scene.registry) }
        sunClock.tick(turn.moment)
        if !lamps.isEmpty {
            turn.forEachRow(scene.registry) { device, readings in
                guard device.index < places.count, places[device.index] >= 0 else { return }
                report(readings, Int(places[device.index]), at: turn.now, &noticed)
            }
        }
        judgeCircuits(scene, at: turn.moment, &noticed)
    }

    /// Takes in what one message of a lamp told, and tells what is wrong with it.
    private func report(
        _ readings: ArraySlice<Reading>, _ place: Int, at now: Timestamp, _ noticed: inout Noticed
    ) {
        guard let observed = readings.first?.observed else { return }
        var report = LampReport()
        var hasEvidence = false
        var hasCommand = false
        for reading in readings {
            guard let part = parts[reading.series] else { continue }
            hasEvidence = true
            switch part {
            case .isOn: report.isOn = reading.value != 0
            case .level: if !hasCommand { report.level = reading.value }
            case .command: (report.level, hasCommand) = (reading.value, true)
            case .watts: report.watts = reading.value
            case .amperes: report.amperes = reading.value
            case .fault: report.reportsFault = reading.value != 0
            }
        }
        guard hasEvidence else { return }
        let elevation = sunClock.doubts(observed, at: now) ? nil : sunElevation(place, at: observed)
        let found = lamps[place].watch.step(
            report, sunElevation: elevation, at: observed, wall: now, ratedWatts: lamps[place].ratedWatts, rules: rules)
        lamps[place].out = nil
        for finding in found {
            if case .lampOut(_, _, let reportsFault) = finding.kind {
                lamps[place].out = finding
                // Its own flag is for a rule about `lamp_fault`. On a circuit the neighbours are heard first.
                if reportsFault || lamps[place].circuit >= 0 { continue }
            }
            noticed.findings.append(self.finding(finding, place))
        }
    }

    private func finding(_ finding: LampFinding, _ place: Int) -> Finding {
        Finding(
            subject: .device(lamps[place].device), kind: finding.findingKind, observed: finding.observed,
            value: finding.value, severity: 0.5, sentence: finding.meaning)
    }

    private func sunElevation(_ place: Int, at moment: Timestamp) -> Double? {
        guard let site = lamps[place].place else { return nil }
        if let sun = lamps[place].sun, moment - sun.at < Self.sunAge, sun.at - moment < Self.sunAge {
            return sun.elevation
        }
        let elevation = SunPosition(latitude: site.latitude, longitude: site.longitude, at: moment).elevation
        lamps[place].sun = (elevation, moment)
        return elevation
    }

    // MARK: Circuits

    /// Judges the circuits, twice a minute of the gateway's time.
    private func judgeCircuits(_ scene: Scene, at moment: Moment, _ noticed: inout Noticed) {
        let now = moment.wall
        let round = moment.steady.milliseconds.flooredDivision(by: Self.roundMilliseconds)
        guard round != lastRound else { return }
        lastRound = round
        for index in circuits.indices {
            let stood = circuits[index].hasFeederFault
            let members = circuits[index].lamps.compactMap { place -> CircuitLamp<Int>? in
                guard let silence = scene.silence(lamps[place].device) else { return nil }
                let last = now - silence
                let condition: CircuitLamp<Int>.Condition =
                    if silence > Staleness.allowance(cadence: lamps[place].cadence) {
                        .silent(since: last)
                    } else if let out = lamps[place].out, !(stood && lamps[place].watch.isOutInDoubt) {
                        // Its report names the moment by a clock that may have been set since, or be wrong.
                        .out(since: now - scene.age(lamps[place].device, out.since))
                    } else {
                        .well
                    }
                return CircuitLamp(id: place, condition: condition, heard: last)
            }
            let verdict = CircuitRules(cadence: circuits[index].cadence).verdict(
                members, at: now, standing: stood)
            circuits[index].hasFeederFault = verdict.feeder != nil
            if stood, verdict.feeder == nil { believeLight(of: circuits[index]) }
            if let feeder = verdict.feeder {
                noticed.findings.append(
                    Finding(
                        subject: .circuit(circuits[index].name), kind: .feederFault, observed: now,
                        value: Double(feeder.out + feeder.silent), severity: 1, sentence: feeder.meaning(at: now)))
            }
            if verdict.feeder != nil {
                for place in verdict.explained {
                    noticed.explained.append(
                        Noticed.Explained(
                            kind: .lampOut, subject: .device(lamps[place].device), whole: .feederFault,
                            by: .circuit(circuits[index].name)))
                }
            }
            for place in verdict.own {
                guard let out = lamps[place].out else { continue }
                if case .lampOut(_, _, reportsFault: true) = out.kind { continue }
                noticed.findings.append(finding(out, place))
            }
        }
    }

    /// A feeder that comes back just before dawn leaves each lamp with a report or two that it burns, and the day tells
    /// nothing. Many lamps that say so at once are as good as one that says so again and again.
    private func believeLight(of circuit: Circuit) {
        for place in circuit.lamps where lamps[place].watch.isOutInDoubt {
            lamps[place].watch.endOut()
            lamps[place].out = nil
        }
    }

    // MARK: Who is a lamp

    private func enrol(_ registry: SeriesRegistry) {
        parts.grow(registry) { device, part in
            guard part.tellsLamp else { return }
            while places.count <= device.index { places.append(-1) }
            guard places[device.index] < 0 else { return }
            places[device.index] = Int32(lamps.count)
            lamps.append(Lamp(device: device))
            if let watch = resumed.removeValue(forKey: device) { lamps[lamps.count - 1].watch = watch }
            settle(lamps.count - 1)
        }
    }

    /// Gives a lamp what the roster knows of it.
    private func settle(_ place: Int) {
        let entry = roster[lamps[place].device]
        lamps[place].place = entry.flatMap { entry in
            entry.latitude.flatMap { latitude in entry.longitude.map { (latitude, $0) } }
        }
        lamps[place].sun = nil
        lamps[place].ratedWatts = entry?.constants[Self.ratingName].flatMap { Double($0) }
        lamps[place].cadence = entry?.cadence
        lamps[place].circuit = -1
        guard let entry, !entry.circuit.isEmpty else { return }
        let circuit = circuits.firstIndex { $0.name.hasBytes(of: entry.circuit) }
        if let circuit {
            lamps[place].circuit = circuit
            circuits[circuit].cadence = max(circuits[circuit].cadence, entry.cadence)
        } else {
            lamps[place].circuit = circuits.count
            circuits.append(
                Circuit(
                    name: entry.circuit, cadence: entry.cadence,
                    hasFeederFault: resumedFeeders.remove(ByteName(entry.circuit)) != nil))
        }
        circuits[lamps[place].circuit].lamps.append(place)
    }

    /// The lamps that told any of it. Circuits are judged by what lamps tell from now on.
    public func forget(_ order: Forgotten, registry: SeriesRegistry) -> Set<Subject> {
        if parts.isBehind(registry) { enrol(registry) }
        var begun: Set<Subject> = []
        for series in order.series where series.index < registry.seriesCount && parts[series] != nil {
            let device = registry.series[series.index].device
            guard device.index < places.count, places[device.index] >= 0 else { continue }
            let place = Int(places[device.index])
            lamps[place].watch = LampWatch()
            lamps[place].out = nil
            begun.insert(.device(device))
        }
        return begun
    }

    // MARK: State to bytes and back

    /// Version 2: what is known of the clock, the watch of each lamp, and the circuits whose feeder fault stands. The first
    /// knew nothing of the clock.
    public func state() -> [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(2))
        sunClock.write(&writer)
        writer.append(lastRound)
        writer.append(UInt32(lamps.count))
        for lamp in lamps {
            writer.append(lamp.device.rawValue)
            writer.append(block: lamp.watch.bytes)
        }
        let feeders = circuits.filter(\.hasFeederFault).map { ByteName($0.name) }.sorted()
        writer.append(UInt32(feeders.count))
        for name in feeders { writer.append(text: name.text) }
        return writer.bytes
    }

    /// What the roster knows of the lamps is taken from the one that was set.
    public func resume(_ state: [UInt8], registry: SeriesRegistry) -> Bool {
        var reader = StateReader(state)
        guard let version = reader.next(UInt32.self), (1...2).contains(version),
            let clock = version < 2 ? SunClock() : SunClock(&reader), let round = reader.next(Int64.self),
            let count = reader.next(UInt32.self)
        else { return false }
        var watches: [DeviceIndex: LampWatch] = [:]
        for _ in 0..<count {
            guard let device = reader.next(UInt32.self), let bytes = reader.nextBlock(),
                let watch = LampWatch(bytes: bytes)
            else { return false }
            watches[DeviceIndex(rawValue: device)] = watch
        }
        guard let feederCount = reader.next(UInt32.self) else { return false }
        var feeders: Set<ByteName> = []
        for _ in 0..<feederCount {
            guard let name = reader.nextText() else { return false }
            feeders.insert(ByteName(name))
        }
        guard reader.isAtEnd else { return false }
        (sunClock, lastRound) = (clock, round)
        parts.removeAll()
        places.removeAll()
        lamps.removeAll()
        circuits.removeAll()
        (resumed, resumedFeeders) = (watches, feeders)
        enrol(registry)
        for place in lamps.indices {
            lamps[place].out = lamps[place].watch.findings.first {
                if case .lampOut = $0.kind { true } else { false }
            }
        }
        return true
    }
}
