/// One table of a plan: written once, then read by position.
///
/// A view: its memory is that of the `PlanMemory` which made it, and it is as cheap to read as a pointer. Positions come
/// from the builder and are in range by construction; a debug build checks them.
struct PlanTable<Entry: Sendable>: @unchecked Sendable {
    // Sendable: nothing writes to the memory after the plan is made.
    let pointer: UnsafePointer<Entry>
    let count: Int

    @inline(__always)
    subscript(position: UInt32) -> Entry {
        assert(position < count)
        return pointer[Int(position)]
    }
}

/// Owns what the tables of one plan are views of, and frees all of it together.
struct PlanMemory: ~Copyable, Sendable {
    private final class Block<Entry: Sendable>: @unchecked Sendable {
        // Sendable: written in `init` alone.
        let entries: UnsafeMutableBufferPointer<Entry>
        let count: Int

        init(_ written: [Entry]) {
            // Never without an address: the hot path asks a table for its pointer before it asks for its count.
            entries = .allocate(capacity: max(1, written.count))
            _ = entries.initialize(from: written)
            count = written.count
        }

        deinit {
            entries.extracting(..<count).deinitialize()
            entries.deallocate()
        }
    }

    private var blocks: [any AnyObject & Sendable] = []

    mutating func table<Entry: Sendable>(_ entries: [Entry]) -> PlanTable<Entry> {
        let block = Block(entries)
        blocks.append(block)
        return PlanTable(pointer: UnsafePointer(block.entries.baseAddress!), count: block.count)
    }
}
