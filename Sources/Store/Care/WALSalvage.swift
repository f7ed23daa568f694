import Glibc

/// What a damaged WAL comes to in the file of its database.
///
/// Of each page the newest frame counts, as at a checkpoint. Where that frame is damaged and no later commit wrote the
/// page again, its bytes are put there with a wrong check value, so that whoever reads the page knows: rows with check
/// values of their own are still taken from it. A file without check values keeps the last version that was right.
struct WALSalvage {
    private struct Version {
        var page: Int64
        var index: Int
        var isRight: Bool
    }

    let wal: WAL
    private var versions: [Version] = []
    /// Flipped bits that were put right, and damaged frames whose pages were written again later.
    private(set) var mended = 0
    private(set) var outdated = 0
    /// Pages whose newest version is damaged, and frames of which it is not known what page they hold.
    private(set) var doubtful: [Int64] = []
    private(set) var unknown = 0
    /// Pages whose newest version may be in a damaged frame that says another number. They are left as they are: more probably
    /// the frame is right in that.
    private(set) var unsure: [Int64] = []

    init(_ wal: WAL) {
        self.wal = wal
        let size = wal.frames.last?.size ?? 0
        var seen: Set<Int64> = []
        for (index, frame) in wal.frames.enumerated().reversed() {
            let isRight = frame.content != .doubtful
            let isNewest = frame.page == 0 || frame.page <= size && seen.insert(frame.page).inserted
            if frame.isBroken, isRight { mended += 1 }
            if !isRight, frame.page == 0 { unknown += 1 }
            if !isRight, !isNewest { outdated += 1 }
            guard isNewest, frame.page > 0 else { continue }
            versions.append(Version(page: frame.page, index: index, isRight: isRight))
            if !isRight { doubtful.append(frame.page) }
            unsure += frame.others.filter { $0 <= size && !seen.contains($0) }
        }
        versions.sort { $0.page < $1.page }
        doubtful.sort()
    }

    /// What may be lost; nil where nothing is.
    var loss: String? {
        if wal.isUnreadable { return "nothing of it reads" }
        var parts: [String] = []
        if !doubtful.isEmpty {
            parts.append(
                "the newest versions of pages \(Self.list(doubtful)) are damaged, and what does not read of them is lost"
            )
        }
        if !unsure.isEmpty {
            parts.append("the newest versions of pages \(Self.list(unsure)) may be among the damaged ones")
        }
        if unknown > 0 { parts.append("of \(unknown) damaged frames it is not known what pages they held") }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    private static func list(_ pages: [Int64]) -> String {
        pages.prefix(20).map { "\($0)" }.joined(separator: ", ") + (pages.count > 20 ? ", …" : "")
    }

    var sentence: String {
        if wal.isUnreadable { return "nothing of it was taken over" }
        var parts = ["commits taken over: \(wal.frames.count { $0.size > 0 })"]
        if mended > 0 { parts.append("frames put right: \(mended)") }
        if outdated > 0 { parts.append("damaged frames whose pages were written again later: \(outdated)") }
        parts.append(loss ?? "nothing is lost")
        return parts.joined(separator: "; ")
    }

    /// Writes the pages into the file and makes them durable. After a failure it may be done again: the WAL stays.
    func apply(_ work: FileWork) throws(StoreError) {
        guard let size = wal.frames.last?.size else { return }
        let isChecked = try hasCheckValues()
        for version in versions {
            var index = version.index
            var isRight = version.isRight
            // Of a page that was lost as a whole an older version tells more.
            var page = isRight ? try content(of: index) : wal.content(of: index) ?? []
            if !isRight, !isChecked || page.allSatisfy({ $0 == 0 }) {
                let older = wal.frames[..<index].lastIndex { $0.page == version.page && $0.content != .doubtful }
                guard let older else {
                    if let old = wal.page(version.page), isChecked {
                        page = old
                        try put(page, version.page, isRight: false, isChecked, work)
                    }
                    continue
                }
                (index, isRight) = (older, !isChecked)
                page = try content(of: index)
            }
            try put(page, version.page, isRight: isRight, isChecked, work)
        }
        try work.resize(wal.database, to: size * Int64(wal.pageBytes))
        try work.sync(file: wal.database)
    }

    private func put(
        _ page: [UInt8], _ number: Int64, isRight: Bool, _ isChecked: Bool, _ work: FileWork
    ) throws(StoreError) {
        var page = page
        if isChecked { page.withUnsafeMutableBytes { PageChecks.seal($0, number: number, isRight: isRight) } }
        try work.write(page, to: wal.database, at: (number - 1) * Int64(wal.pageBytes))
    }

    private func content(of index: Int) throws(StoreError) -> [UInt8] {
        guard let page = wal.content(of: index) else {
            throw .ioError(file: wal.path, detail: "frame \(index + 1) cannot be read")
        }
        return page
    }

    /// As the header in the first page says.
    private func hasCheckValues() throws(StoreError) -> Bool {
        var first = wal.page(1)
        if let version = versions.first, version.page == 1, version.isRight || first == nil {
            first = try content(of: version.index)
        }
        return first?[20] == UInt8(PageChecks.reservedBytes)
    }
}

extension Folder {
    /// A damaged WAL whose database has all that it held; a repair keeps it so until it has ended well.
    static let salvagedSuffix = ".salvaged"

    /// Databases with a WAL beside them, relative to the folder.
    func databasesWithWAL() -> [String] {
        files(ending: ".db-wal").map { String($0.dropLast("-wal".count)) }.filter { Self.exists(path + "/" + $0) }
    }

    /// WALs that an interrupted repair has taken over, relative to the folder.
    func salvagedWALs() -> [String] { files(ending: ".db-wal" + Self.salvagedSuffix) }

    private func files(ending suffix: String) -> [String] {
        (Self.names(in: path) + Self.names(in: raw).map { "raw/" + $0 }).filter { $0.hasSuffix(suffix) }.sorted()
    }

    /// Throws `.walDamaged` where SQLite would lose commits of a WAL that was left, and `.ioError` where that cannot be told.
    /// Reads each, 1.5 ms for 4 MB.
    func checkWALs() throws(StoreError) {
        if let detail = try lostCommits() { throw .walDamaged(file: core + "-wal", detail: detail) }
        for file in databasesWithWAL() {
            guard let damage = try WAL.whole(of: path + "/" + file)?.damage else { continue }
            throw .walDamaged(file: path + "/" + file + "-wal", detail: damage)
        }
    }
}
