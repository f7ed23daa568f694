import NIOCore

/// Closes a connection that `IdleStateHandler` calls silent (a client that says nothing, stops in the middle of its
/// question, or does not take its answer), one that asks nothing at all, and one on which something other than HTTP
/// comes: what follows a header that is too long would be read to its end otherwise. Tells the visitor's work when he is
/// gone.
final class HangUpHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    let visitor = Visitor()
    private let firstQuestionWithin: TimeAmount
    private let crowd: Crowd
    private var isCounted = false
    private var closing: Scheduled<Void>?

    init(_ firstQuestionWithin: TimeAmount, _ crowd: Crowd) {
        self.firstQuestionWithin = firstQuestionWithin
        self.crowd = crowd
    }

    /// The connection may be active before or after.
    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        visitor.comes(by: channel)
        isCounted = crowd.enter(visitor.peer)
        guard isCounted else {
            channel.close(promise: nil)
            return
        }
        closing = context.eventLoop.scheduleTask(in: firstQuestionWithin) { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // A head was read: only whole ones come so far.
        closing?.cancel()
        closing = nil
        context.fireChannelRead(data)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        closing?.cancel()
        if isCounted { crowd.leave(visitor.peer) }
        isCounted = false
        visitor.leave()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
