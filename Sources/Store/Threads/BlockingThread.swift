import CLinux
import Dispatch
import Glibc

/// A thread for what may block: none of the task pool's is held up by it, and none of libdispatch's either, which are
/// the same ones: one a core.
package enum BlockingThread {
    /// For what reads the store and encodes answers.
    package static let readerStackBytes = 4 << 20

    /// Runs `body` once, on a new thread. Its name, at most 15 bytes, is what ps(1) shows; its niceness, 0 to 19, is its own and
    /// no other thread's, as Linux has it (setpriority(2)), and its share of the disk follows (ioprio_set(2)).
    ///
    /// False, and nothing runs, where the system has no room for another thread.
    package static func start(
        name: String, stackBytes: Int, niceness: Int32 = 0, _ body: @escaping @Sendable () -> Void
    ) -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackBytes)
        let work = Unmanaged.passRetained(Work(name: name, niceness: niceness, body: body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
                _ = baotu_name_thread(work.name)
                if work.niceness != 0 { _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, work.niceness) }
                work.body()
                return nil
            }, work.toOpaque())
        if code != 0 { work.release() }
        return code == 0
    }

    /// Calls `body` with 0 to `count` - 1, beside each other: with 0 on this thread, and each other number on one of its
    /// own. Where there is no room for another thread its number is left out, so 0 must be able to do all.
    static func perform(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let ended = DispatchSemaphore(value: 0)
        var started = 0
        for number in 1..<max(1, count) {
            let isStarted = start(name: "baotu.question", stackBytes: readerStackBytes) {
                body(number)
                ended.signal()
            }
            if isStarted { started += 1 }
        }
        body(0)
        for _ in 0..<started { ended.wait() }
    }

    private final class Work: Sendable {
        let name: String
        let niceness: Int32
        let body: @Sendable () -> Void

        init(name: String, niceness: Int32, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.niceness = niceness
            self.body = body
        }
    }
}
