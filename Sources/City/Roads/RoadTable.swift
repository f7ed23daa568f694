import Basics
public import Telemetry

/// The roads among the devices: ice on their surface, and what solar segments yield beside their like.
public final class RoadTable: Watcher {
    /// `roads`; never changes.
    public static let stateName = "roads"

    private enum Part: Role {
        case surface, air, humidity, dewPoint, film, freezing, ice, condition, watts, irradiance, panel

        var quantity: Quantity {
            switch self {
            case .surface: .roadSurfaceTemperature
            case .air: .airTemperature
            case .humidity: .relativeHumidity
            case .dewPoint: .dewPoint
            case .film: .waterFilmThickness
            case .freezing: .freezingTemperature
            case .ice: .iceThickness
            case .condition: .roadCondition
            case .watts: .dcPower
            case .irradiance: .solarIrradiance
            case .panel: .panelTemperature
            }
        }
    }

    private struct Segment {
        var device: DeviceIndex
        var profile = ""
        var model: SolarModel?
        /// Of `day`, in local days since 1970.
        var yield = SolarDay()
        var loss = PeerLoss()
        var standingLoss: PeerLossFinding?
    }

    /// What the newest station of an area told of its air.
    private struct Air {
        var temperature: Double
        var humidity: Double
        var observed: Timestamp
    }

    private static let airAge = Duration.seconds(3600)
    private static let dayMilliseconds: Int64 = 86_400_000
    /// A day's yields are compared when it has been over for so long: the last messages are late.
    private static let dayGrace: Int64 = 3_600_000

    private let offsetMilliseconds: Int64
    private var parts = RoleTable<Part>()
    /// By device: the place in `segments`, -1 for what is none; whether it may tell of ice, or of anything here.
    private var places: [Int32] = []
    private var hasSurface: [Bool] = []
    private var hasPart: [Bool] = []
    private var segments: [Segment] = []
    private var airs: [ByteName: Air] = [:]
    private var roster = Roster()
    private var day: Int64?
    private var resumed: [DeviceIndex: (yield: SolarDay, loss: PeerLoss)] = [:]

    /// The day of a yield is that of a clock so far east of UTC.
    public init(localOffsetSeconds: Int) { offsetMilliseconds = Int64(localOffsetSeconds) * 1000 }

    /// Gives each segment its profile and its rating (`rated_watts`) anew.
    public func setRoster(_ roster: Roster, registry: SeriesRegistry) {
        self.roster = roster
        for place in segments.indices { settle(place) }
    }

    // MARK: The turn

    /// Each message of a road as it comes; the yields of a day an hour into the next.
    public func watch(_ turn: Turn, _ scene: Scene, _ noticed: inout Noticed) {
        if parts.isBehind(scene.registry) { enrol(scene.registry) }
        turn.forEachRow(scene.registry) { device, readings in
            guard device.index < hasPart.count, hasPart[device.index] else { return }
            report(readings, of: device, at: turn.now, &noticed)
        }
    }

    /// Takes in what one message of a device told, and tells of ice and of lasting losses.
    private func report(
        _ readings: ArraySlice<Reading>, of device: DeviceIndex, at now: Timestamp, _ noticed: inout Noticed
    ) {
        guard let observed = readings.first?.observed else { return }
        var surface = RoadSurface()
        var (watts, irradiance, panel): (Double?, Double?, Double?)
        var hasEvidence = false
        for reading in readings {
            guard let part = parts[reading.series] else { continue }
            hasEvidence = true
            switch part {
            case .surface: surface.surfaceTemperature = reading.value
            case .air: surface.airTemperature = reading.value
            case .humidity: surface.relativeHumidity = reading.value
            case .dewPoint: surface.dewPoint = reading.value
            case .film: surface.waterFilm = reading.value
            case .freezing: surface.freezingTemperature = reading.value
            case .ice: surface.iceThickness = reading.value
            case .condition: surface.condition = Int(exactly: reading.value)
            case .watts: watts = reading.value
            case .irradiance: irradiance = reading.value
            case .panel: panel = reading.value
            }
        }
        guard hasEvidence else { return }
        let area = roster.area(of: device)
        if let temperature = surface.airTemperature, let humidity = surface.relativeHumidity {
            let newest = airs[ByteName(area)]?.observed.milliseconds ?? .min
            if TimeFence.follows(observed.milliseconds, newest: newest, at: now.milliseconds) {
                airs[ByteName(area)] = Air(temperature: temperature, humidity: humidity, observed: observed)
            }
        }
        if hasSurface[device.index] { judgeIce(surface, device, area, observed, &noticed) }
        guard places[device.index] >= 0, let watts, let irradiance else { return }
        let place = Int(places[device.index])
        guard let model = segments[place].model else { return }
        closeDays(through: observed, at: now)
        segments[place].yield.add(
            watts: watts, irradiance: irradiance, panelTemperature: panel, at: observed, wall: now, model: model)
        if let loss = segments[place].standingLoss {
            noticed.findings.append(
                Finding(
                    subject: .device(device), kind: .yieldLoss, observed: observed, value: loss.lossPercent,
                    severity: 0.5, sentence: loss.meaning))
        }
    }

