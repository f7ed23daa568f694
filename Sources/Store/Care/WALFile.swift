import Glibc

/// The bytes of a WAL, and of the database beside it.
final class WALFile {
    private static let headerBytes = 32
    private static let frameHeaderBytes = 24
    private static let pageBytesMin = 512
    private static let pageBytesMax = 65_536
    /// Of a WAL with one frame.
    static let bytesMin = headerBytes + frameHeaderBytes + pageBytesMin

    /// What the header of a WAL says, or where it is damaged its frames.
    struct Shape {
        var pageBytes: Int
        /// In which order the check value takes the bytes of a word.
        var isBigEndian: Bool
        /// Another pair each time the WAL starts from its beginning: frames with others are left-overs.
        var salts: UInt64
        /// The check value that the first frame goes on from.
        var before: WALCheckValue
        var isBeforeSure = true
        var isBroken = false
    }

    /// The header of a frame.
    struct Raw {
        var page: Int64
        var size: Int64
        var salts: UInt64
        var stored: WALCheckValue
    }

    let size: Int
    private let descriptor: Int32
    private let database: Int32
    private let databaseBytes: Int64
    private let header: [UInt8]
    /// The frame at hand and the one behind it.
    private let buffers: [UnsafeMutableRawBufferPointer]
    var pageBytes = 0
    /// Why the first call that failed did: what it was to read is not known, and need not be damaged.
    private(set) var failure: Int32?

