import Contract
import FoundationEssentials
import Hummingbird
import NIOCore
import Store

/// A 200 with the answer as JSON. A long one takes a second to write: to be made where it may.
struct Reply: ResponseGenerator, Sendable {
    let body: ByteBuffer

    init(_ answer: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        body = ByteBuffer(bytes: try encoder.encode(answer))
    }

    func response(from request: Hummingbird.Request, context: some RequestContext) -> Response {
        Response(status: .ok, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: body))
    }
}

/// Turns what went wrong into a status and `{"error": "sentence"}`.
struct RefusalMiddleware<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Hummingbird.Request, context: Context,
        next: (Hummingbird.Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let (status, sentence) = Self.outcome(error)
            let body = (try? JSONEncoder().encode(Refusal.Body(error: sentence))) ?? Data()
            var headers: HTTPFields = [.contentType: "application/json"]
            // Seconds.
            if status == .serviceUnavailable { headers[.retryAfter] = "1" }
            return Response(
                status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
        }
    }

    private static func outcome(_ error: any Error) -> (HTTPResponse.Status, String) {
        switch error {
        case let refusal as Refusal: (.init(code: refusal.status), "\(refusal)")
        case let error as StoreError: outcome(Refusal(error))
        // Nobody sees it: he is gone.
        case is CancellationError: (.serviceUnavailable, "the question was given up")
        case let error as HTTPError: (error.status, error.body ?? "there is no such route")
        default: (.internalServerError, "\(error)")
        }
    }
}
