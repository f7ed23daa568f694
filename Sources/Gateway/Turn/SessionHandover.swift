import Basics
import Broker
import Logging
import Telemetry

/// The line to the broker while the gateway changes its client id: nothing that waits under the one of before is lost.
///
/// The order of the phases is the promise. The session of before goes on receiving until the new one has the subscriptions;
/// then it is unsubscribed, emptied, and ended by a clean start, whose answer says that it is gone. What the broker takes on in
/// the moment between those two comes by both: a reading with a time of its own counts once. A crash at any point begins anew,
/// which is harmless: the ids stand in a file, see `SessionNames`.
final class SessionHandover: BrokerLine {
    private enum Phase {
        /// Does the broker know a session under an id that nobody ever had? Then it goes by user names, and to end the session
        /// of before would end the only one there is.
        case asking(BrokerSession)
        /// That session, or one of before, is ended by a clean start; `taken` messages came from it.
        case ending(BrokerSession, former: String?, taken: Int?)
        /// Is there a session of before?
        case opening(BrokerSession, former: String)
        /// It is received from, and the new one subscribes.
        case joining(BrokerSession, former: String, taken: Int)
        /// Unsubscribed, it has what was kept for it.
        case draining(BrokerSession, former: String, taken: Int)
        case done
    }

    /// Lost so often, a connection under an id of before is somebody else's too.
    private static let lossesMax = 3

    private let main: BrokerSession
    /// A session under another id, with a clean start or not.
    private let session: (_ clientID: String, _ isClean: Bool) throws(BrokerError) -> BrokerSession
    /// Writes down that the broker keeps nothing under an id any more.
    private let forget: (String) throws(BrokerError) -> Void
    private var former: [String]
    private let strangerID: String
    private var phase = Phase.done
    private var events: [BrokerEvent] = []
    private var losses = 0
    /// Connections of sessions that are over.
    private var connectionsBefore = 0

    /// `strangerID`: an id that was never used.
    init(
        main: BrokerSession, former: [String], strangerID: String,
        session: @escaping (_ clientID: String, _ isClean: Bool) throws(BrokerError) -> BrokerSession,
        forget: @escaping (String) throws(BrokerError) -> Void
    ) throws(BrokerError) {
        (self.main, self.former, self.strangerID, self.session, self.forget) = (
            main, former, strangerID, session, forget
        )
        guard !former.isEmpty else { return }
        events.append(.handover(.began))
        phase = .asking(try session(strangerID, false))
    }

    /// The one beside `main`.
    private var other: BrokerSession? {
        switch phase {
        case .asking(let session), .ending(let session, _, _), .opening(let session, _), .joining(let session, _, _),
            .draining(let session, _, _):
            session
        case .done: nil
        }
    }

    // MARK: Receiving

    func receive(
        into batch: inout MessageBatch, messagesMax: Int, bytesMax: Int, linger: Duration, waiting: Duration,
        now: () -> Timestamp
    ) {
        let before = batch.count
        func receive(
            _ session: BrokerSession, _ waiting: Duration, _ batch: inout MessageBatch, atMost count: Int = .max
        ) {
            session.receive(
                into: &batch, messagesMax: min(messagesMax, count), bytesMax: bytesMax, linger: linger,
                waiting: waiting,
                now: now)
        }
        let short = min(waiting, .milliseconds(5))
        switch phase {
        case .asking(let stranger):
            meet(stranger, waiting)
            if let isPresent = opened(stranger) { known(stranger, isPresent) }
        case .opening(let old, let former):
            receive(old, waiting, &batch)
            if let isPresent = opened(old) { opened(old, former, isPresent, taken: batch.count - before) }
        case .joining(let old, let former, let taken):
            // The new session only has to be there; until it is, what comes comes by the old one.
            receive(main, short, &batch, atMost: 1)
            if main.isListening, old.isConnected {
                old.leaveSubscriptions()
                events.append(.handover(.draining))
                phase = .draining(old, former: former, taken: taken)
            }
            let before = batch.count
            receive(old, short, &batch)
            count(batch.count - before, from: old)
        case .draining(let old, _, _):
            // First what waited, then what came since, where there is room.
            receive(old, short, &batch)
            count(batch.count - before, from: old)
            receive(main, batch.isEmpty ? waiting : .zero, &batch)
        case .ending(let session, let former, let taken):
            if taken != nil { receive(main, .zero, &batch) }
            meet(session, short)
            if opened(session) != nil { ended(session, former, taken) }
        case .done: receive(main, waiting, &batch)
        }
    }

    /// Only to see whether it is there: what it should bring is not taken, and comes again.
    private func meet(_ session: BrokerSession, _ waiting: Duration) {
        var unused = MessageBatch()
        session.receive(
            into: &unused, messagesMax: 1, bytesMax: 1, linger: .zero, waiting: waiting,
            now: { Timestamp(milliseconds: 0) })
    }

    private func count(_ messages: Int, from old: BrokerSession) {
        _ = opened(old)
        switch phase {
        case .joining(let session, let former, let taken):
            phase = .joining(session, former: former, taken: taken + messages)
        case .draining(let session, let former, let taken):
            phase = .draining(session, former: former, taken: taken + messages)
        case .asking, .opening, .ending, .done: break
        }
    }

