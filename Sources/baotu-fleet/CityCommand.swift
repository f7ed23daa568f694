public import ArgumentParser
import Basics
import Broker
import Fleet
import Glibc
import Telemetry

extension FaultKind: ExpressibleByArgument {}

struct CityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "city",
        abstract: "Play a city near Jinan: lamps, air stations and solar road segments, with labelled faults.",
        discussion: """
            The same seed, start and numbers give the same messages. Simulated time is the observed time in the \
            payloads; with --speed above 1 give a --start-time far enough back, or the gateway will refuse readings \
            from the future.
            """)

    @OptionGroup var broker: BrokerArguments
    @Option(help: "Streetlights, lamp-0001 and on.") var lamps = 200
    @Option(help: "Air stations, air-01 and on.") var air = 60
    @Option(help: "Solar road segments, segment-01 and on.") var solar = 40
    @Option(
        help: """
            Messages a second of simulated time from all devices together, who then speak equally often; without it \
            lamps and segments speak every 10 s and air stations every 60 s.
            """)
    var rate: Double?
    @Option(help: "Seed of everything that is chance.") var seed: UInt64 = 1
    @Option(help: "Real seconds after which it ends; without it on SIGINT or SIGTERM.") var duration: Double?
    @Option(help: "Where simulated time starts, such as 2026-03-05T18:00:00Z; without it now.") var startTime: String?
    @Option(help: "Simulated seconds in a real second.") var speed = 1.0
    @Option(help: "File for the labels of injected faults, a JSON object a line.") var faults: String?
    @Option(help: "Faults an hour of simulated time in the whole city.") var faultRate = 0.0
    @Option(help: "Simulated seconds after which the faults of --fault-kind start.") var faultAfter = 30.0
    @Option(
        help: """
            A fault to inject for sure, on the first sound device; may be repeated: \
            \(FaultKind.allCases.map(\.rawValue).joined(separator: ", ")).
            """)
    var faultKind: [FaultKind] = []
    @Option(help: "Device for the faults of --fault-kind.") var faultDevice: String?
    @Option(help: "Simulated seconds that the faults of --fault-kind last; without it as usual for the kind.")
    var faultDuration: Double?
    @Option(help: "File to write the roster in, before anything is published.") var roster: String?
    @Flag(help: "Write the roster and end.") var rosterOnly = false
    @Option(help: "Quality of service, 0 or 1.") var qos = 1
    @Option(help: "Client identifier.") var clientId = "baotu-fleet"
    @Option(help: "PEM file of the authorities to trust; turns TLS on.") var caFile: String?

    func validate() throws {
        func check(_ holds: Bool, _ text: String) throws { if !holds { throw ValidationError(text) } }
        try check([lamps, air, solar].allSatisfy { (0...1_000_000).contains($0) }, "devices: expected 0 to 1000000")
        try check(lamps + air + solar > 0, "--lamps, --air, --solar: expected at least one device")
        try check(rate.map { $0 > 0 && $0.isFinite } ?? true, "--rate: expected more than 0")
        try check(duration.map { $0 > 0 && $0 < 1e9 } ?? true, "--duration: expected more than 0")
        try check(speed > 0 && speed <= 1e6, "--speed \(speed): expected more than 0, at most 1000000")
        try check(faultRate >= 0 && faultRate <= 1e6, "--fault-rate \(faultRate): expected 0 to 1000000")
        try check(faultAfter >= 0 && faultAfter < 1e9, "--fault-after \(faultAfter): expected 0 or more")
        try check(faultDuration.map { $0 > 0 && $0 < 1e9 } ?? true, "--fault-duration: expected more than 0")
        try check(qos == 0 || qos == 1, "--qos \(qos): expected 0 or 1")
        try check(!rosterOnly || roster != nil, "--roster-only needs --roster")
        try check(
            startTime.map { Timestamp(iso8601: $0) != nil } ?? true,
            "--start-time '\(startTime ?? "")': expected a time with zone, such as 2026-03-05T18:00:00Z")
    }

    func run() throws {
        StopSignal.listen()
        var options = City.Options(start: startTime.flatMap { Timestamp(iso8601: $0) } ?? wallClock())
        options.lampCount = lamps
        options.airCount = air
        options.segmentCount = solar
        options.seed = seed
        options.messagesPerSecond = rate
        options.faultsPerHour = faultRate
        var city = City(options)
        for kind in faultKind {
            let start = options.start + .milliseconds(Int64(faultAfter * 1000))
            let lasting = faultDuration.map { Duration.milliseconds(Int64($0 * 1000)) }
            guard city.inject(kind, at: start, lasting: lasting, device: faultDevice) else {
                throw ValidationError(
                    "--fault-kind \(kind.rawValue): expected a city with a device that can have it"
                        + (faultDevice.map { ", and '\($0)' is none" } ?? ""))
            }
        }
        if let roster { try write(rosterText(city.roster), to: roster) }
        if rosterOnly { return }

        var line = BrokerOptions(host: broker.host, port: broker.port, clientID: clientId)
        line.username = broker.username
        line.password = broker.password
        line.sessionExpiry = .zero
        line.watchesDroppedMessages = false
        if let caFile { line.tls = .init(caFile: caFile) }
        var play = CityRun(options: line)
        play.qos = qos == 0 ? .atMostOnce : .atLeastOnce
        play.speed = speed
        play.duration = duration.map { .milliseconds(Int64($0 * 1000)) }
        play.faultsPath = faults
        let report = try play.run(&city) { event in
            switch event {
            case .connected: note("connected to \(broker.host):\(broker.port)")
            case .disconnected(let error), .connectFailed(let error, _): note("\(error)")
            case .publishRefused(_, let reason): note("a message was refused: \(reason)")
            case .subscribed, .subscriptionRefused, .droppedByBroker, .version, .handover: break
            }
        }
        print(report.json)
    }

    private func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else {
            throw ValidationError("--roster \(path): \(String(cString: strerror(errno)))")
        }
        let isWritten = fputs(text, file) >= 0
        guard fclose(file) == 0, isWritten else { throw ValidationError("--roster \(path): not written whole") }
    }
}
