import Basics
import Desk
import Telemetry
import Testing

@testable import OperatorCLI

@Suite("The desk of a rehearsal")
struct RehearsedDeskTests {
    @Test("what is held back for seconds goes out when it is due, though nothing happens then", arguments: [19, 21])
    func dues(lasted: Int) {
        let noon = Timestamp(iso8601: "2026-03-15T12:00:00Z")!
        func moment(_ second: Int) -> Moment {
            let steady = SteadyTime(milliseconds: noon.milliseconds + Int64(second) * 1000)
            return Moment(wall: noon + .seconds(second), steady: steady, listened: steady)
        }
        var registry = SeriesRegistry()
        let lamp = registry.intern(device: "lamp-1", profile: "lamp")!
        let place = DeskPlace(Roster([:]), registry, days: LocalDays(offsetSeconds: 0), isNight: { _ in false })
        let plan = DeskPlan(
            recipients: [
                Recipient(name: "duty", routes: [Route()]),
                Recipient(name: "boss", routes: [Route(after: .seconds(20))]),
            ])
        var desk = RehearsedDesk(plan, since: noon)
        func step(_ from: AlertPhase, _ to: AlertPhase, at second: Int) -> [AlertTransition] {
            let now = moment(second)
            return [
                AlertTransition(
                    key: AlertKey(rule: "out", subject: .device(lamp)), severity: .warning, from: from, to: to,
                    at: now.wall, listened: now.listened, steady: now.steady, since: now.wall, value: nil,
                    sentence: Sentence(words: "x"))
            ]
        }
        desk.take(step(.inactive, .firing, at: 1), place)
        desk.take(step(.firing, .resolved, at: 1 + lasted), place)
        desk.tick(place, moment(200))
        #expect(desk.messages.map(\.count) == (lasted > 20 ? [2, 2] : [2, 0]))
    }
}
