/// A way to tell people: one file here, one section of the configuration, one line of the gateway's list.
public protocol NotificationChannel: Sendable {
    /// As it stands in the outbox; stable over restarts.
    var name: String { get }
    /// How many notices it tells at one time, 1 or more. With 1 they are told in the order in which they came.
    var width: Int { get }
    /// How long one delivery may take before it is cancelled and counts as failed; nil: it always ends by itself.
    var timeLimit: Duration? { get }

    /// Tells it. Returns when it has arrived or cannot arrive now, and soon after its task is cancelled.
    func deliver(_ notice: AlertNotice) async -> Delivery

    /// Ends what it holds open or has running; nothing is delivered any more.
    func close() async
}

extension NotificationChannel {
    /// 4.
    public var width: Int { 4 }
    /// 30 s.
    public var timeLimit: Duration? { .seconds(30) }
    /// Nothing.
    public func close() async {}
}

/// What came of one attempt.
public enum Delivery: Equatable, Sendable {
    case delivered
    /// There is no way to whoever should take it; otherwise as `failed`. Whoever knows that the way is open again says so.
    case unreachable(reason: String)
    /// It is tried again; `reason` stands in the store and in the alert's story.
    case failed(reason: String)

    /// Why it has not arrived; nil where it has.
    public var reason: String? {
        switch self {
        case .delivered: nil
        case .unreachable(let reason), .failed(let reason): reason
        }
    }
}
