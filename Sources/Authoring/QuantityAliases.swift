import Basics
import Telemetry

/// What the names that devices give their values mostly mean.
enum QuantityAliases {
    struct Guess: Equatable {
        var quantity: Quantity
        /// The unit that the name itself says, such as `_kwh`.
        var unit: String?
        /// The part of the name that tells a channel, such as `l1`.
        var channel: String?
    }

    /// The quantity that a name means; nil for a name that says nothing.
    static func guess(_ name: String) -> Guess? {
        var parts = words(of: name)
        guard !parts.isEmpty else { return nil }
        if let quantity = quantity(parts) {
            // `wh` and `lux` name quantity and unit in one.
            let own = parts.count == 1 ? units[parts[0]] : nil
            return Guess(quantity: quantity, unit: fits(quantity, own) ? own : nil)
        }
        var channel: String?
        var unit: String?
        // From the end: a unit, then a channel, or the other way round.
        for _ in 0..<3 where parts.count > 1 {
            if unit == nil, let found = units[parts[parts.count - 1]] {
                // `w`, `v` and `a` at the end are units, not channels.
                unit = found
            } else if channel == nil, isChannel(parts[parts.count - 1]) {
                channel = parts[parts.count - 1]
            } else {
                break
            }
            parts.removeLast()
            if let quantity = quantity(parts), fits(quantity, unit) {
                return Guess(quantity: quantity, unit: unit, channel: channel.map(channelName))
            }
        }
        // `voltage1`, `ul2`.
        parts = words(of: name)
        if let last = parts.last, let digits = last.firstIndex(where: \.isNumber), digits > last.startIndex,
            last[digits...].allSatisfy(\.isNumber)
        {
            var stem = String(last[..<digits])
            var number = String(last[digits...])
            if stem.hasSuffix("l"), stem.count > 1 {
                stem.removeLast()
                number = "l" + number
            }
            parts[parts.count - 1] = stem
            if let quantity = quantity(parts) { return Guess(quantity: quantity, channel: channelName(number)) }
        }
        return nil
    }

    private static func fits(_ quantity: Quantity, _ unit: String?) -> Bool {
        guard let unit else { return true }
        guard let wire = Unit(unit), let canonical = Unit(quantity.unit) else { return false }
        return wire.conversion(to: canonical) != nil
    }

    /// Small letters, split at signs and where a capital begins a word; `kWh` and `mV` stay whole.
    static func words(of name: String) -> [String] {
        name.split { !$0.isLetter && !$0.isNumber }.flatMap { piece -> [String] in
            if units[piece.lowercased()] != nil { return [piece.lowercased()] }
            var words: [String] = []
            var word = ""
            var wasLower = false
            for character in piece {
                if character.isUppercase, wasLower {
                    words.append(word)
                    word = ""
                }
                wasLower = character.isLowercase
                word += character.lowercased()
            }
            return words + [word]
        }
    }

    private static func quantity(_ words: [String]) -> Quantity? {
        let joined = words.joined(separator: "_")
        if let quantity = Quantity(named: joined) { return quantity }
        return aliases[joined] ?? aliases[words.joined()]
    }

    /// Whether a word names a part of a device: a phase or a number.
    static func isChannel(_ word: String) -> Bool {
        if ["l1", "l2", "l3", "a", "b", "c", "n", "ac", "dc"].contains(word) { return true }
        let digits = word.drop { $0.isLetter }
        let letters = word.prefix { $0.isLetter }
        return !digits.isEmpty && digits.count <= 3 && digits.allSatisfy(\.isNumber)
            && ["", "ch", "dc", "ph", "phase", "channel", "lane", "port", "input", "string", "mppt"].contains(letters)
    }

    private static func channelName(_ word: String) -> String {
        switch word {
        case "a": "l1"
        case "b": "l2"
        case "c": "l3"
        default: word.first?.isNumber == true ? "ch\(word)" : word
        }
    }

    /// What may stand at the end of a name.
    private static let units: [String: String] = [
        "kwh": "kW.h", "wh": "W.h", "mwh": "MW.h", "kw": "kW", "w": "W", "watt": "W", "watts": "W", "mw": "mW",
        "v": "V", "mv": "mV", "volt": "V", "volts": "V", "kv": "kV", "a": "A", "ma": "mA", "amp": "A", "amps": "A",
        "c": "Cel", "degc": "Cel", "celsius": "Cel", "f": "[degF]", "degf": "[degF]", "fahrenheit": "[degF]", "k": "K",
        "pct": "%", "percent": "%", "perc": "%", "hpa": "hPa", "pa": "Pa", "kpa": "kPa", "mbar": "mbar", "bar": "bar",
        "ppm": "[ppm]", "ppb": "[ppb]", "ugm3": "ug/m3", "mgm3": "mg/m3", "ms": "m/s", "mps": "m/s", "kmh": "km/h",
        "kph": "km/h", "mph": "[mi_i]/h", "mm": "mm", "cm": "cm", "m": "m", "lux": "lx", "lx": "lx", "db": "dB",
        "dba": "dB", "hz": "Hz", "va": "V.A", "var": "V.A{reactive}", "kg": "kg", "m3": "m3", "l": "L", "h": "h",
        "hours": "h", "deg": "deg", "s": "s",
    ]

