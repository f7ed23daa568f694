/// The times of a frame to bits and back: a grid with residuals, or steps; drawn in FRAMES.md.
///
/// A device that reports once a minute with 40 ms of jitter takes 0.96 bytes a time with the head of the frame; of the
/// times alone, residuals of a grid take 0.94, steps 1.00 and changes of steps 1.10.
enum TimeColumn {
    /// Parts of a period: a clock that is 4 ppm off moves 1024 rows of a minute by a quarter of a second.
    private static let fractionBits: Int64 = 12

    /// Appends `times`, which rise strictly and lie within `FrameKey.times`; the first is not written.
    static func encode(_ times: [Int64], scratch: borrowing FrameScratch, into writer: inout BitWriter) {
        let count = times.count
        guard count > 1 else { return }
        // Everything below counts in the greatest unit of which all times are multiples after the first.
        let first = times[0]
        var unit: Int64 = 0
        for time in times {
            if unit == 1 { break }
            unit = divisor(unit, time - first)
        }
        let steps = UnsafeMutableBufferPointer(rebasing: scratch.integers[..<count])
        let slots = UnsafeMutableBufferPointer(rebasing: scratch.others[..<(count - 1)])
        let residuals = UnsafeMutableBufferPointer(rebasing: scratch.residuals[..<count])
        for row in 1..<count { steps[row - 1] = (times[row] - times[row - 1]) / unit }
        let plain = UnsafeMutableBufferPointer(rebasing: steps[..<(count - 1)])
        let stepForm = IntegerColumn.choose(UnsafeBufferPointer(plain))
        let period = fit(times, unit: unit, steps: UnsafeBufferPointer(plain), slots: slots, residuals: residuals)
        let slotForm = IntegerColumn.choose(UnsafeBufferPointer(slots))
        let residualForm = IntegerColumn.choose(UnsafeBufferPointer(residuals))
        writer.reserve(bits: 256)
        // The period and the head of a second column are 40 bits at most where they pay.
        let isGrid = period > 0 && slotForm.bits + residualForm.bits + 40 < stepForm.bits
        writer.put(isGrid ? 1 : 0, 1)
        writer.put(number: UInt64(unit))
        func put(_ integers: UnsafeMutableBufferPointer<Int64>, _ choice: (form: IntegerColumn.Form, base: Int64, Int))
        {
            writer.put(choice.form.rawValue, 3)
            IntegerColumn.encode(
                UnsafeBufferPointer(integers), form: choice.form, base: choice.base, scratch: scratch.numbers,
                into: &writer)
        }
        if isGrid {
            let isWhole = period & ((1 << fractionBits) - 1) == 0
            writer.put(isWhole ? 1 : 0, 1)
            writer.put(number: UInt64(isWhole ? period >> fractionBits : period))
            put(slots, slotForm)
            put(residuals, residualForm)
        } else {
            put(plain, stepForm)
        }
    }

    /// Fits a period to the times: fills `slots` with the steps from slot to slot less one, and `residuals` with each
    /// time less its place on the grid. Returns the period in parts of a unit, or 0 where there is none.
    ///
    /// Source: ordinary least squares of time on slot number.
    private static func fit(
        _ times: [Int64], unit: Int64, steps: UnsafeBufferPointer<Int64>, slots: UnsafeMutableBufferPointer<Int64>,
        residuals: UnsafeMutableBufferPointer<Int64>
    ) -> Int64 {
        // The median of the steps, as the middle of a sample: gaps and doubled reports do not move it.
        let sample = stride(from: 0, to: steps.count, by: max(1, steps.count / 31)).map { steps[$0] }.sorted()
        let typical = Double(sample[sample.count / 2])
        var slot = 0.0
        var (sumS, sumT, sumSS, sumST) = (0.0, 0.0, 0.0, 0.0)
        let count = Double(times.count)
        for row in times.indices {
            if row > 0 { slot += (Double(steps[row - 1]) / typical).rounded() }
            let time = Double((times[row] - times[0]) / unit)
            sumS += slot
            sumT += time
            sumSS += slot * slot
            sumST += slot * time
        }
        let spread = count * sumSS - sumS * sumS
        guard spread > 0, slot < 0x1p40 else { return 0 }
        var slope = (count * sumST - sumS * sumT) / spread
        let offset = (sumT - slope * sumS) / count
        // A whole period where the fraction moves the last row by less than a hundredth of a slot.
        let whole = slope.rounded()
        if abs(whole - slope) * slot < max(1, min(slope / 4000, 64)) { slope = whole }
        let scale = Double(1 << fractionBits)
        guard slope * scale >= 1, slope * scale < 0x1p52 else { return 0 }
        let period = Int64((slope * scale).rounded())
        var before: Int64 = 0
        for row in times.indices {
            let time = (times[row] - times[0]) / unit
            let place = Int64(((Double(time) - offset) / slope).rounded())
            let slot = row == 0 ? 0 : max(place, before)
            if row > 0 { slots[row - 1] = slot &- before &- 1 }
            residuals[row] = time &- position(slot, period)
            before = slot
        }
        return period
    }

