package import Basics
package import Broker
import Glibc
import Telemetry

/// Receives as the gateway does, acknowledges each group, and throws everything away: what the line costs by itself.
package struct NullRun {
    /// The broker and how to log on to it.
    package var options: BrokerOptions
    /// Ends after so many messages.
    package var expected = 100_000
    /// How long a group waits for more after its first message.
    package var linger = Duration.milliseconds(20)
    /// Of one group.
    package var messagesMax = 10_000
    /// Of one group, topics and payloads: 8 MiB.
    package var bytesMax = 8 << 20
    /// Ends when nothing came for so long, counted from the first message.
    package var idleMax = Duration.seconds(10)
    /// Ends when not a single message came for so long.
    package var waitingMax = Duration.seconds(60)

    package init(options: BrokerOptions) { self.options = options }

    /// What the line cost.
    package struct Report: Sendable {
        /// Messages, all of them acknowledged.
        package var received = 0
        /// How often a batch was acknowledged.
        package var groups = 0
        /// Of topics and payloads.
        package var bytes = 0
        /// From the first group to the last.
        package var seconds = 0.0
        /// User and system time of this process in that span.
        package var processorSeconds = 0.0

        /// One line of JSON.
        package var json: String {
            let micros = received > 0 ? processorSeconds / Double(received) * 1e6 : 0
            return """
                {"received":\(received),"groups":\(groups),"bytes":\(bytes),"seconds":\(rounded(seconds, 3)),\
                "messages_per_second":\(rounded(seconds > 0 ? Double(received) / seconds : 0, 0)),\
                "cpu_seconds":\(rounded(processorSeconds, 3)),"cpu_us_per_message":\(rounded(micros, 3))}
                """
        }
    }

    /// `told` hears of every event on the line.
    package func run(isStopped: () -> Bool = { StopSignal.isSet }, told: (BrokerEvent) -> Void) throws -> Report {
        let session = try BrokerSession(options: options)
        var batch = MessageBatch()
        var report = Report()
        let start = ContinuousClock.now
        var first: (at: ContinuousClock.Instant, processor: Double)?
        var last = start
        while report.received < expected, !isStopped() {
            let before = (at: ContinuousClock.now, processor: processorSeconds())
            batch.removeAll()
            session.receive(
                into: &batch, messagesMax: messagesMax, bytesMax: bytesMax, linger: linger,
                waiting: .milliseconds(200), now: wallClock)
            session.acknowledge()
            for event in session.takeEvents() { told(event) }
            let moment = ContinuousClock.now
            if batch.isEmpty {
                guard moment - last < (first == nil ? waitingMax : idleMax) else { break }
                continue
            }
            if first == nil { first = before }
            last = moment
            report.received += batch.count
            report.bytes += batch.byteCount
            report.groups += 1
            if let first {
                report.seconds = (moment - first.at).inSeconds
                report.processorSeconds = processorSeconds() - first.processor
            }
        }
        session.disconnect()
        return report
    }
}

/// What the clock on the wall says.
package func wallClock() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
}
