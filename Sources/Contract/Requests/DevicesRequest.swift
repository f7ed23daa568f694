/// The devices, those that never spoke included. What is nil does not matter.
public struct DevicesRequest: Question {
    public typealias Answer = [DeviceAnswer]
    public static let route = Route(.get, "devices", [.device, .profile, .area])

    /// A name or a pattern, as in `DeviceFilter`.
    public var device: String?
    public var profile: String?
    public var area: String?

    public init(device: String? = nil, profile: String? = nil, area: String? = nil) {
        self.device = device
        self.profile = profile
        self.area = area
    }

    public var filter: DeviceFilter { DeviceFilter(device: device, profile: profile, area: area) }

    public init(_ form: Form) {
        self.init(device: form.text(.device), profile: form.text(.profile), area: form.text(.area))
    }

    public func write(to form: inout Form) { filter.write(to: &form) }
}
