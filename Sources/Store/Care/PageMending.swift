import Basics
import Glibc

/// What the check values of its pages tell of the damage in a database file, so that it can be undone.
///
/// A page that matches under another page's number lies in the wrong place. One that matches once a single bit is turned
/// back had that bit flipped: see `CRC32C.flip`, also for how seldom other damage looks so. What both would explain, or
/// neither, is left as it is. A file that is shorter than its header tells is filled up with zeros: SQLite opens no shorter
/// one, and then reads all but those pages.
///
/// What looks like one flipped bit and is more, three at least, is then left wrong: for a page of 16 kB 131,136 of 2^31, for
/// one of 4 kB 32,800. Day files and rollups have check values of their own below it.
struct PageMending {
    enum Mend: Equatable {
        /// Of the page, from its first byte.
        case flipped(byte: Int, bit: Int)
        /// What lies here belongs to this page.
        case moved(to: Int64)
    }

    let file: PageFile
    private let byNumber: [UInt32]

    /// A page may be looked for among so many others.
    private static let movedMax = 4096

    /// nil where the file cannot be read at all.
    init?(_ path: String) {
        guard let file = PageFile(path) else { return nil }
        self.init(file)
    }

    init(_ file: PageFile) {
        self.file = file
        byNumber = CRC32C.differences(before: file.pageBytes - PageChecks.reservedBytes)
    }

    /// How a page that does not match its check value can be put right; nil where it cannot. `others`: those that may be
    /// meant to be here.
    func mend(_ number: Int64, among others: [Int64]) -> Mend? {
        guard file.isChecked, let page = file.page(number) else { return nil }
        let end = page.count - PageChecks.reservedBytes
        let (kept, mark, made) = page.withUnsafeBytes { bytes in
            (
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: end, as: UInt32.self)),
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: end + 4, as: UInt32.self)),
                PageChecks.check(bytes, number)
            )
        }
        let difference = kept ^ made
        let marks = mark ^ PageChecks.mark
        if marks != 0 {
            guard difference == 0, marks.nonzeroBitCount == 1 else { return nil }
            return .flipped(byte: end + 4 + marks.trailingZeroBitCount / 8, bit: marks.trailingZeroBitCount % 8)
        }
        let owners = others.prefix(Self.movedMax).filter { $0 != number && differences($0, number) == difference }
        switch (CRC32C.flip(difference, bytes: PageChecks.reservedBytes + end), owners.count) {
        case (.kept?, 0):
            let bit = difference.trailingZeroBitCount
            return .flipped(byte: end + bit / 8, bit: bit % 8)
        case (.checked(let byte, let bit)?, 0):
            // The first 8 bytes are the page's number, which is no part of it.
            return byte >= 8 ? .flipped(byte: byte - 8, bit: bit) : nil
        case (nil, 1): return .moved(to: owners[0])
        default: return nil
        }
    }

    private func differences(_ left: Int64, _ right: Int64) -> UInt32 {
        var bits = UInt64(bitPattern: left ^ right)
        var difference: UInt32 = 0
        while bits != 0 {
            difference ^= byNumber[bits.trailingZeroBitCount]
            bits &= bits - 1
        }
        return difference
    }

    /// The pages that do not match.
    func wrongPages() -> [Int64] {
        guard file.isChecked else { return [] }
        // SQLite never writes the page of its locks, at 1 GB.
        let lockPage = 0x4000_0000 / Int64(file.pageBytes) + 1
        return stride(from: Int64(1), through: file.pageCount, by: 1).filter { number in
            number != lockPage && !(file.page(number).map { file.isRight($0, number) } ?? false)
        }
    }

    /// The pages that can be put right, and what the file is as long as then; nil where nothing can be done for it.
    ///
    /// `schema`: what some of the pages held. `isWhole`: all of the database is in this file. With a WAL beside it, it may be shorter than its header tells.
    func plan(
        isWhole: Bool, schema: SchemaCopy? = nil
    ) -> (pages: [(number: Int64, content: [UInt8])], bytes: Int64, sentences: [String])? {
        let wrong = wrongPages()
        var pages: [Int64: [UInt8]] = [:]
        var (flipped, moved): ([String], [Int64]) = ([], [])
        for number in wrong {
            guard let mend = mend(number, among: wrong), var page = file.page(number) else { continue }
            switch mend {
            case .flipped(let byte, let bit):
                page[byte] ^= 1 << UInt8(bit)
                guard file.isRight(page, number) else { continue }
                pages[number] = page
                flipped.append("\(number) (byte \(byte), bit \(bit))")
            case .moved(let owner):
                guard file.isRight(page, owner) else { continue }
                pages[owner] = page
                moved.append(owner)
            }
        }
        let known = (schema?.contents(of: wrong, in: file) ?? [:]).filter { pages[$0.key] == nil }
        pages.merge(known) { mended, _ in mended }
        var sentences: [String] = []
        if !known.isEmpty {
            let list = Self.list(known.keys.sorted().map { "\($0)" })
            sentences.append("pages that say what tables it has were taken from \(SchemaCopy.fileName): \(list)")
        }
        if !flipped.isEmpty { sentences.append("one bit each was turned back in pages \(Self.list(flipped))") }
        if !moved.isEmpty {
            sentences.append("pages \(Self.list(moved.map { "\($0)" })) lay in the places of others and were put back")
        }
        var bytes = file.bytes
        // The header may be among what is put right.
        let header = pages[1].map { Int64($0.number(28)) } ?? file.pagesTold
        if isWhole, let header, header > file.pageCount || file.bytes % Int64(file.pageBytes) != 0,
            header <= file.pageCount * 4 + 64, header >= file.pageCount
        {
            bytes = header * Int64(file.pageBytes)
            sentences.append("it had \(file.bytes) of \(bytes) bytes; what is missing was filled up with zeros")
        }
        guard !sentences.isEmpty else { return nil }
        return (pages.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, bytes, sentences)
    }

    private static func list(_ items: [String]) -> String {
        items.prefix(20).joined(separator: ", ") + (items.count > 20 ? ", …" : "")
    }

    /// What a check says of a page that does not match.
    func outlook(_ number: Int64, among wrong: [Int64], schema: SchemaCopy?) -> String? {
        switch mend(number, among: wrong) {
        case .flipped: "one bit of it is flipped, which a repair turns back"
        case .moved(let owner): "what lies there is page \(owner), and a repair puts it back"
        case nil:
            schema.flatMap { $0.contents(of: wrong, in: file)[number] }.map { _ in
                "it says what tables there are, and a repair takes it from \(SchemaCopy.fileName)"
            }
        }
    }
}

