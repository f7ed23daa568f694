import Basics
import Telemetry

/// Tries whether a broker lets in who gives no name.
///
/// One connection of its own, under an id that nobody else has, with a clean start: it takes no session, subscribes to nothing,
/// publishes nothing and ends at once. The broker's log has a line of it.
package enum DoorTrial {
    /// nil where the broker did not answer in `seconds`, or the line failed before it did.
    package static func letsAnybodyIn(_ options: BrokerOptions, seconds: Int = 3) -> Bool? {
        var visitor = options
        var random = SystemRandomNumberGenerator()
        visitor.clientID = HeldSessions.clientID(
            of: (0..<4).map { _ in UInt32.random(in: .min ... .max, using: &random) })
        visitor.isClientIDSecret = true
        (visitor.username, visitor.password, visitor.currentPassword) = (nil, nil, nil)
        visitor.sessionExpiry = .zero
        visitor.subscribes = false
        visitor.readsOwnWords = false
        guard let session = try? BrokerSession(options: visitor) else { return nil }
        defer { session.disconnect() }
        var batch = MessageBatch()
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            session.receive(
                into: &batch, messagesMax: 1, bytesMax: 1, linger: .zero, waiting: .milliseconds(20),
                now: { Timestamp(milliseconds: 0) })
            for event in session.takeEvents() {
                switch event {
                case .connected: return true
                case .connectFailed(.badCredentials, _), .connectFailed(.refused, _): return false
                case .connectFailed, .disconnected: return nil
                case .subscribed, .subscriptionRefused, .publishRefused, .droppedByBroker, .version, .handover: break
                }
            }
        }
        return nil
    }
}
