import ArgumentParser
import Broker
import Fleet
import Glibc

struct NullCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "null",
        abstract: "Receive and acknowledge as the gateway does, and throw everything away; prints one line of JSON.",
        discussion: "Says 'subscribed' on standard error when the load may begin.")

    @OptionGroup var broker: BrokerArguments
    @Option(help: "Quality of service of the subscription, 0 or 1.") var qos = 1
    @Option(help: "Ends after so many messages.") var expect = 100_000
    @Option(help: "Topic filter.") var topic = "lights/#"
    @Option(help: "Milliseconds a group is gathered.") var linger = 20
    @Option(help: "Messages in a group at most.") var messagesMax = 10_000
    @Option(help: "Receive maximum told to the broker, 1 to 65535.") var receiveMaximum = 10_000
    @Option(help: "Seconds without a message after which it ends.") var idle = 10
    @Option(help: "MQTT version: 5 or 3.1.1.") var mqtt = "5"

    func validate() throws {
        guard qos == 0 || qos == 1 else { throw ValidationError("--qos \(qos): expected 0 or 1") }
        guard BrokerOptions.ProtocolVersion(rawValue: mqtt) != nil else {
            throw ValidationError("--mqtt \(mqtt): expected 5 or 3.1.1")
        }
        guard expect > 0, messagesMax > 0, linger >= 0, idle > 0 else {
            throw ValidationError("--expect, --messages-max and --idle: expected 1 or more")
        }
    }

    func run() throws {
        StopSignal.listen()
        var options = BrokerOptions(
            host: broker.host, port: broker.port, clientID: "baotu-null-\(getpid())", subscriptions: [topic])
        options.username = broker.username
        options.password = broker.password
        options.sessionExpiry = .zero
        options.subscriptionQoS = qos == 0 ? .atMostOnce : .atLeastOnce
        options.receiveMaximum = receiveMaximum
        options.version = BrokerOptions.ProtocolVersion(rawValue: mqtt) ?? .mqtt5
        var null = NullRun(options: options)
        null.expected = expect
        null.linger = .milliseconds(linger)
        null.messagesMax = messagesMax
        null.idleMax = .seconds(idle)
        let report = try null.run { event in
            switch event {
            case .subscribed(let filter, _): if filter == topic { note("subscribed") }
            case .connected: break
            case .disconnected(let error), .connectFailed(let error, _): note("\(error)")
            case .subscriptionRefused(let filter, let reason): note("subscription to \(filter) refused: \(reason)")
            case .publishRefused, .version, .handover: break
            case .droppedByBroker(let total, let increase):
                guard increase > 0 else { break }
                note("the broker dropped \(increase) messages, \(total) since its start")
            }
        }
        print(report.json)
    }

}

/// Says something to the person at the terminal, beside the report on standard output.
func note(_ text: String) {
    let line = Array((text + "\n").utf8)
    _ = write(STDERR_FILENO, line, line.count)
}
