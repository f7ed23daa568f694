public import Basics

/// A wish not to be told of some alerts.
public struct SilenceAnswer: Codable, Hashable, Sendable {
    /// How far it has come.
    public enum State: String, CaseIterable, Codable, Sendable {
        /// It begins later.
        case planned
        case inForce = "in_force"
        case over
    }

    /// Under which it is ended; from 1, never used twice.
    public var id: Int64
    /// Which alerts are meant.
    public var selection: SilenceSelection
    /// The one alert that it puts aside, by `AlertAnswer.id`; nil for a selection.
    public var alert: Int64?
    /// At the moment of the answer.
    public var state: State
    /// By the wall clock.
    public var begins: Timestamp
    /// By the wall clock: what was said, or when the span that was said is over.
    public var ends: Timestamp
    /// Who wants it.
    public var by: String
    /// Why.
    public var reason: String
    /// When somebody ended it before its end; nil where nobody did.
    public var endedAt: Timestamp?
    /// Who did.
    public var endedBy: String?
    /// How many alerts it holds back now.
    public var holds: Int

    enum CodingKeys: String, CodingKey {
        case id, selection, alert, state, begins, ends, by, reason, holds
        case endedAt = "ended_at"
        case endedBy = "ended_by"
    }

    package init(
        id: Int64, selection: SilenceSelection, alert: Int64?, state: State, begins: Timestamp, ends: Timestamp,
        by: String,
        reason: String, endedAt: Timestamp?, endedBy: String?, holds: Int
    ) {
        self.id = id
        self.selection = selection
        self.alert = alert
        self.state = state
        self.begins = begins
        self.ends = ends
        self.by = by
        self.reason = reason
        self.endedAt = endedAt
        self.endedBy = endedBy
        self.holds = holds
    }
}
