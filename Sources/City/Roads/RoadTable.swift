import Basics
package import Telemetry

/// The roads among the devices: ice on their surface, and what solar segments yield beside their like.
///
/// Pure: part of the pipeline and of its state.
package struct RoadTable {
    private enum Role: UInt8 {
        case none, surface, air, humidity, dewPoint, film, freezing, ice, condition, watts, irradiance, panel
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
    private var roles: [Role] = []
    /// By device: the place in `segments`, -1 for what is none; and whether it may tell of ice.
    private var places: [Int32] = []
    private var hasSurface: [Bool] = []
    private var segments: [Segment] = []
    private var airs: [String: Air] = [:]
    private var roster: [DeviceIndex: RosterEntry] = [:]
    private var day: Int64?
    private var resumed: [DeviceIndex: (yield: SolarDay, loss: PeerLoss)] = [:]

    package init(localOffsetSeconds: Int) { offsetMilliseconds = Int64(localOffsetSeconds) * 1000 }

    package mutating func setRoster(_ entries: [DeviceIndex: RosterEntry]) {
        roster = entries
        for place in segments.indices { settle(place) }
    }

    // MARK: The turn

    /// Takes in what one message of a device told, and tells of ice and of lasting losses.
    package mutating func absorb(
        _ readings: ArraySlice<Reading>, of device: DeviceIndex, registry: SeriesRegistry, told: (Finding) -> Void
    ) {
        if roles.count < registry.seriesCount { enrol(registry) }
        guard let observed = readings.first?.observed else { return }
        var surface = RoadSurface()
        var (watts, irradiance, panel): (Double?, Double?, Double?)
        var hasEvidence = false
        for reading in readings {
            let role = roles[reading.series.index]
            hasEvidence = hasEvidence || role != .none
            switch role {
            case .none: break
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
        let area = roster[device]?.area ?? ""
        if let temperature = surface.airTemperature, let humidity = surface.relativeHumidity {
            if airs[area].map({ $0.observed < observed }) ?? true {
                airs[area] = Air(temperature: temperature, humidity: humidity, observed: observed)
            }
        }
        if device.index < hasSurface.count, hasSurface[device.index] { judgeIce(surface, device, area, observed, told) }
        guard device.index < places.count, places[device.index] >= 0, let watts, let irradiance else { return }
        let place = Int(places[device.index])
        guard let model = segments[place].model else { return }
        closeDays(through: observed)
        segments[place].yield.add(
            watts: watts, irradiance: irradiance, panelTemperature: panel, at: observed, model: model)
        if let loss = segments[place].standingLoss {
            told(
                Finding(
                    device: device, series: nil, kind: .yieldLoss, observed: observed, value: loss.lossPercent,
                    severity: 0.5, sentence: loss.sentence))
        }
    }

    /// Ice that is likely or seen. Where the device does not measure the air, the newest station of its area does.
    private func judgeIce(
        _ surface: RoadSurface, _ device: DeviceIndex, _ area: String, _ observed: Timestamp,
        _ told: (Finding) -> Void
    ) {
        var surface = surface
        if surface.relativeHumidity == nil, surface.dewPoint == nil, let air = airs[area],
            observed - air.observed < Self.airAge, air.observed - observed < Self.airAge
        {
            surface.airTemperature = air.temperature
            surface.relativeHumidity = air.humidity
        }
        guard let icing = RoadIcing(surface), icing.level >= .likely else { return }
        told(
            Finding(
                device: device, series: nil, kind: .icing, observed: observed, value: surface.surfaceTemperature,
                severity: icing.level == .present ? 1 : 0.7, sentence: icing.sentence))
    }

    // MARK: Days

    /// Compares the yields of a local day when a reading of the next one shows that it is over.
    private mutating func closeDays(through observed: Timestamp) {
        let local = observed.milliseconds + offsetMilliseconds
        let today = (local - Self.dayGrace).flooredDivision(by: Self.dayMilliseconds)
        guard let day else {
            self.day = today
            return
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

    private mutating func enrol(_ registry: SeriesRegistry) {
        for index in roles.count..<registry.seriesCount {
            let series = registry.series[index]
            let role: Role =
                registry.channelName(of: SeriesID(rawValue: UInt32(index))) == nil ? Self.role(series.quantity) : .none
            roles.append(role)
            while places.count <= series.device.index {
                places.append(-1)
                hasSurface.append(false)
            }
            switch role {
            case .surface, .ice, .condition: hasSurface[series.device.index] = true
            case .irradiance where places[series.device.index] < 0:
                places[series.device.index] = Int32(segments.count)
                segments.append(Segment(device: series.device))
                if let known = resumed.removeValue(forKey: series.device) {
                    segments[segments.count - 1].yield = known.yield
                    segments[segments.count - 1].loss = known.loss
                    segments[segments.count - 1].standingLoss = known.loss.finding
                }
                settle(segments.count - 1)
            case .none, .air, .humidity, .dewPoint, .film, .freezing, .watts, .irradiance, .panel: break
            }
        }
    }

    private static func role(_ quantity: Quantity) -> Role {
        switch quantity.name {
        case "road_surface_temperature": .surface
        case "air_temperature": .air
        case "relative_humidity": .humidity
        case "dew_point": .dewPoint
        case "water_film_thickness": .film
        case "freezing_temperature": .freezing
        case "ice_thickness": .ice
        case "road_condition": .condition
        case "dc_power": .watts
        case "solar_irradiance": .irradiance
        case "panel_temperature": .panel
        default: .none
        }
    }

    private mutating func settle(_ place: Int) {
        let entry = roster[segments[place].device]
        segments[place].profile = entry?.profile ?? ""
        let rated = entry?.constants[LampTable.ratingName].flatMap { Double($0) }
        segments[place].model = rated.flatMap { $0 > 0 && $0.isFinite ? SolarModel(ratedWatts: $0) : nil }
    }

    // MARK: State to bytes and back

    package func state() -> [UInt8] {
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
            writer.append(block: Array(area.utf8))
            writer.append(air.temperature.bitPattern)
            writer.append(air.humidity.bitPattern)
            writer.append(air.observed.milliseconds)
        }
        return writer.bytes
    }

    /// Takes up what `state()` gave; false, and nothing taken, for any other bytes.
    package mutating func resume(_ state: [UInt8], registry: SeriesRegistry) -> Bool {
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
        var airs: [String: Air] = [:]
        guard let areas = reader.next(UInt32.self) else { return false }
        for _ in 0..<areas {
            guard let area = reader.nextBlock(), let temperature = reader.next(UInt64.self),
                let humidity = reader.next(UInt64.self), let observed = reader.next(Int64.self)
            else { return false }
            airs[String(decoding: area, as: UTF8.self)] = Air(
                temperature: Double(bitPattern: temperature), humidity: Double(bitPattern: humidity),
                observed: Timestamp(milliseconds: observed))
        }
        guard reader.isAtEnd else { return false }
        self.day = day == .min ? nil : day
        self.airs = airs
        roles.removeAll()
        places.removeAll()
        hasSurface.removeAll()
        segments.removeAll()
        resumed = known
        enrol(registry)
        return true
    }
}
