package import Basics
package import Broker
import Glibc
import Telemetry

/// Plays the city to a broker, in simulated time that runs beside the real one.
package struct CityRun {
    /// The broker and how to log on to it.
    package var options: BrokerOptions
    /// Of every message, the states of the lamps included.
    package var qos = BrokerOptions.QualityOfService.atLeastOnce
    /// Simulated seconds in a real second.
    package var speed = 1.0
    /// Real time after which it ends; nil is when asked to.
    package var duration: Duration?
    /// Where the labels of the faults are written, a JSON object a line.
    package var faultsPath: String?

    package init(options: BrokerOptions) { self.options = options }

    /// What was done until the run ended.
    package struct Report: Sendable {
        /// Messages handed to the broker's library, the lamps' `online` and `offline` among them.
        package var published = 0
        /// Those of them that the session told of as confirmed.
        package var confirmed = 0
        /// Faults that began, each with a line in the labels where they are written.
        package var faults = 0
        /// Time of the newest message; 1970 where there is none.
        package var simulatedTo = Timestamp(milliseconds: 0)

        /// One line of JSON.
        package var json: String {
            """
            {"published":\(published),"confirmed":\(confirmed),"faults":\(faults),"simulated_to":"\(simulatedTo)"}
            """
        }
    }

    struct Failure: Error, CustomStringConvertible { let description: String }

    // Long: the simulated minutes in their order.
    /// Runs until the duration has passed or a stop is asked for. A message is published whole or not at all; those that
    /// find no connection wait for it, as a device's own buffer would let them.
    package func run(
        _ city: inout City, isStopped: () -> Bool = { StopSignal.isSet }, told: (BrokerEvent) -> Void
    ) throws -> Report {
        let session = try BrokerSession(options: options)
        let labels = try faultsPath.map { try LabelFile(path: $0) }
        var none = MessageBatch()
        var report = Report()
        func turn(_ waiting: Duration) {
            session.receive(
                into: &none, messagesMax: 1, bytesMax: 1 << 16, linger: .zero, waiting: waiting, now: wallClock)
            none.removeAll()
            session.acknowledge()
            report.confirmed += session.takeConfirmed().count
            for event in session.takeEvents() { told(event) }
        }
        let start = ContinuousClock.now
        let end = duration.map { start + $0 }
        func isOver() -> Bool { isStopped() || end.map { ContinuousClock.now >= $0 } ?? false }
        func publish(_ topic: String, _ payload: [UInt8], retain: Bool) -> Bool {
            while session.publish(topic: topic, payload: payload, qos: qos, retain: retain) == nil {
                if isOver() { return false }
                turn(.milliseconds(5))
            }
            report.published += 1
            return true
        }
        for topic in city.statusTopics {
            guard publish(topic, Array("online".utf8), retain: true) else { break }
        }
        var sinceTurn = 0
        while !isOver() {
            let emission = city.next()
            let ahead = Duration.seconds((emission.at - city.options.start).inSeconds / speed)
            while !isOver() {
                let wait = start + ahead - ContinuousClock.now
                guard wait > .zero else { break }
                turn(min(wait, .milliseconds(50)))
                sinceTurn = 0
            }
            if isOver() { break }
            for fault in city.takeStartedFaults() {
                report.faults += 1
                try labels?.write(fault)
            }
            guard publish(emission.topic, emission.payload, retain: false) else { break }
            report.simulatedTo = emission.at
            sinceTurn += 1
            if sinceTurn == 100 {
                turn(.zero)
                sinceTurn = 0
            }
        }
        for topic in city.statusTopics where session.isConnected {
            for _ in 0..<100 {
                if session.publish(topic: topic, payload: Array("offline".utf8), qos: qos, retain: true) != nil {
                    report.published += 1
                    break
                }
                turn(.milliseconds(5))
            }
        }
        for _ in 0..<500 where report.confirmed < report.published && session.isConnected { turn(.milliseconds(10)) }
        session.disconnect()
        return report
    }
}

/// Labels of injected faults, each written as it starts.
private struct LabelFile {
    let path: String
    let descriptor: Int32

    init(path: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure("open") }
    }

    func write(_ fault: Fault) throws {
        let line = Array((fault.json + "\n").utf8)
        guard Glibc.write(descriptor, line, line.count) == line.count else { throw failure("write") }
    }

    private func failure(_ verb: String) -> CityRun.Failure {
        CityRun.Failure(description: "fleet: cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