    /// nil where there is no such file. Throws `.notReadable`.
    init?(_ path: String, of database: String) throws(StoreError) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno != ENOENT else { return nil }
            throw .notReadable(path: path, detail: Folder.reason(errno))
        }
        self.database = open(database, O_RDONLY | O_CLOEXEC)
        var failure = self.database < 0 && errno != ENOENT ? errno : nil
        databaseBytes = Folder.size(of: database)
        var status = stat()
        if fstat(descriptor, &status) != 0 { failure = errno }
        size = Int(status.st_size)
        var bytes = [UInt8](repeating: 0, count: Self.headerBytes)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        if count < 0 { failure = errno }
        header = count == bytes.count ? bytes : []
        self.failure = failure
        buffers = (0..<2).map { _ in
            .allocate(byteCount: Self.pageBytesMax + Self.frameHeaderBytes, alignment: 8)
        }
    }

    deinit {
        for buffer in buffers { buffer.deallocate() }
        close(descriptor)
        if database >= 0 { close(database) }
    }

    // MARK: Header

    /// nil where not even the frames tell.
    func shape() -> Shape? {
        guard !header.isEmpty else { return nil }
        let (magic, version) = (number(0), number(4))
        let stored = WALCheckValue(first: number(24), second: number(28))
        let salts = UInt64(number(16)) << 32 | UInt64(number(20))
        if magic & ~1 == 0x377F_0682, version == 3_007_000, Self.isPageSize(Int(number(8))) {
            let shape = Shape(
                pageBytes: Int(number(8)), isBigEndian: magic & 1 == 1, salts: salts, before: stored)
            if checkOfHeader(shape) == stored { return shape }
        }
        // Whatever bit of it flipped, the first frame matches what is stored, or what the rest comes to.
        var sizes = [Int(number(8)), pageBytesOfDatabase()] + (9...16).map { 1 << $0 }
        sizes = sizes.filter(Self.isPageSize)
        var shapes: [Shape] = []
        for pageBytes in sizes where !shapes.contains(where: { $0.pageBytes == pageBytes }) {
            for isBigEndian in [false, true] {
                shapes.append(
                    Shape(pageBytes: pageBytes, isBigEndian: isBigEndian, salts: 0, before: stored, isBroken: true))
            }
        }
        for shape in shapes {
            // Zeros match zeros.
            guard let first = frame(0, shape), first.page > 0 else { continue }
            for before in [stored, checkOfHeader(shape)] where check(before, shape) == first.stored {
                var shape = shape
                (shape.salts, shape.before) = (first.salts, before)
                return shape
            }
        }
        // Nor the first frame: two that follow each other are of the WAL that the first of them is of.
        for shape in shapes {
            for index in 0..<max(0, min(frameCount(shape) - 1, 64)) {
                guard let first = frame(index, shape), leads(to: index + 1, from: first.stored, shape, first.salts)
                else { continue }
                var shape = shape
                (shape.salts, shape.isBeforeSure) = (first.salts, false)
                return shape
            }
        }
        return nil
    }

    private func number(_ offset: Int) -> UInt32 {
        header[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private func checkOfHeader(_ shape: Shape) -> WALCheckValue {
        var check = WALCheckValue()
        buffers[1].copyBytes(from: header)
        check.add(UnsafeRawBufferPointer(rebasing: buffers[1][..<24]), isBigEndian: shape.isBigEndian)
        return check
    }

    private static func isPageSize(_ bytes: Int) -> Bool {
        bytes >= pageBytesMin && bytes <= pageBytesMax && bytes & (bytes - 1) == 0
    }

    private func pageBytesOfDatabase() -> Int {
        guard let first = page(1, 512) else { return 0 }
        return Int(first[16]) << 8 | Int(first[17]) << 16 & 0x1_0000
    }

    private func fill(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int, at offset: Int) -> Bool {
        let got = pread(descriptor, buffer, count, off_t(offset))
        if got < 0, failure == nil { failure = errno }
        return got == count
    }

    // MARK: Frames

    func frameCount(_ shape: Shape) -> Int {
        (size - Self.headerBytes) / (Self.frameHeaderBytes + shape.pageBytes)
    }

    /// Makes a frame the one at hand. nil where it cannot be read.
    func frame(_ index: Int, _ shape: Shape) -> Raw? {
        pageBytes = shape.pageBytes
        return read(index, into: buffers[0])
    }

    private func read(_ index: Int, into buffer: UnsafeMutableRawBufferPointer) -> Raw? {
        let count = Self.frameHeaderBytes + pageBytes
        guard fill(descriptor, buffer.baseAddress, count, at: Self.headerBytes + index * count) else { return nil }
        func number(_ offset: Int) -> UInt32 {
            UInt32(bigEndian: buffer.load(fromByteOffset: offset, as: UInt32.self))
        }
        let raw = Raw(
            page: Int64(number(0)), size: Int64(number(4)), salts: UInt64(number(8)) << 32 | UInt64(number(12)),
            stored: WALCheckValue(first: number(16), second: number(20)))
        // In front of the page, so that what the check value is over lies in one piece.
        buffer.storeBytes(of: buffer.load(as: UInt64.self), toByteOffset: 16, as: UInt64.self)
        return raw
    }

    /// What the check value of the frame at hand is over.
    var checked: UnsafeRawBufferPointer { checked(buffers[0]) }

    private func checked(_ buffer: UnsafeMutableRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: buffer[16..<Self.frameHeaderBytes + pageBytes])
    }

    /// The check value of the frame at hand, where `before` is that of the frame before it.
    func check(_ before: WALCheckValue, _ shape: Shape) -> WALCheckValue {
        var check = before
        check.add(checked, isBigEndian: shape.isBigEndian)
        return check
    }

    /// Whether a frame is of this WAL and goes on from this check value. The frame at hand stays so.
    func leads(to index: Int, from before: WALCheckValue, _ shape: Shape, _ salts: UInt64? = nil) -> Bool {
        guard index < frameCount(shape), let next = read(index, into: buffers[1]), next.page > 0,
            next.salts == salts ?? shape.salts
        else { return false }
        var check = before
        check.add(checked(buffers[1]), isBigEndian: shape.isBigEndian)
        return check == next.stored
    }

    /// Whether a sector ends between the size in a frame's header and the salts behind it: what is written to one
    /// sector is written as a whole.
    func isCutBehindSize(_ index: Int, _ pageBytes: Int) -> Bool {
        (Self.headerBytes + index * (Self.frameHeaderBytes + pageBytes) + 8) % 512 == 0
    }

    // MARK: Pages

    /// nil where the file does not read.
    func content(of index: Int, _ frame: WAL.Frame, _ pageBytes: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: pageBytes)
        let offset = Self.headerBytes + index * (Self.frameHeaderBytes + pageBytes) + Self.frameHeaderBytes
        guard fill(descriptor, &bytes, pageBytes, at: offset) else { return nil }
        if case .flipped(let bit) = frame.content { bytes[bit.offset - 8] ^= bit.mask }
        return bytes
    }

    /// A page of the database as its file has it; nil behind its end.
    func page(_ number: Int64, _ pageBytes: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: pageBytes)
        let offset = (number - 1) * Int64(pageBytes)
        guard database >= 0, offset >= 0, fill(database, &bytes, pageBytes, at: Int(offset)) else { return nil }
        return bytes
    }

    func pagesOfDatabase(_ pageBytes: Int) -> Int64 { databaseBytes / Int64(pageBytes) }
}
