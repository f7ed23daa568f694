import Notification
import Telemetry
import Testing

@Suite("How many notices a minute")
struct RateAllowanceTests {
    private func at(_ seconds: Int) -> SteadyTime { SteadyTime(milliseconds: Int64(seconds) * 1000) }

    @Test("a minute's worth at once, then as many as time brings, never more than a minute's")
    func refills() {
        var allowance = RateAllowance(perMinute: 6)
        #expect(allowance.available(at: at(0)) == 6)
        allowance.take(6)
        #expect(allowance.available(at: at(0)) == 0)
        #expect(allowance.available(at: at(9)) == 0)
        #expect(allowance.available(at: at(10)) == 1)
        #expect(allowance.available(at: at(35)) == 3)
        allowance.take(2)
        #expect(allowance.available(at: at(3600)) == 6)
        // A clock that does not go on brings nothing, and takes nothing.
        #expect(allowance.available(at: at(100)) == 6)
    }
}
