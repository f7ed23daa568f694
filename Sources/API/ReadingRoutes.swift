import Basics
import FoundationEssentials
import Hummingbird
public import Interchange
import NIOCore
public import Store
import Telemetry

/// Readings out and in, in the formats of `Interchange`.
enum ReadingRoutes {
    /// Of the body of one batch. A thousand readings take about 70 KB.
    static let bodyBytesMax = 1 << 20
    /// A batch is one commit between two turns of live readings, so it must not take long.
    static let readingsMax = 2000

    static func add(to router: Router<BasicRequestContext>, _ desk: ArchiveDesk, _ live: LiveAnswers) {
        router.get("v1/export") { request, _ in
            let format = try request.interchangeFormat()
            let asked = try request.exportRequest()
            // A wrong question is refused before the first byte.
            let start = try await desk.ask { try $0.beginExport(asked) }
            let isEndMarked = try request.word("end", ExportEnd.Wish.self) == .marked
            return export(format, from: start, desk, isEndMarked: isEndMarked)
        }
        router.post("v1/readings") { request, _ in
            let format = try request.interchangeFormat()
            let profile = request.text("profile") ?? Journal.importProfile
            guard (1...UsableName.bytesMax).contains(profile.utf8.count) else {
                throw Refusal(.badRequest, "profile: expected a name of 1 to \(UsableName.bytesMax) bytes")
            }
            let body: ByteBuffer
            do {
                body = try await request.body.collect(upTo: bodyBytesMax)
            } catch is NIOTooManyBytesError {
                throw Refusal(.contentTooLarge, "the body is longer than \(bodyBytesMax) bytes; send it in parts")
            }
            let (readings, refused) = try readings(in: body, format)
            var receipt = readings.isEmpty ? ImportReceipt() : try await live.importReadings(readings, profile)
            receipt.add(refused)
            return try Reply(receipt)
        }
    }

    private static func readings(
        in body: ByteBuffer, _ format: InterchangeFormat
    ) throws(Refusal) -> (NamedReadings, ImportReceipt) {
        var reader = ReadingReader(format, file: "body")
        var readings = NamedReadings()
        body.withUnsafeReadableBytes { reader.take($0) }
        reader.takeEnd()
        do throws(Mistake) {
            guard try !reader.read(into: &readings, readingsMax: readingsMax + 1) else {
                throw Mistake(
                    file: "body", line: nil, key: "", value: nil, expected: "expected at most \(readingsMax) readings")
            }
        } catch {
            throw Refusal(.badRequest, error.description)
        }
        var receipt = ImportReceipt()
        receipt.refused = reader.report.refused
        receipt.refusals = reader.takeRefusals().map { ImportReceipt.Refusal(line: $0.line, sentence: $0.sentence) }
        receipt.refusals += reader.unknownWords.map {
            ImportReceipt.Refusal(line: 0, sentence: "'\($0.word)' is not a quantity")
        }
        return (readings, receipt)
    }

    /// Page by page, so that memory is bounded whatever the range and others are answered in between.
    private static func export(
        _ format: InterchangeFormat, from start: ExportCursor, _ desk: ArchiveDesk, isEndMarked: Bool
    ) -> Response {
        let body = ResponseBody { writer in
            var readings = ReadingWriter(format)
            var bytes = Array(readings.header.utf8)
            var damaged = DamageList()
            var cursor = start
            while !cursor.isAtEnd {
                let from = cursor
                let page = try await desk.ask { try $0.exportPage(from: from) }
                readings.append(page, to: &bytes)
                damaged.add(page.damaged)
                cursor = page.next
                if bytes.count >= 1 << 16 {
                    try await writer.write(ByteBuffer(bytes: bytes))
                    bytes.removeAll(keepingCapacity: true)
                }
            }
            if isEndMarked { try bytes.append(contentsOf: ExportEnd(damaged: damaged.sentences).bytes) }
            if !bytes.isEmpty { try await writer.write(ByteBuffer(bytes: bytes)) }
            try await writer.finish(nil)
        }
        let type = format == .csv ? "text/csv; charset=utf-8; header=present" : "application/jsonl; charset=utf-8"
        return Response(status: .ok, headers: [.contentType: type], body: body)
    }
}

/// Sentences about damaged frames, each once: a frame of several series is met once a series.
public struct DamageList {
    private var known: Set<String> = []
    public private(set) var sentences: [String] = []
    /// A store with more is in need of a backup and not of a list.
    private static let countMax = 50

    public init() {}

    /// Adds those that are new, and returns them.
    @discardableResult
    public mutating func add(_ damaged: [String]) -> [String] {
        let fresh = damaged.filter { known.count < Self.countMax && known.insert($0).inserted }
        sentences += fresh
        return fresh
    }
}

/// What stands behind an export for a client that asks for it with `end=marked`: that the text is whole, and what had to
/// be left out, which is known only then.
///
/// A record separator parts it from the text: no reading has one. In the text and not in HTTP trailers, because few
/// clients show those.
public struct ExportEnd: Codable, Sendable {
    enum Wish: String, CaseIterable { case marked }

    public static let separator: UInt8 = 0x1E

    public var damaged: [String]

    var bytes: [UInt8] {
        get throws { try [Self.separator] + JSONEncoder().encode(self) }
    }
}

extension ReadingWriter {
    /// The readings of a page, run by run.
    public mutating func append(_ page: ExportPage, to bytes: inout [UInt8]) {
        for run in page.runs {
            begin(device: run.device, quantity: run.quantity, channel: run.channel, unit: run.unit)
            for point in run.points { append(point.observed, point.value, to: &bytes) }
        }
    }
}

extension ImportReceipt {
    /// What was refused before the readings were committed.
    fileprivate mutating func add(_ other: ImportReceipt) {
        refused += other.refused
        refusals = Array((other.refusals + refusals).prefix(Self.refusalsMax))
    }
}

extension ImportReport.Refusal {
    /// Without the line.
    public var sentence: String {
        (key.isEmpty ? "" : "\(key): ") + (value.map { "'\($0)': " } ?? "") + expected
    }
}

extension Request {
    fileprivate func interchangeFormat() throws(Refusal) -> InterchangeFormat {
        switch text("format") {
        case nil, "csv": return .csv
        case "jsonl": return .jsonl
        case .some(let text): throw Refusal(.badRequest, "format: '\(text)': expected csv or jsonl")
        }
    }

    fileprivate func exportRequest() throws(Refusal) -> ExportRequest {
        let (since, until) = (try moment("since"), try moment("until"))
        if let since, let until, since >= until {
            throw Refusal(.badRequest, "since, until: expected two times, the first one earlier")
        }
        return ExportRequest(try deviceFilter(), channel: text("channel"), since: since, until: until)
    }
}
