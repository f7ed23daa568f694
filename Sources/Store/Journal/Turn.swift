import Basics
import Frames
import Telemetry

/// Bytes of a journal row; drawn in FRAMES.md.
enum TurnCodec {
    static let version: UInt8 = 3

    /// Rows of readings: those that share stream and time stand together, by rising column.
    ///
    /// A row is gathered value by value and written when the next one starts; a value whose column does not rise starts
    /// a new row, so the order of the readings is kept exactly.
    struct RowEncoder {
        private var streamBefore: Int64 = 0
        private var timeBefore: Int64
        private var stream: Int64 = -1
        private var time: Int64 = 0
        private var mask: UInt64 = 0

        init(now: Timestamp) { timeBefore = now.milliseconds }

        /// `values` holds those of the open row and is lent by the caller, who keeps it from commit to commit.
        @inline(__always)
        mutating func add(
            stream: Int, time: Int64, column: Int, value: Double, values: inout [Double], into writer: inout ByteWriter
        ) {
            let bit: UInt64 = 1 << UInt64(truncatingIfNeeded: column)
            if Int64(stream) != self.stream || time != self.time || mask >= bit {
                flush(&values, into: &writer)
                self.stream = Int64(stream)
                self.time = time
            }
            mask |= bit
            values.append(value)
        }

        /// Writes the open row.
        mutating func flush(_ values: inout [Double], into writer: inout ByteWriter) {
            guard mask != 0 else { return }
            writer.reserve(3 * ByteWriter.varintBytesMax + values.count * 8)
            writer.put(varint: mask)
            writer.put(zigzag: stream - streamBefore)
            writer.put(zigzag: time &- timeBefore)
            for value in values { writer.put(word: value.bitPattern) }
            streamBefore = stream
            timeBefore = time
            mask = 0
            values.removeAll(keepingCapacity: true)
        }

        mutating func end(_ values: inout [Double], into writer: inout ByteWriter) {
            flush(&values, into: &writer)
            writer.reserve(1)
            writer.put(byte: 0)
        }
    }

    static func begin(_ origin: Turn.Origin, at moment: Moment, into writer: inout ByteWriter) {
        writer.reserve(10 + 2 * ByteWriter.varintBytesMax)
        writer.put(byte: version)
        writer.put(byte: origin.rawValue)
        writer.put(word: UInt64(bitPattern: moment.wall.milliseconds))
        writer.put(zigzag: moment.steady.milliseconds &- moment.wall.milliseconds)
        writer.put(zigzag: moment.listened.milliseconds &- moment.steady.milliseconds)
    }

    /// What follows the rows.
    static func end(
        suspects: [Reading], statuses: [DeviceStatus], heard: [Hearing], now: Timestamp,
        into writer: inout ByteWriter
    ) {
        let varint = ByteWriter.varintBytesMax
        writer.reserve(varint * 3 + suspects.count * 28 + statuses.count * 31 + heard.count * 20)
        writer.put(varint: UInt64(suspects.count))
        for reading in suspects {
            writer.put(varint: UInt64(reading.series.rawValue))
            writer.put(zigzag: reading.observed.milliseconds &- now.milliseconds)
            writer.put(word: reading.value.bitPattern)
        }
        writer.put(varint: UInt64(statuses.count))
        for status in statuses {
            writer.put(varint: UInt64(status.device.rawValue))
            writer.put(byte: (status.isOnline ? 1 : 0) | (status.isRetained ? 2 : 0))
            writer.put(zigzag: status.at.milliseconds &- now.milliseconds)
            writer.put(zigzag: status.heardAt.milliseconds &- now.milliseconds)
        }
        writer.put(varint: UInt64(heard.count))
        var before: Int64 = 0
        for hearing in heard {
            writer.put(zigzag: Int64(hearing.device.rawValue) - before)
            writer.put(zigzag: (hearing.at.milliseconds &- now.milliseconds) &* 2 &+ (hearing.isRetained ? 1 : 0))
            before = Int64(hearing.device.rawValue)
        }
    }

