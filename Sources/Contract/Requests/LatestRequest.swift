/// The newest reading of each series that fits.
public struct LatestRequest: Question {
    public typealias Answer = [LatestAnswer]
    public static let route = Route(.get, "latest", DeviceFilter.parameters)

    public var filter: DeviceFilter

    public init(_ filter: DeviceFilter = DeviceFilter()) { self.filter = filter }

    public init(_ form: Form) throws(Refusal) { filter = try DeviceFilter(form) }
    public func write(to form: inout Form) { filter.write(to: &form) }
}
