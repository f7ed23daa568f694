import Telemetry

/// A sample as the ring keeps it.
public struct Sample: Equatable, Sendable {
    public var observed: Timestamp
    public var value: Double

    public init(observed: Timestamp, value: Double) {
        self.observed = observed
        self.value = value
    }
}

/// A fixed-capacity ring of the samples last heard; pushing onto a full ring evicts the one heard first.
public struct SampleRing: ~Copyable {
    /// A position in storage. An offset counts from the oldest sample; a slot does not.
    private struct Slot { var index: Int }

    public let capacity: Int
    public private(set) var count = 0
    private let storage: UnsafeMutablePointer<Sample>
    private var oldest = Slot(index: 0)

    /// Storage for `capacity` samples, 16 bytes each; at least one.
    public init(capacity: Int) {
        precondition(capacity > 0, "ring: the capacity must be at least 1, not \(capacity)")
        self.capacity = capacity
        storage = .allocate(capacity: capacity)
    }

    deinit { storage.deallocate() }

    private func slot(atOffset offset: Int) -> Slot {
        // Both terms are at most `capacity`: the sum cannot overflow, and one subtraction wraps it.
        let index = oldest.index &+ offset
        return Slot(index: index < capacity ? index : index &- capacity)
    }

    /// Appends a sample; returns the one that had to go.
    @discardableResult
    public mutating func push(_ sample: Sample) -> Sample? {
        if count < capacity {
            (storage + slot(atOffset: count).index).initialize(to: sample)
            count += 1
            return nil
        }
        let evicted = storage[oldest.index]
        storage[oldest.index] = sample
        oldest = slot(atOffset: 1)
        return evicted
    }

    /// The sample at `offset` from the oldest; `0..<count`.
    public subscript(offset: Int) -> Sample {
        precondition((0..<count).contains(offset), "ring: offset \(offset) is not in 0..<\(count)")
        return storage[slot(atOffset: offset).index]
    }

    /// Oldest to newest, in at most two contiguous runs; no copy.
    public func withRuns<R>(
        _ body: (_ older: UnsafeBufferPointer<Sample>, _ newer: UnsafeBufferPointer<Sample>) -> R
    ) -> R {
        let untilEnd = min(count, capacity - oldest.index)
        return body(
            UnsafeBufferPointer(start: storage + oldest.index, count: untilEnd),
            UnsafeBufferPointer(start: storage, count: count - untilEnd))
    }
}
