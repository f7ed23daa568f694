import ArgumentParser
import Authoring
import Basics
import Contract
import Decoding
import Profiles
import Telemetry

extension RejectsCommand {
    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "replay", abstract: "Decodes rejected messages again with the profiles as they are now.",
            discussion: """
                After a profile was mended: the messages that the store kept are decoded here, at the times they had, and \
                their readings are imported through the gateway. What is there already counts once, and no alert is \
                raised. Messages of devices that the roster does not name are left out unless --reason asks for them. A message of which the store kept only the beginning is left. Values held from earlier messages \
                and constants of the roster are not at hand. Exit code 2 when something is still rejected or was refused.
                """)

        @Option(
            help: "Only this reason: \(Reject.Reason.allCases.map(\.rawValue).joined(separator: ", ")).",
            completion: completion(Reject.Reason.self), transform: word)
        var reason: Reject.Reason?

        @Option(help: "Only of this device, or a pattern with * and ?.", completion: NameCompletion.devices)
        var device: String?

        @Option(help: "Only what came since: a time, a date, or how long ago, such as 24h.")
        var since: MomentArgument?

        @Option(help: "Rejects at most, the newest.")
        var limit = 10_000

        @Flag(help: "Take times before 2020 too: of an archive, and of no clock that was never set.")
        var oldTimes = false

        @Flag(help: "Only show what would become of them.")
        var dryRun = false

        @Option(
            help: "The folder of profiles; default: Devices here, else \(ProfileFiles.installed).",
            completion: .directory)
        var devices: String?

        @Option(help: "A value for a profile's parameter, name=value; may be repeated.")
        var param: [String] = []

        @OptionGroup var site: SiteOptions

        @Option(
            help: ArgumentHelp(
                "The daemon's socket. Default: BAOTU_SOCKET, else \(AskOptions.defaultSocket).", valueName: "path"),
            completion: .file())
        var socket: String?

        func validate() throws {
            try checkParameters(param)
            guard RejectsRequest.limits.contains(limit) else {
                throw ValidationError("--limit \(limit): expected 1 to 10000")
            }
        }

        func run() async throws {
            let catalog = try ProfileFiles.reporting {
                try DeviceCatalog.compile(
                    try ProfileFiles.profiles(at: ProfileFiles.folder(devices)).map(\.source),
                    parameters: ProfileFiles.parameters(param))
            }
            let source = DaemonSource(socketPath: AskOptions.socketPath(socket))
            var isClean = true
            do {
                do {
                    isClean = try await replay(catalog, source)
                } catch {
                    try? await source.close()
                    throw error
                }
                try await source.close()
            } catch let error as NoAnswer {
                throw failure(error.description, error.exitCode)
            }
            if !isClean { throw ExitCode(2) }
        }

        private func replay(_ catalog: DeviceCatalog, _ source: DaemonSource) async throws -> Bool {
            let answer = try await source.answer(
                RejectsRequest(limit: limit, reason: reason.map { .rejected($0) }, device: device))
            let begin = since?.timestamp(now: presentMoment()) ?? Timestamp(milliseconds: 0)
            let asked = answer.rejects.filter { reject in
                reject.receivedAt >= begin && (reason != nil || !Self.onlyWhenAsked.contains(reject.reason))
            }
            let messages = Self.messages(of: asked)
            let site = site
            var decoder = try ProfileFiles.reporting { try site.decoder(catalog, isArchive: oldTimes) }
            let replay = MessageReplay(messages, &decoder)
            try StandardStreams.write(
                zip(messages, replay.outcomes).map { message, outcome in
                    let ids = message.ids.map { "\($0)" }.joined(separator: ",")
                    return "\(ids)  \(localTime(message.received))  \(printable(message.topic)): "
                        + "\(printable(outcome.description))\n"
                }.joined())
            let open = replay.outcomes.count { outcome in
                switch outcome {
                case .rejected, .partly: true
                case .cut, .readings, .nothing: false
                }
            }
            let cut = replay.outcomes.count { $0 == .cut }
            var sum = "\(counted(messages.count, "message")), \(counted(replay.readings.count, "reading"))"
            if open > 0 { sum += ", \(counted(open, "message")) with faults" }
            if cut > 0 { sum += ", \(cut) cut by the store and left" }
            guard !dryRun else {
                try StandardStreams.write(sum + "; nothing was imported\n")
                return open == 0
            }
            let receipt = try await send(replay, source)
            try StandardStreams.write(
                sum + "; \(receipt.fresh) new, \(receipt.duplicates) there already, \(receipt.corrected) corrected, "
                    + "\(receipt.refused) refused\n")
            for refusal in receipt.refusals { StandardStreams.complain(printable(refusal.sentence)) }
            return open == 0 && receipt.refused == 0
        }

        private func send(_ replay: MessageReplay, _ source: DaemonSource) async throws -> ImportReceipt {
            let sink = DaemonSink(source: source, waits: { _ in }, isStopped: { false })
            var sum = ImportReceipt()
            // A request names one profile.
            for (profile, readings) in Dictionary(grouping: replay.readings, by: \.reading.profile)
                .sorted(by: { $0.key < $1.key })
            {
                var start = 0
                while start < readings.count {
                    let end = min(readings.count, start + ImportOrder.readingsMax)
                    var named = NamedReadings()
                    for (offset, entry) in readings[start..<end].enumerated() {
                        let reading = entry.reading
                        Array(reading.device.utf8).withUnsafeBytes { device in
                            Array(reading.channel.utf8).withUnsafeBytes { channel in
                                named.append(
                                    device: device, channel: channel, quantity: reading.quantity,
                                    observed: reading.observed, value: reading.value, line: offset + 1)
                            }
                        }
                    }
                    let receipt = try await sink.commit(named, profile: profile)
                    sum.fresh += receipt.fresh
                    sum.duplicates += receipt.duplicates
                    sum.corrected += receipt.corrected
                    sum.refused += receipt.refused
                    sum.refusals += receipt.refusals.prefix(ImportReceipt.refusalsMax - sum.refusals.count)
                    start = end
                }
            }
            return sum
        }

        /// Devices that the site does not admit, and what was decoded all the same.
        private static let onlyWhenAsked: Set<String> = [
            Reject.Reason.quarantined.rawValue, Reject.Reason.refused.rawValue, Reject.Reason.shapeChanged.rawValue,
        ]

        /// One message for all its rejects, oldest first.
        private static func messages(of rejects: [RejectsAnswer.Entry]) -> [MessageReplay.Kept] {
            struct Key: Hashable {
                var topic: String
                var payload: String
                var received: Timestamp
            }
            var order: [Key] = []
            var messages: [Key: MessageReplay.Kept] = [:]
            for reject in rejects.reversed() {
                let key = Key(
                    topic: reject.topic, payload: reject.payload ?? reject.payloadHex ?? "", received: reject.receivedAt
                )
                if messages[key] != nil {
                    messages[key]?.ids.append(reject.id)
                    continue
                }
                let payload =
                    reject.payload.map { Array($0.utf8) }
                    ?? reject.payloadHex.flatMap { PayloadText.bytes($0, encoding: "hex") } ?? []
                order.append(key)
                messages[key] = MessageReplay.Kept(
                    ids: [reject.id], topic: reject.topic, payload: payload, payloadByteCount: reject.payloadBytes,
                    received: reject.receivedAt)
            }
            return order.compactMap { messages[$0] }
        }
    }
}
