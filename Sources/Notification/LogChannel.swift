/// Writes the notice into the gateway's log, one after the other.
public struct LogChannel: NotificationChannel {
    public let name = "log"
    public let width = 1
    private let write: @Sendable (AlertNotice) -> Void

    /// `write` must not fail.
    public init(write: @escaping @Sendable (AlertNotice) -> Void) { self.write = write }

    public func deliver(_ notice: AlertNotice) async -> Delivery {
        write(notice)
        return .delivered
    }
}
