/// The newest reading of each series that fits.
public struct LatestRequest: Question {
    package typealias Answer = [LatestAnswer]
    package static let route = Route(.get, "latest", DeviceFilter.parameters)

    /// Of which devices, and of which quantity of theirs.
    public var filter: DeviceFilter

    package init(_ filter: DeviceFilter = DeviceFilter()) { self.filter = filter }

    package init(_ form: Form) throws(Refusal) { filter = try DeviceFilter(form) }
    package func write(to form: inout Form) { filter.write(to: &form) }
}
