import CLinux
import Glibc

/// One run of a program: started in a process group and a place of its own, watched until it ends.
struct CommandRun {
    /// Why it was not started.
    struct Failure: Error {
        var sentence: String
    }

    enum End: Equatable {
        case exited(Int32)
        case killed(Int32)
        case late
    }

    let id: pid_t
    /// The last of what it said on standard error.
    private(set) var errors: [UInt8] = []
    private let watch: Int32
    private let errorPipe: Int32
    private static let errorBytesMax = 4096
    /// MFD_CLOEXEC of memfd_create(2), a macro with a suffix that Swift does not read.
    private static let closedOnExec: UInt32 = 1
    /// Nothing of the gateway's own: no credentials of the unit, no address of its sockets.
    private static let environment = [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
    ]

    /// `input` is a file that is read from its beginning: a program that reads none of it holds up nobody.
    init(_ program: String, _ arguments: [String], input: String) throws(Failure) {
        let file = baotu_memory_file("notice", Self.closedOnExec)
        guard file >= 0 else { throw Self.failure("memfd_create", errno) }
        defer { close(file) }
        guard Self.write(input, to: file) else { throw Self.failure("writing its input", errno) }
        var ends: [Int32] = [-1, -1]
        guard baotu_pipe(&ends, O_CLOEXEC) == 0 else { throw Self.failure("pipe2", errno) }
        defer { close(ends[1]) }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        let (id, code) = Self.spawn(program, arguments, input: file, errors: ends[1])
        guard code == 0 else {
            close(ends[0])
            throw Failure(sentence: String(cString: strerror(code)))
        }
        let watch = baotu_watch_process(id, 0)
        guard watch >= 0 else {
            let code = errno
            kill(-id, SIGKILL)
            waitpid(id, nil, 0)
            close(ends[0])
            throw Self.failure("pidfd_open", code)
        }
        (self.id, self.watch, errorPipe) = (id, watch, ends[0])
    }

    private static func failure(_ what: String, _ code: Int32) -> Failure {
        Failure(sentence: "\(what): \(String(cString: strerror(code)))")
    }

    private static func write(_ text: String, to file: Int32) -> Bool {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + written, $0.count - written) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            written += count
        }
        return lseek(file, 0, SEEK_SET) == 0
    }

    private static func spawn(
        _ program: String, _ arguments: [String], input: Int32, errors: Int32
    ) -> (id: pid_t, code: Int32) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, errors, 2)
        // Not every library says of each of its descriptors that a program shall not have it.
        baotu_spawn_close_from(&actions, 3)
        baotu_spawn_in_folder(&actions, "/")
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Signals that threads of the gateway block or the gateway ignores would not reach the program either.
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(&attributes, Int16(flags))
        let words = ([program] + arguments).map { strdup($0) } + [nil]
        let surroundings = environment.map { strdup($0) } + [nil]
        defer { for word in words + surroundings { free(word) } }
        var id: pid_t = 0
        let code = posix_spawn(&id, program, &actions, &attributes, words, surroundings)
        return (id, code)
    }

    /// To it and all that it has started and that is still of its group.
    func end(with signal: Int32) { kill(-id, signal) }

    /// Waits for its end. After `limit` it is told to end, and after `grace` more it is killed.
    mutating func wait(limit: Duration, grace: Duration, _ running: RunningProgram) -> End {
        if watchUntil(ContinuousClock.now + limit) { return Self.end(reap(running)) }
        end(with: SIGTERM)
        if !watchUntil(ContinuousClock.now + grace) {
            end(with: SIGKILL)
            _ = watchUntil(ContinuousClock.now + .seconds(10))
        }
        // What it has started and that does not listen to SIGTERM goes with it.
        end(with: SIGKILL)
        reap(running)
        return .late
    }

    private static func end(_ status: Int32) -> End {
        // wait(2): the low seven bits are the signal, the next byte the exit code.
        status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .killed(status & 0x7F)
    }

    @discardableResult
    mutating func reap(_ running: RunningProgram) -> Int32 {
        let status = running.reap(id)
        readErrors()
        close(watch)
        close(errorPipe)
        return status
    }

    /// Reads what it says until it has ended; false where the moment comes first.
    private mutating func watchUntil(_ moment: ContinuousClock.Instant) -> Bool {
        var isOpen = true
        while true {
            let left = moment - ContinuousClock.now
            guard left > .zero else { return false }
            var polled = [
                pollfd(fd: watch, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isOpen ? errorPipe : -1, events: Int16(POLLIN), revents: 0),
            ]
            let (seconds, attoseconds) = left.components
            let milliseconds = min(seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1, 60_000)
            let count = poll(&polled, 2, Int32(milliseconds))
            if count < 0, errno != EINTR { return false }
            if count <= 0 { continue }
            if polled[1].revents != 0 { isOpen = readErrors() }
            if polled[0].revents != 0 { return true }
        }
    }

    /// Takes what is there, a bounded piece of it, and keeps the last; false at its end.
    @discardableResult
    private mutating func readErrors() -> Bool {
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count = piece.withUnsafeMutableBytes { read(errorPipe, $0.baseAddress, $0.count) }
        guard count > 0 else { return count < 0 && (errno == EAGAIN || errno == EINTR) }
        errors = Array((errors + piece[..<count]).suffix(Self.errorBytesMax))
        return true
    }
}
