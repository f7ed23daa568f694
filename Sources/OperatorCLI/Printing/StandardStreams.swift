import ArgumentParser
import FoundationEssentials
import Glibc

/// What leaves the program: answers on standard output, sentences on standard error.
///
/// `write(2)`, not `FileHandle`: its `write` ends the program with a trace when nobody reads any more.
enum StandardStreams {
    /// Throws `ExitCode.success` when the reader has gone: `baotu latest | head -1` has what it wanted.
    static func write(_ text: String) throws {
        signal(SIGPIPE, SIG_IGN)
        var text = text
        let code = text.withUTF8 { write(UnsafeRawBufferPointer($0), to: STDOUT_FILENO) }
        if code == EPIPE { throw ExitCode.success }
        if code != 0 { throw NoAnswer.failed("cannot write the answer: \(String(cString: strerror(code)))") }
    }

    /// Writes the sentence to standard error, after the program's name. What cannot be said there cannot be said.
    static func complain(_ sentence: String) {
        signal(SIGPIPE, SIG_IGN)
        var text = "baotu: \(sentence)\n"
        _ = text.withUTF8 { write(UnsafeRawBufferPointer($0), to: STDERR_FILENO) }
    }

    /// Writes to standard error as it is, without a line's end.
    static func writeError(_ text: String) {
        signal(SIGPIPE, SIG_IGN)
        var text = text
        _ = text.withUTF8 { write(UnsafeRawBufferPointer($0), to: STDERR_FILENO) }
    }

    /// Whether the terminal shows more than ASCII, by the locale's variables in their order of precedence (POSIX).
    static func isUTF8(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> Bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        let name = locale?.lowercased() ?? ""
        return name.contains("utf-8") || name.contains("utf8")
    }

    /// Zero, or the error number.
    static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Someone else made the terminal non-blocking: wait until it takes more.
                var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = Glibc.poll(&poll, 1, -1)
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }
}

/// Writes the sentence to standard error and gives the exit code to throw.
func failure(_ sentence: String, _ code: Int32) -> ExitCode {
    StandardStreams.complain(sentence)
    return ExitCode(code)
}

/// Tells what of the store did not read, with exit code 2 so that programs notice; to be called once the rest is printed.
func tell(leftOut damaged: [String]) throws {
    for sentence in damaged { StandardStreams.complain("left out: \(sentence)") }
    if !damaged.isEmpty { throw ExitCode(2) }
}
