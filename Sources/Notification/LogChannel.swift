/// Writes the notice into the gateway's log, one after the other.
public struct LogChannel: NotificationChannel {
    /// `log`.
    public let name = "log"
    /// 1.
    public let width = 1
    private let write: @Sendable (AlertNotice) -> Void

    /// `write` must not fail.
    public init(write: @escaping @Sendable (AlertNotice) -> Void) { self.write = write }

    /// Always delivered: a log takes what it is given.
    public func deliver(_ notice: AlertNotice) async -> Delivery {
        write(notice)
        return .delivered
    }
}
