import CLinux
import Glibc

/// A thread for what may block: none of the task pool's is held up by it.
enum BlockingThread {
    /// Runs `body` once, on a new thread. Its name, at most 15 bytes, is what ps(1) shows.
    static func start(name: String, stackBytes: Int, _ body: @escaping @Sendable () -> Void) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackBytes)
        let work = Unmanaged.passRetained(Work(name: name, body: body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
                _ = baotu_name_thread(work.name)
                work.body()
                return nil
            }, work.toOpaque())
        precondition(code == 0, "a gateway without its thread does nothing: \(String(cString: strerror(code)))")
    }

    private final class Work: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
