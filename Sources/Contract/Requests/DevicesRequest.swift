/// The devices, those that never spoke included. What is nil does not matter.
public struct DevicesRequest: Question {
    package typealias Answer = [DeviceAnswer]
    package static let route = Route(.get, "devices", [.device, .profile, .area])

    /// A name or a pattern, as in `DeviceFilter`.
    public var device: String?
    /// A name, no pattern.
    public var profile: String?
    /// A name of the roster, no pattern.
    public var area: String?

    package init(device: String? = nil, profile: String? = nil, area: String? = nil) {
        self.device = device
        self.profile = profile
        self.area = area
    }

    package var filter: DeviceFilter { DeviceFilter(device: device, profile: profile, area: area) }

    package init(_ form: Form) {
        self.init(device: form.text(.device), profile: form.text(.profile), area: form.text(.area))
    }

    package func write(to form: inout Form) { filter.write(to: &form) }
}
