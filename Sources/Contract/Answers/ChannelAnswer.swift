public import Basics

/// What waits for a channel, and what became of its notices.
public struct ChannelAnswer: Codable, Hashable, Sendable {
    /// As the configuration calls it, or `log` or `mqtt`. One that never had anything to tell is in no answer.
    public var channel: String
    /// Notices that are still to be told.
    public var waiting: Int
    /// Of those that wait, when the oldest was decided; nil where none does.
    public var oldest: Timestamp?
    /// Attempts that failed with those that wait.
    public var failedAttempts: Int
    /// Why the last of them failed; nil where none did.
    public var error: String?
    /// Notices that arrived within a day before the answer.
    public var deliveredInDay: Int
    /// When the last one arrived; nil where none is kept that did.
    public var lastDelivered: Timestamp?
    /// Notices that were never told and are not tried any more, of those that are kept.
    public var givenUp: Int
    /// Why the last of them was given up; nil where none was.
    public var givenUpReason: String?

    enum CodingKeys: String, CodingKey {
        case channel, waiting, oldest, error
        case failedAttempts = "failed_attempts"
        case deliveredInDay = "delivered_in_day"
        case lastDelivered = "last_delivered"
        case givenUp = "given_up"
        case givenUpReason = "given_up_reason"
    }

    package init(channel: String) {
        self.channel = channel
        (waiting, failedAttempts, deliveredInDay, givenUp) = (0, 0, 0, 0)
    }
}
