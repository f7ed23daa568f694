import Basics
import Contract
import Fleet
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

/// The programs of this package, as they were built beside these tests.
enum Programs {
    static let daemon = path("baotud")
    static let operators = path("baotu")
    static let fleet = path("baotu-fleet")

    static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func path(_ name: String) -> String { folder + "/" + name }

    /// The nearest folder above the test bundle that holds the daemon. The bundle is found as what is loaded into this
    /// process or named on its command line: who runs the tests, and from where, differs.
    private static let folder: String = {
        let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
        let loaded = maps.split(separator: "\n").compactMap { line in
            line.firstIndex(of: "/").map { String(line[$0...]) }
        }
        for candidate in loaded + CommandLine.arguments where candidate.contains(".xctest") {
            var place = URL(filePath: candidate)
            while place.path != "/" {
                place = place.deletingLastPathComponent()
                let program = place.appending(path: "baotud").path
                if FileManager.default.isExecutableFile(atPath: program) { return place.path }
            }
        }
        return Bundle.main.bundleURL.path
    }()
}

/// What a program said and how it ended.
struct Outcome {
    /// nil where it had to be killed.
    var code: Int32?
    var output: String
    var errors: String

    var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
}

/// A place for one gateway: a folder with its configuration, its store and its log, and a private broker.
///
/// Daemons are started on it one after another. Owned by one test; what still runs is ended with it.
final class Site {
    let folder: URL
    let broker: MosquittoServer
    /// Further settings, as they would stand in the braces of their sections.
    var mqtt = ""
    var storeSettings = ""
    var turn = ""
    var limits = ""
    var notification = ""
    var devicesFolder = Programs.repository.appending(path: "Devices").path
    var rules = "rules: []\n"
    var roster = "device,cadence\n"
    var socket: String
    var store: String
    /// Passwords of the devices that have an account at the broker.
    private(set) var accounts: [String: String] = [:]
    /// Everything the daemons said, each in a file of its own.
    private var logs: [URL] = []
    private var daemons: [ChildProcess] = []
    private var loads: [ChildProcess] = []

