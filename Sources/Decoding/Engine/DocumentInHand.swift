import Basics
import Telemetry

/// The payload in hand as a document: its values on a tape, and the bytes that the offsets of the tape count from.
struct DocumentInHand: ~Copyable {
    var tape: Tape
    var text = UnsafePointer<UInt8>(bitPattern: 1)!
    var state = State()
    /// What a format other than JSON says of the payload.
    var fault: FormatFault?

    /// What is known of it.
    struct State {
        /// Format and options of the rule that it was last read for; nil before the first one.
        var format: RulePlan.Format?
        var options: Int32 = -1
        var isReadable = false
        /// Where JSON ended too early.
        var outcome = JSONScanner.Outcome.complete
        /// A payload of HJ 212 may hold several packets: each is a document of its own.
        var index = 0
        var count = 1
        /// A part of the payload was rejected beside documents that could be read.
        var hasRemark = false
    }

    init(nodesMax: Int) { tape = Tape(nodesMax: nodesMax) }

    /// Nothing is known of the next payload.
    mutating func begin() {
        state = State()
        if fault != nil { fault = nil }
        tape.clear()
    }
}

/// What the formats keep from message to message, so that it is allocated once.
struct FormatBuffers: ~Copyable {
    let scanner: JSONScanner
    /// Documents of the formats other than JSON and text.
    var writer: DocumentWriter
    /// A SenML pack as it was sent.
    var senmlSource: DocumentWriter
    /// Data segments of the packets in hand, of format hj212.
    var packets: [Range<Int>] = []
    /// Holes of the line pattern that is tried.
    let lineHoles: FixedArray<UnsafeRawBufferPointer>

    init(_ limits: DecodingLimits, lineHolesMax: Int) {
        scanner = JSONScanner(nestingMax: limits.nestingMax)
        writer = DocumentWriter(limits: limits)
        senmlSource = DocumentWriter(limits: limits)
        lineHoles = FixedArray(count: lineHolesMax, of: UnsafeRawBufferPointer(start: nil, count: 0))
    }
}
