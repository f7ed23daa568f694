package import Foundation

/// A program started by a test and ended by its process id.
///
/// `posix_spawn` and `waitpid`, not Foundation's `Process`: its `waitUntilExit` turns a run loop, which on a thread of
/// the task pool was seen to wait for ever.
package final class ChildProcess {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    package let id: pid_t
    private var status: Int32?

    /// Starts `program`; both its outputs go to the file `output`, or what it says on standard error to `errors`.
    ///
    /// `environment` is added to that of this process.
    package init(
        _ program: String, _ arguments: [String], output: String = "/dev/null", errors: String? = nil,
        environment: [String: String] = [:]
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        if let errors {
            posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        } else {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        // Sockets of the other tests of this process must not live on in the child.
        for descriptor in Int32(3)..<512 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        // Threads of the task pool block signals, and a child inherits that: without this SIGTERM would not reach it.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let words = ([program] + arguments).map { strdup($0) } + [nil]
        let surroundings =
            ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { strdup("\($0.key)=\($0.value)") } + [
                nil
            ]
        defer { for word in words + surroundings { free(word) } }
        var id: pid_t = 0
        let code = posix_spawn(&id, program, &actions, &attributes, words, surroundings)
        guard code == 0 else { throw Failure(description: "\(program): \(String(cString: strerror(code)))") }
        self.id = id
    }

    deinit { end(with: SIGKILL) }

    package var isRunning: Bool {
        if status != nil { return false }
        var status: Int32 = 0
        guard waitpid(id, &status, WNOHANG) == id else { return true }
        self.status = status
        return false
    }

    /// Sends the signal and does not wait.
    package func signal(_ signal: Int32) {
        if isRunning { kill(id, signal) }
    }

    /// Sends the signal and waits for the end, at most ten seconds; then SIGKILL.
    package func end(with signal: Int32) {
        guard isRunning else { return }
        kill(id, signal)
        _ = wait()
    }

    /// The exit code of the program when it ends by itself within `seconds`, after which it is killed; nil if it was.
    package func wait(seconds: Int = 10) -> Int32? {
        for _ in 0..<seconds * 200 where isRunning { usleep(5000) }
        if isRunning {
            kill(id, SIGKILL)
            var status: Int32 = 0
            waitpid(id, &status, 0)
            self.status = status
        }
        // POSIX: the low seven bits are the signal, the next byte the exit code.
        guard let status, status & 0x7F == 0 else { return nil }
        return status >> 8 & 0xFF
    }
}

/// Runs a program to its end and says whether it succeeded.
package func succeeds(_ program: String, _ arguments: [String]) -> Bool {
    (try? ChildProcess(program, arguments))?.wait(seconds: 30) == 0
}