    private static let aliases: [String: Quantity] = {
        let names: [(String, String)] = [
            (
                "air_temperature",
                "temp temperature t tmp atmp airtemp airtemperature temperatureair outdoortemperature ambienttemperature"
            ),
            ("relative_humidity", "hum humidity rh h rhum relhum relativehumidity airhumidity"),
            (
                "air_pressure",
                "pressure press pres baro barometer airpressure qfe barometricpressure atmosphericpressure"
            ),
            ("dew_point", "dewpoint dew dewpt"), ("wind_speed", "wind windspeed ws windavg"),
            ("wind_gust", "gust windgust gustspeed windmax"),
            ("wind_direction", "winddir winddirection wd windbearing wdir"),
            ("precipitation", "rain rainfall precip precipitation"), ("rain_rate", "rainrate rainintensity"),
            ("snow_depth", "snow snowdepth"), ("visibility", "vis visibility"),
            ("solar_irradiance", "irradiance radiation solarradiation ghi solar irr"), ("uv_index", "uv uvi uvindex"),
            ("illuminance", "lux lx illuminance illumination lightlevellux"),
            ("pm1", "pm1 pm01 pm1_0"), ("pm2_5", "pm25 pm2_5 pm02 pm2p5"), ("pm4", "pm4 pm4_0"),
            ("pm10", "pm10 pm10_0"),
            ("no2", "no2"), ("no", "no"), ("nox", "nox"), ("o3", "o3 ozone"), ("so2", "so2"), ("co", "co"),
            ("co2", "co2 rco2 eco2"), ("tvoc", "tvoc voc"), ("voc_index", "vocindex tvocindex"),
            ("nox_index", "noxindex"), ("laeq", "laeq leq noise spl sound noiselevel soundlevel"),
            ("lamax", "lamax lmax"), ("light_level", "dim dimming dimlevel dimminglevel brightness lightlevel"),
            ("lamp_on", "lampon lamp light lampstate"), ("lamp_fault", "lampfault lampfailure lamperror"),
            ("lamp_operating_time", "burninghours operatinghours lamphours"), ("tilt", "tilt inclination"),
            ("motion", "motion pir movement presence"), ("voltage", "u v volt volts voltage vrms urms vac linevoltage"),
            ("current", "i amp amps current irms iac"),
            ("active_power", "p w watt watts power activepower pac apower act_power"),
            ("reactive_power", "q reactivepower var"), ("apparent_power", "va apparentpower aprtpower aprt_power"),
            ("power_factor", "pf powerfactor cosphi cos"), ("frequency", "f freq frequency hz gridfrequency"),
            (
                "active_energy_import",
                "e energy kwh wh etotal energytotal totalenergy energyimport importenergy totalactenergy activeenergy"
            ),
            ("active_energy_export", "energyexport exportenergy energyreturned totalactretenergy"),
            ("active_energy_day", "energytoday energyday todayenergy"),
            ("energy_yield_total", "yieldtotal totalyield"), ("energy_yield_day", "yieldday dailyyield eday"),
            ("dc_voltage", "vdc udc dcvoltage pvvoltage"), ("dc_current", "idc dccurrent pvcurrent"),
            ("dc_power", "pdc dcpower pvpower"), ("panel_temperature", "paneltemp paneltemperature moduletemperature"),
            ("inverter_temperature", "invertertemp invertertemperature"),
            (
                "road_surface_temperature",
                "roadtemp surfacetemp surfacetemperature roadtemperature roadsurfacetemperature"
            ),
            ("friction", "grip friction"), ("water_film_thickness", "waterfilm waterfilmthickness"),
            ("strain", "strain"), ("vehicle_count", "vehicles vehiclecount carcount"),
            ("vehicle_speed", "speed avgspeed vehiclespeed meanspeed"), ("lane_occupancy", "occupancy laneoccupancy"),
            ("people_count", "people peoplecount persons pedestrians"), ("occupied", "occupied parked isoccupied"),
            ("fill_level", "fill filllevel fillinglevel"), ("distance", "distance dist range"),
            ("water_volume", "watervolume volume totalvolume"), ("water_flow", "flow waterflow flowrate"),
            ("water_temperature", "watertemp watertemperature"), ("water_level", "waterlevel"),
            ("leak", "leak waterleak leakage"),
            ("battery_level", "bat batt battery batterylevel batterypercent soc batlevel stateofcharge"),
            ("battery_voltage", "vbat vbatt batv batteryv batteryvoltage ubat"),
            ("battery_low", "batterylow lowbattery lowbat"),
            ("device_temperature", "cputemp boardtemp internaltemp internaltemperature devicetemp chiptemp"),
            ("session_energy", "sessionenergy"), ("fault", "fault error alarm"),
        ]
        var aliases: [String: Quantity] = [:]
        for (name, words) in names {
            guard let quantity = Quantity(named: name) else {
                preconditionFailure("authoring: the vocabulary has no quantity '\(name)'")
            }
            for word in words.split(separator: " ") { aliases[String(word)] = quantity }
        }
        return aliases
    }()
}
