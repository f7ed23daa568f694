public import Basics
public import Telemetry

/// A device as the city knows it, also when it never spoke.
public struct DeviceAnswer: Codable, Hashable, Sendable {
    /// Its name, which no other device has.
    public var device: String
    /// The profile that decoded it, else the one that the roster or an import named; empty where there is none.
    public var profile: String
    /// As the roster last said; empty where it named none.
    public var area: String
    /// The electrical circuit or feeder, as the roster last said; empty where it named none.
    public var circuit: String
    /// Degrees north, WGS 84; nil where the roster gave none.
    public var latitude: Double?
    /// Degrees east, WGS 84; nil where the roster gave none.
    public var longitude: Double?
    /// Whether the roster names it.
    public var expected: Bool
    /// When the roster first named it, without a break since; nil where it does not.
    public var expectedSince: Timestamp?
    /// How often the roster expects it to speak; nil where it does not name it.
    public var cadenceSeconds: Double?
    /// Received time of its newest message; nil where it never spoke.
    public var lastHeard: Timestamp?
    /// How long ago that was, by a clock that nobody sets; nil where it never spoke.
    public var lastHeardSecondsAgo: Double?
    /// `online` or `offline` by its own word; nil where it never said.
    public var lastStatus: String?
    /// The time of that word; nil where it never said.
    public var lastStatusAt: Timestamp?
    /// When all its readings were taken out by order; nil where that was never so, or others came since.
    public var forgottenAt: Timestamp?
    /// How many series of it are known.
    public var series: Int
    /// Alerts in phase `firing` or `clearing` about the device or one of its series.
    public var firingAlerts: Int
    /// At the moment of the answer.
    public var health: Health

    enum CodingKeys: String, CodingKey {
        case device, profile, area, circuit, latitude, longitude, expected, series, health
        case expectedSince = "expected_since"
        case cadenceSeconds = "cadence_seconds"
        case lastHeard = "last_heard"
        case lastHeardSecondsAgo = "last_heard_seconds_ago"
        case lastStatus = "last_status"
        case lastStatusAt = "last_status_at"
        case firingAlerts = "firing_alerts"
        case forgottenAt = "readings_forgotten_at"
    }

    package init(
        device: String, profile: String, area: String, circuit: String, latitude: Double? = nil,
        longitude: Double? = nil, expected: Bool, expectedSince: Timestamp? = nil, cadenceSeconds: Double? = nil,
        lastHeard: Timestamp? = nil, lastHeardSecondsAgo: Double? = nil, lastStatus: String? = nil,
        lastStatusAt: Timestamp? = nil, forgottenAt: Timestamp? = nil, series: Int, firingAlerts: Int, health: Health
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
        self.lastHeardSecondsAgo = lastHeardSecondsAgo
        self.lastStatus = lastStatus
        self.lastStatusAt = lastStatusAt
        self.forgottenAt = forgottenAt
        self.series = series
        self.firingAlerts = firingAlerts
        self.health = health
    }
}
