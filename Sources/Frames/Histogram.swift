/// How often readings fell into buckets of which 32 make an octave; drawn in FRAMES.md.
///
/// A bucket is at most 1/32 of its values wide, so a quantile is off by at most 1/32 of the exact one (not below
/// 2^-1022, where doubles lose their precision). Zero has a bucket of its own, and signs are kept apart.
package struct Histogram: Equatable, Sendable {
    /// Of a decoded histogram.
    package static let bucketsMax = 4096
    /// Bits of a double below its five highest of the fraction.
    private static let shift: UInt64 = 47
    /// The bucket of the greatest finite double, from 1 on.
    private static let greatest = Int(Double.greatestFiniteMagnitude.bitPattern >> shift) + 1

    package private(set) var count = 0
    private var zeros = 0
    private var positive = Side()
    private var negative = Side()

    /// The counts of one sign, in a window that grows to both ends.
    private struct Side: Sendable {
        private(set) var first = 0
        private(set) var counts: [Int] = []

        @inline(__always)
        mutating func add(_ bucket: Int, _ count: Int) {
            // A day of one series rarely leaves its window: 5 ns an `add`.
            if bucket < first || bucket >= first + counts.count { grow(to: bucket) }
            counts[bucket &- first] += count
        }

        @inline(never)
        private mutating func grow(to bucket: Int) {
            if counts.isEmpty {
                first = Swift.max(1, bucket - 16)
                counts = [Int](repeating: 0, count: 32)
            } else if bucket < first {
                let low = Swift.max(1, bucket - counts.count / 2)
                counts.insert(contentsOf: repeatElement(0, count: first - low), at: 0)
                first = low
            }
            let missing = bucket - first - counts.count + 1
            if missing > 0 { counts.append(contentsOf: repeatElement(0, count: missing + counts.count / 2)) }
        }

        /// By rising bucket.
        func forEach(_ body: (_ bucket: Int, _ count: Int) -> Void) {
            for (place, count) in counts.enumerated() where count > 0 { body(first + place, count) }
        }
    }

    package init() {}

    /// Adds a finite value.
    @inline(__always)
    package mutating func add(_ value: Double) {
        let bits = value.bitPattern
        count &+= 1
        if value == 0 {
            zeros &+= 1
        } else if value > 0 {
            positive.add(Int(truncatingIfNeeded: bits >> Self.shift) &+ 1, 1)
        } else {
            negative.add(Int(truncatingIfNeeded: (bits & ~(1 << 63)) >> Self.shift) &+ 1, 1)
        }
    }

    package mutating func merge(_ other: Histogram) {
        count += other.count
        zeros += other.zeros
        other.positive.forEach { positive.add($0, $1) }
        other.negative.forEach { negative.add($0, $1) }
    }

    /// What is left when values that were added before are taken out.
    package func without(_ part: Histogram) -> Histogram {
        var taken: [Int: Int] = [:]
        for (bucket, count) in part.buckets { taken[bucket] = count }
        var rest = Histogram()
        for (bucket, count) in buckets {
            let left = count - (taken[bucket] ?? 0)
            guard left > 0 else { continue }
            rest.count += left
            if bucket > 0 {
                rest.positive.add(bucket, left)
            } else if bucket < 0 {
                rest.negative.add(-bucket, left)
            } else {
                rest.zeros += left
            }
        }
        return rest
    }

    /// From the least values to the greatest: negative buckets count down to -1, zero is 0.
    private var buckets: [(bucket: Int, count: Int)] {
        var buckets: [(bucket: Int, count: Int)] = []
        negative.forEach { buckets.append((-$0, $1)) }
        buckets.reverse()
        if zeros > 0 { buckets.append((0, zeros)) }
        positive.forEach { buckets.append(($0, $1)) }
        return buckets
    }

    package static func == (left: Histogram, right: Histogram) -> Bool {
        left.count == right.count && left.buckets.elementsEqual(right.buckets) { $0 == $1 }
    }

    /// The value below which a share `q`, 0 to 1, of the readings lies; nil where there is none.
    ///
    /// `min` and `max` are those of the readings. Off by at most 1/32 of the exact value of the nearest rank; between
    /// the bounds of a bucket its readings are taken to be spread evenly.
    package func quantile(_ q: Double, min: Double, max: Double) -> Double? {
        guard count > 0, (0...1).contains(q) else { return nil }
        let rank = Int((q * Double(count - 1)).rounded())
        if rank <= 0 { return min }
        if rank >= count - 1 { return max }
        var before = 0
        for (bucket, count) in buckets {
            if rank < before + count {
                let part = (Double(rank - before) + 0.5) / Double(count)
                let value = bucket < 0 ? -Self.value(-bucket, 1 - part) : Self.value(bucket, part)
                return Swift.min(Swift.max(value, min), max)
            }
            before += count
        }
        return max
    }

    /// The value a `part` into a bucket.
    private static func value(_ bucket: Int, _ part: Double) -> Double {
        guard bucket > 0 else { return 0 }
        let low = Double(bitPattern: UInt64(bucket - 1) << shift)
        let high = Double(bitPattern: UInt64(bucket) << shift)
        return high.isFinite ? low + (high - low) * part : low
    }

    // MARK: Bytes

    /// Appends the histogram. One of more than `bucketsMax` buckets is written with its least magnitudes put together.
    package func encode(into writer: inout ByteWriter) {
        var buckets = buckets
        if buckets.count > Self.bucketsMax { buckets = Self.folded(buckets) }
        var bits = BitWriter(capacity: 512)
        bits.reserve(bits: 256)
        bits.put(number: UInt64(buckets.count))
        if let first = buckets.first {
            bits.put(number: IntegerColumn.zigzag(Int64(first.bucket)))
            let scratch = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: buckets.count)
            defer { scratch.deallocate() }
            func put(_ integers: [Int64]) {
                integers.withUnsafeBufferPointer { integers in
                    let (form, base, _) = IntegerColumn.choose(integers)
                    bits.reserve(bits: 64)
                    bits.put(form.rawValue, 3)
                    IntegerColumn.encode(integers, form: form, base: base, scratch: scratch, into: &bits)
                }
            }
            put(zip(buckets, buckets.dropFirst()).map { Int64($1.bucket - $0.bucket) })
            put(buckets.map { Int64($0.count) })
        }
        writer.reserve(bits.byteCount)
        bits.withBytes { writer.put(bytes: $0) }
    }

    private static func folded(_ buckets: [(bucket: Int, count: Int)]) -> [(bucket: Int, count: Int)] {
        let bySize = buckets.sorted { abs($0.bucket) > abs($1.bucket) }
        var kept = Array(bySize.prefix(bucketsMax))
        for one in bySize.dropFirst(bucketsMax) { kept[bucketsMax - 1].count += one.count }
        return kept.sorted { $0.bucket < $1.bucket }
    }

    package static func decode(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Histogram {
        var histogram = Histogram()
        var reader = BitReader(bytes)
        let size = reader.number()
        guard size <= UInt64(bucketsMax) else { throw Malformed("\(size) buckets") }
        guard size > 0 else {
            try reader.end()
            return histogram
        }
        var bucket = IntegerColumn.signed(reader.number())
        let gaps = try integers(&reader, Int(size) - 1)
        let counts = try integers(&reader, Int(size))
        try reader.end()
        for (place, count) in counts.enumerated() {
            if place > 0 {
                guard gaps[place - 1] > 0, gaps[place - 1] <= 2 * Int64(greatest) else {
                    throw Malformed("buckets do not rise")
                }
                bucket += gaps[place - 1]
            }
            guard bucket.magnitude <= UInt64(greatest) else { throw Malformed("a bucket beyond the greatest") }
            guard count > 0, count <= 1 << 48 else { throw Malformed("\(count) in a bucket") }
            histogram.count += Int(count)
            if bucket == 0 {
                histogram.zeros = Int(count)
            } else if bucket > 0 {
                histogram.positive.add(Int(bucket), Int(count))
            } else {
                histogram.negative.add(Int(-bucket), Int(count))
            }
        }
        return histogram
    }

    private static func integers(_ reader: inout BitReader, _ count: Int) throws(Malformed) -> [Int64] {
        guard let form = IntegerColumn.Form(rawValue: reader.read(3)) else { throw Malformed("a form of integers") }
        var integers = [Int64](repeating: 0, count: count)
        var decoder = IntegerColumn.Decoder(reader, form: form)
        try integers.withUnsafeMutableBufferPointer { buffer throws(Malformed) in
            var first = 0
            while first < count {
                let end = min(first + IntegerColumn.blockCount, count)
                try decoder.next(UnsafeMutableBufferPointer(rebasing: buffer[first..<end]))
                first = end
            }
        }
        reader = decoder.rest
        return integers
    }
}