    /// Ice that is likely or seen. Where the device does not measure the air, the newest station of its area does.
    private func judgeIce(
        _ surface: RoadSurface, _ device: DeviceIndex, _ area: String, _ observed: Timestamp,
        _ noticed: inout Noticed
    ) {
        var surface = surface
        if surface.relativeHumidity == nil, surface.dewPoint == nil, let air = airs[ByteName(area)],
            observed - air.observed < Self.airAge, air.observed - observed < Self.airAge
        {
            surface.airTemperature = air.temperature
            surface.relativeHumidity = air.humidity
        }
        guard let icing = RoadIcing(surface), icing.level >= .likely else { return }
        noticed.findings.append(
            Finding(
                subject: .device(device), kind: .icing, observed: observed, value: surface.surfaceTemperature,
                severity: icing.level == .present ? 1 : 0.7, sentence: icing.meaning))
    }

    // MARK: Days

    /// Compares the yields of a local day when a reading of the next one shows that it is over. A day that lies ahead, of a
    /// clock that was wrong, is given up for that of the present.
    private func closeDays(through observed: Timestamp, at now: Timestamp) {
        func localDay(_ moment: Timestamp) -> Int64 {
            (moment.milliseconds + offsetMilliseconds - Self.dayGrace).flooredDivision(by: Self.dayMilliseconds)
        }
        let today = localDay(observed)
        guard let day else {
            self.day = today
            return
        }
        if day > today, today == localDay(now) {
            self.day = today
            for place in segments.indices {
                segments[place].yield = SolarDay()
                segments[place].loss.comeBack(before: Int32(clamping: today))
            }
        }
        guard today > day else { return }
        self.day = today
        var groups: [String: [Int]] = [:]
        for place in segments.indices { groups[segments[place].profile, default: []].append(place) }
        let rules = PeerLossRules()
        for places in groups.values {
            let yields = places.map { place in
                segments[place].model.flatMap {
                    segments[place].yield.correctedPerformanceRatio(ratedWatts: $0.ratedWatts)
                }
            }
            for (place, standing) in zip(places, rules.standings(yields)) {
                segments[place].standingLoss = segments[place].loss.step(
                    standing, day: Int32(clamping: day), rules: rules)
            }
        }
        for place in segments.indices { segments[place].yield = SolarDay() }
    }

    // MARK: Who is a road

    private func enrol(_ registry: SeriesRegistry) {
        parts.grow(registry) { device, part in
            while places.count <= device.index {
                places.append(-1)
                hasSurface.append(false)
                hasPart.append(false)
            }
            hasPart[device.index] = true
            switch part {
            case .surface, .ice, .condition: hasSurface[device.index] = true
            case .irradiance where places[device.index] < 0:
                places[device.index] = Int32(segments.count)
                segments.append(Segment(device: device))
                if let known = resumed.removeValue(forKey: device) {
                    segments[segments.count - 1].yield = known.yield
                    segments[segments.count - 1].loss = known.loss
                    segments[segments.count - 1].standingLoss = known.loss.finding
                }
                settle(segments.count - 1)
            case .air, .humidity, .dewPoint, .film, .freezing, .watts, .irradiance, .panel: break
            }
        }
    }

