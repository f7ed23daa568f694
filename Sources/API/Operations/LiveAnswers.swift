public import Contract

/// What only the running gateway can answer and do. The gateway brings the functions; the API does not know who answers.
public struct LiveAnswers: Sendable {
    /// The numbers published last: it waits for nobody.
    public var status: @Sendable () -> LiveStatusAnswer
    /// Looks anew each time. Is told whose messages give no reading; nil where the store could not be asked.
    public var examine: @Sendable (_ unread: [RejectsAnswer.Unread]?) -> [Diagnosis]
    /// At most one more than `StatisticsRequest.answersMax`.
    public var statistics: @Sendable (StatisticsRequest) async throws(Refusal) -> [StatisticsAnswer]
    /// The orders that are taken, each with who carries it out.
    public var orders: [OrderRoute]

    package init(
        status: @escaping @Sendable () -> LiveStatusAnswer,
        examine: @escaping @Sendable (_ unread: [RejectsAnswer.Unread]?) -> [Diagnosis],
        statistics: @escaping @Sendable (StatisticsRequest) async throws(Refusal) -> [StatisticsAnswer],
        orders: [OrderRoute]
    ) {
        self.status = status
        self.examine = examine
        self.statistics = statistics
        self.orders = orders
    }
}

/// A kind of order with who carries it out: any kind, and the routes need not know which there are.
public struct OrderRoute: Sendable {
    let route: Route
    let deed: String
    let bodyBytesMax: Int
    /// Reads the order, which may be refused before its body is; then carries it out.
    let read: @Sendable (_ target: String) throws(Refusal) -> Ready

    typealias Ready = @Sendable (_ body: [UInt8], Author) async throws -> Reply

    package init<Kind: Order>(
        _: Kind.Type, _ carryOut: @escaping @Sendable (Kind, Author) async throws(Refusal) -> Kind.Answer
    ) {
        route = Kind.route
        deed = Kind.deed
        bodyBytesMax = Kind.bodyBytesMax
        read = { (target) throws(Refusal) in
            let order = try Kind(target: target)
            return { body, author in
                var order = order
                order.body = body
                return try Reply(try await carryOut(order, author))
            }
        }
    }
}
