import Foundation
import Telemetry

/// One line on a terminal that tells how far a long command is; nothing anywhere else.
struct ProgressLine: ~Copyable {
    private static let interval = Duration.milliseconds(200)

    let isShown: Bool
    private let begun = ContinuousClock.now
    private var next = ContinuousClock.now
    private var isDrawn = false

    init(isShown: Bool = isatty(STDERR_FILENO) != 0) { self.isShown = isShown }

    deinit { if isDrawn { StandardStreams.writeError("\r\u{1B}[K") } }

    /// Since the beginning.
    var seconds: Double { Double((ContinuousClock.now - begun).milliseconds) / 1000 }

    /// Draws the text, at most five times a second.
    mutating func show(_ text: () -> String) {
        guard isShown, ContinuousClock.now >= next else { return }
        next = ContinuousClock.now + Self.interval
        isDrawn = true
        StandardStreams.writeError("\r\u{1B}[K" + printable(text()))
    }

    /// Takes the line away, so that something else can be said.
    mutating func clear() {
        guard isDrawn else { return }
        isDrawn = false
        StandardStreams.writeError("\r\u{1B}[K")
    }
}

/// `1,234,567`.
func grouped(_ number: Int) -> String {
    let digits = Array(String(number.magnitude))
    var text = number < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
        text.append(digit)
    }
    return text
}

/// `12.3 MB`, in powers of ten.
func size(_ bytes: Int) -> String {
    for (unit, scale) in [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] where Double(bytes) >= scale {
        return String(format: "%.1f ", Double(bytes) / scale) + unit
    }
    return "\(bytes) bytes"
}
