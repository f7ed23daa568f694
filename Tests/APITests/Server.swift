import Basics
import Contract
import Foundation
import Logging
import ServiceLifecycle
import Store
import Synchronization
import Telemetry
import Testing
import TestSupport

@testable import API
@testable import OperatorCLI

let noon = Timestamp(milliseconds: 1_773_576_000_000)  // 2026-03-15T12:00:00Z

/// The API over a store that the test wrote, on a socket in a folder of its own.
struct Server {
    let socket: String
    let archives: ArchivePool
    /// What was acknowledged, in order.
    let acknowledged = Acknowledgements()
    /// What was imported, one line a reading.
    let imported = Acknowledgements()

    final class Acknowledgements: Sendable {
        private let list = Mutex<[String]>([])
        var all: [String] { list.withLock { $0 } }
        func append(_ line: String) { list.withLock { $0.append(line) } }
    }

    /// On a busy machine a test may take its time to ask, and the machine its time to answer.
    static let long = UnixSocketServer.Patience(
        silence: .seconds(3600), firstQuestion: .seconds(3600), pace: Pace(least: .seconds(3600)))
    static let longLimits = ArchivePool.Limits(short: .seconds(3600), long: .seconds(3600))

    /// The command line's side of it as long as `body` runs, and closed however that ends.
    func asking(_ body: (DaemonSource) async throws -> Void) async throws {
        let source = DaemonSource(socketPath: socket)
        do {
            try await body(source)
        } catch {
            try await source.close()
            throw error
        }
        try await source.close()
    }

