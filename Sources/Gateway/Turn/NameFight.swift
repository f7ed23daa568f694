import Basics
import Broker
import ConfigurationFiles
import Logging
import Store
import Telemetry

/// Whether another client connects under the gateway's client id: two gateways with one name, or somebody who has it.
///
/// MQTT 5 has a reason for it, which mosquitto gives from 2.0.15 on; before, and to MQTT 3.1.1, it only hangs up. A broker that
/// is restarted hangs up too, and cannot be reached for a moment then.
struct NameFight {
    private static let hangUpsMax = 3
    private static let span = Duration.seconds(600)

    /// Without a connection that failed in between.
    private var hangUps: [SteadyTime] = []

    /// Whether by this event another client has the session.
    mutating func isLost(by event: BrokerEvent, at now: SteadyTime) -> Bool {
        switch event {
        case .disconnected(.takenOver):
            hangUps = []
            return true
        case .disconnected(.closedByBroker):
            hangUps = hangUps.filter { now - $0 <= Self.span } + [now]
            guard hangUps.count >= Self.hangUpsMax else { return false }
            hangUps = []
            return true
        case .connectFailed:
            hangUps = []
            return false
        case .connected, .disconnected, .subscribed, .subscriptionRefused, .publishRefused, .droppedByBroker, .version,
            .handover:
            return false
        }
    }
}

extension IngestLoop {
    func lookForSecond(_ event: BrokerEvent) {
        guard nameFight.isLost(by: event, at: clock.moment.steady) else { return }
        log.error("another client connects under this gateway's client id and takes its session")
        do throws(StoreError) {
            live.remember(try journal.noteTakeover(at: clock.moment.wall))
        } catch {
            complain(error)
        }
    }

    /// The broker had a session for us, with all that devices said meanwhile.
    func metOlderBroker() {
        // Where somebody said that another store is to begin, he knows.
        guard journal.isNew, live.lostStory == nil else { return }
        live.rememberOlderBroker()
        log.error(
            "the store is new, and the broker knew this gateway: its old store is gone, or its disk did not come",
            metadata: ["store": "\(configuration.store.folder)"])
        do throws(StoreError) {
            try journal.raiseNumbers(at: clock.moment.wall)
        } catch {
            complain(error)
        }
    }
}
