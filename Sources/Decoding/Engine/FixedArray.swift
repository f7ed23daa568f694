/// A fixed number of plain values, allocated once and written over from message to message; one even where none is
/// asked for, so that the pointer always leads somewhere.
struct FixedArray<Element: BitwiseCopyable>: ~Copyable {
    let pointer: UnsafeMutablePointer<Element>
    private let count: Int

    init(count: Int, of value: Element) {
        self.count = max(1, count)
        pointer = .allocate(capacity: self.count)
        pointer.initialize(repeating: value, count: self.count)
    }

    deinit { pointer.deallocate() }

    func fill(with value: Element) { pointer.update(repeating: value, count: count) }

    @inline(__always)
    subscript(position: Int) -> Element {
        get {
            assert(position < count)
            return pointer[position]
        }
        nonmutating set {
            assert(position < count)
            pointer[position] = newValue
        }
    }
}
