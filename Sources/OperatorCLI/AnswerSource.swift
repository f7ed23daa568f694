import Basics
import Store
import Telemetry

/// Where answers come from: the daemon, or the files when it is down. The same question gives the same answer.
protocol AnswerSource {
    func status() async throws -> StatusAnswer
    /// nil where there is no daemon to ask.
    func liveStatus() async throws -> LiveStatusAnswer?
    func devices(_ filter: DeviceFilter) async throws -> [DeviceAnswer]
    func latest(_ filter: DeviceFilter) async throws -> [LatestAnswer]
    func history(_ request: HistoryRequest) async throws -> HistoryAnswer
    func query(_ request: QueryRequest) async throws -> QueryAnswer
    func statistics(device: String?, quantity: String?, window: Duration?) async throws -> [StatisticsAnswer]
    func alerts(_ filter: AlertFilter) async throws -> [AlertAnswer]
    func alert(_ id: Int64) async throws -> AlertStoryAnswer
    /// The alert as it is then.
    func acknowledge(_ id: Int64, by: String, note: String) async throws -> AlertStoryAnswer
    func rejects(limit: Int, reason: Reject.Reason?, device: String?) async throws -> RejectsAnswer
    func findings() async throws -> [FindingAnswer]
    func close() async throws
}

/// Why there is no answer, as a sentence, and the exit code that says so to programs.
struct NoAnswer: Error, CustomStringConvertible {
    let description: String
    let exitCode: Int32
    /// The gateway is there and says that it may answer in a moment.
    var isForNow = false

    /// EX_USAGE of sysexits(3), as the parser of the command line has it.
    static func wrongQuestion(_ sentence: String) -> NoAnswer { NoAnswer(description: sentence, exitCode: 64) }
    static func failed(_ sentence: String) -> NoAnswer { NoAnswer(description: sentence, exitCode: 1) }
    /// EX_UNAVAILABLE of sysexits(3).
    static func unreachable(_ sentence: String) -> NoAnswer { NoAnswer(description: sentence, exitCode: 69) }
}
