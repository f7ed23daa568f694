import NIOCore

/// Closes a connection that `IdleStateHandler` calls silent (a client that says nothing, stops in the middle of its
/// question, or does not take its answer), and one on which something other than HTTP comes: what follows a header that
/// is too long would be read to its end otherwise.
final class HangUpHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Never

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
