import API
import Basics
import Contract
import Logging
import Notification
import Telemetry

extension NotifyTestOrder: CarriedOut {
    /// The turn gives the lane away and goes on; the lane's own thread delivers.
    func carryOut(by gateway: LiveSource, for author: Author) async throws(Refusal) -> NotifyTestAnswer {
        let (lane, moment) = try await gateway.betweenTurns { [channel] (loop, moment) throws(Refusal) in
            (try loop.outbox.lane(named: channel), moment)
        }
        gateway.log.notice("a channel is tried", metadata: ["channel": "\(channel)", "by": "\(author.login)"])
        let clock = ContinuousClock()
        let start = clock.now
        let delivery = await lane.trial(.trial(of: channel, by: author.login, at: moment.wall))
        return NotifyTestAnswer(
            channel: channel, isDelivered: delivery == .delivered, reason: delivery.reason,
            seconds: (clock.now - start).inSeconds)
    }
}

extension OutboxPump {
    /// Throws `.notFound` with the names that there are.
    func lane(named name: String) throws(Refusal) -> Lane {
        if let lane = lanes.first(where: { $0.name == name }) { return lane }
        let names = channelNames
        let hint = nearest(to: name, in: names).map { "did you mean '\($0)'? " } ?? ""
        throw .notFound(
            "there is no channel '\(name)'; \(hint)"
                + (names.isEmpty ? "section notification has none" : "there are \(names.joined(separator: ", "))"))
    }
}

extension AlertNotice {
    /// What a channel is tried with.
    static func trial(of channel: String, by login: String, at moment: Timestamp) -> AlertNotice {
        AlertNotice(
            alertID: trialID, rule: "test", subject: .gateway, name: Subject.Kind.gateway.rawValue, quantity: nil,
            channel: nil, phase: .firing, severity: .info, since: moment, at: moment, value: nil, unit: nil,
            sentence: "a test of the channel \(channel), asked for by \(login)")
    }
}
