import Glibc

/// Publishes numbered lamp readings as fast as the broker takes them, or at a rate.
public struct LoadRun {
    public var host = "127.0.0.1"
    public var port = 1883
    public var username: String?
    public var password: String?
    public var clientID = "baotu-load"
    /// Messages to publish.
    public var messageCount = 100_000
    /// 0 or 1.
    public var qos = 1
    public var deviceCount = 1000
    public var readingsPerMessage = 1
    /// Messages a second; nil is as fast as possible.
    public var rate: Double?
    /// QoS 1 messages on the way at once, 1 to 60,000.
    public var window = 1000
    public var firstTimestamp: Int64 = 0
    public var seed: UInt32 = 1
    /// Where the acknowledged readings are listed: `device,ts,n` lines, `n` the number that the values follow from.
    public var ledgerPath: String?

    public init() {}

    public struct Report: Sendable {
        public var published = 0
        public var acknowledged = 0
        public var seconds = 0.0
        public var processorSeconds = 0.0
        public var payloadBytes = 0
        public var firstTimestamp: Int64 = 0

        /// One line of JSON.
        public var json: String {
            let micros = published > 0 ? processorSeconds / Double(published) * 1e6 : 0
            return """
                {"published":\(published),"acknowledged":\(acknowledged),"seconds":\(rounded(seconds, 3)),\
                "messages_per_second":\(rounded(seconds > 0 ? Double(published) / seconds : 0, 0)),\
                "cpu_seconds":\(rounded(processorSeconds, 3)),"cpu_us_per_message":\(rounded(micros, 3)),\
                "payload_bytes":\(payloadBytes),"first_ts":\(firstTimestamp)}
                """
        }
    }

    /// Publishes all, waits for the broker's receipts, and says goodbye; a stop signal ends it early and cleanly.
    ///
    /// With QoS 0 `acknowledged` counts what the broker has certainly read: all or nothing, by a ping at the end.
    public func run(isStopped: () -> Bool = { StopSignal.isSet }) throws -> Report {
        let publisher = try PlainPublisher(
            host: host, port: port, clientID: clientID, username: username, password: password)
        var payload = LoadPayload(
            deviceCount: deviceCount, readingsPerMessage: readingsPerMessage, firstTimestamp: firstTimestamp,
            seed: seed)
        let ledger = try ledgerPath.map { try Ledger(path: $0, payload: payload) }
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
struct Ledger {
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
