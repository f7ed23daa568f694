import API
import Basics
import ConfigurationFiles
import Contract
import Foundation
import Logging
import Store
import Synchronization
import Telemetry
import Testing

@testable import Gateway

/// Orders from who gives them to the ingest thread and back.
@Suite("Orders")
struct OrderTests {
    private let live = LiveView(
        LiveStatusAnswer(version: "test", startedAt: Timestamp(milliseconds: 0), broker: "simulated"))

    private func source(_ gateway: SimulatedGateway) -> LiveSource {
        let configuration = gateway.configuration
        let now = gateway.now
        return LiveSource(
            mailbox: gateway.mailbox, live: live, doctor: Doctor(configuration: configuration, live: live) { now },
            archives: ArchivePool(folder: configuration.store.folder, threads: 1),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            loadFiles: { () throws(Mistakes) in try LoadedFiles.reload(configuration) })
    }

    private func temperature(_ lamp: Int, _ value: Double, at moment: Timestamp) -> SimulatedBroker.Message {
        SimulatedBroker.Message(
            topic: "lights/lamp-\(lamp)/telemetry",
            payload: Array("{\"id\":\"lamp-\(lamp)\",\"ts\":\(moment.milliseconds),\"t\":\(value)}".utf8))
    }

    private final class Progress: Sendable {
        let isThrough = Mutex(false)
    }

    /// Turns the gateway until the order is through.
    private func carryOut<Kind: CarriedOut>(
        _ order: Kind, _ gateway: SimulatedGateway
    ) async -> Result<Kind.Answer, Refusal> {
        let (progress, source) = (Progress(), source(gateway))
        let task = Task { () -> Result<Kind.Answer, Refusal> in
            defer { progress.isThrough.withLock { $0 = true } }
            do throws(Refusal) {
                return .success(try await order.carryOut(by: source, for: Author(login: "kim")))
            } catch {
                return .failure(error)
            }
        }
        while !progress.isThrough.withLock({ $0 }) {
            gateway.loop?.turn()
            await Task.yield()
        }
        return await task.value
    }

    @Test("an alert is taken on, and the answer is the alert as it is then")
    func acknowledge() async throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        for _ in 0..<6 {
            gateway.pass(.seconds(10))
            gateway.broker.send(temperature(0, 70, at: gateway.now))
            gateway.loop?.turn()
        }
        let story = try await carryOut(AcknowledgeOrder(alert: 1, by: "lei", note: "crew sent"), gateway).get()
        // Several share the login of the duty room; the name is his own word, the login the kernel's.
        #expect(story.alert.acknowledgedBy == "lei (kim)")
        #expect(story.alert.note == "crew sent")
        let missing = await carryOut(AcknowledgeOrder(alert: 99, by: "kim"), gateway)
        #expect(missing == .failure(.notFound("store: there is no alert 99")))
        gateway.drain()
    }

    @Test("files are read anew; a mistake is the answer, and the old ones stay")
    func reload() async throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        let rules = gateway.folder.appending(path: "alerts.yaml")
        let good = try String(contentsOf: rules, encoding: .utf8)
        try (good + "\n- rule: bad\n  threshold: {quantity: voltag, above: 1}\n").write(
            to: rules, atomically: true, encoding: .utf8)
        let configuration = gateway.folder.appending(path: "baotu.yaml")
        try """
        store: {folder: store}
        devices: {folder: \(gateway.configuration.devicesFolders[0])/parking, roster: roster.csv}
        """.write(to: configuration, atomically: true, encoding: .utf8)
        let refused = await carryOut(ReloadOrder(), gateway)
        guard case .failure(.misconfigured(let sentence)) = refused else {
            Issue.record("\(refused)")
            return
        }
        #expect(sentence.contains("did you mean 'voltage'?"))
        #expect(live.current.refusedReload?.reason == sentence)
        let told = Doctor(configuration: gateway.configuration, live: live) { .init(milliseconds: 0) }.examine()
        #expect(told.contains { $0.check == "configuration" && $0.level == .bad && $0.finding.contains(sentence) })
        try good.write(to: rules, atomically: true, encoding: .utf8)
        let answer = try await carryOut(ReloadOrder(), gateway).get()
        #expect(answer.rules == 4)
        #expect(answer.devices == 4)
        #expect(live.current.refusedReload == nil)
        // The file says less than the one that the gateway was started with.
        #expect(answer.restartNeeded == live.current.restartNeeded)

        try "rules: []\n".write(to: rules, atomically: true, encoding: .utf8)
        let emptied = try await carryOut(ReloadOrder(), gateway).get()
        #expect(emptied.rules == 0)
        #expect(emptied.warnings.contains { $0.contains("names no rule any more, where there were 4") })
        let again = try await carryOut(ReloadOrder(), gateway).get()
        #expect(!again.warnings.contains { $0.contains("any more") })
        gateway.drain()
    }

    @Test("a channel is tried beside the turn; one that there is not gets the names of those that there are")
    func trial() async throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        let answer = try await carryOut(NotifyTestOrder(channel: "log"), gateway).get()
        #expect(answer.isDelivered && answer.channel == "log" && answer.reason == nil)
        let missing = await carryOut(NotifyTestOrder(channel: "lgo"), gateway)
        #expect(missing == .failure(.notFound("there is no channel 'lgo'; did you mean 'log'? there are log, mqtt")))
        gateway.drain()
    }

    @Test("a gateway that stops refuses at once, and one with a full mailbox says to ask again")
    func refused() async throws {
        let gateway = try SimulatedGateway(seed: 1, mischief: .none)
        try gateway.start()
        while gateway.mailbox.post(Mailbox.Letter { _, _ in }) {}
        let source = source(gateway)
        let busy = await #expect(throws: Refusal.self) { try await source.answers.statistics(StatisticsRequest()) }
        #expect(busy == .busy)
        gateway.mailbox.stop()
        let stopping = await #expect(throws: Refusal.self) {
            try await AcknowledgeOrder(alert: 1).carryOut(by: source, for: Author(login: "kim"))
        }
        #expect(stopping == .stopping)
        gateway.drain()
    }

    @Test("every order has a route of its own")
    func routes() {
        let routes = carriedOutOrders.map { "\($0.route.method.rawValue) \($0.route.pattern)" }
        #expect(Set(routes).count == routes.count)
        #expect(routes.contains("POST /v1/alerts/:id/acknowledge"))
    }
}