    private func settle(_ place: Int) {
        let entry = roster[segments[place].device]
        segments[place].profile = entry?.profile ?? ""
        let rated = entry?.constants[LampTable.ratingName].flatMap { Double($0) }
        segments[place].model = rated.flatMap { $0 > 0 && $0.isFinite ? SolarModel(ratedWatts: $0) : nil }
    }

    /// The segments that told any of it, the air of their areas, and the day where it is one of those.
    public func forget(_ order: Forgotten, registry: SeriesRegistry) -> Set<Subject> {
        if parts.isBehind(registry) { enrol(registry) }
        var begun: Set<Subject> = []
        for series in order.series where series.index < registry.seriesCount {
            guard let part = parts[series] else { continue }
            let device = registry.series[series.index].device
            begun.insert(.device(device))
            switch part {
            case .air, .humidity: airs[ByteName(roster.area(of: device))] = nil
            case .watts, .irradiance, .panel:
                guard places[device.index] >= 0 else { continue }
                let place = Int(places[device.index])
                segments[place].yield = SolarDay()
                segments[place].loss = PeerLoss()
                segments[place].standingLoss = nil
            case .surface, .dewPoint, .film, .freezing, .ice, .condition: break
            }
        }
        // A day that lies ahead would let no other end.
        if !begun.isEmpty, let day {
            let begin = day * Self.dayMilliseconds + Self.dayGrace - offsetMilliseconds
            let hasIt =
                order.span.lowerBound.milliseconds < begin + Self.dayMilliseconds
                && order.span.upperBound.milliseconds > begin
            if hasIt { self.day = nil }
        }
        return begun
    }

    // MARK: State to bytes and back

    /// Version 1: the day, each segment's yield and loss, and the air of each area.
    public func state() -> [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(1))
        writer.append(day ?? .min)
        writer.append(UInt32(segments.count))
        for segment in segments {
            writer.append(segment.device.rawValue)
            writer.append(block: segment.yield.bytes)
            writer.append(block: segment.loss.bytes)
        }
        writer.append(UInt32(airs.count))
        for (area, air) in airs.sorted(by: { $0.key < $1.key }) {
            writer.append(text: area.text)
            writer.append(air.temperature.bitPattern)
            writer.append(air.humidity.bitPattern)
            writer.append(air.observed.milliseconds)
        }
        return writer.bytes
    }

    /// What the roster knows of the segments is taken from the one that was set.
    public func resume(_ state: [UInt8], registry: SeriesRegistry) -> Bool {
        var reader = StateReader(state)
        guard reader.next(UInt32.self) == 1, let day = reader.next(Int64.self), let count = reader.next(UInt32.self)
        else { return false }
        var known: [DeviceIndex: (yield: SolarDay, loss: PeerLoss)] = [:]
        for _ in 0..<count {
            guard let device = reader.next(UInt32.self), let yieldBytes = reader.nextBlock(),
                let lossBytes = reader.nextBlock(), let yield = SolarDay(bytes: yieldBytes),
                let loss = PeerLoss(bytes: lossBytes)
            else { return false }
            known[DeviceIndex(rawValue: device)] = (yield, loss)
        }
        var airs: [ByteName: Air] = [:]
        guard let areas = reader.next(UInt32.self) else { return false }
        for _ in 0..<areas {
            guard let area = reader.nextText(), let temperature = reader.next(UInt64.self),
                let humidity = reader.next(UInt64.self), let observed = reader.nextTime(none: .min)
            else { return false }
            airs[ByteName(area)] = Air(
                temperature: Double(bitPattern: temperature), humidity: Double(bitPattern: humidity),
                observed: Timestamp(milliseconds: observed))
        }
        guard reader.isAtEnd else { return false }
        self.day = day == .min ? nil : day
        self.airs = airs
        parts.removeAll()
        places.removeAll()
        hasSurface.removeAll()
        hasPart.removeAll()
        segments.removeAll()
        resumed = known
        enrol(registry)
        return true
    }
}
