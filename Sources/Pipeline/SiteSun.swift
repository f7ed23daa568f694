public import Basics
import City
public import Telemetry

/// The sun over the site as a whole: in the middle of the places that the roster gives.
public struct SiteSun: Sendable {
    private let middle: (latitude: Double, longitude: Double)?

    /// Degrees of the sun's middle at its rise and its set: its radius and what the air bends (16' and 34').
    private static let riseElevation = -0.833

    /// Of a roster without places nobody knows when it is night.
    public init(_ roster: Roster) {
        var (count, north, east) = (0.0, 0.0, 0.0)
        for line in roster.lines.values {
            guard let latitude = line.entry.latitude, let longitude = line.entry.longitude else { continue }
            (count, north, east) = (count + 1, north + latitude, east + longitude)
        }
        middle = count > 0 ? (north / count, east / count) : nil
    }

    /// Whether the sun is down; false where nobody knows.
    public func isDown(at moment: Timestamp) -> Bool {
        guard let middle else { return false }
        return SunPosition(latitude: middle.latitude, longitude: middle.longitude, at: moment).elevation
            < Self.riseElevation
    }
}
