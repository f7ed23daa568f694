/// The payloads of the load: lamp readings whose every value follows from their number, so that a checker can compute
/// again what was sent.
///
/// Reading `n` (from 0) belongs to a device and is its `k`-th. With `r` readings a message and `d` devices, message
/// `m = n / r` goes to device `m % d`, and `k = m / d * r + n % r`. The device is `lamp-` and `m % d + 1` in four
/// digits or more; its time is `firstTimestamp + k` ms. With `x = (n * 2654435761 + seed) mod 2^32`:
/// `p = 20 + x % 400 / 10` W, `u = 220 + (x >> 8) % 200 / 10` V, `i = 0.1 + (x >> 12) % 900 / 1000` A,
/// `pf = 0.9 + (x >> 16) % 10 / 100`, `t = 20 + (x >> 20) % 300 / 10` °C, `d = 10 + (x >> 24) % 90` %.
///
/// A message of one reading has 136 bytes: two texts, the time and six values.
///
/// The text is rendered once for each device and a message patches its digits, because the load shares its processor
/// with what it loads: 0.22 µs a message at QoS 0, its share of the system calls included.
package struct LoadPayload {
    private static let fields =
        #""fw":"1.4.2-dali2-20260301-9f3c1a7be0d477a","ts":0000000000000,"p":00.0,"u":000.0,"i":0.000,"pf":0.00,"t":00.0,"d":00}"#

    /// `d`: 1 or more.
    package let deviceCount: Int
    /// `r`: with more than one the payload is an array.
    package let readingsPerMessage: Int
    /// Milliseconds since 1970, UTC; thirteen digits in the payload.
    package let firstTimestamp: Int64
    /// Added to the number of a reading before its values are made of it.
    package let seed: UInt32
    /// By device: `lights/lamp-0001/telemetry`, with several readings a message `…/batch`.
    package let topics: [[UInt8]]
    private var payloads: [[UInt8]]
    /// Where in one reading's text the digits of each number end (exclusive), counted from its closing brace.
    private let timestampEnd: Int
    private let ends: [Int]

    /// Without a device or a reading the program stops.
    package init(deviceCount: Int, readingsPerMessage: Int, firstTimestamp: Int64, seed: UInt32) {
        precondition(deviceCount > 0 && readingsPerMessage > 0, "fleet: at least one device and one reading")
        self.deviceCount = deviceCount
        self.readingsPerMessage = readingsPerMessage
        self.firstTimestamp = firstTimestamp
        self.seed = seed
        let leaf = readingsPerMessage == 1 ? "telemetry" : "batch"
        topics = (0..<deviceCount).map { Array("lights/\(Self.name(of: $0))/\(leaf)".utf8) }
        payloads = (0..<deviceCount).map { device in
            let reading = #"{"id":"\#(Self.name(of: device))","# + Self.fields
            guard readingsPerMessage > 1 else { return Array(reading.utf8) }
            return Array("[\(Array(repeating: reading, count: readingsPerMessage).joined(separator: ","))]".utf8)
        }
        // The numbers stand at the end of each reading at fixed distances from it, whatever the length of the name.
        let text = Array(Self.fields.utf8)
        let commas = text.indices.filter { text[$0] == UInt8(ascii: ",") || text[$0] == UInt8(ascii: "}") }
        let distances = commas.map { text.count - $0 }
        timestampEnd = distances[1]
        ends = Array(distances[2...])
    }

    /// `device` from 0; the name counts from 1.
    package static func name(of device: Int) -> String {
        let digits = String(device + 1)
        return "lamp-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// `m % d`, from 0.
    package func device(ofMessage message: Int) -> Int { message % deviceCount }

    /// Milliseconds since 1970, UTC.
    package func timestamp(ofReading reading: Int) -> Int64 {
        let message = reading / readingsPerMessage
        return firstTimestamp + Int64(message / deviceCount * readingsPerMessage + reading % readingsPerMessage)
    }

    /// The six values of a reading as whole numbers of their last digit: tenths of W and V, mA, hundredths, tenths of
    /// °C, %.
    @inline(__always)
    package func digits(ofReading reading: Int) -> (p: Int, u: Int, i: Int, pf: Int, t: Int, d: Int) {
        Self.digits(ofReading: reading, seed: seed)
    }

    @inline(__always)
    private static func digits(
        ofReading reading: Int, seed: UInt32
    ) -> (p: Int, u: Int, i: Int, pf: Int, t: Int, d: Int) {
        let x = UInt32(truncatingIfNeeded: reading) &* 2_654_435_761 &+ seed
        return (
            200 + Int(x % 400), 2200 + Int((x >> 8) % 200), 100 + Int((x >> 12) % 900), 90 + Int((x >> 16) % 10),
            200 + Int((x >> 20) % 300), 10 + Int((x >> 24) % 90)
        )
    }

    /// Lends topic and payload of one message.
    @inline(__always)
    package mutating func withMessage(
        _ message: Int, _ body: (_ topic: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer) -> Void
    ) {
        let device = message % deviceCount
        let count = readingsPerMessage
        let first = message * count
        let stamp = Int(firstTimestamp) + message / deviceCount * count
        // Copies, because `self` may not be read while its payload is changed.
        let (timestampEnd, ends, seed) = (timestampEnd, ends, seed)
        payloads[device].withUnsafeMutableBytes { text in
            let length = count == 1 ? text.count : (text.count - 1) / count
            for index in 0..<count {
                // Of an array, reading `index` ends in front of its comma or the closing bracket.
                let end = count == 1 ? text.count : (index + 1) * length
                let value = Self.digits(ofReading: first + index, seed: seed)
                Self.patch(text, endingAt: end - timestampEnd, with: stamp + index, digits: 13)
                Self.patchTenths(text, endingAt: end - ends[0], with: value.p, whole: 2)
                Self.patchTenths(text, endingAt: end - ends[1], with: value.u, whole: 3)
                Self.patch(text, endingAt: end - ends[2], with: value.i, digits: 3)
                Self.patch(text, endingAt: end - ends[3], with: value.pf, digits: 2)
                Self.patchTenths(text, endingAt: end - ends[4], with: value.t, whole: 2)
                Self.patch(text, endingAt: end - ends[5], with: value.d, digits: 2)
            }
        }
        topics[device].withUnsafeBytes { topic in payloads[device].withUnsafeBytes { body(topic, $0) } }
    }

    @inline(__always)
    private static func patch(
        _ text: UnsafeMutableRawBufferPointer, endingAt end: Int, with number: Int, digits: Int
    ) {
        var rest = number
        for place in 1...digits {
            text[end - place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    @inline(__always)
    private static func patchTenths(
        _ text: UnsafeMutableRawBufferPointer, endingAt end: Int, with tenths: Int, whole: Int
    ) {
        patch(text, endingAt: end, with: tenths % 10, digits: 1)
        patch(text, endingAt: end - 2, with: tenths / 10, digits: whole)
    }
}
