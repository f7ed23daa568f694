import Basics
import Telemetry

/// How much of the messages in hand one turn takes on, so that none is long at work: what is left waits for the next turn.
///
/// It learns from what turns took: a backlog whose newest comes first, or messages with thousands of readings, cost many
/// times what a lamp's report does.
struct WorkBudget {
    /// How long a turn may be at work.
    let span: Duration
    /// Readings that a turn takes on at most, but for the last message's.
    private(set) var readingsMax = 50_000
    /// Messages that are received at a time at most.
    private(set) var messagesMax: Int
    private let messagesMost: Int

    private static let readingsLeast = 500
    private static let readingsMost = 500_000
    private static let messagesLeast = 16

    init(span: Duration, messagesMax: Int) {
        self.span = span
        self.messagesMax = messagesMax
        messagesMost = messagesMax
    }

    /// Decoding may take a third of it: commit and windows follow.
    var decodingMax: Duration { span / 3 }

    /// Takes note of a turn: what it decoded, whether messages were left, and how long it was at work.
    mutating func note(messages: Int, readings: Int, isCut: Bool, took elapsed: Duration) {
        let (half, milliseconds) = (Int(span.milliseconds) / 2, max(1, Int(elapsed.milliseconds)))
        if elapsed > span {
            readingsMax = max(Self.readingsLeast, min(readingsMax, readings) * half / milliseconds)
            messagesMax = max(min(Self.messagesLeast, messagesMost), min(messagesMax, messages) * half / milliseconds)
        } else if elapsed < span / 4 {
            if readings >= readingsMax { readingsMax = min(Self.readingsMost, readingsMax * 2) }
            if !isCut, messages >= messagesMax { messagesMax = min(messagesMost, messagesMax * 2) }
        }
        // No use in receiving what waits for several turns: it is acknowledged only when all of it is on disk.
        if isCut { messagesMax = max(min(Self.messagesLeast, messagesMost), min(messagesMax, messages)) }
    }
}