extension StoreRepairer {
    /// Puts right what pages' own check values tell how to, in place, and keeps the file as it was; true where it did.
    ///
    /// Beside a WAL it concerns what lies below it.
    func mendPages(_ damage: [StoreDamage]) throws(StoreError) -> Bool {
        let manifest = try? FileReader(folder.core, effects: nil).read { core throws(StoreError) in try Manifest(core) }
        let strays = StrayFinder.names(in: folder, manifest ?? Manifest())
        let files = Set(damage.map(\.file) + strays).filter { $0.hasSuffix(".db") }.sorted()
        var hasMended = false
        for file in files {
            let path = folder.path + "/" + file
            let isWhole = Folder.size(of: path + "-wal") == 0
            let schema = file == "core.db" ? SchemaCopy(in: folder) : nil
            guard let plan = PageMending(path)?.plan(isWhole: isWhole, schema: schema) else { continue }
            let draft = path + ".new"
            try work.remove(draft)
            guard try work.copy(path, to: draft, mode: 0o640) != nil else { continue }
            if plan.bytes > Folder.size(of: draft) { try work.resize(draft, to: plan.bytes) }
            let pageBytes = Int64(plan.pages.first?.content.count ?? 0)
            for page in plan.pages { try work.write(page.content, to: draft, at: (page.number - 1) * pageBytes) }
            try work.sync(file: draft)
            try keep(file)
            kept.insert(file)
            if file.hasPrefix("raw/"), file.contains(".g") { chmod(draft, 0o440) }
            try work.rename(draft, to: path)
            try work.sync(folder: FileWork.parts(of: path).parent)
            for sentence in plan.sentences { report.done.append("\(file): \(sentence)") }
            hasMended = true
        }
        return hasMended
    }
}
