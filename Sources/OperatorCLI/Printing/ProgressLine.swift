import Basics
import Glibc
import Store

/// One line on standard error that tells how far the work is; nothing where no terminal sees it.
final class ProgressLine {
    private let what: String
    private let isSeen = isatty(STDERR_FILENO) != 0
    private var isShown = false
    private var last = ContinuousClock.now

    init(_ what: String) { self.what = what }

    func show(_ progress: StoreProgress) {
        // Small files go by faster than anybody reads.
        guard isSeen, !isShown || ContinuousClock.now - last > .milliseconds(100) else { return }
        last = .now
        isShown = true
        let line = "\(what): \(progress.done + 1) of \(progress.total), \(printable(progress.file))"
        put("\r\u{1B}[K" + line)
    }

    func end() {
        if isShown { put("\r\u{1B}[K") }
        isShown = false
    }

    private func put(_ text: String) {
        var text = text
        text.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
