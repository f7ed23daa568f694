import Hummingbird
import NIOCore

/// A request with the connection on which it came.
struct VisitContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// Who asks.
    var visitor: Visitor {
        get async throws {
            let channel = channel
            return try await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.handler(type: HangUpHandler.self).visitor
            }.get()
        }
    }
}
