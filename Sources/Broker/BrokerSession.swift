public import Basics
import Glibc
public import Telemetry

/// A lasting session with the broker in which an acknowledgement waits for our word.
///
/// The turn of its owner: `receive`, commit, `acknowledge`. Messages of QoS 1 that were received and not acknowledged
/// come again after `dropConnection`, a lost connection or a crash: the broker keeps them until it has the PUBACK.
/// While such messages are held nothing at all is written, not even a ping, because the queue is first in, first out.
///
/// Owned by one thread and not `Sendable`. It connects and reconnects by itself inside `receive`; what happened is
/// told by `takeEvents`. SIGPIPE is ignored for the whole process from the first session on.
public final class BrokerSession {
    private enum Phase {
        case waiting(until: ContinuousClock.Instant)
        case probing(ReachabilityProbe)
        case connecting(until: ContinuousClock.Instant)
        case connected(since: ContinuousClock.Instant)
        case closed
    }

    private static let flushSecondsMax = 10
    private static let eventsMax = 1000
    /// A group is gathered in naps, so that a busy line is read in runs and not one wake-up a message.
    private static let nap = Duration.milliseconds(2)

    private let options: BrokerOptions
    let client: MosquittoClient
    /// Whether its subscriptions are given up, and since when the broker has had nothing more to send.
    var isLeaving = false
    var drySince: ContinuousClock.Instant?
    private let random: () -> Double
    private var schedule: ReconnectSchedule
    private var phase: Phase
    private var events: [BrokerEvent] = []
    private var keepAliveTurnedAt = ContinuousClock.now
    private var droppedTotal: Int?
    /// Answers to subscriptions that are still to come.
    private var subscriptionsOpen = 0
    private var hasHeard = false

    /// When the present connection was accepted; nil while there is none.
    public private(set) var connectedSince: Timestamp?

    /// Makes the session; the first connection is opened by the first `receive`.
    ///
    /// `random` gives the jitter of the reconnect delays, uniform in 0 to 1. Throws where an option is out of its range
    /// or a TLS file cannot be read.
    public init(
        options: BrokerOptions, reconnect schedule: ReconnectSchedule = ReconnectSchedule(),
        random: @escaping () -> Double = { Double.random(in: 0...1) }
    ) throws(BrokerError) {
        self.options = options
        self.schedule = schedule
        self.random = random
        client = try MosquittoClient(options: options)
        droppedTotal = options.droppedBefore
        phase = .waiting(until: ContinuousClock.now)
    }

    /// Whether the broker has accepted a connection that is not known to be lost.
    public var isConnected: Bool {
        if case .connected = phase { true } else { false }
    }

    /// Whether messages can come: connected, and every subscription answered.
    public var isListening: Bool { isConnected && subscriptionsOpen <= 0 }

    /// Connections that the broker accepted so far.
    public private(set) var connectionCount = 0

    /// Whether anything came from the broker since the last call, be it the answer to a ping. A broker that hangs keeps its
    /// connection, and says nothing.
    public func takeHeard() -> Bool {
        defer { hasHeard = false }
        return hasHeard
    }

    /// Fills `batch` until it has `messagesMax` messages or `bytesMax` bytes, `linger` has passed since its first
    /// message, or `waiting` has passed with none.
    ///
    /// Connects and reconnects by itself, per schedule; never fails. `now` is asked once per drain of the socket and
    /// stamps the messages of that drain. The batch may pass its limits by the messages of one TLS record, or by as
    /// many as our own unconfirmed publishes. With `messagesMax` 0 nothing is read: the line is kept up for about twice
    /// the keep-alive, after which the broker's unread ping answer costs a reconnect but no message.
    public func receive(
        into batch: inout MessageBatch, messagesMax: Int, bytesMax: Int, linger: Duration, waiting: Duration,
        now: () -> Timestamp
    ) {
        let patience = ContinuousClock.now + waiting
        repeat {
            let remaining = max(.zero, patience - ContinuousClock.now)
            switch phase {
            case .closed:
                sleep(remaining)
                return
            case .waiting(let due):
                // Paused: a connection would bring messages at once.
                if messagesMax <= 0 || due > patience {
                    sleep(remaining)
                    return
                }
                sleep(due - ContinuousClock.now)
                startProbe()
            case .probing(let probe): advance(probe, waiting: remaining)
            case .connecting(let deadline):
                advanceConnecting(
                    into: &batch, messagesMax: messagesMax, bytesMax: bytesMax, until: deadline, patience: remaining,
                    now: now())
            case .connected:
                if messagesMax <= 0 {
                    keepUp()
                    sleep(max(.zero, patience - ContinuousClock.now))
                } else {
                    gather(
                        into: &batch, messagesMax: messagesMax, bytesMax: bytesMax, linger: linger,
                        patience: patience, now: now)
                }
                return
            }
        } while ContinuousClock.now < patience
    }

