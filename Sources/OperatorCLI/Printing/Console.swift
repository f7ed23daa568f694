import Basics
import Glibc
import Synchronization
import Telemetry

/// Standard error of a long command: sentences, and on a terminal a line of progress between them.
///
/// Told from several tasks.
final class Console: Sendable {
    private struct State {
        var next = ContinuousClock.now
        var isDrawn = false
    }

    private static let interval = Duration.milliseconds(200)
    private static let takeAway = "\r\u{1B}[K"
    private let isShown: Bool
    private let begun = ContinuousClock.now
    private let state = Mutex(State())

    /// `hasOutput` where the answer goes to the terminal too: then a line of progress would stand in its way.
    init(hasOutput: Bool = false) { isShown = !hasOutput && isatty(STDERR_FILENO) != 0 }

    /// Draws the line anew, at most five times a second. `seconds` is how long the command has run.
    func progress(_ text: (_ seconds: Double) -> String) {
        guard isShown else { return }
        state.withLock { state in
            guard ContinuousClock.now >= state.next else { return }
            state.next = ContinuousClock.now + Self.interval
            state.isDrawn = true
            let seconds = Double((ContinuousClock.now - begun).milliseconds) / 1000
            StandardStreams.writeError(Self.takeAway + printable(text(seconds)))
        }
    }

    func say(_ sentence: String) {
        state.withLock { state in
            clear(&state)
            StandardStreams.complain(printable(sentence))
        }
    }

    /// Why nothing goes on, or nil when it does again.
    func wait(_ reason: String?) { say(reason.map { "waiting: \($0)" } ?? "it goes on") }

    /// A line on standard output.
    func answer(_ line: String) throws {
        clear()
        try StandardStreams.write(printable(line) + "\n")
    }

    /// Takes the line of progress away.
    func clear() { state.withLock { clear(&$0) } }

    private func clear(_ state: inout State) {
        if state.isDrawn { StandardStreams.writeError(Self.takeAway) }
        state.isDrawn = false
    }
}

/// `12.3 MB`, in powers of ten.
func size(_ bytes: Int) -> String {
    for (unit, scale) in [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)] where bytes >= scale {
        let tenth = scale / 10
        let tenths = (bytes + tenth / 2) / tenth
        return "\(tenths / 10).\(tenths % 10) \(unit)"
    }
    return "\(bytes) bytes"
}
