import Contract
import Hummingbird
import NIOCore
import Synchronization

/// The bytes of bodies that may be in memory at a time: of answers that are being taken, and of orders that are being read.
/// Whatever is asked, and whoever does not take what he asked for, it is bounded.
final class BodyBudget: Sendable {
    /// A sixteenth of the memory that the unit allows. The longest answer of a large city has half of it.
    static let bytesMax = 128 << 20
    /// Shorter ones cost less than the connection that they come by.
    static let uncounted = 64 << 10
    /// What an export has in memory of a page, and of its text.
    static let exportBytes = 1 << 20
    private static let pieceBytes = 64 << 10

    /// Room that is taken as long as it lives.
    final class Share: Sendable {
        private let budget: BodyBudget
        private let bytes: Int

        fileprivate init(_ budget: BodyBudget, _ bytes: Int) { (self.budget, self.bytes) = (budget, bytes) }
        deinit { budget.used.withLock { $0 -= bytes } }
    }

    private let bytesMax: Int
    private let used = Mutex(0)

    init(bytesMax: Int = bytesMax) { self.bytesMax = bytesMax }

    /// Room for so many bytes. One alone may have more than there is: it is already there. Throws `.unavailable` where others
    /// have it all, and where it is `isAhead`, of what is not made yet, also where it does not fit.
    func share(_ bytes: Int, isAhead: Bool = false) throws(Refusal) -> Share? {
        guard bytes > Self.uncounted else { return nil }
        let isRoom = used.withLock { used in
            guard used == 0 || (isAhead ? used + bytes <= bytesMax : used < bytesMax) else { return false }
            used += bytes
            return true
        }
        guard isRoom else { throw Self.full }
        return Share(self, bytes)
    }

    /// Throws where there is no room for another answer, before it is made.
    func check() throws(Refusal) {
        guard used.withLock({ $0 < bytesMax }) else { throw Self.full }
    }

    private static let full = Refusal.unavailable(
        "the gateway has too many answers in hand that nobody took yet; try again in a moment")

    /// The answer in pieces, each of which waits until the line takes it: then its room is free. A visitor who takes it too slowly
    /// is hung up on.
    func counted(_ response: Response, body: ByteBuffer, _ visitor: Visitor, _ pace: Pace) throws(Refusal) -> Response {
        guard let share = try share(body.readableBytes) else { return response }
        var response = response
        response.body = ResponseBody(contentLength: body.readableBytes) { writer in
            defer { withExtendedLifetime(share) {} }
            try await pace.keep(visitor, bytes: body.readableBytes) {
                var rest = body
                while let piece = rest.readSlice(length: min(Self.pieceBytes, rest.readableBytes)),
                    piece.readableBytes > 0
                {
                    try await writer.write(piece)
                    try await visitor.catchUp()
                }
                try await writer.finish(nil)
            }
        }
        return response
    }
}

/// How fast an answer has to be taken.
struct Pace: Sendable {
    /// Whatever its length.
    var least = Duration.seconds(60)
    /// A second.
    var bytes = 64 << 10

    /// Hangs up on the visitor where `body` takes longer than so many bytes may.
    func keep(_ visitor: Visitor, bytes count: Int, _ body: () async throws -> Void) async throws {
        let limit = least + .seconds(count / bytes)
        let clock = Task {
            try await Task.sleep(for: limit)
            visitor.hangUp()
        }
        defer { clock.cancel() }
        try await body()
    }
}
