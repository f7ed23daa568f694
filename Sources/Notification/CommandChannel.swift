import Basics
import CLinux
import Glibc
import Synchronization

/// Runs a program for each notice, with the notice's JSON on its standard input, one after the other.
///
/// No shell reads anything of it. Delivered is what ended with exit code 0 within the time; a program that does not end is
/// told to, and killed two seconds later, with what it has started in its process group.
public final class CommandChannel: NotificationChannel {
    /// As configured.
    public let name: String
    /// 1.
    public let width = 1
    /// A run ends by itself: `CommandRun` sees to it.
    public let timeLimit: Duration? = nil
    private let program: String
    private let arguments: [String]
    private let limit: Duration
    private let grace: Duration
    private let running = RunningProgram()

    /// `program` is an absolute path; `limit` and `grace` are how long it may run, and may take to end when it is told to.
    public init(
        name: String, program: String, arguments: [String], limit: Duration = .seconds(30),
        grace: Duration = .seconds(2)
    ) {
        self.name = name
        self.program = program
        self.arguments = arguments
        self.limit = limit
        self.grace = grace
    }

    /// Blocks the lane's thread while the program runs.
    public func deliver(_ notice: AlertNotice) async -> Delivery {
        do throws(CommandRun.Failure) {
            var run = try CommandRun(program, arguments, input: notice.json)
            guard running.begin(run.id) else {
                run.end(with: SIGKILL)
                run.reap(running)
                return .failed(reason: "the gateway is stopping")
            }
            let end = run.wait(limit: limit, grace: grace, running)
            return outcome(end, lastLine(run.errors))
        } catch {
            return .failed(reason: plainLine("\(program) cannot be started: \(error.sentence)"))
        }
    }

    /// Kills what runs; nothing is started any more.
    public func close() async { running.stop() }

    private func outcome(_ end: CommandRun.End, _ told: String?) -> Delivery {
        let told = told.map { ": \($0)" } ?? ""
        switch end {
        case .exited(0): return .delivered
        case .exited(let code): return .failed(reason: "exit code \(code)\(told)")
        case .killed(let signal): return .failed(reason: "ended by signal \(signal)\(told)")
        case .late: return .failed(reason: "not through within \(limit.shortForm), and ended\(told)")
        }
    }
}

/// The program that runs now, for whoever stops the gateway meanwhile.
final class RunningProgram: Sendable {
    private let state = Mutex<(id: pid_t?, isStopped: Bool)>((nil, false))

    /// False where nothing shall run any more.
    func begin(_ id: pid_t) -> Bool {
        state.withLock { state in
            state.id = id
            return !state.isStopped
        }
    }

    /// Takes the end of the process from the kernel: from then on its number may be another's.
    func reap(_ id: pid_t) -> Int32 {
        state.withLock { state in
            state.id = nil
            var status: Int32 = 0
            while waitpid(id, &status, 0) < 0, errno == EINTR {}
            return status
        }
    }

    func stop() {
        state.withLock { state in
            state.isStopped = true
            if let id = state.id { kill(-id, SIGKILL) }
        }
    }
}