    /// Lets the broker forget what was received: writes the queued PUBACKs.
    ///
    /// Call it only after the commit. If the connection is lost meanwhile the broker delivers again what it has not
    /// heard of. Blocks at most 10 s, then closes the connection.
    public func acknowledge() {
        client.releaseHeld()
        guard isConnected else { return }
        if isLeaving { askWhetherDry() }
        flush()
    }

    /// After a failed commit: closes the connection without acknowledging, so that the broker delivers again.
    public func dropConnection(_ reason: String) {
        switch phase {
        case .connecting, .connected: lose(.dropped(endpoint: options.endpoint, reason: reason))
        case .waiting, .probing, .closed: break
        }
    }

    /// Queues a message; `acknowledge` or a `receive` with nothing held writes it.
    ///
    /// Nil where there is no connection, too many are unconfirmed, or the topic is not one. A QoS 1 message is sent again
    /// after a reconnect until it is confirmed; one of QoS 0 counts as confirmed once written and is lost with its
    /// connection.
    public func publish(
        topic: String, payload: some Collection<UInt8>, qos: BrokerOptions.QualityOfService = .atLeastOnce,
        retain: Bool = false
    ) -> MessageToken? {
        guard isConnected else { return nil }
        let token = payload.withContiguousStorageIfAvailable {
            client.publish(topic: topic, payload: UnsafeRawBufferPointer($0), qos: qos, retain: retain)
        }
        if let token { return token }
        return Array(payload).withUnsafeBytes {
            client.publish(topic: topic, payload: $0, qos: qos, retain: retain)
        }
    }

    /// Messages of ours that the broker has confirmed since the last call, in that order.
    public func takeConfirmed() -> [MessageToken] { client.takeConfirmed() }

    /// What the broker retains of our own words (`BrokerOptions.ownWordsFilter`) and has sent since the last call.
    public func takeOwnWords() -> [OwnWord] { client.takeOwnWords() }

    /// No more of them are wanted.
    public func stopOwnWords() { client.stopOwnWords() }

    /// What happened since the last call, oldest first; at most the newest 1000.
    public func takeEvents() -> [BrokerEvent] {
        defer { events.removeAll() }
        return events
    }

    /// Says goodbye and stays away; the broker keeps the session. Messages still held are not acknowledged.
    public func disconnect() {
        if isConnected, client.heldCount == 0 {
            flush()
            if isConnected { client.leave() }
        }
        client.abandon()
        connectedSince = nil
        phase = .closed
    }

    // MARK: Connecting

    private var connectSecondsMax: Int { Int(options.connectTimeout.components.seconds) }

    private func startProbe() {
        do throws(BrokerError) {
            phase = .probing(
                try ReachabilityProbe(host: options.host, port: options.port, seconds: connectSecondsMax))
        } catch {
            fail(error)
        }
    }

    private func advance(_ probe: ReachabilityProbe, waiting patience: Duration) {
        switch probe.step(waiting: patience) {
        case .pending: break
        case .failed(let error): fail(error)
        case .reached:
            if let error = client.connect() {
                fail(error)
            } else {
                phase = .connecting(until: ContinuousClock.now + .seconds(connectSecondsMax))
            }
        }
    }

    private func advanceConnecting(
        into batch: inout MessageBatch, messagesMax: Int, bytesMax: Int, until deadline: ContinuousClock.Instant,
        patience: Duration, now: Timestamp
    ) {
        // Nothing is held before the CONNACK, and after it this phase is left.
        if let error = client.write() { return fail(whyRefused(error)) }
        // No wait for POLLOUT: during a TLS handshake the CONNECT is queued all the time and the socket is writable.
        client.wait(min(patience, .milliseconds(10)), forWriting: false)
        // A session that waited for us may bring messages in the same TLS record as the CONNACK: into the batch with
        // them, for their PUBACKs are queued.
        let drained = client.readOnce(into: &batch, receivedAt: now)
        if case .lost(let error) = drained { return fail(whyRefused(error)) }
        for signal in client.takeSignals() {
            switch signal {
            case .accepted(let session): settle(session, now)
            case .refused(let error), .disconnected(let error): return fail(error)
            case .subscribed, .subscriptionRefused, .publishRefused, .droppedTotal, .version: handle(signal)
            }
        }
        if case .connecting = phase, ContinuousClock.now >= deadline {
            fail(.noAnswer(endpoint: options.endpoint, seconds: connectSecondsMax))
        }
    }

    /// The broker's own words where it refused before the connection broke; otherwise what a break at this point means.
    private func whyRefused(_ error: BrokerError) -> BrokerError {
        for case .refused(let told) in client.takeSignals() { return told }
        return error.isBreak ? .hungUp(endpoint: options.endpoint) : error
    }

