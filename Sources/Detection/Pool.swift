/// Places for plain values that never move, so that growing by one copies nothing. A place that was given back is
/// taken again first.
struct Pool<Element: BitwiseCopyable>: ~Copyable {
    private static var blockSize: Int { 64 }
    private var blocks: [UnsafeMutablePointer<Element>] = []
    private var taken = 0
    private var free: [Int32] = []
    private let empty: Element

    init(empty: Element) { self.empty = empty }

    deinit { for block in blocks { block.deallocate() } }

    /// A place that holds an empty element.
    mutating func take() -> Int32 {
        if let place = free.popLast() {
            self[place].pointee = empty
            return place
        }
        if taken == blocks.count * Self.blockSize {
            let block = UnsafeMutablePointer<Element>.allocate(capacity: Self.blockSize)
            block.initialize(repeating: empty, count: Self.blockSize)
            blocks.append(block)
        }
        taken += 1
        return Int32(taken - 1)
    }

    mutating func giveBack(_ place: Int32) { free.append(place) }

    /// Good until the pool is gone.
    @inline(__always)
    subscript(place: Int32) -> UnsafeMutablePointer<Element> {
        blocks[Int(place) / Self.blockSize] + Int(place) % Self.blockSize
    }

    @inline(__always)
    func ifTaken(_ place: Int32) -> UnsafeMutablePointer<Element>? { place < 0 ? nil : self[place] }
}
