import Basics
public import Store
public import Telemetry

/// What only the running gateway can answer. The gateway brings the functions; the API does not know who answers.
public struct LiveAnswers: Sendable {
    public var status: @Sendable () -> LiveStatusAnswer
    /// Statistics of the series whose device (with `*`) and quantity match, at most `rowsMax`.
    public var statistics:
        @Sendable (_ device: String?, _ quantity: String?, _ window: Duration?, _ rowsMax: Int)
            async throws(LiveRefusal)
            -> [StatisticsAnswer]
    public var acknowledge: @Sendable (_ alertID: Int64, _ by: String, _ note: String) async throws(LiveRefusal) -> Void
    /// Commits readings of a client; new devices get the profile. Returns when they are on disk.
    public var importReadings:
        @Sendable (_ readings: NamedReadings, _ profile: String) async throws(LiveRefusal) -> ImportReceipt
    public var examine: @Sendable () -> [FindingAnswer]

    public init(
        status: @escaping @Sendable () -> LiveStatusAnswer,
        statistics:
            @escaping @Sendable (String?, String?, Duration?, Int) async throws(LiveRefusal) ->
            [StatisticsAnswer],
        acknowledge: @escaping @Sendable (Int64, String, String) async throws(LiveRefusal) -> Void,
        importReadings: @escaping @Sendable (NamedReadings, String) async throws(LiveRefusal) -> ImportReceipt,
        examine: @escaping @Sendable () -> [FindingAnswer]
    ) {
        self.status = status
        self.statistics = statistics
        self.acknowledge = acknowledge
        self.importReadings = importReadings
        self.examine = examine
    }
}

/// Why the running gateway did not answer.
public enum LiveRefusal: Error, Sendable {
    case notFound(String)
    case unavailable(String)
}
