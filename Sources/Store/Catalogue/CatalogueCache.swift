import Basics
import Frames
import Glibc
import Telemetry

/// The catalogue and the newest sealed readings in one small file beside core.db, so that a reader in a process of its
/// own has them in one read: from the tables, row by row, they took 7 ms of the 10 that the first answer took.
///
/// All of it is in core.db too, which decides. Whoever finds the file missing, damaged or not of the seal that core.db tells of reads
/// the tables, and anybody may delete it.
struct CatalogueCache {
    /// What core.db must say for the file to count.
    struct Stamp: Equatable {
        var sealedThrough: Int64
        var rosterVersion: Int64
    }

    var stamp: Stamp
    var registry: SeriesRegistry
    /// By series; `.min` where there is none.
    var newest: [NewestReading]

    private static let magic: UInt64 = 0x3154_4143_544F_4142  // "BAOTCAT1"
    /// No file of the store's limits comes near it.
    private static let bytesMax = 1 << 28

    // MARK: Writing

    /// Puts the file in place of the one before, with what core.db has of `registry`. It may fail: nothing depends on it, and the next seal tries again.
    static func write(
        _ stamp: Stamp, _ registry: SeriesRegistry, _ saved: Catalogue.Saved, _ newest: [NewestReading],
        in folder: Folder
    ) {
        var writer = ByteWriter(capacity: 64 + saved.devices * 48 + saved.series * 32)
        encode(stamp, registry, saved, newest, into: &writer)
        Folder.replace(folder.catalogueCache, with: writer)
    }

    static func remove(in folder: Folder) {
        unlink(folder.catalogueCache)
        unlink(folder.catalogueCache + ".new")
    }

    private static func encode(
        _ stamp: Stamp, _ registry: SeriesRegistry, _ saved: Catalogue.Saved, _ newest: [NewestReading],
        into writer: inout ByteWriter
    ) {
        /// Each text once, at its first use.
        var texts: [ByteName: Int] = [:]
        func put(text: String, into writer: inout ByteWriter) {
            let index = texts[ByteName(text)] ?? texts.count
            writer.put(varint: UInt64(index))
            if index == texts.count {
                texts[ByteName(text)] = index
                put(name: text, into: &writer)
            }
        }
        func put(name: String, into writer: inout ByteWriter) {
            var name = name
            name.withUTF8 { bytes in
                writer.reserve(bytes.count + 2 * ByteWriter.varintBytesMax)
                writer.put(varint: UInt64(bytes.count))
                writer.put(bytes: UnsafeRawBufferPointer(bytes))
            }
        }
        writer.put(word: magic)
        writer.put(word: UInt64(bitPattern: stamp.sealedThrough))
        writer.put(word: UInt64(bitPattern: stamp.rosterVersion))
        writer.put(varint: UInt64(saved.devices))
        for index in 0..<saved.devices {
            writer.reserve(4 * ByteWriter.varintBytesMax)
            put(name: registry.devices[index].name, into: &writer)
            put(text: registry.devices[index].profile, into: &writer)
        }
        writer.reserve((2 + saved.streams) * ByteWriter.varintBytesMax)
        writer.put(varint: UInt64(saved.streams))
        for index in 0..<saved.streams { writer.put(varint: UInt64(registry.streams[index].device.rawValue)) }
        writer.put(varint: UInt64(saved.series))
        for index in 0..<saved.series {
            let series = registry.series[index]
            let place = registry.place(of: SeriesID(rawValue: UInt32(index)))
            writer.reserve(4 * ByteWriter.varintBytesMax)
            put(text: series.quantity.name, into: &writer)
            writer.reserve(4 * ByteWriter.varintBytesMax)
            put(text: registry.name(of: series.channel), into: &writer)
            writer.reserve(4 * ByteWriter.varintBytesMax + 16)
            writer.put(varint: UInt64(place.stream.rawValue))
            writer.put(varint: UInt64(place.column))
            let last = index < newest.count ? newest[index] : NewestReading()
            writer.put(word: UInt64(bitPattern: last.time))
            writer.put(word: last.value.bitPattern)
        }
        let crc = writer.withBytes { CRC32C.check(key: Int64(bitPattern: magic), $0) }
        writer.reserve(8)
        writer.put(word: UInt64(crc))
    }

