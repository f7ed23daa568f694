import Glibc

/// A database file as its pages, without SQLite: for one that SQLite does not open, or whose pages lead astray.
///
/// Source: sqlite.org, "Database File Format", 1.2 to 1.6.
final class PageFile {
    let path: String
    /// Of the file as it is.
    let bytes: Int64
    let pageBytes: Int
    /// Pages have check values of their own, see `PageChecks`.
    let isChecked: Bool
    /// Bytes at the end of each page that are none of SQLite's.
    let reserved: Int
    private let descriptor: Int32

    private static let headerBytes = 100
    private static let sizes = [16_384, 8192, 4096, 65_536, 32_768, 2048, 1024, 512]
    /// Pages looked at to find out how long pages are.
    private static let guessesMax: Int64 = 32

    /// nil where the file cannot be opened or has not a page.
    init?(_ path: String) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        self.path = path
        bytes = Folder.size(of: path)
        let header = Self.read(descriptor, at: 0, Self.headerBytes) ?? []
        let isHeader = header.count == Self.headerBytes && header.starts(with: "SQLite format 3\0".utf8)
        let told = isHeader ? Int(header[16]) << 8 | Int(header[17]) << 16 & 0x1_0000 : 0
        // Pages match their check values only at their own length; where none does, the header is all there is.
        var best = (size: Self.sizes.contains(told) ? told : Self.sizes[0], right: 0)
        for size in [best.size] + Self.sizes {
            let count = min(bytes / Int64(size), Self.guessesMax)
            var right = 0
            for number in stride(from: Int64(1), through: count, by: 1) {
                let page = Self.read(descriptor, at: (number - 1) * Int64(size), size) ?? []
                if page.withUnsafeBytes({ PageChecks.isRight($0, number: number) }) { right += 1 }
            }
            if right > best.right { best = (size, right) }
        }
        pageBytes = best.size
        isChecked = best.right > 0
        reserved = isChecked ? PageChecks.reservedBytes : isHeader ? Int(header[20]) : 0
        guard bytes > 0, pageBytes - reserved >= 480 else {
            close(descriptor)
            return nil
        }
    }

    deinit { close(descriptor) }

    /// Pages, the last of which may be cut short.
    var pageCount: Int64 { (bytes + Int64(pageBytes) - 1) / Int64(pageBytes) }
    /// Bytes of a page that SQLite uses.
    var usable: Int { pageBytes - reserved }

    /// A page, from 1, filled up with zeros where the file ends in it; nil where it does not read.
    func page(_ number: Int64) -> [UInt8]? {
        guard number >= 1, number <= pageCount else { return nil }
        guard var page = Self.read(descriptor, at: (number - 1) * Int64(pageBytes), pageBytes) else { return nil }
        page.append(contentsOf: repeatElement(0, count: pageBytes - page.count))
        return page
    }

    func isRight(_ page: [UInt8], _ number: Int64) -> Bool {
        page.withUnsafeBytes { PageChecks.isRight($0, number: number) }
    }

    /// What was read of so many bytes, less at the end of the file; nil where the disk fails.
    private static func read(_ descriptor: Int32, at offset: Int64, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = pread(descriptor, &bytes, count, off_t(offset))
        guard got >= 0 else { return nil }
        return got == count ? bytes : Array(bytes[..<got])
    }

    // MARK: What the header tells

    /// Pages that the database has by its header; nil where the first page does not read or is not to be relied on.
    var pagesTold: Int64? {
        guard let first = page(1), first.starts(with: "SQLite format 3\0".utf8), !isChecked || isRight(first, 1),
            // Of a header that an old SQLite wrote the number may be older than the file.
            first[24..<28] == first[92..<96]
        else { return nil }
        return Int64(first.number(28))
    }

    /// Pages that are in no table, as far as the list of them reads.
    func freePages() -> Set<Int64> {
        guard let first = page(1), first.starts(with: "SQLite format 3\0".utf8) else { return [] }
        var free: Set<Int64> = []
        var trunk = Int64(first.number(32))
        while trunk > 1, trunk <= pageCount, free.insert(trunk).inserted, let page = page(trunk) {
            let count = Int(page.number(4))
            guard count <= usable / 4 - 2 else { break }
            for place in 0..<count { free.insert(Int64(page.number(8 + 4 * place))) }
            trunk = Int64(page.number(0))
        }
        return free
    }
}

extension [UInt8] {
    /// Four bytes, the highest first.
    func number(_ offset: Int) -> UInt32 {
        UInt32(self[offset]) << 24 | UInt32(self[offset + 1]) << 16 | UInt32(self[offset + 2]) << 8
            | UInt32(self[offset + 3])
    }
}