    private func settle(_ session: BrokerEvent.Session, _ now: Timestamp) {
        phase = .connected(since: ContinuousClock.now)
        connectedSince = now
        connectionCount += 1
        hasHeard = true
        keepAliveTurnedAt = ContinuousClock.now
        tell(.connected(session))
        subscriptionsOpen = 0
        if options.subscribes {
            subscriptionsOpen =
                TopicFilter.withoutCovered(options.subscriptions).count + (options.watchesDroppedMessages ? 2 : 0)
                + (client.readsOwnWords ? 1 : 0)
            if let error = client.subscribe() { return lose(error) }
        } else {
            drySince = nil
            if isLeaving, let error = client.unsubscribe() { return lose(error) }
        }
        // Otherwise the subscription leaves behind the acknowledgements.
        if client.heldCount == 0 { flush() }
    }

    // MARK: Connected

    private func gather(
        into batch: inout MessageBatch, messagesMax: Int, bytesMax: Int, linger: Duration,
        patience: ContinuousClock.Instant, now: () -> Timestamp
    ) {
        let before = batch.count
        var groupEnd: ContinuousClock.Instant?
        var isReadable = false
        while true {
            keepUp()
            guard isConnected else { return }
            let end = groupEnd ?? ContinuousClock.now + linger
            let drained = client.read(
                into: &batch, messagesMax: messagesMax, bytesMax: bytesMax, receivedAt: now(), until: end)
            if case .lost(let error) = drained { return lose(error) }
            if isReadable || batch.count > before { hasHeard = true }
            isReadable = false
            for signal in client.takeSignals() { handle(signal) }
            guard case .dry = drained, isConnected else { return }
            let moment = ContinuousClock.now
            if batch.count > before {
                groupEnd = end
                guard moment < end else { return }
                sleep(min(end - moment, Self.nap))
            } else {
                guard moment < patience else { return }
                isReadable = client.wait(
                    patience - moment, forWriting: client.heldCount == 0 && client.wantsToWrite)
            }
        }
    }

    /// Pings when due and, with nothing held, writes what is queued.
    private func keepUp() {
        let moment = ContinuousClock.now
        if moment - keepAliveTurnedAt >= .seconds(1) {
            keepAliveTurnedAt = moment
            if let error = client.turnKeepAlive() { return lose(error) }
        }
        guard client.heldCount == 0, client.wantsToWrite else { return }
        if let error = client.write() { lose(error) }
    }

    func flush() {
        let deadline = ContinuousClock.now + .seconds(Self.flushSecondsMax)
        repeat {
            if let error = client.write() { return lose(error) }
            guard client.wantsToWrite else { return }
            client.waitForRoom(.milliseconds(100))
        } while ContinuousClock.now < deadline
        lose(.stalled(endpoint: options.endpoint, seconds: Self.flushSecondsMax))
    }

    // MARK: Failing

    private func fail(_ error: BrokerError) {
        client.abandon()
        let delay = schedule.delayAfterFailure(jitter: random())
        phase = .waiting(until: ContinuousClock.now + delay)
        tell(.connectFailed(error, retryAfter: delay))
        _ = client.takeSignals()
    }

    func lose(_ error: BrokerError) {
        // The library's first signal is the more exact one: it knows the reason code of a DISCONNECT.
        var reason = error
        var isTold = false
        for signal in client.takeSignals() {
            guard case .disconnected(let told) = signal else {
                handle(signal)
                continue
            }
            if error.isBreak, !isTold { reason = told }
            isTold = true
        }
        let held: Duration =
            if case .connected(let since) = phase { ContinuousClock.now - since } else { .zero }
        client.abandon()
        connectedSince = nil
        phase = .waiting(
            until: ContinuousClock.now + schedule.delayAfterLoss(connectedFor: held, jitter: random()))
        tell(.disconnected(reason))
    }

    // MARK: Events

    private func handle(_ signal: MosquittoClient.Signal) {
        switch signal {
        case .subscribed(let filter, let granted):
            subscriptionsOpen -= 1
            tell(.subscribed(filter: filter, granted: granted))
        case .subscriptionRefused(let filter, let reason):
            subscriptionsOpen -= 1
            tell(.subscriptionRefused(filter: filter, reason: reason))
        case .publishRefused(let token, let reason): tell(.publishRefused(token, reason: reason))
        case .droppedTotal(let total):
            guard total != droppedTotal else { return }
            // A smaller one than before means that the broker started anew.
            let increase = droppedTotal.map { total >= $0 ? total - $0 : total } ?? 0
            droppedTotal = total
            tell(.droppedByBroker(total: total, increase: increase))
        case .version(let text): tell(.version(text))
        case .disconnected(let error): lose(error)
        case .accepted, .refused: break
        }
    }

    private func tell(_ event: BrokerEvent) {
        if events.count >= Self.eventsMax { events.removeFirst() }
        events.append(event)
    }

    private func sleep(_ span: Duration) {
        guard span > .zero else { return }
        let (seconds, attoseconds) = span.components
        var request = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        nanosleep(&request, nil)
    }
}
