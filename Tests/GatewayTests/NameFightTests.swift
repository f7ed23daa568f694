import Basics
import Broker
import Contract
import Telemetry
import Testing

@testable import Gateway

@Suite("Another client under the gateway's id")
struct NameFightTests {
    private static func at(_ seconds: Int) -> SteadyTime { SteadyTime(milliseconds: Int64(seconds) * 1000) }
    private static let hangUp = BrokerEvent.disconnected(.closedByBroker(endpoint: "b", reason: "hung up"))
    private static let takenOver = BrokerEvent.disconnected(.takenOver(endpoint: "b"))
    private static let failed = BrokerEvent.connectFailed(
        .unreachable(endpoint: "b", reason: "refused"), retryAfter: .seconds(1))

    @Test(
        "is told at once where the broker says so, and else by connections that it closes while it is there",
        arguments: [
            ([(takenOver, 0)], [true]),
            ([(hangUp, 0), (hangUp, 1), (hangUp, 2), (hangUp, 3)], [false, false, true, false]),
            // A broker that is restarted cannot be reached for a moment.
            ([(hangUp, 0), (failed, 1), (hangUp, 2), (failed, 3), (hangUp, 4)], [false, false, false, false, false]),
            ([(hangUp, 0), (hangUp, 601), (hangUp, 1202), (hangUp, 1203)], [false, false, false, false]),
        ])
    func told(events: [(BrokerEvent, Int)], expected: [Bool]) {
        var fight = NameFight()
        #expect(events.map { fight.isLost(by: $0.0, at: Self.at($0.1)) } == expected)
    }

    @Test(
        "the faults of a mosquitto are told by its version and, where it can be seen, by its queue",
        arguments: [
            ("mosquitto version 2.0.11", Bool?.none, [Diagnosis.Level.warning]),
            ("mosquitto version 1.6.9", nil, [.warning]), ("mosquitto version 2.0.15", true, []),
            ("mosquitto version 2.0.16", true, [.bad]), ("mosquitto version 2.0.21", nil, [.warning]),
            ("mosquitto version 2.0.21", false, []), ("mosquitto version 2.0.22", true, []),
            ("mosquitto version 2.1.0-rc1", true, []),
        ])
    func versions(text: String, isQueueUnlimited: Bool?, levels: [Diagnosis.Level]) throws {
        let version = try #require(MosquittoVersion(text))
        #expect(version.faults(isQueueUnlimited: isQueueUnlimited).map(\.level) == levels)
    }

    @Test(
        "another broker has none of mosquitto's",
        arguments: ["EMQX 5.8.1", "", "mosquitto version", "mosquitto version x.y"])
    func others(text: String) { #expect(MosquittoVersion(text) == nil) }

    @Test("loopback is told from a network by the address")
    func loopback() {
        for host in ["127.0.0.1", "127.8.9.10", "::1", "localhost", "LOCALHOST"] {
            #expect(Doctor.isLoopback(host), "\(host)")
        }
        for host in ["128.0.0.1", "10.0.0.1", "broker", "127.0.0.1.example.org", "::2"] {
            #expect(!Doctor.isLoopback(host), "\(host)")
        }
    }
}
