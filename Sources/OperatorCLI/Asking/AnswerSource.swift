import Basics
import Contract

/// Where answers come from: the daemon, or the files when it is down. The same question gives the same answer.
protocol AnswerSource {
    func answer(_ question: StatusRequest) async throws -> StatusAnswer
    /// nil where there is no daemon to ask.
    func liveStatus() async throws -> LiveStatusAnswer?
    func answer(_ question: DevicesRequest) async throws -> [DeviceAnswer]
    func answer(_ question: LatestRequest) async throws -> [LatestAnswer]
    func answer(_ question: HistoryRequest) async throws -> HistoryAnswer
    func answer(_ question: QueryRequest) async throws -> QueryAnswer
    func answer(_ question: StatisticsRequest) async throws -> [StatisticsAnswer]
    func answer(_ question: AlertsRequest) async throws -> [AlertAnswer]
    func answer(_ question: AlertRequest) async throws -> AlertStoryAnswer
    func answer(_ question: WhyRequest) async throws -> WhyAnswer
    func answer(_ question: MissedRequest) async throws -> MissedAnswer
    func answer(_ question: HealthRequest) async throws -> HealthAnswer
    func answer(_ question: ChannelsRequest) async throws -> [ChannelAnswer]
    func answer(_ question: SilencesRequest) async throws -> [SilenceAnswer]
    func answer(_ question: IncidentsRequest) async throws -> IncidentsAnswer
    func answer(_ question: IncidentRequest) async throws -> IncidentStoryAnswer
    func answer(_ question: RejectsRequest) async throws -> RejectsAnswer
    func answer(_ question: CorrectionsRequest) async throws -> CorrectionsAnswer
    func answer(_ question: DoctorRequest) async throws -> [Diagnosis]
    func carryOut<Kind: Order>(_ order: Kind) async throws -> Kind.Answer
    func close() async throws
}

/// Why there is no answer, as a sentence, and the exit code that says so to programs.
struct NoAnswer: Error, CustomStringConvertible {
    var description: String
    let exitCode: Int32
    /// The gateway is there and says that it may answer in a moment.
    var isForNow = false
    /// The gateway is there, and the time for an answer is over.
    var isLate = false
    /// There is no such thing as was asked for.
    var isNotFound = false

    /// EX_CONFIG of sysexits(3), as the daemon itself ends with.
    static let misconfigured: Int32 = 78

    /// EX_USAGE of sysexits(3), as the parser of the command line has it.
    static func wrongQuestion(_ sentence: String) -> NoAnswer { NoAnswer(description: sentence, exitCode: 64) }
    static func failed(_ sentence: String) -> NoAnswer { NoAnswer(description: sentence, exitCode: 1) }
    /// EX_UNAVAILABLE of sysexits(3).
    static func unreachable(_ sentence: String) -> NoAnswer { NoAnswer(description: sentence, exitCode: 69) }

    /// EX_NOPERM of sysexits(3).
    static func forbidden(_ sentence: String) -> NoAnswer { NoAnswer(description: sentence, exitCode: 77) }

    /// The gateway's own refusal.
    static func refused(_ refusal: Refusal) -> NoAnswer {
        switch refusal {
        case .wrong(let sentence): .wrongQuestion(sentence)
        case .forbidden(let sentence): .forbidden(sentence)
        case .notFound(let sentence): NoAnswer(description: sentence, exitCode: 1, isNotFound: true)
        case .failed(let sentence): .failed(sentence)
        case .misconfigured(let sentence): NoAnswer(description: sentence, exitCode: misconfigured)
        case .unavailable(let sentence): NoAnswer(description: sentence, exitCode: 69, isForNow: true)
        }
    }
}