    @inline(__always)
    private static func position(_ slot: Int64, _ period: Int64) -> Int64 { (slot &* period) &>> fractionBits }

    /// Source: Euclid.
    static func divisor(_ left: Int64, _ right: Int64) -> Int64 {
        var (a, b) = (left, right)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }

    /// Fills `times` from `start` on.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, start: Int64, into times: UnsafeMutableBufferPointer<Int64>
    ) throws(Malformed) {
        guard FrameKey.times.contains(start) else { throw Malformed("a frame starts at \(start)") }
        times[0] = start
        var reader = BitReader(bytes)
        let count = times.count
        guard count > 1 else { return try reader.end() }
        let isGrid = reader.read(1) == 1
        let unit = Int64(truncatingIfNeeded: reader.number())
        var time = start
        if isGrid {
            let isWhole = reader.read(1) == 1
            let number = Int64(truncatingIfNeeded: reader.number())
            let period = isWhole ? number &<< fractionBits : number
            try read(&reader, count - 1) { first, block in
                for place in 0..<block.count { times[first &+ place &+ 1] = block[place] }
            }
            // The first row is in slot 0; each step is a slot and what was read.
            times[0] = -1
            var slot: Int64 = 0
            try read(&reader, count) { first, block in
                for place in 0..<block.count {
                    let row = first &+ place
                    slot = slot &+ times[row] &+ 1
                    times[row] = start &+ unit &* (position(slot, period) &+ block[place])
                }
            }
        } else {
            try read(&reader, count - 1) { first, block in
                for place in 0..<block.count {
                    time = time &+ unit &* block[place]
                    times[first &+ place &+ 1] = time
                }
            }
        }
        try reader.end()
        // Whatever the bits said, and wherever a sum wrapped: only rising times in range leave.
        guard times[0] == start else { throw Malformed("the first time is not that of the key") }
        // By their sign and without a branch, which is done some at a time: a negative time or step leaves the sign bit.
        var signs: Int64 = 0
        for row in 1..<count { signs |= times[row] | (times[row] &- times[row &- 1] &- 1) }
        guard signs >= 0 else { throw Malformed("times do not rise") }
        guard times[count - 1] < FrameKey.times.upperBound else { throw Malformed("a time is out of range") }
    }

    @inline(__always)
    private static func read(
        _ reader: inout BitReader, _ count: Int, _ body: (Int, UnsafeMutableBufferPointer<Int64>) -> Void
    ) throws(Malformed) {
        guard let form = IntegerColumn.Form(rawValue: reader.read(3)) else { throw Malformed("a form of integers") }
        var decoder = IntegerColumn.Decoder(reader, form: form)
        try withUnsafeTemporaryAllocation(of: Int64.self, capacity: IntegerColumn.blockCount) {
            block throws(Malformed) in
            var first = 0
            while first < count {
                let part = UnsafeMutableBufferPointer(
                    rebasing: block[..<min(IntegerColumn.blockCount, count &- first)])
                try decoder.next(part)
                body(first, part)
                first &+= part.count
            }
        }
        reader = decoder.rest
    }
}

/// Working memory of one encoding, for up to as many rows as it was made for.
struct FrameScratch: ~Copyable {
    let integers: UnsafeMutableBufferPointer<Int64>
    let others: UnsafeMutableBufferPointer<Int64>
    let residuals: UnsafeMutableBufferPointer<Int64>
    let numbers: UnsafeMutableBufferPointer<UInt64>
    let values: UnsafeMutableBufferPointer<Double>
    let rest: UnsafeMutableBufferPointer<Double>
    let rows: UnsafeMutableBufferPointer<Int>
    let restRows: UnsafeMutableBufferPointer<Int>

    init(rows count: Int) {
        integers = .allocate(capacity: count)
        others = .allocate(capacity: count)
        residuals = .allocate(capacity: count)
        numbers = .allocate(capacity: count)
        values = .allocate(capacity: count)
        rest = .allocate(capacity: count)
        rows = .allocate(capacity: count)
        restRows = .allocate(capacity: count)
    }

    deinit {
        integers.deallocate()
        others.deallocate()
        residuals.deallocate()
        numbers.deallocate()
        values.deallocate()
        rest.deallocate()
        rows.deallocate()
        restRows.deallocate()
    }
}
