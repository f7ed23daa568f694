import Basics
import Frames
import Telemetry

/// The files of closed and open days for reading, by connections of its own: for one thread at a time.
final class DayFiles {
    let sealed: SealedFrames
    let rollups: RollupReader
    /// See `Archive`.
    var abandonment: StopRequest? {
        didSet { (sealed.abandonment, rollups.abandonment) = (abandonment, abandonment) }
    }

    init(_ folder: Folder, effects: EffectHook?) {
        sealed = SealedFrames(folder, effects: effects)
        rollups = RollupReader(folder, effects: effects, notingIn: sealed)
    }

    /// Takes another manifest.
    func use(_ manifest: Manifest) {
        sealed.use(manifest)
        rollups.forget()
    }

    /// To be called when small files have changed.
    func forget() { sealed.forget() }
}

/// The readings of the store as of one moment: the day files, and what waits in the journal beyond them.
///
/// For the length of a question: while it is kept, an archive that goes on copies what it changes.
struct SeriesReader {
    let registry: SeriesRegistry
    let tail: Archive.Tail
    /// Hours that ended by then were complete when the last seal began.
    let toldThrough: Int64
    let files: DayFiles

    /// Calls `body` with runs of rows of a column, in order of time, until it returns false; NaN marks an absent value.
    func merged(
        stream: Int, column: Int, _ span: Range<Int64>,
        _ body: (_ times: Span<Int64>, _ values: Span<Double>) -> Bool
    ) throws(StoreError) {
        let span = span.clamped(to: FrameKey.times)
        guard !span.isEmpty else { return }
        var cursors = files.sealed.cursors(stream: stream, column: column, span)
        // The tail is at least as new as the files: a correction, or the same rows not trimmed yet.
        if stream < tail.blocks.count, !tail.blocks[stream].isEmpty {
            cursors.append(ColumnCursor(tail.blocks[stream], column: column, span: span))
        }
        try cursors.merge(body)
    }

    /// The hours of a UTC day, a bit each, of which rows of the stream wait in the journal.
    func tailHours(_ stream: Int, _ day: Int64) -> UInt32 {
        guard stream < tail.blocks.count, !tail.blocks[stream].isEmpty else { return 0 }
        let block = tail.blocks[stream]
        let begin = day * FrameKey.dayMilliseconds
        var hours: UInt32 = 0
        for row in block.place(of: begin)..<block.place(of: begin + FrameKey.dayMilliseconds) {
            hours |= 1 << UInt32((block.times[row] - begin) / HourRow.hourMilliseconds)
        }
        return hours
    }

    /// Whether rows of the stream in `span` wait in the journal.
    func tailTouches(_ stream: Int, _ span: Range<Int64>) -> Bool {
        guard stream < tail.blocks.count, !tail.blocks[stream].isEmpty else { return false }
        return tail.blocks[stream].place(of: span.lowerBound) < tail.blocks[stream].place(of: span.upperBound)
    }
}
