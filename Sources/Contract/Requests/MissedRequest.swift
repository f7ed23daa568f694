public import Basics

/// What was in a span: what a duty room asks after a night.
public struct MissedRequest: Question {
    package typealias Answer = MissedAnswer
    package static let route = Route(.get, "missed", [.since, .until])

    /// By the wall clock.
    public var since: Timestamp
    /// nil: the moment of the answer.
    public var until: Timestamp?

    /// A span by the wall clock.
    public init(since: Timestamp, until: Timestamp? = nil) {
        self.since = since
        self.until = until
    }

    package init(_ form: Form) throws(Refusal) {
        guard let since = try form.moment(.since) else {
            throw .wrong("since: expected a time, such as 2026-03-05T18:00:00Z")
        }
        self.init(since: since, until: try form.moment(.until))
        if let until, since >= until { throw .wrong("since, until: expected two times, the first one earlier") }
    }

    package func write(to form: inout Form) {
        form.write(since, as: .since)
        form.write(until, as: .until)
    }
}
