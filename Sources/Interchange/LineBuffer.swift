import Basics
import Telemetry

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Bytes that were taken in and not read yet, and the lines in them.
///
/// The lines it lends may be changed in place, and are good until the next `take`.
struct LineBuffer: ~Copyable {
    /// A longer line is skipped to its end, so that a file without line breaks takes no more memory than this.
    static let lineBytesMax = 1 << 20

    private var base = UnsafeMutablePointer<UInt8>.allocate(capacity: 1 << 16)
    private var capacity = 1 << 16
    private var start = 0
    private var end = 0
    /// No line break lies before it.
    private var searched = 0
    private var isSkipping = false
    private var isEnded = false
    /// The last line had no break.
    private(set) var endsWithinLine = false
    /// Bytes before the line that comes next, counted from the first byte taken.
    private(set) var position = 0
    /// Lines before it.
    private(set) var lines = 0

    init() {}

    deinit { base.deallocate() }

    enum Line {
        case text(UnsafeMutableBufferPointer<UInt8>)
        /// It was longer than `lineBytesMax` and was skipped.
        case tooLong
    }

    /// To be called before the first `take` of a file that is read from its middle.
    mutating func begin(position: Int, lines: Int) {
        self.position = position
        self.lines = lines
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer) {
        if start > 0 {
            memmove(base, base + start, end - start)
            (end, searched, start) = (end - start, searched - start, 0)
        }
        if end + bytes.count > capacity {
            capacity = max(capacity * 2, end + bytes.count)
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
            memcpy(larger, base, end)
            base.deallocate()
            base = larger
        }
        if let source = bytes.baseAddress { memcpy(base + end, source, bytes.count) }
        end += bytes.count
        findEnd()
        if searched == end, !isEnded, isSkipping || end - start > Self.lineBytesMax { skip(to: end) }
    }

    /// Nothing comes any more: what stands behind the last line break is a line too.
    mutating func takeEnd() { isEnded = true }

    /// The next line without its break, a carriage return before it included; nil where none is complete.
    mutating func next() -> Line? {
        findEnd()
        let isBreak = searched < end
        guard isBreak || (isEnded && (start < end || isSkipping)) else { return nil }
        let lineStart = start
        let wasSkipping = isSkipping
        if !isBreak { endsWithinLine = true }
        let after = isBreak ? searched + 1 : end
        position += after - start
        start = after
        searched = after
        lines += 1
        isSkipping = false
        var lineEnd = isBreak ? after - 1 : after
        guard !wasSkipping, lineEnd - lineStart <= Self.lineBytesMax else { return .tooLong }
        if lineEnd > lineStart, base[lineEnd - 1] == UInt8(ascii: "\r") { lineEnd -= 1 }
        return .text(UnsafeMutableBufferPointer(start: base + lineStart, count: lineEnd - lineStart))
    }

    /// Moves `searched` to the next line break, or to the end.
    private mutating func findEnd() {
        guard searched < end, base[searched] != UInt8(ascii: "\n") else { return }
        if let found = memchr(base + searched, Int32(UInt8(ascii: "\n")), end - searched) {
            searched = found.assumingMemoryBound(to: UInt8.self) - base
        } else {
            searched = end
        }
    }

    private mutating func skip(to place: Int) {
        isSkipping = true
        position += place - start
        start = place
    }
}
