import Frames
import Telemetry

/// What rows of the journal are about, for a catalogue that has lost names: which streams there must be, with how many
/// columns each, and how many series and devices.
struct TurnReferences {
    /// By stream, the columns that it has at least.
    private(set) var widths: [Int: Int] = [:]
    private(set) var seriesMax: Int64 = -1
    private(set) var deviceMax: Int64 = -1

    /// Takes a row whose check value is right. Throws for one of another format; what it told up to there stays.
    mutating func take(_ bytes: UnsafeRawBufferPointer) throws(Malformed) {
        var reader = ByteReader(bytes)
        let version = try reader.byte()
        if version > 1 { _ = try reader.byte() }
        _ = try reader.word()
        if version > 2 { for _ in 0..<2 { _ = try reader.zigzag() } }
        for _ in 0..<2 { try takeRows(&reader) }
        for _ in 0..<(try reader.count(max: reader.remaining / 10, "the number of suspects")) {
            seriesMax = max(seriesMax, Int64(try reader.count(max: Int(CatalogueRepair.idMax), "a series")))
            _ = try reader.zigzag()
            _ = try reader.word()
        }
        for _ in 0..<(try reader.count(max: reader.remaining / 3, "the number of statuses")) {
            deviceMax = max(deviceMax, Int64(try reader.count(max: Int(CatalogueRepair.idMax), "a device")))
            _ = try reader.byte()
            for _ in 0..<(version > 2 ? 2 : 1) { _ = try reader.zigzag() }
        }
        var device: Int64 = 0
        for _ in 0..<(try reader.count(max: reader.remaining / 2, "the number of devices heard")) {
            device = device &+ (try reader.zigzag())
            _ = try reader.zigzag()
            if (0...CatalogueRepair.idMax).contains(device) { deviceMax = max(deviceMax, device) }
        }
    }

    private mutating func takeRows(_ reader: inout ByteReader) throws(Malformed) {
        var stream: Int64 = 0
        while true {
            let mask = try reader.varint()
            guard mask != 0 else { return }
            stream = stream &+ (try reader.zigzag())
            _ = try reader.zigzag()
            guard stream >= 0, stream < SeriesRegistry.streamsMax else { throw Malformed("stream \(stream) is none") }
            widths[Int(stream)] = max(widths[Int(stream)] ?? 0, 64 - mask.leadingZeroBitCount)
            for _ in 0..<mask.nonzeroBitCount { _ = try reader.word() }
        }
    }
}
