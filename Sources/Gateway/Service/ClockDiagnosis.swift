import Basics
import CLinux
import Contract
import FoundationEssentials
import Glibc
import Telemetry

/// What the kernel says of the wall clock.
enum KernelClock {
    /// False where it was not told that the clock is synchronised: TIME_ERROR, or STA_UNSYNC, of adjtimex(2).
    static var isSynchronised: Bool {
        var state = timex()
        let answer = adjtimex(&state)
        return answer != 5 && state.status & 0x40 == 0
    }
}

// What the wall clock is worth.
extension Doctor {
    func clock() -> Diagnosis {
        if now() < TimeFence.clockMin {
            return Diagnosis(
                check: "clock", level: .bad, finding: "the clock says \(now())",
                mend: "set the clock and start a time service (systemd-timesyncd, chrony)")
        }
        if !KernelClock.isSynchronised {
            return Diagnosis(
                check: "clock", level: .warning, finding: "the clock is not synchronised",
                mend:
                    "start a time service (systemd-timesyncd, chrony); readings without a time of their own get this clock's"
            )
        }
        return Diagnosis(check: "clock", level: .good, finding: "the clock is synchronised")
    }

    /// What people should know of a wall clock that was set: what was stored while it was wrong bears its times.
    func clockSteps() -> [Diagnosis] {
        let clock = live.clock
        guard let last = clock.last, !clock.isTrusted else { return [] }
        let by = Double(last.by.milliseconds) / 1000
        return [
            Diagnosis(
                check: "clock", level: .warning,
                finding:
                    "the clock was set by \(by > 0 ? "+" : "")\(by) s, and has shown \(last.at) then; \(counted(clock.steps, "such step")) so far",
                mend:
                    "see that it is right (systemd-timesyncd, chrony); until it ran a day without a step, or a device's time agrees with it, nothing is given up for its age"
            )
        ]
    }
}
