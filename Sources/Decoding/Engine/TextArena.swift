/// Text made while a message is decoded. What it hands out stays where it is until `rewind` or `clear`.
struct TextArena: ~Copyable {
    /// A moment to rewind to.
    struct Mark { fileprivate var chunk: Int, used: Int }

    private var chunks: [UnsafeMutablePointer<UInt8>]
    private var capacities: [Int]
    private var chunk = 0
    private var used = 0
    /// Start of the text that is being written, in the current chunk.
    private var textStart = 0

    init() {
        chunks = [.allocate(capacity: 4096)]
        capacities = [4096]
    }

    deinit { for chunk in chunks { chunk.deallocate() } }

    var mark: Mark { Mark(chunk: chunk, used: used) }

    mutating func rewind(to mark: Mark) { (chunk, used) = (mark.chunk, mark.used) }

    /// Forgets all texts. Chunks beyond the first, left by one unusual message, are given back.
    mutating func clear() {
        while chunks.count > 1 {
            chunks.removeLast().deallocate()
            capacities.removeLast()
        }
        (chunk, used) = (0, 0)
    }

    mutating func beginText() { textStart = used }

    /// Room for `count` more bytes of the current text; what is written of it is claimed by `advance`.
    mutating func room(_ count: Int) -> UnsafeMutablePointer<UInt8> {
        if used + count > capacities[chunk] { moveOn(room: count) }
        return chunks[chunk] + used
    }

    mutating func advance(_ count: Int) { used += count }

    mutating func append(_ text: UnsafeRawBufferPointer) {
        guard let base = text.baseAddress else { return }
        room(text.count).update(from: base.assumingMemoryBound(to: UInt8.self), count: text.count)
        used += text.count
    }

    mutating func append(_ number: Int64) {
        var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
        withUnsafeMutableBytes(of: &digits) { digits in
            var rest = number.magnitude
            var first = digits.count
            repeat {
                first -= 1
                digits[first] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            if number < 0 {
                first -= 1
                digits[first] = UInt8(ascii: "-")
            }
            append(UnsafeRawBufferPointer(rebasing: digits[first...]))
        }
    }

    /// The text written since `beginText`.
    func endText() -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: chunks[chunk] + textStart, count: used - textStart)
    }

    /// Takes the text begun in this chunk along into a chunk with room for it and `count` bytes more.
    private mutating func moveOn(room count: Int) {
        let begun = used - textStart
        let source = chunks[chunk] + textStart
        while chunk + 1 < chunks.count, capacities[chunk + 1] < begun + count {
            chunks.remove(at: chunk + 1).deallocate()
            capacities.remove(at: chunk + 1)
        }
        if chunk + 1 == chunks.count {
            let capacity = max(65_536, begun + count)
            chunks.append(.allocate(capacity: capacity))
            capacities.append(capacity)
        }
        chunk += 1
        chunks[chunk].update(from: source, count: begun)
        textStart = 0
        used = begun
    }
}
