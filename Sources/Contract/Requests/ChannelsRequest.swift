/// How the channels do by which people are told.
public struct ChannelsRequest: Question {
    package typealias Answer = [ChannelAnswer]
    package static let route = Route(.get, "channels")

    /// There is nothing to choose.
    public init() {}

    package init(_ form: Form) throws(Refusal) { self.init() }
    package func write(to form: inout Form) {}
}
