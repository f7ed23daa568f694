import Glibc

/// Publishes numbered lamp readings as fast as the broker takes them, or at a rate.
package struct LoadRun {
    /// Of the broker.
    package var host = "127.0.0.1"
    /// Of the broker, 1 to 65535.
    package var port = 1883
    /// nil: the broker asks for none.
    package var username: String?
    /// In the clear: the line has no TLS.
    package var password: String?
    /// One session a name: a second load with it throws the first off.
    package var clientID = "baotu-load"
    /// Messages to publish.
    package var messageCount = 100_000
    /// 0 or 1.
    package var qos = 1
    /// Lamps that take turns, a message each.
    package var deviceCount = 1000
    /// 1 or more; see `LoadPayload`.
    package var readingsPerMessage = 1
    /// Messages a second; nil is as fast as possible.
    package var rate: Double?
    /// QoS 1 messages on the way at once, 1 to 60,000.
    package var window = 1000
    /// Of each device's first reading, milliseconds since 1970, UTC.
    package var firstTimestamp: Int64 = 0
    /// Of the values; see `LoadPayload`.
    package var seed: UInt32 = 1
    /// Where the acknowledged readings are listed: `device,ts,n` lines, `n` the number that the values follow from.
    package var ledgerPath: String?

    package init() {}

    /// What the load took, of this process alone.
    package struct Report: Sendable {
        /// Messages sent.
        package var published = 0
        /// Messages that the broker has certainly taken; at QoS 0 all or none.
        package var acknowledged = 0
        /// From the first message to the last receipt.
        package var seconds = 0.0
        /// User and system time of this process in that span.
        package var processorSeconds = 0.0
        /// Of the newest message; all have as many but for the digits of the name.
        package var payloadBytes = 0
        /// As the run was told.
        package var firstTimestamp: Int64 = 0

        /// One line of JSON.
        package var json: String {
            let micros = published > 0 ? processorSeconds / Double(published) * 1e6 : 0
            return """
                {"published":\(published),"acknowledged":\(acknowledged),"seconds":\(rounded(seconds, 3)),\
                "messages_per_second":\(rounded(seconds > 0 ? Double(published) / seconds : 0, 0)),\
                "cpu_seconds":\(rounded(processorSeconds, 3)),"cpu_us_per_message":\(rounded(micros, 3)),\
                "payload_bytes":\(payloadBytes),"first_ts":\(firstTimestamp)}
                """
        }
    }

    // Long: the phases of one measurement in their order.
    /// Publishes all, waits for the broker's receipts, and says goodbye; a stop signal ends it early and cleanly.
    ///
    /// With QoS 0 `acknowledged` counts what the broker has certainly read: all or nothing, by a ping at the end.
    package func run(isStopped: () -> Bool = { StopSignal.isSet }) throws -> Report {
        let publisher = try PlainPublisher(
            host: host, port: port, clientID: clientID, username: username, password: password)
        var payload = LoadPayload(
            deviceCount: deviceCount, readingsPerMessage: readingsPerMessage, firstTimestamp: firstTimestamp,
            seed: seed)
        let ledger = try ledgerPath.map { try AcknowledgedList(path: $0, payload: payload) }
        var report = Report()
        report.firstTimestamp = firstTimestamp
        let processorBefore = processorSeconds()
        let start = ContinuousClock.now
        var acknowledged = 0
        func note(_ mark: UInt64) {
            acknowledged += 1
            ledger?.add(message: Int(mark))
        }
        var heardAt = start
        while report.published < messageCount, !isStopped() {
            var allowed = messageCount - report.published
            if let rate {
                let due = Int((ContinuousClock.now - start).inSeconds * rate)
                allowed = min(allowed, due - report.published)
            }
            if qos > 0 { allowed = min(allowed, window - publisher.inFlightCount) }
            // Refill in runs: a window that is topped up one by one costs two system calls a message.
            let run = rate == nil && qos > 0 ? min(window / 4 + 1, messageCount - report.published) : 1
            if allowed < run {
                let before = acknowledged
                try publisher.receive(waitingMilliseconds: 1, note)
                if acknowledged > before || rate != nil { heardAt = .now }
                guard ContinuousClock.now - heardAt < .seconds(30) else {
                    throw PublisherError.silent(endpoint: "\(host):\(port)", seconds: 30)
                }
                continue
            }
            for message in report.published..<report.published + min(allowed, 256) {
                payload.withMessage(message) { topic, text in
                    publisher.queue(topic: topic, payload: text, qos: qos, mark: UInt64(message))
                    report.payloadBytes = text.count
                }
            }
            report.published += min(allowed, 256)
            while publisher.queuedByteCount > 0 {
                let before = publisher.queuedByteCount
                try publisher.pump(waitingMilliseconds: 5)
                // Acknowledgements are read while the broker does not: otherwise both could wait for ever.
                if publisher.queuedByteCount > 0 { try publisher.receive(waitingMilliseconds: 0, note) }
                if publisher.queuedByteCount < before { heardAt = .now }
                guard ContinuousClock.now - heardAt < .seconds(30) else {
                    throw PublisherError.silent(endpoint: "\(host):\(port)", seconds: 30)
                }
            }
            heardAt = .now
            if qos > 0 { try publisher.receive(waitingMilliseconds: 0, note) }
        }
        try publisher.finish(note)
        report.acknowledged = qos == 0 ? report.published : acknowledged
        report.seconds = (ContinuousClock.now - start).inSeconds
        report.processorSeconds = processorSeconds() - processorBefore
        if qos == 0 { for message in 0..<report.published { ledger?.add(message: message) } }
        try ledger?.close()
        return report
    }
}

/// The list of acknowledged readings, written in blocks.
struct AcknowledgedList {
    struct Failure: Error, CustomStringConvertible { let description: String }

    private let path: String
    private let file: UnsafeMutablePointer<FILE>
    private let payload: LoadPayload
    private let names: [String]

    init(path: String, payload: LoadPayload) throws {
        guard let file = fopen(path, "w") else {
            throw Failure(description: "fleet: cannot write \(path): \(String(cString: strerror(errno)))")
        }
        self.path = path
        self.file = file
        self.payload = payload
        names = (0..<payload.deviceCount).map { LoadPayload.name(of: $0) }
        fputs("device,ts,n\n", file)
    }

    func add(message: Int) {
        let first = message * payload.readingsPerMessage
        for reading in first..<first + payload.readingsPerMessage {
            fputs(
                "\(names[payload.device(ofMessage: message)]),\(payload.timestamp(ofReading: reading)),\(reading)\n",
                file)
        }
    }

    func close() throws {
        guard fclose(file) == 0 else {
            throw Failure(description: "fleet: cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }
}
