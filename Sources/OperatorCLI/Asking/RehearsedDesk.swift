import Basics
import Desk
import Telemetry

/// The messages that a desk would have sent in a rehearsal, by channel.
///
/// Nobody takes an alert in it, and no silence of the past is in force: escalations reach whom they reach where nobody comes.
struct RehearsedDesk {
    /// Of one channel: the messages of one group that went out.
    private struct Gathering {
        var last: SteadyTime
        /// The next goes out then, with whatever comes until then.
        var next: SteadyTime?
    }

    /// By channel, in the order of the configuration.
    private(set) var messages: [(channel: String, count: Int)]
    private var desk: Desk
    private var gatherings: [String: Gathering] = [:]
    private var ticked: SteadyTime?
    /// What is told before it is of the run-up.
    private let since: Timestamp
    /// Times of routes and maintenance end with minutes, those of holds when they are due.
    private static let tickEvery = Duration.seconds(60)

    init(_ plan: DeskPlan, since: Timestamp) {
        desk = Desk(plan)
        messages = plan.recipients.map { ($0.name, 0) }
        self.since = since
    }

    mutating func take(_ steps: [AlertTransition], _ place: DeskPlace) {
        if let first = steps.first {
            tick(place, Moment(wall: first.at, steady: first.steady, listened: first.listened))
        }
        count(desk.take(steps, place))
    }

    /// What time alone does until a moment: minute by minute, and when something that is held back is due.
    mutating func tick(_ place: DeskPlace, _ moment: Moment) {
        var at = ticked ?? moment.steady
        while true {
            var next = at + Self.tickEvery
            if let due = desk.nextDue, due > at { next = min(next, due) }
            guard next <= moment.steady else { break }
            at = next
            let back = moment.steady - at
            count(
                desk.tick(
                    place,
                    at: Moment(wall: moment.wall - back, steady: at, listened: moment.listened - back)))
        }
        ticked = at
    }

    private mutating func count(_ decisions: [DeskDecision]) {
        for decision in decisions where decision.at.wall >= since {
            guard case .told(_, let group) = decision.verdict, opens(group, decision),
                let place = messages.firstIndex(where: { $0.channel == decision.recipient })
            else { continue }
            messages[place].count += 1
        }
    }

    /// Whether it is a message of its own, and not one more in one that is counted already.
    private mutating func opens(_ group: NoticeGroup?, _ decision: DeskDecision) -> Bool {
        guard let group else { return true }
        let (name, now) = ("\(decision.recipient) \(group.name)", decision.at.steady)
        guard var gathering = gatherings[name] else {
            gatherings[name] = Gathering(last: now)
            return true
        }
        if let next = gathering.next, next <= now { gathering = Gathering(last: next) }
        defer { gatherings[name] = gathering }
        if gathering.next != nil { return false }
        if now >= gathering.last + group.interval {
            gathering.last = now
        } else {
            gathering.next = gathering.last + group.interval
        }
        return true
    }
}
