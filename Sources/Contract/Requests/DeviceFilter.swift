/// Which devices, and which of their series, an answer is about. What is nil does not matter.
public struct DeviceFilter: Hashable, Sendable {
    /// A name, or a pattern in which `*` stands for any characters and `?` for one.
    public var device: String?
    /// A name, no pattern.
    public var profile: String?
    /// A name of the roster, no pattern.
    public var area: String?
    /// Looked at where the answer is about series.
    public var quantity: String?

    /// Without arguments, for all devices.
    public init(device: String? = nil, profile: String? = nil, area: String? = nil, quantity: String? = nil) {
        self.device = device
        self.profile = profile
        self.area = area
        self.quantity = quantity
    }

    static let parameters: [Parameter] = [.device, .profile, .area, .quantity]

    init(_ form: Form) throws(Refusal) {
        self.init(
            device: form.text(.device), profile: form.text(.profile), area: form.text(.area),
            quantity: try form.quantity())
    }

    func write(to form: inout Form) {
        form.write(device, as: .device)
        form.write(profile, as: .profile)
        form.write(area, as: .area)
        form.write(quantity, as: .quantity)
    }
}
