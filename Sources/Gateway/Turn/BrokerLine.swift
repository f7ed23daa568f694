import Basics
import Broker
import Telemetry

/// The line to the broker as the turn sees it. `BrokerSession` is the real one; the simulation of the tests has one that
/// repeats, delays, reorders and drops.
protocol BrokerLine: AnyObject {
    var isConnected: Bool { get }
    var connectedSince: Timestamp? { get }
    /// Connected, and every subscription answered.
    var isListening: Bool { get }
    /// Connections that the broker accepted so far.
    var connectionCount: Int { get }
    /// Whether anything came from the broker since the last call.
    func takeHeard() -> Bool
    func receive(
        into batch: inout MessageBatch, messagesMax: Int, bytesMax: Int, linger: Duration, waiting: Duration,
        now: () -> Timestamp)
    func acknowledge()
    func dropConnection(_ reason: String)
    func publish(
        topic: String, payload: [UInt8], qos: BrokerOptions.QualityOfService, retain: Bool
    ) -> MessageToken?
    func takeConfirmed() -> [MessageToken]
    func takeEvents() -> [BrokerEvent]
    /// What the broker retains of our own words and has sent since the last call.
    func takeOwnWords() -> [OwnWord]
    /// No more of them are wanted.
    func stopOwnWords()
    func disconnect()
}

extension BrokerSession: BrokerLine {}