    // MARK: Reading

    /// What the file holds; nil where it is missing, does not read or has another stamp than this one, if one is given.
    init?(in folder: Folder, _ stamp: Stamp?) {
        let descriptor = open(folder.catalogueCache, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, (32...Self.bytesMax).contains(Int(status.st_size)) else { return nil }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(status.st_size), alignment: 8)
        defer { buffer.deallocate() }
        guard read(descriptor, buffer.baseAddress, buffer.count) == buffer.count else { return nil }
        let bytes = UnsafeRawBufferPointer(buffer)
        let body = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - 8)])
        let crc = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: body.count, as: UInt64.self))
        guard CRC32C.check(key: Int64(bitPattern: Self.magic), body) == crc else { return nil }
        do throws(Malformed) {
            try self.init(body, stamp)
        } catch {
            return nil
        }
    }

    private init(_ bytes: UnsafeRawBufferPointer, _ stamp: Stamp?) throws(Malformed) {
        self.stamp = Stamp(sealedThrough: 0, rosterVersion: 0)
        registry = SeriesRegistry()
        newest = []
        var reader = ByteReader(bytes)
        guard try reader.word() == Self.magic else { throw Malformed("no cache of a catalogue") }
        let found = Stamp(
            sealedThrough: Int64(bitPattern: try reader.word()), rosterVersion: Int64(bitPattern: try reader.word()))
        guard found == stamp ?? found else { throw Malformed("of another seal") }
        self.stamp = found
        var texts: [String] = []
        // The quantity that a text names, looked up once.
        var quantities: [Quantity?] = []
        func text() throws(Malformed) -> Int {
            let index = try reader.count(max: texts.count, "a text")
            if index == texts.count {
                texts.append(try name())
                quantities.append(Quantity(named: texts[index]))
            }
            return index
        }
        func name() throws(Malformed) -> String {
            try reader.text(try reader.count(max: reader.remaining, "the length of a name"))
        }
        for _ in 0..<(try reader.count(max: reader.remaining, "the number of devices")) {
            let name = try name()
            guard registry.device(named: name) == nil else { throw Malformed("a device twice") }
            registry.restore(device: name, profile: texts[try text()])
        }
        for _ in 0..<(try reader.count(max: reader.remaining, "the number of streams")) {
            let device = try reader.count(max: registry.deviceCount - 1, "a device")
            registry.restoreStream(of: DeviceIndex(rawValue: UInt32(device)))
        }
        let count = try reader.count(max: reader.remaining, "the number of series")
        newest.reserveCapacity(count)
        for _ in 0..<count {
            guard let quantity = quantities[try text()] else { throw Malformed("an unknown quantity") }
            let channel = texts[try text()]
            let stream = StreamID(
                rawValue: UInt32(try reader.count(max: registry.streamCount - 1, "a stream")))
            let column = try reader.count(max: SeriesRegistry.streamColumnsMax - 1, "a column")
            guard registry.isFree(stream, column: column) else { throw Malformed("two series at one place") }
            registry.restoreSeries(
                device: registry.streams[stream.index].device, quantity: quantity, channel: channel, stream: stream,
                column: column)
            let time = Int64(bitPattern: try reader.word())
            newest.append(NewestReading(time: time, value: Double(bitPattern: try reader.word())))
        }
        try reader.end()
        for stream in registry.streams where !stream.columns.allSatisfy({ $0.index < count }) {
            throw Malformed("a stream lacks a column")
        }
    }
}