    /// Whether a session was there, once the broker has answered; takes what the session tells.
    private func opened(_ session: BrokerSession) -> Bool? {
        var answer: Bool?
        for event in session.takeEvents() {
            switch event {
            case .connected(let found): answer = found.isPresent
            case .disconnected(let error):
                events.append(event)
                if case .takenOver = error { giveUp("another client uses the id of before") }
                guard case .closedByBroker = error else { break }
                losses += 1
                if losses >= Self.lossesMax {
                    giveUp("the broker closed its connection \(losses) times; another client may use the id of before")
                }
            case .connectFailed(let error, _):
                events.append(event)
                // Not a matter of time, as a broker that is away, nor one that the new id has too, as a wrong password.
                if case .refused = error { giveUp("\(error)") }
            case .subscribed, .subscriptionRefused, .publishRefused, .droppedByBroker, .version, .handover: break
            }
        }
        return answer
    }

    // MARK: Steps

    private func known(_ stranger: BrokerSession, _ isPresent: Bool) {
        guard isPresent else { return begin(former: nil, taken: nil, after: stranger, id: strangerID) }
        leave(stranger)
        events.append(.handover(.sameSession))
        for id in former { settle(id) }
        former = []
        phase = .done
    }

    private func opened(_ old: BrokerSession, _ former: String, _ isPresent: Bool, taken: Int) {
        guard case .opening = phase else { return }
        if isPresent {
            phase = .joining(old, former: former, taken: taken)
        } else {
            events.append(.handover(.nothingWaited))
            begin(former: former, taken: nil, after: old, id: former)
        }
    }

    /// Ends the session under `id` by a clean start.
    private func begin(former: String?, taken: Int?, after session: BrokerSession, id: String) {
        leave(session)
        make(id, isClean: true) { .ending($0, former: former, taken: taken) }
    }

    private func ended(_ session: BrokerSession, _ former: String?, _ taken: Int?) {
        leave(session)
        if let former {
            settle(former)
            self.former.removeAll { $0 == former }
        }
        if let taken { events.append(.handover(.ended(messages: taken))) }
        guard let next = self.former.first else { return phase = .done }
        make(next, isClean: false) { .opening($0, former: next) }
    }

    private func make(_ id: String, isClean: Bool, _ next: (BrokerSession) -> Phase) {
        losses = 0
        do throws(BrokerError) {
            phase = next(try session(id, isClean))
        } catch {
            phase = .done
            events.append(.handover(.givenUp(reason: "\(error)")))
        }
    }

    private func settle(_ id: String) {
        do throws(BrokerError) {
            try forget(id)
        } catch {
            // Ended it is; the next start looks for it once more and finds nothing.
            events.append(.handover(.givenUp(reason: "\(error)")))
        }
    }

    /// The session of before stays at the broker as it is, and so does its id in the file.
    private func giveUp(_ reason: String) {
        guard let other else { return }
        leave(other)
        phase = .done
        events.append(.handover(.givenUp(reason: reason)))
    }

    private func leave(_ session: BrokerSession) {
        session.disconnect()
        connectionsBefore += session.connectionCount
    }

    // MARK: The line

    var isConnected: Bool { main.isConnected || other?.isConnected == true }
    var connectedSince: Timestamp? { main.connectedSince ?? other?.connectedSince }
    var connectionCount: Int { connectionsBefore + main.connectionCount + (other?.connectionCount ?? 0) }

    var isListening: Bool {
        switch phase {
        case .asking, .opening: false
        case .joining(let old, _, _): old.isConnected
        case .draining(let old, _, _): old.isConnected && main.isListening
        case .ending, .done: main.isListening
        }
    }

    func takeHeard() -> Bool {
        let isHeard = other?.takeHeard() == true
        return main.takeHeard() || isHeard
    }

    func acknowledge() {
        // The last acknowledgements first: the end of a session is looked for before they are asked for.
        main.acknowledge()
        other?.acknowledge()
        if case .draining(let old, let former, let taken) = phase, old.isDrained {
            begin(former: former, taken: taken, after: old, id: former)
        }
    }

    func dropConnection(_ reason: String) {
        main.dropConnection(reason)
        other?.dropConnection(reason)
    }

    func publish(
        topic: String, payload: [UInt8], qos: BrokerOptions.QualityOfService, retain: Bool
    ) -> MessageToken? {
        main.publish(topic: topic, payload: payload, qos: qos, retain: retain)
    }

    func takeConfirmed() -> [MessageToken] { main.takeConfirmed() }
    func takeOwnWords() -> [OwnWord] { main.takeOwnWords() }
    func stopOwnWords() { main.stopOwnWords() }

    func takeEvents() -> [BrokerEvent] {
        defer { events = [] }
        return events + main.takeEvents()
    }

    func disconnect() {
        other?.disconnect()
        main.disconnect()
    }
}

extension BrokerEvent.Handover {
    /// As a line of the log.
    func tell(_ log: Logger) {
        switch self {
        case .began:
            log.notice(
                "the gateway has a new client id: what waits at the broker under the one of before is taken first")
        case .nothingWaited: log.notice("the broker has no session under the client id of before")
        case .sameSession:
            log.notice("the broker goes by user names: its session for this gateway is the same under any client id")
        case .draining: log.notice("the new session has the subscriptions; the one of before is emptied")
        case .ended(let messages):
            log.notice(
                "the session of before is empty and ended at the broker", metadata: ["messages": "\(messages)"])
        case .givenUp(let reason):
            log.error(
                "the session of before stays at the broker, and the next start tries again",
                metadata: ["reason": "\(reason)"])
        }
    }
}