    /// Makes the folder; the broker is started when asked to.
    init(
        brokerLines: [String] = MosquittoServer.persistent + ["max_queued_messages 0"],
        listener: [String] = ["listener PORT 127.0.0.1", "allow_anonymous true"], isBrokerRunning: Bool = true
    ) throws {
        // Short, because a socket's path has at most 107 bytes.
        folder = URL(filePath: "/tmp/baotu-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        store = folder.appending(path: "store").path
        socket = folder.appending(path: "baotu.sock").path
        broker = try MosquittoServer(brokerLines, listener: listener)
        if isBrokerRunning { try broker.start() }
    }

    /// With the broker's configuration that is shipped, but for port, directory and who may connect.
    convenience init(shippedBroker: ()) throws {
        let access = ["listener ", "allow_anonymous ", "password_file ", "acl_file "]
        let lines = try Self.shipped("Config/mosquitto/mosquitto.conf").filter { line in
            !access.contains { line.hasPrefix($0) }
        }
        try self.init(brokerLines: lines)
    }

    /// With all of it, and with the accounts of the gateway and of these devices; `listener` is added to the listener.
    convenience init(shippedAccess devices: [String], listener: [String] = []) throws {
        let lines = try Self.shipped("Config/mosquitto/mosquitto.conf").flatMap { line in
            line.hasPrefix("listener ") ? ["listener PORT 127.0.0.1"] + listener : [line]
        }
        try self.init(brokerLines: lines, listener: [], isBrokerRunning: false)
        try addAccount(["gateway"])
        for device in devices {
            let told = try addAccount(["device", device]).split(separator: " ")
            accounts[device] = told.last.map { String($0.filter { !$0.isNewline }) }
        }
        mqtt = "username: gateway, password_file: mqtt-password"
        try broker.start()
    }

    @discardableResult
    private func addAccount(_ words: [String]) throws -> String {
        let script = Programs.repository.appending(path: "Config/mosquitto/accounts").path
        let made = try Program(
            "/bin/sh", [script] + words, environment: ["MOSQUITTO": broker.directory.path, "BAOTU": folder.path])
        guard made.code == 0 else { throw Failure(description: "accounts \(words): \(made.errors)") }
        return made.output.split(separator: "\n").last.map(String.init) ?? ""
    }

    private static func shipped(_ name: String) throws -> [String] {
        let places = [
            "persistence_location ": "persistence_location DIRECTORY/",
            "password_file ": "password_file DIRECTORY/passwords", "acl_file ": "acl_file DIRECTORY/acl",
        ]
        return try String(contentsOf: Programs.repository.appending(path: name), encoding: .utf8)
            .split(separator: "\n").map { line in places.first { line.hasPrefix($0.key) }?.value ?? String(line) }
    }

    deinit {
        for process in loads + daemons { process.end(with: SIGKILL) }
        broker.kill()
        try? FileManager.default.removeItem(at: folder)
    }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: path(name), atomically: true, encoding: .utf8)
        return path(name)
    }

    /// Writes configuration, rules and roster as they are set now, and returns the path of the configuration.
    @discardableResult
    func configure() throws -> String {
        try write(rules, to: "alerts.yaml")
        try write(roster, to: "roster.csv")
        return try write(
            """
            mqtt: {host: 127.0.0.1, port: \(broker.port), reconnect: {min: 100ms, max: 1s}, \(mqtt)}
            store: {folder: \(store), \(storeSettings)}
            turn: {\(turn)}
            limits: {\(limits)}
            devices: {folder: \(devicesFolder), roster: roster.csv}
            rules: alerts.yaml
            api: {socket: \(socket)}
            notification: {\(notification)}

            """, to: "baotu.yaml")
    }

    // MARK: The daemon

    /// Starts the daemon and does not wait. `launcher` is a command line that runs the command line behind it.
    func launch(_ launcher: [String] = [], environment: [String: String] = [:]) throws -> ChildProcess {
        let log = folder.appending(path: "baotud-\(logs.count).log")
        logs.append(log)
        let words = launcher + [Programs.daemon, "--config", path("baotu.yaml")]
        let daemon = try ChildProcess(
            words[0], Array(words.dropFirst()), output: log.path, environment: environment)
        daemons.append(daemon)
        return daemon
    }

    /// Starts the daemon and waits for its first completed turn.
    func start(_ launcher: [String] = [], environment: [String: String] = [:]) throws -> ChildProcess {
        let daemon = try launch(launcher, environment: environment)
        try waitUntilReady(daemon)
        return daemon
    }

    func waitUntilReady(_ daemon: ChildProcess) throws {
        try eventually("the daemon is ready; it said:\n\(log)", seconds: 60) {
            guard daemon.isRunning else { throw Failure(description: "the daemon ended: \(log)") }
            return log.hasSuffix("ready\n") || log.contains("ready\n")
        }
    }

    /// Waits until the broker keeps messages for the gateway, also while it is away.
    func waitUntilSubscribed() throws {
        try waitForLog("subscribed filter=#")
    }

    /// What the last daemon said.
    var log: String { logs.last.flatMap { try? String(contentsOf: $0, encoding: .utf8) } ?? "" }

    func waitForLog(_ text: String, times: Int = 1) throws {
        try eventually("\(times) log lines with '\(text)'") { lines(with: text).count >= times }
    }

    func lines(with text: String) -> [String] {
        log.split(separator: "\n").map(String.init).filter { $0.contains(text) }
    }

    /// Ends the daemon as systemd would, and returns its exit code.
    func stop(_ daemon: ChildProcess) -> Int32? {
        daemon.signal(SIGTERM)
        return daemon.wait(seconds: 60)
    }

    /// Runs the daemon to an end that it finds by itself, at most half a minute.
    func runDaemon(_ arguments: [String] = [], launcher: [String] = []) throws -> Outcome {
        let words = launcher + [Programs.daemon, "--config", path("baotu.yaml")] + arguments
        return try run(words[0], Array(words.dropFirst()))
    }

    // MARK: Asking

    func run(_ program: String, _ arguments: [String]) throws -> Outcome {
        let (output, errors) = (path("output-\(UUID().uuidString)"), path("errors-\(UUID().uuidString)"))
        let process = try ChildProcess(program, arguments, output: output, errors: errors)
        let code = process.wait(seconds: 30)
        func text(_ file: String) -> String { (try? String(contentsOfFile: file, encoding: .utf8)) ?? "" }
        return Outcome(code: code, output: text(output), errors: text(errors))
    }

    /// Asks as an operator would: the daemon, or with `--store` the files.
    func ask(_ arguments: [String], ofFiles: Bool = false) throws -> Outcome {
        try run(Programs.operators, arguments + (ofFiles ? ["--store", store] : ["--socket", socket]))
    }

    func json(_ arguments: [String], ofFiles: Bool = false) throws -> Any {
        let outcome = try ask(arguments + ["--format", "json"], ofFiles: ofFiles)
        guard outcome.code == 0 else {
            throw Failure(description: "baotu \(arguments) ended with \(outcome.code ?? -1): \(outcome.errors)")
        }
        return try JSONSerialization.jsonObject(with: Data(outcome.output.utf8), options: .fragmentsAllowed)
    }

    /// The files, opened anew for each question: a test asks between the lives of several daemons.
    func archive() throws -> Archive { try Archive(folder: store) }

    func waitUntilCommitted(_ count: Int) throws {
        var (last, idle) = (Int64(-1), 0)
        // Bounded by idleness: on a busy machine the backlog of a test takes the time it takes.
        let archive = try archive()
        while true {
            let committed = try archive.status().committed
            if committed >= count { return }
            idle = committed == last ? idle + 1 : 0
            last = committed
            guard idle < 400 else {
                throw Failure(
                    description: "\(committed) of \(count) readings committed and no more for 20 s; log:\n\(log)")
            }
            usleep(50_000)
        }
    }

    // MARK: Publishing

    /// Publishes at QoS 1 and returns when the broker has acknowledged all.
    func publish(_ messages: [(topic: String, payload: String)], as device: String? = nil) throws {
        let publisher = try PlainPublisher(
            host: "127.0.0.1", port: broker.port, clientID: "device-\(UUID().uuidString)", username: device,
            password: device.flatMap { accounts[$0] })
        for (number, message) in messages.enumerated() {
            var (topic, payload) = (message.topic, message.payload)
            topic.withUTF8 { topic in
                payload.withUTF8 { payload in
                    publisher.queue(
                        topic: UnsafeRawBufferPointer(topic), payload: UnsafeRawBufferPointer(payload), qos: 1,
                        mark: UInt64(number))
                }
            }
        }
        try publisher.finish { _ in }
    }

    /// A reading of a lamp's voltage, `second` seconds after the first.
    func publishVoltage(_ volts: Double, of lamp: String = "lamp-0001", second: Int) throws {
        let time = Self.firstTimestamp + Int64(second) * 1000
        try publish([("lights/\(lamp)/telemetry", #"{"ts":\#(time),"u":\#(volts)}"#)])
    }

    /// The observed time of the first readings: a few minutes ago, so that none of them is from the future.
    static let firstTimestamp = Int64(Date().timeIntervalSince1970) * 1000 - 600_000

    // MARK: Load

    /// A load that goes on until it is told to end, and lists what the broker acknowledged.
    func startLoad(rate: Int, devices: Int = 100, readingsPerMessage: Int = 1, count: Int = 100_000_000) throws -> Load
    {
        let ledger = path("ledger-\(loads.count).csv")
        let output = path("load-\(loads.count).json")
        // Loads one after another speak of different times.
        let first = Self.firstTimestamp + Int64(loads.count) * 100_000
        let process = try ChildProcess(
            Programs.fleet,
            [
                "load", "--port", "\(broker.port)", "--payloads", "\(count)", "--rate", "\(rate)", "--topics",
                "\(devices)", "--readings-per-message", "\(readingsPerMessage)", "--ledger", ledger, "--first-ts",
                "\(first)", "--client-id", "load-\(loads.count)",
            ], output: output)
        loads.append(process)
        return Load(
            process: process, ledgerPath: ledger, outputPath: output,
            payload: LoadPayload(
                deviceCount: devices, readingsPerMessage: readingsPerMessage, firstTimestamp: first, seed: 1))
    }
}

/// A running load and, at its end, what it published.
struct Load {
    let process: ChildProcess
    let ledgerPath: String
    let outputPath: String
    let payload: LoadPayload

    /// Tells it to end, and returns the numbers of the acknowledged readings: all that were published.
    func finish() throws -> [Int] {
        process.signal(SIGTERM)
        return try acknowledged()
    }

    /// Waits for its end.
    func acknowledged() throws -> [Int] {
        // A broker that hands everything out again and again to a gateway that takes nothing is slow with those who publish.
        guard process.wait(seconds: 600) == 0 else {
            let said = (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? ""
            throw Failure(description: "the load did not end in order: \(said)")
        }
        var numbers: [Int] = []
        for line in try String(contentsOfFile: ledgerPath, encoding: .utf8).split(separator: "\n").dropFirst() {
            let fields = line.split(separator: ",")
            guard fields.count == 3, let time = Int64(fields[1]), let number = Int(fields[2]) else {
                throw Failure(description: "the ledger has a line '\(line)'")
            }
            let device = payload.device(ofMessage: number / payload.readingsPerMessage)
            guard LoadPayload.name(of: device) == fields[0], payload.timestamp(ofReading: number) == time else {
                throw Failure(description: "the ledger's line '\(line)' does not follow from its number")
            }
            numbers.append(number)
        }
        let report = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: outputPath)))
        let published = (report as? [String: Any])?["published"] as? Int ?? -1
        guard published * payload.readingsPerMessage == numbers.count else {
            throw Failure(
                description: "\(published) messages were published and \(numbers.count) readings acknowledged")
        }
        return numbers
    }
}

