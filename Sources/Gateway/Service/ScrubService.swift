import Basics
import Contract
import Glibc
import Logging
import ServiceLifecycle
import Store
import Synchronization
import Telemetry

/// Scrubs the store when one is due, on a thread of its own that everything else goes before.
struct ScrubService: Service {
    let options: StoreOptions
    let live: LiveView
    let log: Logger

    /// After a start others have more to read; what was interrupted can wait so long.
    private static let firstAfter = Duration.seconds(60)
    private static let lookInterval = Duration.seconds(60)
    private static let retryAfter = Duration.seconds(3600)
    /// A stop waits no longer than this.
    private static let nap = Duration.milliseconds(100)

    func run() async {
        guard let interval = options.scrubInterval else { return }
        let stop = StopRequest()
        await withGracefulShutdownHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isStarted = BlockingThread.start(
                    name: "baotu.scrub", stackBytes: BlockingThread.readerStackBytes, niceness: 19
                ) {
                    scrubUntilStopped(every: interval, stop)
                    continuation.resume()
                }
                if !isStarted {
                    log.error("there is no room for the thread that scrubs the store")
                    continuation.resume()
                }
            }
        } onGracefulShutdown: {
            stop.make()
        }
    }

    private func scrubUntilStopped(every interval: Duration, _ stop: StopRequest) {
        let log = log
        let world = Scrub.World(
            now: { ServiceLogHandler.now() }, rest: { Self.rest($0, stop) },
            tell: { log.error("damage in the store; run baotu store check", metadata: ["found": "\($0.sentence)"]) })
        let scrub = Scrub(folder: options.folder, world: world)
        publish(scrub, interval)
        Self.rest(Self.firstAfter, stop)
        while !stop.isMade {
            // A clock that was never set would make one due, and then again when it is.
            guard live.clock.isTrusted, scrub.isDue(every: interval) else {
                publish(scrub, interval)
                Self.rest(Self.lookInterval, stop)
                continue
            }
            do throws(StoreError) {
                try scrub.run(stop) { publish(scrub, interval) }
                let state = scrub.state
                if state.began == nil {
                    log.notice(
                        "the store was read from end to end",
                        metadata: ["files": "\(state.endedFiles)", "damaged": "\(state.endedFound.count)"])
                }
            } catch {
                log.warning("a scrub failed and goes on later", metadata: ["reason": "\(error)"])
                Self.rest(Self.retryAfter, stop)
            }
        }
    }

    private func publish(_ scrub: Scrub, _ interval: Duration) {
        let state = scrub.state
        live.remember(
            LiveStatusAnswer.Scrub(
                endedAt: state.endedAt, began: state.began, files: state.began == nil ? state.endedFiles : state.files,
                found: state.damage, isDue: scrub.isDue(every: interval)))
    }

    private static func rest(_ time: Duration, _ stop: StopRequest) {
        let end = ContinuousClock.now + time
        while !stop.isMade {
            let left = end - ContinuousClock.now
            guard left > .zero else { return }
            usleep(useconds_t(max(1, min(left, nap).milliseconds) * 1000))
        }
    }
}
