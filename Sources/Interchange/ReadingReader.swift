public import Basics
public import Telemetry

/// Reads readings from a text that comes piece by piece: bytes in, readings and refusals out.
///
/// What it holds is bounded by the longest line (1 MiB) and the piece last taken. A line that does not read is refused
/// and counted, and the next one goes on.
public struct ReadingReader: ~Copyable {
    private var buffer = LineBuffer()
    private var intake: Intake
    private var csv = CSVLines()
    private let json = JSONLines()
    private var influx: LineProtocol
    private let format: InterchangeFormat
    private let file: String

    /// Values of one line beyond these are refused with the line: a batch must have an end.
    public static let lineReadingsMax = 256

    /// `file` is the name that a mistake in the header is told with.
    public init(_ format: InterchangeFormat, file: String, options: ImportOptions = ImportOptions()) {
        self.format = format
        self.file = file
        intake = Intake(options)
        influx = LineProtocol(options)
    }

    /// Bytes and lines read so far: a reader that begins there goes on where this one stopped.
    public var position: (bytes: Int, lines: Int) { (buffer.position, buffer.lines) }

    /// Of the lines read so far.
    public var report: ImportReport { intake.report }
    /// Words met so far that are no quantities, most frequent first.
    public var unknownWords: [ImportReport.UnknownWord] { intake.vocabulary.unknownWords }
    /// The refusals kept since the last call, by line.
    public mutating func takeRefusals() -> [ImportReport.Refusal] { intake.report.takeRefusals() }

    /// The end came behind a line without a line break: it may have been cut.
    public var endsWithinLine: Bool { buffer.endsWithinLine }

    /// Columns of a CSV header that are not of a reading, for a word of warning; empty for other formats.
    public var columnsIgnored: [String] { csv.ignored }

    /// Goes on at `position`, of which `header` was the first line; to be called before the first `take`.
    public mutating func resume(at position: (bytes: Int, lines: Int), header: String) throws(Mistake) {
        if format == .csv {
            var header = header
            let columns = header.withUTF8 { bytes in CSVLines.fields(of: bytes) }
            try csv.readHeader(columns, line: 1, file)
        }
        buffer.begin(position: position.bytes, lines: position.lines)
    }

    /// Copies the next piece of the text; it may end anywhere in a line.
    public mutating func take(_ bytes: UnsafeRawBufferPointer) { buffer.take(bytes) }
    /// Nothing comes any more: what stands behind the last line break is a line too.
    public mutating func takeEnd() { buffer.takeEnd() }

    /// Reads lines until `readings` has `readingsMax` or no whole line is left: then false, and `take` is due.
    ///
    /// The last line may bring it up to `lineReadingsMax` more. Throws when the header is not one of readings.
    public mutating func read(into readings: inout NamedReadings, readingsMax: Int) throws(Mistake) -> Bool {
        while readings.count < readingsMax {
            guard let line = buffer.next() else { return false }
            let number = buffer.lines
            switch line {
            case .tooLong:
                intake.report.refuse(
                    number, "", nil, "the line is longer than \(LineBuffer.lineBytesMax) bytes; expected one reading")
            case .text(let text):
                switch format {
                case .csv:
                    if csv.hasHeader {
                        csv.read(text, number, &intake, into: &readings)
                    } else if !text.isEmpty {
                        try csv.readHeader(CSVLines.fields(of: UnsafeBufferPointer(text)), line: number, file)
                    }
                case .jsonl: json.read(text, number, &intake, into: &readings)
                case .influx: influx.read(text, number, &intake, into: &readings)
                }
            }
        }
        return true
    }
}

/// A part of the line at hand.
struct Field {
    var start = 0
    var count = 0

    @inline(__always)
    func text(_ line: UnsafeMutableBufferPointer<UInt8>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: line.baseAddress.map { $0 + start }, count: count)
    }
}
