public import Basics
public import Telemetry

/// A device as the city knows it, also when it never spoke.
public struct DeviceAnswer: Codable, Hashable, Sendable {
    public var device: String
    public var profile: String
    public var area: String
    public var circuit: String
    /// Degrees north and east, WGS 84.
    public var latitude: Double?
    public var longitude: Double?
    /// Whether the roster names it.
    public var expected: Bool
    public var expectedSince: Timestamp?
    public var cadenceSeconds: Double?
    /// Received time of its newest message.
    public var lastHeard: Timestamp?
    /// `online` or `offline` by its own word; nil where it never said.
    public var lastStatus: String?
    public var lastStatusAt: Timestamp?
    public var series: Int
    public var firingAlerts: Int
    /// At the moment of the answer.
    public var health: Health

    enum CodingKeys: String, CodingKey {
        case device, profile, area, circuit, latitude, longitude, expected, series, health
        case expectedSince = "expected_since"
        case cadenceSeconds = "cadence_seconds"
        case lastHeard = "last_heard"
        case lastStatus = "last_status"
        case lastStatusAt = "last_status_at"
        case firingAlerts = "firing_alerts"
    }

    package init(
        device: String, profile: String, area: String, circuit: String, latitude: Double? = nil,
        longitude: Double? = nil, expected: Bool, expectedSince: Timestamp? = nil, cadenceSeconds: Double? = nil,
        lastHeard: Timestamp? = nil, lastStatus: String? = nil, lastStatusAt: Timestamp? = nil, series: Int,
        firingAlerts: Int, health: Health
    ) {
        self.device = device
        self.profile = profile
        self.area = area
        self.circuit = circuit
        self.latitude = latitude
        self.longitude = longitude
        self.expected = expected
        self.expectedSince = expectedSince
        self.cadenceSeconds = cadenceSeconds
        self.lastHeard = lastHeard
        self.lastStatus = lastStatus
        self.lastStatusAt = lastStatusAt
        self.series = series
        self.firingAlerts = firingAlerts
        self.health = health
    }
}
