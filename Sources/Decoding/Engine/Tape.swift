/// The values of one payload, in the order they stand there; a container is followed by what it holds.
///
/// Owns its memory and keeps it from message to message. Positions handed out by `append` are valid until `clear`.
struct Tape: ~Copyable {
    enum Kind: UInt8 {
        case null, no, yes, number, text, array, object
        /// A number that was not written in decimal: it came from a binary layout.
        case real
    }

    /// 32 bytes: two to a cache line.
    struct Node {
        /// First eight bytes of the member name, zero padded.
        var keyPrefix: UInt64 = 0
        /// Text offset of the member name; for names of a layout, offset in the plan's bytes.
        var keyStart: UInt32 = 0
        var keyCount: UInt32 = 0
        /// Text offset and length of a scalar, without quotes; of a `real`, the two halves of its bits.
        var start: UInt32 = 0
        var count: UInt32 = 0
        /// Position after this value and all that it holds.
        var next: UInt32 = 0
        var kind = Kind.null
        /// The text holds backslashes.
        var isEscaped = false
        /// The member name holds backslashes.
        var isKeyEscaped = false
        /// The member name lies in the plan, not in the payload.
        var isKeyOfPlan = false

        var real: Double {
            get { Double(bitPattern: UInt64(start) << 32 | UInt64(count)) }
            set {
                start = UInt32(truncatingIfNeeded: newValue.bitPattern >> 32)
                count = UInt32(truncatingIfNeeded: newValue.bitPattern)
            }
        }
    }

    private(set) var nodes: UnsafeMutablePointer<Node>
    private(set) var count = 0
    private var capacity: Int
    private let capacityMax: Int

    init(nodesMax: Int) {
        precondition(nodesMax >= 1 && nodesMax <= 1 << 30, "decoding: nodesMax must lie between 1 and 2^30")
        capacityMax = nodesMax
        capacity = min(256, nodesMax)
        nodes = .allocate(capacity: capacity)
    }

    deinit { nodes.deallocate() }

    mutating func clear() { count = 0 }

    /// Forgets the values from `count` on.
    mutating func truncate(to count: Int) {
        assert(count <= self.count)
        self.count = count
    }

    /// Ends the container at `position` after the values appended so far.
    mutating func close(_ position: Int) { nodes[position].next = UInt32(truncatingIfNeeded: count) }

    /// Adds a value and gives its position; nil when the tape is full.
    @inline(__always)
    mutating func append(_ node: Node) -> Int? {
        if count == capacity, !grow() { return nil }
        (nodes + count).initialize(to: node)
        count &+= 1
        return count &- 1
    }

    @inline(never)
    private mutating func grow() -> Bool {
        guard capacity < capacityMax else { return false }
        let larger = min(capacity * 2, capacityMax)
        let moved = UnsafeMutablePointer<Node>.allocate(capacity: larger)
        moved.moveInitialize(from: nodes, count: count)
        nodes.deallocate()
        nodes = moved
        capacity = larger
        return true
    }
}
