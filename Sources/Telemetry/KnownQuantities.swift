import Basics
/// The quantities that code of ours names, so that a word the vocabulary has lost fails a test and not a lamp.
extension Quantity {
    /// 1 where the lamp burns, 0 where it is dark.
    public static let lampOn = known("lamp_on")
    /// Actual dimming level, 0 to 100 %.
    public static let lightLevel = known("light_level")
    /// Commanded dimming level, 0 to 100 %.
    public static let lightCommand = known("light_command")
    /// 1 where the luminaire says that its lamp failed, else 0.
    public static let lampFault = known("lamp_fault")
    /// AC power in W, import positive.
    public static let activePower = known("active_power")
    /// AC current in A, rms.
    public static let current = known("current")

    /// °C, plausible from -60 to 90.
    public static let roadSurfaceTemperature = known("road_surface_temperature")
    /// Of the water on the road, in mm.
    public static let waterFilmThickness = known("water_film_thickness")
    /// At which the film on the road freezes, in °C: below 0 where it is salted.
    public static let freezingTemperature = known("freezing_temperature")
    /// Of the ice on the road, in mm.
    public static let iceThickness = known("ice_thickness")
    /// State of the road's surface: 0 dry to 8 ice.
    public static let roadCondition = known("road_condition")
    /// °C, plausible from -60 to 60.
    public static let airTemperature = known("air_temperature")
    /// Of the air, in %, 0 to 100.
    public static let relativeHumidity = known("relative_humidity")
    /// Of the air, in °C.
    public static let dewPoint = known("dew_point")

    /// From the panels, in W.
    public static let dcPower = known("dc_power")
    /// Global, in W/m²: horizontal, unless the channel is `poa`, the plane of the panels.
    public static let solarIrradiance = known("solar_irradiance")
    /// Of a photovoltaic panel, in °C.
    public static let panelTemperature = known("panel_temperature")
    /// Where the wind comes from, in degrees clockwise from north.
    public static let windDirection = known("wind_direction")

    private static func known(_ name: String) -> Quantity {
        guard let quantity = Quantity(named: name) else {
            preconditionFailure("telemetry: the vocabulary has no '\(name)', which the code speaks of")
        }
        return quantity
    }
}
