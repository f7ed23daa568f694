import Broker
import Testing

@Suite("The reconnect schedule")
struct ReconnectScheduleTests {
    @Test("doubles the delay up to its bound, keeping at least half", arguments: [0, 0.25, 0.5, 1])
    func doubles(jitter: Double) {
        var schedule = ReconnectSchedule(
            delayMin: .milliseconds(500), delayMax: .seconds(5), stableAfter: .seconds(30))
        // A broker that is started anew is back in seconds.
        let eager = [500] + Array(repeating: 1000, count: ReconnectSchedule.eagerAttempts - 1)
        for ceiling in eager + [1000, 2000, 4000, 5000, 5000, 5000] {
            let delay = schedule.delayAfterFailure(jitter: jitter)
            let expected = Double(ceiling) * 1000 * (0.5 + 0.5 * jitter)
            #expect(delay == .microseconds(Int(expected)))
        }
    }

    @Test("starts anew after a connection that held, not after a short one")
    func startsAnew() {
        var schedule = ReconnectSchedule(
            delayMin: .seconds(1), delayMax: .seconds(60), stableAfter: .seconds(30))
        for _ in 0..<ReconnectSchedule.eagerAttempts + 3 { _ = schedule.delayAfterFailure(jitter: 1) }
        #expect(schedule.delayAfterLoss(connectedFor: .seconds(29), jitter: 1) == .seconds(16))
        #expect(schedule.delayAfterLoss(connectedFor: .seconds(30), jitter: 1) == .seconds(1))
        #expect(schedule.delayAfterFailure(jitter: 0) == .milliseconds(500))
    }

    @Test("neither overflows after years of failures nor trusts jitter outside 0 to 1")
    func isBounded() {
        var schedule = ReconnectSchedule(delayMin: .milliseconds(1), delayMax: .seconds(30))
        for _ in 0..<100_000 { _ = schedule.delayAfterFailure(jitter: 0.5) }
        #expect(schedule.delayAfterFailure(jitter: 7) == .seconds(30))
        #expect(schedule.delayAfterFailure(jitter: -7) == .seconds(15))
    }
}
