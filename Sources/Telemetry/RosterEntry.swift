/// A device the city expects: one line of the roster.
public struct RosterEntry: Hashable, Sendable {
    /// The device name as its profile reports it.
    public var device: String
    /// The profile that is expected to decode it; empty where none is said.
    public var profile: String
    /// The part of the city that it stands in; empty where none is said.
    public var area: String
    /// The electrical circuit or feeder; empty where there is none.
    public var circuit: String
    /// Degrees north and east, WGS 84.
    public var latitude: Double?
    /// Degrees east, WGS 84; nil where its place is not known.
    public var longitude: Double?
    /// How often the device is expected to speak.
    public var cadence: Duration
    /// What no message carries and profiles read as `$name`, such as the depth of a bin.
    public var constants: [String: String]
    /// What people sort devices by, such as the owner or the road; names as `UsableName.admitsLabel` has them.
    public var labels: [String: String]

    /// When it is meant to run.
    public var service: ServiceLife

    package init(
        device: String, profile: String = "", area: String = "", circuit: String = "", latitude: Double? = nil,
        longitude: Double? = nil, cadence: Duration, constants: [String: String] = [:],
        labels: [String: String] = [:], service: ServiceLife = ServiceLife()
    ) {
        self.device = device
        self.profile = profile
        self.area = area
        self.circuit = circuit
        self.latitude = latitude
        self.longitude = longitude
        self.cadence = cadence
        self.constants = constants
        self.labels = labels
        self.service = service
    }
}