/// Compares a store with what was acknowledged to the publishers, value by value.
struct Audit {
    /// The quantities of a lamp's message, in the order of `LoadPayload.digits`.
    static let quantities = [
        "active_power", "voltage", "current", "power_factor", "control_gear_temperature", "light_level",
    ]

    /// The first few of each kind, as sentences.
    private(set) var missing: [String] = []
    private(set) var twice: [String] = []
    private(set) var wrong: [String] = []
    private(set) var unpublished: [String] = []
    private(set) var readings = 0

    private static func values(_ payload: LoadPayload, _ number: Int) -> [Double] {
        let digits = payload.digits(ofReading: number)
        return [
            Double(digits.p) / 10, Double(digits.u) / 10, Double(digits.i) / 1000, Double(digits.pf) / 100,
            Double(digits.t) / 10, Double(digits.d),
        ]
    }

    /// Reads all of the store. Other devices than those of the loads must not be in it.
    init(of store: String, against loads: [(load: Load, acknowledged: [Int])]) throws {
        /// By device, then by time.
        var expected: [String: [Int64: [Double]]] = [:]
        for (load, acknowledged) in loads {
            for number in acknowledged {
                let device = load.payload.device(ofMessage: number / load.payload.readingsPerMessage)
                expected[LoadPayload.name(of: device), default: [:]][load.payload.timestamp(ofReading: number)] =
                    Self.values(load.payload, number)
            }
        }
        let archive = try Archive(folder: store)
        var seen: Set<String> = []
        for index in 0..<archive.registry.seriesCount {
            let series = archive.registry.series[index]
            let device = archive.registry.devices[series.device.index].name
            let name = "\(device) \(series.quantity.name)"
            seen.insert(name)
            guard let place = Self.quantities.firstIndex(of: series.quantity.name), let times = expected[device] else {
                note("a series \(name)", &unpublished)
                continue
            }
            var last = Int64.min
            var found = 0
            try archive.forEachReading(
                of: SeriesID(rawValue: UInt32(index)), since: Timestamp(milliseconds: 0),
                until: Timestamp(milliseconds: .max)
            ) { time, value in
                readings += 1
                let time = time.milliseconds
                if time <= last {
                    note("\(name) at \(time)", &twice)
                } else if let values = times[time] {
                    found += 1
                    if values[place] != value { note("\(name) at \(time): \(value), not \(values[place])", &wrong) }
                } else {
                    note("\(name) at \(time)", &unpublished)
                }
                last = time
                return true
            }
            if found != times.count { note("\(times.count - found) of \(times.count) readings of \(name)", &missing) }
        }
        for device in expected.keys {
            for quantity in Self.quantities where !seen.contains("\(device) \(quantity)") {
                note("all readings of \(device) \(quantity)", &missing)
            }
        }
        let damaged = archive.takeDamagedFrames()
        if !damaged.isEmpty { note("\(damaged.count) damaged frames", &missing) }
    }

    private func note(_ sentence: String, _ list: inout [String]) {
        if list.count < 5 { list.append(sentence) }
    }
}

extension Site {
    /// Demands that the store holds exactly what was acknowledged.
    func expectKept(
        _ loads: [(load: Load, acknowledged: [Int])], _ context: Comment? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let audit = try Audit(of: store, against: loads)
        #expect(audit.missing == [], context, sourceLocation: sourceLocation)
        #expect(audit.twice == [], context, sourceLocation: sourceLocation)
        #expect(audit.wrong == [], context, sourceLocation: sourceLocation)
        #expect(audit.unpublished == [], context, sourceLocation: sourceLocation)
        let published = loads.reduce(0) { $0 + $1.acknowledged.count } * Audit.quantities.count
        #expect(audit.readings == published, context, sourceLocation: sourceLocation)
        let status = try archive().status()
        #expect(status.committed == Int64(published), context, sourceLocation: sourceLocation)
        #expect(status.corrected == 0, context, sourceLocation: sourceLocation)
        #expect(status.rejected == 0, context, sourceLocation: sourceLocation)
        #expect(status.damagedRows == 0, context, sourceLocation: sourceLocation)
    }
}