    /// Reads a blob into `turn`, whose buffers are reused. Every id is checked against `registry`.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, registry: SeriesRegistry, into turn: inout Turn
    ) throws(Malformed) {
        turn.removeAll()
        var reader = ByteReader(bytes)
        let version = try reader.byte()
        guard (1...Self.version).contains(version) else {
            throw Malformed("journal row version \(version) is not known")
        }
        if version > 1 {
            let origin = try reader.byte()
            guard let known = Turn.Origin(rawValue: origin) else { throw Malformed("origin \(origin) is not known") }
            turn.origin = known
        }
        let now = Int64(bitPattern: try reader.word())
        turn.moment = Moment(Timestamp(milliseconds: now))
        if version > 2 {
            turn.moment.steady.milliseconds = now &+ (try reader.zigzag())
            turn.moment.listened.milliseconds = turn.moment.steady.milliseconds &+ (try reader.zigzag())
        }
        try decodeRows(&reader, now: now, registry, into: &turn.fresh)
        try decodeRows(&reader, now: now, registry, into: &turn.corrections)
        for _ in 0..<(try reader.count(max: reader.remaining / 10, "the number of suspects")) {
            let series = try reader.count(max: registry.seriesCount - 1, "a series")
            let at = now &+ (try reader.zigzag())
            turn.suspects.append(
                Reading(
                    series: SeriesID(rawValue: UInt32(series)), observed: Timestamp(milliseconds: at),
                    value: Double(bitPattern: try reader.word())))
        }
        try decodeLinks(&reader, version, now: now, registry, into: &turn)
        try reader.end()
        if version == 1 {
            // Rows of version 1 do not say it. Devices that spoke were heard; an import had readings alone.
            turn.origin =
                turn.heard.isEmpty && turn.statuses.isEmpty && turn.suspects.isEmpty ? .imported : .live
        }
    }

    /// What devices said of their links, and who was heard.
    private static func decodeLinks(
        _ reader: inout ByteReader, _ version: UInt8, now: Int64, _ registry: SeriesRegistry, into turn: inout Turn
    ) throws(Malformed) {
        for _ in 0..<(try reader.count(max: reader.remaining / 3, "the number of statuses")) {
            let device = try reader.count(max: registry.deviceCount - 1, "a device")
            let flags = try reader.byte()
            let at = now &+ (try reader.zigzag())
            let heardAt = version > 2 ? now &+ (try reader.zigzag()) : at
            turn.statuses.append(
                DeviceStatus(
                    device: DeviceIndex(rawValue: UInt32(device)), isOnline: flags & 1 != 0,
                    at: Timestamp(milliseconds: at), heardAt: Timestamp(milliseconds: heardAt),
                    isRetained: flags & 2 != 0))
        }
        var device: Int64 = 0
        for _ in 0..<(try reader.count(max: reader.remaining / 2, "the number of devices heard")) {
            device = device &+ (try reader.zigzag())
            guard device >= 0, device < registry.deviceCount else { throw Malformed("device \(device) is not known") }
            var at = try reader.zigzag()
            var isRetained = false
            // From version 3 on the lowest bit says it.
            if version > 2 { (at, isRetained) = (at >> 1, at & 1 != 0) }
            turn.heard.append(
                Hearing(
                    device: DeviceIndex(rawValue: UInt32(device)), at: Timestamp(milliseconds: now &+ at),
                    isRetained: isRetained))
        }
    }

    private static func decodeRows(
        _ reader: inout ByteReader, now: Int64, _ registry: SeriesRegistry, into readings: inout [Reading]
    ) throws(Malformed) {
        var stream: Int64 = 0
        var time = now
        while true {
            var mask = try reader.varint()
            guard mask != 0 else { return }
            stream = stream &+ (try reader.zigzag())
            time = time &+ (try reader.zigzag())
            guard stream >= 0, stream < registry.streamCount else { throw Malformed("stream \(stream) is not known") }
            guard FrameKey.times.contains(time) else { throw Malformed("time \(time) is out of range") }
            let columns = registry.streams[Int(stream)].columns
            guard 64 - mask.leadingZeroBitCount <= columns.count else { throw Malformed("a column is not known") }
            let observed = Timestamp(milliseconds: time)
            while mask != 0 {
                let value = Double(bitPattern: try reader.word())
                guard value.isFinite else { throw Malformed("a value is not finite") }
                readings.append(Reading(series: columns[mask.trailingZeroBitCount], observed: observed, value: value))
                mask &= mask - 1
            }
        }
    }
}
