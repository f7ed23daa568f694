/// Integers to bits and back, each 64 with a code of their own; drawn in FRAMES.md.
///
/// All arithmetic wraps on both sides, so every integer comes back, whatever it is.
package enum IntegerColumn {
    /// What is coded in place of an integer.
    enum Form: UInt64, CaseIterable {
        /// Nothing: all are the base.
        case constant
        /// integer - base, the base being the least.
        case aboveLeast
        /// integer - base, either sign.
        case aroundBase
        /// Difference to the integer before; the first is the base.
        case difference
        /// Change of the difference.
        case change
        /// Difference to the integer before and half of the difference before.
        case halfChange
        /// Difference to the mean of the two before.
        case mean
    }

    static let blockCount = 64
    /// From this quotient on a Rice code gives way to the number itself: no wild integer costs more than 102 bits.
    static let quotientMax = 32
    /// The highest k whose code fits into one look of the reader.
    static let quickMax = BitReader.peekBits - quotientMax
    static let bitsMax = 128

    @inline(__always)
    package static func zigzag(_ number: Int64) -> UInt64 { UInt64(bitPattern: number &<< 1 ^ number &>> 63) }
    @inline(__always)
    package static func signed(_ zigzag: UInt64) -> Int64 {
        Int64(bitPattern: zigzag &>> 1) ^ (0 &- Int64(bitPattern: zigzag & 1))
    }
    @inline(__always)
    private static func length(_ number: UInt64) -> Int { 64 &- number.leadingZeroBitCount }

    // MARK: Encoding

    /// The form that takes the fewest bits as far as the sums of each block tell, and about how many.
    ///
    /// One pass with six sums in place of six trial encodings.
    static func choose(_ integers: UnsafeBufferPointer<Int64>) -> (form: Form, base: Int64, bits: Int) {
        guard let first = integers.first else { return (.constant, 0, 0) }
        var least = first
        var greatest = first
        var sum = 0.0
        for integer in integers {
            least = min(least, integer)
            greatest = max(greatest, integer)
            sum += Double(integer)
        }
        if least == greatest { return (.constant, least, 0) }
        // The middle of a skewed column is not its mean, but close enough: a bad base costs less than a bit.
        let center = Int64(exactly: (sum / Double(integers.count)).rounded()) ?? least
        var costs = (least: 0, center: 0, difference: 0, change: 0, half: 0, mean: 0)
        var (before, earlier) = (first, first)
        var start = 0
        while start < integers.count {
            let end = min(start &+ blockCount, integers.count)
            // Below 2^56 each, 64 of them cannot overflow.
            var sums: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)
            let bound: UInt64 = 1 << 56
            for place in start..<end {
                let integer = integers[place]
                let step = integer &- before
                let last = before &- earlier
                sums.0 &+= min(UInt64(bitPattern: integer &- least), bound)
                sums.1 &+= min(zigzag(integer &- center), bound)
                sums.2 &+= min(zigzag(step), bound)
                sums.3 &+= min(zigzag(step &- last), bound)
                sums.4 &+= min(zigzag(step &- last &>> 1), bound)
                sums.5 &+= min(zigzag(integer &- (before &+ earlier) &>> 1), bound)
                earlier = before
                before = integer
            }
            let count = end &- start
            costs.least &+= estimate(sums.0, count)
            costs.center &+= estimate(sums.1, count)
            costs.difference &+= estimate(sums.2, count)
            costs.change &+= estimate(sums.3, count)
            costs.half &+= estimate(sums.4, count)
            costs.mean &+= estimate(sums.5, count)
            start = end
        }
        var best: (form: Form, base: Int64, bits: Int) = (.aboveLeast, least, costs.least)
        func offer(_ form: Form, _ base: Int64, _ bits: Int) { if bits < best.bits { best = (form, base, bits) } }
        offer(.aroundBase, center, costs.center)
        offer(.difference, first, costs.difference)
        offer(.change, first, costs.change)
        offer(.halfChange, first, costs.half)
        offer(.mean, first, costs.mean)
        return best
    }

    /// Bits of `count` numbers of this sum: Rice codes at the k that suits their mean.
    private static func estimate(_ sum: UInt64, _ count: Int) -> Int {
        let k = parameter(sum, count)
        let rice = count &* (k &+ 1) &+ Int(truncatingIfNeeded: sum &>> UInt64(k)) &+ 2
        return sum < 64 ? min(rice, Int(sum) &* 9 &+ 1) : rice
    }

    /// The k of the least expected length: the mean times ln 2, as a power of two.
    static func parameter(_ sum: UInt64, _ count: Int) -> Int {
        // 11/16 for ln 2. Sums are below 2^62, so they are divided before the rest is multiplied.
        length(((sum / UInt64(count)) &* 11 &+ (sum % UInt64(count)) &* 11 / UInt64(count)) &>> 4)
    }

    /// Appends the integers. `form` and `base` are those of `choose`; `scratch` has room for as many.
    static func encode(
        _ integers: UnsafeBufferPointer<Int64>, form: Form, base: Int64, scratch: UnsafeMutableBufferPointer<UInt64>,
        into writer: inout BitWriter
    ) {
        writer.reserve(bits: 256 + integers.count * bitsMax)
        writer.put(number: zigzag(base))
        let count = integers.count
        var start = 0
        switch form {
        case .constant: return
        case .aboveLeast: for place in 0..<count { scratch[place] = UInt64(bitPattern: integers[place] &- base) }
        case .aroundBase: for place in 0..<count { scratch[place] = zigzag(integers[place] &- base) }
        case .difference, .change, .halfChange, .mean:
            // The first is the base, so the first block codes one less.
            start = 1
            var (before, earlier) = (base, base)
            for place in 1..<max(1, count) {
                let integer = integers[place]
                let predicted = predict(form, before, earlier)
                scratch[place] = zigzag(integer &- predicted)
                earlier = before
                before = integer
            }
        }
        var mode = Mode.initial
        while start < count {
            let end = min((start & ~(blockCount &- 1)) &+ blockCount, count)
            encodeBlock(UnsafeBufferPointer(rebasing: scratch[start..<end]), &mode, into: &writer)
            start = end
        }
    }

    @inline(__always)
    private static func predict(_ form: Form, _ before: Int64, _ earlier: Int64) -> Int64 {
        switch form {
        case .change: before &+ (before &- earlier)
        case .halfChange: before &+ (before &- earlier) &>> 1
        case .mean: (before &+ earlier) &>> 1
        default: before
        }
    }

    /// How a block is coded.
    enum Mode: Equatable {
        case zeros
        case rice(Int)
        case packed(Int)

        static let initial = Mode.rice(3)
        /// What a neighbouring k is told against.
        var parameter: Int { if case .rice(let k) = self { k } else { 3 } }
    }

    /// Bits of the head of a block.
    private static func headBits(_ mode: Mode, after before: Mode) -> Int {
        if mode == before { return 1 }
        switch mode {
        case .zeros: return 4
        case .rice(let k): return abs(k - before.parameter) == 1 ? 3 : 9
        case .packed: return 10
        }
    }

    private static func putHead(_ mode: Mode, after before: Mode, into writer: inout BitWriter) {
        if mode == before { return writer.put(0, 1) }
        switch mode {
        case .rice(let k):
            switch k - before.parameter {
            case 1: writer.put(0b001, 3)
            case -1: writer.put(0b101, 3)
            default:
                writer.put(0b011, 3)
                writer.put(UInt64(k), 6)
            }
        case .zeros: writer.put(0b0111, 4)
        case .packed(let width):
            writer.put(0b1111, 4)
            writer.put(UInt64(width == 64 ? 63 : width), 6)
        }
    }

    private static func encodeBlock(
        _ numbers: UnsafeBufferPointer<UInt64>, _ before: inout Mode, into writer: inout BitWriter
    ) {
        let count = numbers.count
        var sum: UInt64 = 0
        var all: UInt64 = 0
        for number in numbers {
            sum &+= min(number, 1 << 56)
            all |= number
        }
        var mode: Mode
        if all == 0 {
            mode = .zeros
            // Of few numbers a code for zero can be shorter than another mode.
            if count < 4, case .rice(0) = before { mode = .rice(0) }
        } else {
            var best = Int.max
            mode = .zeros
            func offer(_ candidate: Mode, _ bits: Int) {
                let total = bits &+ headBits(candidate, after: before)
                if total < best { (best, mode) = (total, candidate) }
            }
            let k = parameter(sum, count)
            offer(.rice(k), riceBits(numbers, k))
            if k > 0 { offer(.rice(k - 1), riceBits(numbers, k - 1)) }
            if case .rice(let last) = before, last != k, last != k - 1 { offer(before, riceBits(numbers, last)) }
            // Packing wins where the numbers fill their range evenly, or where few of them are not zero or wild.
            let widest = length(all)
            if k <= 1 || widest > k &+ 4 || count &* widest &+ 16 < best {
                let (width, bits) = packedBits(numbers, widest: widest)
                offer(.packed(width), bits)
            }
        }
        putHead(mode, after: before, into: &writer)
        before = mode
        switch mode {
        case .zeros: break
        case .rice(let k): putRice(numbers, k, into: &writer)
        case .packed(let width): putPacked(numbers, width, into: &writer)
        }
    }

    private static func riceBits(_ numbers: UnsafeBufferPointer<UInt64>, _ k: Int) -> Int {
        var quotients: UInt64 = 0
        var escaped = 0
        for number in numbers {
            let quotient = number &>> UInt64(k)
            quotients &+= min(quotient, UInt64(quotientMax))
            if quotient >= UInt64(quotientMax) { escaped &+= length(number) &+ 5 &- k }
        }
        return numbers.count &* (k &+ 1) &+ Int(quotients) &+ escaped
    }

    @inline(__always)
    private static func putRice(_ numbers: UnsafeBufferPointer<UInt64>, _ k: Int, into writer: inout BitWriter) {
        let mask: UInt64 = (1 &<< UInt64(k)) &- 1
        for number in numbers {
            let quotient = number &>> UInt64(k)
            if quotient < UInt64(quotientMax) {
                // Ones for the quotient, a zero, the rest: at most 31 + 1 + k bits, one put where that fits a word.
                let ones: UInt64 = (1 &<< quotient) &- 1
                if k <= quickMax {
                    writer.put(ones | (number & mask) &<< (quotient &+ 1), Int(quotient) &+ 1 &+ k)
                } else {
                    writer.put(ones, Int(quotient) &+ 1)
                    writer.put(number & mask, k)
                }
            } else {
                let length = length(number)
                writer.put((1 << UInt64(quotientMax)) - 1, quotientMax)
                writer.put(UInt64(length &- 1), 6)
                writer.put(number, length)
            }
        }
    }

    /// The width at which packing takes the fewest bits. Width 63 is left out: six bits tell 0 to 62 and 64.
    private static func packedBits(_ numbers: UnsafeBufferPointer<UInt64>, widest: Int) -> (width: Int, bits: Int) {
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 65) { ofLength in
            ofLength.initialize(repeating: 0)
            for number in numbers { ofLength[length(number)] &+= 1 }
            var best = (width: widest == 63 ? 64 : widest, bits: numbers.count &* (widest == 63 ? 64 : widest) &+ 6)
            // Exceptions at this width, and the bits by which they are too long.
            var (exceptions, excess) = (0, 0)
            for width in stride(from: widest &- 1, through: 0, by: -1) {
                exceptions &+= ofLength[width &+ 1]
                excess &+= exceptions
                let bits = numbers.count &* width &+ 6 &+ exceptions &* 5 &+ excess &* 2
                if bits < best.bits, exceptions < blockCount, width != 63 { best = (width, bits) }
            }
            return best
        }
    }

    private static func putPacked(_ numbers: UnsafeBufferPointer<UInt64>, _ width: Int, into writer: inout BitWriter) {
        var exceptions = 0
        if width < 64 {
            let mask: UInt64 = (1 &<< UInt64(width)) &- 1
            for number in numbers {
                writer.put(number & mask, width)
                if number > mask { exceptions &+= 1 }
            }
        } else {
            for number in numbers { writer.put(number, 64) }
        }
        writer.put(UInt64(exceptions), 6)
        guard exceptions > 0 else { return }
        for (place, number) in numbers.enumerated() where number &>> UInt64(width) > 0 {
            writer.put(UInt64(place), 6)
            writer.put(gamma: number &>> UInt64(width))
        }
    }

    // MARK: Decoding

}
