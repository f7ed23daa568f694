import Contract
import FoundationEssentials
import Hummingbird
import Interchange
import NIOCore
import Store

/// Readings as text, for as long as there are some.
///
/// Page by page, so that memory is bounded whatever the range and others are answered in between.
enum ExportStream {
    static func response(
        _ asked: ExportRequest, _ asker: Asker, _ budget: BodyBudget, _ pace: Pace
    ) async throws -> Response {
        let share = try budget.share(BodyBudget.exportBytes, isAhead: true)
        // A wrong question is refused before the first byte.
        let start = try await asker.ask(.long) { try $0.beginExport(asked) }
        let body = ResponseBody { writer in
            defer { withExtendedLifetime(share) {} }
            var readings = ReadingWriter(InterchangeFormat(asked.format))
            var bytes = Array(readings.header.utf8)
            var damaged = DamageList()
            var cursor = start
            while !cursor.isAtEnd {
                let (from, text) = (cursor, readings)
                let page = try await asker.ask(.long) { try Page(from, $0, text) }
                readings = page.text
                bytes += page.bytes
                damaged.add(page.damaged)
                cursor = page.next
                if bytes.count >= 1 << 16 {
                    // Here he may take his time, but only for what is his already.
                    let text = ByteBuffer(bytes: bytes)
                    try await pace.keep(asker.visitor, bytes: text.readableBytes) {
                        try await writer.write(text)
                        try await asker.visitor.catchUp()
                    }
                    bytes.removeAll(keepingCapacity: true)
                }
            }
            if asked.isEndMarked {
                bytes.append(ExportEnd.separator)
                bytes += try JSONEncoder().encode(ExportEnd(damaged: damaged.sentences))
            }
            if !bytes.isEmpty { try await writer.write(ByteBuffer(bytes: bytes)) }
            try await writer.finish(nil)
        }
        let type =
            switch asked.format {
            case .csv: "text/csv; charset=utf-8; header=present"
            case .jsonl: "application/jsonl; charset=utf-8"
            }
        return Response(status: .ok, headers: [.contentType: type], body: body)
    }

    /// A page as text, made where it is read.
    private struct Page: Sendable {
        var text: ReadingWriter
        var bytes: [UInt8] = []
        let damaged: [String]
        let next: ExportCursor

        init(_ cursor: ExportCursor, _ archive: Archive, _ text: ReadingWriter) throws {
            self.text = text
            let page = try archive.exportPage(from: cursor)
            (damaged, next) = (page.damaged, page.next)
            for run in page.runs { self.text.append(run, to: &bytes) }
        }
    }
}

extension InterchangeFormat {
    init(_ format: ReadingFormat) {
        switch format {
        case .csv: self = .csv
        case .jsonl: self = .jsonl
        }
    }
}