    /// Runs a server as long as `body` does.
    static func run(
        points: Int = 30, refusal: Refusal? = nil, statisticsRows: Int? = nil,
        patience: UnixSocketServer.Patience = long, limits: ArchivePool.Limits = longLimits,
        budget: BodyBudget = BodyBudget(), operators: Operators = Operators(group: "baotu-operators"),
        _ body: (Server) async throws -> Void
    ) async throws {
        let folder = TemporaryDirectory()
        try Self.writeStore(folder.path + "/store", points: points)
        let server = Server(
            socket: folder.path + "/api.sock",
            archives: ArchivePool(folder: folder.path + "/store", threads: 1, cores: 4, limits: limits))
        let application = try UnixSocketServer.service(
            socketPath: server.socket, archives: server.archives, live: server.answers(refusal, statisticsRows),
            operators: operators,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, patience: patience,
            budget: budget, now: { noon + .seconds(60) })
        let group = ServiceGroup(
            services: [application], gracefulShutdownSignals: [],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do {
                try await server.waitUntilItListens()
                try await body(server)
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        withExtendedLifetime(folder) {}
    }

    /// The mode of the socket is set once the server listens.
    private func waitUntilItListens() async throws {
        for _ in 0..<2000 {
            if permissions == 0o660 { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw ChildProcess.Failure(description: "the server did not listen within ten seconds")
    }

    var permissions: UInt32 {
        var file = stat()
        return lstat(socket, &file) == 0 ? file.st_mode & 0o777 : 0
    }

    private func answers(_ refusal: Refusal?, _ statisticsRows: Int?) -> LiveAnswers {
        let (acknowledged, imported, archives) = (acknowledged, imported, archives)
        return LiveAnswers(
            status: { LiveStatusAnswer(version: "test", startedAt: noon, broker: "127.0.0.1:1883") },
            examine: { _ in [Diagnosis(check: "disk", level: .warning, finding: "slow", mend: "wait")] },
            statistics: { _ async throws(Refusal) -> [StatisticsAnswer] in
                if let refusal { throw refusal }
                return Self.statistics(count: statisticsRows ?? 1)
            },
            orders: [
                OrderRoute(AcknowledgeOrder.self) { order, author async throws(Refusal) -> AlertStoryAnswer in
                    if let refusal { throw refusal }
                    guard order.alert == 1 else { throw .notFound("there is no alert \(order.alert)") }
                    acknowledged.append("\(order.alert) \(author.signed(order.by)): \(order.note)")
                    do {
                        return try await archives.ask(.short) { try $0.alert(order.alert) }
                    } catch {
                        throw .failed("\(error)")
                    }
                },
                OrderRoute(ImportOrder.self) { order, _ async throws(Refusal) -> ImportReceipt in
                    try await order.commit { readings async throws(Refusal) -> ImportReceipt in
                        if let refusal { throw refusal }
                        for entry in readings.entries {
                            imported.append(
                                "\(entry.line) \(readings.device(of: entry)) \(entry.quantity) \(entry.value) "
                                    + order.profile)
                        }
                        var receipt = ImportReceipt()
                        receipt.fresh = readings.count
                        return receipt
                    }
                },
            ])
    }

    private static func statistics(count: Int) -> [StatisticsAnswer] {
        var registry = SeriesRegistry()
        let device = registry.intern(device: "lamp-1", profile: "lamps")!
        let series = registry.intern(device: device, quantity: Quantity(named: "voltage")!, channel: .none)!
        var summary = WindowSummary(
            series: series, window: .seconds(300), end: noon, count: 2, mean: 1, min: 0, max: 2, standardDeviation: 1,
            first: 0, firstAt: noon - .seconds(60), last: 2, lastAt: noon, median: nil, p95: nil)
        summary.change = 2
        return Array(repeating: StatisticsAnswer(summary, registry: registry, clockSkew: nil), count: count)
    }

    /// Two lamps, of which one has a name that needs care in a query, an alert and a reject.
    private static func writeStore(_ folder: String, points: Int) throws {
        let journal = try Journal.open(StoreOptions(folder: folder))
        defer { journal.close() }
        var batch = DecodedBatch()
        for (name, count) in [("lamp-1", points), ("路灯 1+2&a=b%", 1)] {
            let device = journal.registry.intern(device: name, profile: "lamps")!
            let series = journal.registry.intern(
                device: device, quantity: Quantity(named: "voltage")!, channel: .none)!
            for step in 0..<count {
                batch.readings.append(
                    Reading(series: series, observed: noon + .seconds(step), value: 230 + Double(step % 7)))
                journal.registry.closeRow(batch.readings.suffix(1))
            }
            batch.heard.append(Hearing(device: device, at: noon))
        }
        let topic = Array("nobody/knows".utf8)
        topic.withUnsafeBytes { bytes in
            batch.rejects.append(
                Reject(reason: .unknownTopic, detail: "no profile", topic: bytes, payload: bytes, receivedAt: noon))
        }
        let commit = try journal.commit(batch, received: 3, now: noon)
        let lamp = try #require(journal.registry.device(named: "lamp-1"))
        let transition = AlertTransition(
            key: AlertKey(rule: "lamp-fault", subject: .device(lamp)), severity: .warning, from: .inactive,
            to: .firing, at: noon, since: noon, value: 1, sentence: "lamp-1: lamp failure")
        try journal.saveRules(["lamp-fault": 1, "hot": 2])
        try journal.record([transition], channels: ["log"], now: noon, evaluatedThrough: commit.turn.journalID)
    }

    // MARK: Asking

    struct Response {
        var status: Int
        var headers: String
        var body: Data

        func json<Value: Decodable>(_: Value.Type = Value.self) throws -> Value {
            try JSONDecoder().decode(Value.self, from: body)
        }
        /// The sentence of a refusal.
        var error: String? { (try? JSONDecoder().decode([String: String].self, from: body))?["error"] }
    }

    func get(_ target: String) async throws -> Response { try await ask("GET", target) }

    func ask(_ method: String, _ target: String) async throws -> Response {
        try await Line(socket).exchange("\(method) /v1/\(target) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    }
}

/// A connection as a client of any sort may use it. It blocks, so never on a thread of the task pool.
final class Line: Sendable {
    private let descriptor: Int32
    private static let queue = DispatchQueue(label: "test.lines", attributes: .concurrent)

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0 else { throw ChildProcess.Failure(description: "\(path): \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    /// Closes this half: the other side reads to the end, and may still answer.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Sends until the other side takes no more; the bytes that it took.
    func send(_ bytes: [UInt8]) async -> Int {
        await withCheckedContinuation { continuation in
            Self.queue.async {
                var sent = 0
                while sent < bytes.count {
                    let count = bytes[sent...].withUnsafeBytes {
                        Foundation.send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                    }
                    if count <= 0 { break }
                    sent += count
                }
                continuation.resume(returning: sent)
            }
        }
    }

    func send(_ text: String) async { _ = await send(Array(text.utf8)) }

    /// What comes until the other side ends the line, or until there are `limit` bytes.
    func receive(limit: Int = .max) async -> Data {
        await withCheckedContinuation { continuation in
            Self.queue.async {
                var received = Data()
                var chunk = [UInt8](repeating: 0, count: 1 << 16)
                while received.count < limit {
                    let count = recv(self.descriptor, &chunk, min(chunk.count, limit - received.count), 0)
                    if count <= 0 { break }
                    received.append(contentsOf: chunk[..<count])
                }
                continuation.resume(returning: received)
            }
        }
    }

    func exchange(_ request: String) async throws -> Server.Response {
        await send(request)
        let data = await receive()
        let end = try #require(data.range(of: Data("\r\n\r\n".utf8)))
        let head = String(decoding: data[..<end.lowerBound], as: UTF8.self)
        let status = try #require(Int(head.split(separator: " ")[1]))
        return Server.Response(status: status, headers: head.lowercased(), body: Data(data[end.upperBound...]))
    }
}
