import Glibc
import Synchronization

/// Whether SIGINT or SIGTERM asked the program to end.
package enum StopSignal {
    // An atomic store is safe in a signal handler; a lock or an allocation would not be.
    private static let isRaised = Atomic<Bool>(false)

    /// Stays true from the first signal on.
    package static var isSet: Bool { isRaised.load(ordering: .relaxed) }

    /// Lets both signals set the flag; a second one ends the process as usual.
    package static func listen() {
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                StopSignal.isRaised.store(true, ordering: .relaxed)
                signal(number, SIG_DFL)
            }
        }
    }
}

/// Processor time of this process so far, user and system, in seconds.
func processorSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
