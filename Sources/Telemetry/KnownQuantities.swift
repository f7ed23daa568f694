import Basics
/// The quantities that code of ours names, so that a word the vocabulary has lost fails a test and not a lamp.
extension Quantity {
    public static let lampOn = known("lamp_on")
    public static let lightLevel = known("light_level")
    public static let lightCommand = known("light_command")
    public static let lampFault = known("lamp_fault")
    public static let activePower = known("active_power")
    public static let current = known("current")

    public static let roadSurfaceTemperature = known("road_surface_temperature")
    public static let waterFilmThickness = known("water_film_thickness")
    public static let freezingTemperature = known("freezing_temperature")
    public static let iceThickness = known("ice_thickness")
    public static let roadCondition = known("road_condition")
    public static let airTemperature = known("air_temperature")
    public static let relativeHumidity = known("relative_humidity")
    public static let dewPoint = known("dew_point")

    public static let dcPower = known("dc_power")
    public static let solarIrradiance = known("solar_irradiance")
    public static let panelTemperature = known("panel_temperature")
    public static let windDirection = known("wind_direction")

    private static func known(_ name: String) -> Quantity {
        guard let quantity = Quantity(named: name) else {
            preconditionFailure("telemetry: the vocabulary has no '\(name)', which the code speaks of")
        }
        return quantity
    }
}
