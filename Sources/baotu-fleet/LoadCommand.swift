import ArgumentParser
import Basics
import Fleet

struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Publish numbered lamp readings as fast as the broker takes them; prints one line of JSON.",
        discussion: """
            Every value follows from the reading's number n and the seed: device, time and values can be computed \
            again by a checker. With --ledger every reading that the broker acknowledged is listed as device,ts,n.
            """)

    @OptionGroup var broker: BrokerArguments
    @Option(help: "Messages to publish.") var payloads = 100_000
    @Option(help: "Quality of service, 0 or 1.") var qos = 1
    @Option(help: "Devices, each with a topic of its own.") var topics = 1000
    @Option(help: "Readings in a message: 1 goes to …/telemetry, more as an array to …/batch.")
    var readingsPerMessage = 1
    @Option(help: "Messages a second; without it as fast as possible.") var rate: Double?
    @Option(help: "QoS 1 messages on the way at once, 1 to 60000.") var window = 1000
    @Option(help: "Seed of the values.") var seed: UInt32 = 1
    @Option(help: "Observed time of the first readings, ms since 1970; without it now.") var firstTs: Int64?
    @Option(help: "Client identifier.") var clientId = "baotu-load"
    @Option(help: "File to list every acknowledged reading in.") var ledger: String?

    func validate() throws {
        func check(_ holds: Bool, _ text: String) throws { if !holds { throw ValidationError(text) } }
        try check(payloads > 0, "--payloads: expected 1 or more")
        try check(qos == 0 || qos == 1, "--qos \(qos): expected 0 or 1")
        try check((1...1_000_000).contains(topics), "--topics \(topics): expected 1 to 1000000")
        try check((1...1000).contains(readingsPerMessage), "--readings-per-message: expected 1 to 1000")
        try check(rate.map { $0 > 0 } ?? true, "--rate: expected more than 0")
        try check((1...60_000).contains(window), "--window \(window): expected 1 to 60000")
    }

    func run() throws {
        StopSignal.listen()
        var load = LoadRun()
        load.host = broker.host
        load.port = broker.port
        load.username = broker.username
        load.password = broker.password
        load.clientID = clientId
        load.messageCount = payloads
        load.qos = qos
        load.deviceCount = topics
        load.readingsPerMessage = readingsPerMessage
        load.rate = rate
        load.window = window
        load.firstTimestamp = firstTs ?? wallClock().milliseconds
        load.seed = seed
        load.ledgerPath = ledger
        print(try load.run().json)
    }
}
