import Dispatch
import Glibc
import Store

/// Has systemd wait for a start that takes longer than its limit, as long as it goes on: a large journal is read, or a store
/// of before steps forward. One that hangs is not waited for.
final class StartWatch: Sendable {
    /// By how much a start may go on without a sign of work, in seconds.
    private static let extensionSeconds = 60

    private let serviceManager: ServiceManager
    private let ended = DispatchSemaphore(value: 0)

    /// `work` is how much was done so far, in any unit: less than a hundred more of it from one look to the next is none.
    init(
        _ serviceManager: ServiceManager, every: DispatchTimeInterval = .seconds(15),
        work: @escaping @Sendable () -> Int = StartWatch.work
    ) {
        self.serviceManager = serviceManager
        let (ended, begin) = (ended, DispatchTime.now())
        // Where there is no room for a thread the limit stands.
        _ = BlockingThread.start(name: "baotu.start", stackBytes: 256 << 10) {
            var before = work()
            while ended.wait(timeout: .now() + every) == .timedOut {
                let now = work()
                defer { before = now }
                guard now - before >= 100 else { continue }
                let seconds = (DispatchTime.now().uptimeNanoseconds - begin.uptimeNanoseconds) / 1_000_000_000
                serviceManager.extendStart(
                    seconds: Self.extensionSeconds, "starting for \(seconds) s: what was stored is read")
            }
        }
    }

    /// The start is over, or failed.
    func end() { ended.signal() }

    /// Milliseconds on a core, and blocks of the disk.
    static func work() -> Int {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        func milliseconds(_ time: timeval) -> Int { Int(time.tv_sec) * 1000 + Int(time.tv_usec) / 1000 }
        return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime) + Int(usage.ru_inblock)
            + Int(usage.ru_oublock)
    }
}
