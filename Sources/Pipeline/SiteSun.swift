import Basics
import City
import Telemetry

extension Roster {
    /// Whether the sun is down, by one place of the city, the first that the roster has: across 40 km it rises within three
    /// minutes. Never where the roster has no place.
    var isNight: @Sendable (Timestamp) -> Bool {
        let placed = lines.filter { $0.value.entry.latitude != nil && $0.value.entry.longitude != nil }
        guard let entry = placed.min(by: { $0.key < $1.key })?.value.entry, let latitude = entry.latitude,
            let longitude = entry.longitude
        else { return { _ in false } }
        return { moment in
            SunPosition(latitude: latitude, longitude: longitude, at: moment).elevation < SunHorizon.sunrise.elevation
        }
    }
}
