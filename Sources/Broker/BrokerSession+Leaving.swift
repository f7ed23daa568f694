import Telemetry

/// Taking up a session in order to end it: what waits in it is taken, and nothing new comes.
extension BrokerSession {
    /// A broker that hands on what waits a moment after it was asked has sent it by then. mosquitto needs no such moment.
    private static let quiet = Duration.seconds(1)

    /// Gives up the subscriptions, over reconnects too. What the broker has kept for the session still comes.
    package func leaveSubscriptions() {
        isLeaving = true
        guard isConnected else { return }
        if let error = client.unsubscribe() { return lose(error) }
        if client.heldCount == 0 { flush() }
    }

    /// Whether all that the broker had kept was received and acknowledged. Asked by `acknowledge`, answered by `receive`.
    package var isDrained: Bool {
        guard isLeaving, isConnected, client.isDry, let drySince else { return false }
        return ContinuousClock.now - drySince >= Self.quiet
    }

    /// The acknowledgements stand before the question in the queue, so that the broker sends what they make room for before it
    /// answers.
    func askWhetherDry() {
        drySince = client.isDry ? drySince ?? ContinuousClock.now : nil
        if let error = client.raiseFence() { lose(error) }
    }
}
