/// What messages with a time of their own say of the gateway's clock, counted.
public struct ClockVotes: Equatable, Sendable {
    /// Times within 5 minutes of it.
    public var agree = 0
    /// Others that may be kept, late ones among them.
    public var apart = 0
    /// Times that lie too far ahead of it to be kept.
    public var ahead = 0

    /// None.
    public init() {}
}
