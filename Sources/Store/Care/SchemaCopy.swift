import Basics
import Frames
import Glibc

/// The pages of core.db that say what tables it has and where each begins, kept in a small file beside it.
///
/// They are few and the same from one upgrade to the next, and without them nothing of core.db can be found, however well
/// all else of it reads. Only a repair looks at the file, and anybody may delete it: the next start writes it again.
struct SchemaCopy: Equatable {
    /// SQLite counts changes of the schema.
    var cookie: UInt32
    var pages: [Page]

    struct Page: Equatable {
        var number: Int64
        var content: [UInt8]
    }

    static let fileName = "core.schema"

    private static let magic: UInt64 = 0x3148_4353_544F_4142  // "BAOTSCH1"
    /// No schema of ours comes near it.
    private static let pagesMax = 256
    private static let cookiePlace = 40
    /// Of the file's own header, which is not the schema's.
    private static let headerBytes = 100

    // MARK: Out of a database

    /// nil where a page of them does not read, or none has a check value.
    ///
    /// Source: sqlite.org, "Database File Format", 1.3 and 1.6: the tree of the schema's table begins in the first page.
    init?(of file: PageFile) {
        guard file.isChecked else { return nil }
        var numbers: [Int64] = [1]
        var pages: [Page] = []
        while let number = numbers.popLast() {
            guard pages.count < Self.pagesMax, !pages.contains(where: { $0.number == number }),
                let page = file.page(number), file.isRight(page, number), let next = Self.next(page, number, file)
            else { return nil }
            pages.append(Page(number: number, content: page))
            numbers += next
        }
        cookie = pages[0].content.number(Self.cookiePlace)
        self.pages = pages
    }

    /// The pages below this one; nil where it is none of a tree of rows, or has a row that goes on in another page.
    private static func next(_ page: [UInt8], _ number: Int64, _ file: PageFile) -> [Int64]? {
        let head = number == 1 ? headerBytes : 0
        let cells = Int(page[head + 3]) << 8 | Int(page[head + 4])
        let isLeaf = page[head] == 13
        guard isLeaf || page[head] == 5 else { return nil }
        let pointers = head + (isLeaf ? 8 : 12)
        guard pointers + 2 * cells <= file.usable else { return nil }
        let places = (0..<cells).map { Int(page[pointers + 2 * $0]) << 8 | Int(page[pointers + 2 * $0 + 1]) }
        guard places.allSatisfy({ $0 + 4 <= file.usable }) else { return nil }
        guard isLeaf else { return (places + [head + 8]).map { Int64(page.number($0)) } }
        let isWithin = places.allSatisfy { place in
            var place = place
            return TableLeaves.varint(page, &place, file.usable).map { $0 <= UInt64(file.usable - 35) } ?? false
        }
        return isWithin ? [] : nil
    }

    // MARK: In its file

    /// Writes the file where what it holds is not what core.db has. It may fail: nothing depends on it.
    static func keep(_ folder: Folder, _ core: Connection) {
        guard let cookie = try? core.integer("PRAGMA schema_version") else { return }
        /// nil where core.db has it in its WAL so far.
        func ofCore() -> SchemaCopy? {
            PageFile(folder.core).flatMap { SchemaCopy(of: $0) }.flatMap { Int64($0.cookie) == cookie ? $0 : nil }
        }
        var copy = ofCore()
        if copy == nil {
            try? core.checkpoint()
            copy = ofCore()
        }
        guard let copy, copy != SchemaCopy(in: folder) else { return }
        var writer = ByteWriter(capacity: 40 + copy.pages.reduce(0) { $0 + 8 + $1.content.count })
        writer.put(word: magic)
        writer.put(word: UInt64(copy.cookie))
        writer.put(word: UInt64(copy.pages[0].content.count))
        writer.put(word: UInt64(copy.pages.count))
        for page in copy.pages {
            writer.put(word: UInt64(page.number))
            page.content.withUnsafeBytes { writer.put(bytes: $0) }
        }
        let check = writer.withBytes { CRC32C.check(key: 0, $0) }
        writer.put(word: UInt64(bitPattern: check))
        Folder.replace(folder.schemaCopy, with: writer)
    }

    /// nil where there is none, or it is damaged.
    init?(in folder: Folder) {
        guard Folder.size(of: folder.schemaCopy) < 1 << 25,
            let bytes = (try? Folder.bytesIfThere(of: folder.schemaCopy)) ?? nil, bytes.count >= 40
        else { return nil }
        func word(_ place: Int) -> UInt64 {
            bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: UInt64.self)) }
        }
        let end = bytes.count - 8
        let check = bytes.withUnsafeBytes { CRC32C.check(key: 0, UnsafeRawBufferPointer(rebasing: $0[..<end])) }
        guard word(0) == Self.magic, word(end) == UInt64(bitPattern: check) else { return nil }
        guard word(16) <= 1 << 16, (1...UInt64(Self.pagesMax)).contains(word(24)) else { return nil }
        let (size, count) = (Int(word(16)), Int(word(24)))
        guard end == 32 + count * (8 + size) else { return nil }
        cookie = UInt32(truncatingIfNeeded: word(8))
        pages = (0..<count).map { index in
            let place = 32 + index * (8 + size)
            return Page(
                number: Int64(bitPattern: word(place)), content: Array(bytes[place + 8..<place + 8 + size]))
        }
    }

    // MARK: For a repair

    /// What belongs into those of the `wrong` pages that it has; empty where it is of another database than `file`.
    func contents(of wrong: [Int64], in file: PageFile) -> [Int64: [UInt8]] {
        var contents: [Int64: [UInt8]] = [:]
        for page in pages {
            guard page.content.count == file.pageBytes else { return [:] }
            if wrong.contains(page.number) {
                contents[page.number] = page.number == 1 ? Self.first(page.content, file) : page.content
            } else {
                guard let found = file.page(page.number) else { return [:] }
                let isSame =
                    page.number == 1
                    ? found.number(Self.cookiePlace) == cookie
                        && found[Self.headerBytes..<file.usable] == page.content[Self.headerBytes..<file.usable]
                    : found == page.content
                guard isSame else { return [:] }
            }
        }
        return contents
    }

    /// The first page with the numbers of the file as it is, and no page of it free: they are not known any more.
    private static func first(_ content: [UInt8], _ file: PageFile) -> [UInt8] {
        var page = content
        page.replaceSubrange(28..<32, with: (0..<4).map { UInt8(truncatingIfNeeded: file.pageCount >> (24 - 8 * $0)) })
        page.replaceSubrange(32..<40, with: repeatElement(0, count: 8))
        page.replaceSubrange(92..<96, with: page[24..<28])
        page.withUnsafeMutableBytes { PageChecks.seal($0, number: 1) }
        return page
    }
}
