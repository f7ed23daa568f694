/// The WAL that a process left beside a database, read as bytes and past what is damaged in it.
///
/// SQLite takes the first frame that does not match for the end of the log, and all commits behind it vanish: that is
/// right for a commit which the power failed in, and loses acknowledged readings where a bit flipped. Here each frame
/// is judged by the check value stored in the frame before it, so a damaged one does not condemn its successors.
///
/// Told apart by this: every commit was synced before the next began, so only the last one can be torn, with any of its
/// frames missing, in any order, and bytes of an older round in their place. A frame of which all but one bit is right
/// was never torn. What is behind the last commit counts for nothing.
///
/// Source: sqlite.org, "WAL-mode File Format"; that a transaction writes a page once, but for its last frame, and new
/// pages always, is how `walFrames` of SQLite 3.40 does it.
struct WAL {
    struct Frame {
        enum Content: Equatable {
            case right
            /// Right once this bit is flipped back.
            case flipped(WALBit)
            /// As it is in the file, and not to be relied on.
            case doubtful
        }
        /// From 1; 0 where it is not known.
        var page: Int64
        /// Pages of the database after the commit that ends here; 0 within one.
        var size: Int64 = 0
        var content = Content.doubtful
        /// SQLite stops here.
        var isBroken = true
        /// It has the salts of this WAL, or goes on from the check value before it.
        var isOurs = true
        /// One bit of it is wrong, wherever: no power failure does that.
        var hasFlip = false
        /// Bits of the page's number and the size that may be the flipped one.
        var doubts: [WALBit] = []
        /// Pages that it may hold instead of its own, less probably.
        var others: [Int64] = []
    }

    let path: String
    let database: String
    let pageBytes: Int
    /// Of its commits, all of them whole but for damage.
    private(set) var frames: [Frame] = []
    private(set) var isHeaderBroken: Bool
    /// Frames follow that are of no commit: the power failed in it, or it was taken back.
    private(set) var isTorn = false
    /// Not one frame can be told from any bytes.
    private(set) var isUnreadable = false

    private let file: WALFile

    /// Each may read thousands of pages.
    private static let guessesMax = 32
    /// SQLite keeps more of a transaction than this in memory before it writes the first page.
    private static let unspilledBytes = 1 << 20

    /// nil where no WAL was left, or one without frames.
    ///
    /// `path` is that of the WAL where it is not beside its database any more.
    init?(of database: String, path: String? = nil) {
        let path = path ?? database + "-wal"
        guard let file = try? WALFile(path, of: database) else { return nil }
        self.init(file, database, path)
    }

    /// As `init` does, where a call of the kernel that fails is no end of the file: whoever concludes from what is missing
    /// is to look so. Throws `.notReadable`, and `.ioError` where any of it was not read.
    static func whole(of database: String) throws(StoreError) -> WAL? {
        let path = database + "-wal"
        guard let file = try WALFile(path, of: database) else { return nil }
        let wal = WAL(file, database, path)
        if let code = file.failure { throw .ioError(file: path, detail: Folder.reason(code)) }
        return wal
    }

    private init?(_ file: WALFile, _ database: String, _ path: String) {
        (self.file, self.database, self.path) = (file, database, path)
        guard file.size >= WALFile.bytesMin else { return nil }
        let shape = file.shape()
        isHeaderBroken = shape?.isBroken ?? true
        pageBytes = shape?.pageBytes ?? 0
        guard let shape else {
            isUnreadable = true
            return
        }
        guard file.frameCount(shape) > 0 else { return nil }
        judge(shape)
        leaveOutWrongNumbers()
        for index in frames.indices where !frames[index].doubts.isEmpty { settle(index) }
        endAtLastCommit()
        for index in frames.indices.filter({ frames[$0].page == 0 }).prefix(Self.guessesMax) { guessPage(index) }
    }

    var isDamaged: Bool {
        isUnreadable || !frames.isEmpty && (isHeaderBroken || frames.contains(where: \.isBroken))
    }

    /// What is wrong with it and what depends on that; nil where it is not damaged.
    var damage: String? {
        guard isDamaged else { return nil }
        if isUnreadable { return "nothing of it reads, nor whether it holds commits" }
        let broken = frames.indices.filter { frames[$0].isBroken }
        let first = isHeaderBroken ? 0 : broken[0]
        let commits = frames[first...].count { $0.size > 0 }
        let more = broken.count - (isHeaderBroken ? 0 : 1)
        let page = frames[first].page > 0 ? " (page \(frames[first].page))" : ""
        return (isHeaderBroken ? "its header" : "frame \(first + 1) of \(frames.count)\(page)")
            + " does not match its check value"
            + (more == 0 ? "" : more == 1 ? ", nor does another frame" : ", nor do \(more) other frames")
            + "; SQLite passes over \(commits) commit\(commits == 1 ? "" : "s") from there on"
    }

    /// The page in a frame, a flipped bit put right. nil where the file does not read.
    func content(of index: Int) -> [UInt8]? { file.content(of: index, frames[index], pageBytes) }

    /// A page as the file of the database has it; nil behind its end.
    func page(_ number: Int64) -> [UInt8]? { file.page(number, pageBytes) }

    /// A page as the frames before this one and the file have it; nil where there is none.
    private func content(of page: Int64, before index: Int) -> [UInt8]? {
        if let known = frames[..<index].lastIndex(where: { $0.page == page && $0.content != .doubtful }) {
            return content(of: known)
        }
        return file.page(page, pageBytes)
    }

    // MARK: Frames

    private mutating func judge(_ shape: WALFile.Shape) {
        /// The check value after the frame before; known to be right, or as that frame has it.
        var (before, isSure) = (shape.before, shape.isBeforeSure)
        frames.reserveCapacity(file.frameCount(shape))
        for index in 0..<file.frameCount(shape) {
            guard let raw = file.frame(index, shape) else {
                frames.append(Frame(page: 0, isOurs: false))
                isSure = false
                continue
            }
            let isOurs = raw.salts == shape.salts
            guard isOurs || isSure else {
                frames.append(Frame(page: 0, isOurs: false))
                before = raw.stored
                continue
            }
            let computed = file.check(before, shape)
            var frame = Frame(page: raw.page, size: raw.size)
            if computed == raw.stored {
                (frame.content, frame.isBroken, isSure) = (.right, !isOurs, true)
            } else if !isOurs {
                (frame, isSure) = (Frame(page: 0, isOurs: false), false)
            } else if isSure {
                let flips = WALBit.flips(
                    in: file.checked, stored: raw.stored, computed: computed, isBigEndian: shape.isBigEndian)
                // The next frame tells whether the stored value is what is wrong. Without one the bit may be in either, but
                // for the last bytes of a page, which are reserved for its check value.
                let mayBeStored =
                    raw.stored.isOneBit(from: computed) && !file.leads(to: index + 1, from: raw.stored, shape)
                let end = file.checked.count - PageChecks.reservedBytes
                if file.leads(to: index + 1, from: computed, shape)
                    || mayBeStored && flips.allSatisfy({ $0.offset >= end })
                {
                    (frame.content, frame.hasFlip) = (.right, true)
                    frames.append(frame)
                    before = computed
                    continue
                }
                frame.take(flips, isOneOfThem: !mayBeStored)
                isSure = frame.hasFlip
            }
            before = raw.stored
            frames.append(frame)
        }
    }

    // MARK: Flips in doubt

    /// Decides whether the flipped bit of a frame is in its header or in its page.
    private mutating func settle(_ index: Int) {
        let frame = frames[index]
        let start = (frames[..<index].lastIndex { $0.size > 0 } ?? -1) + 1
        let sizeBefore = start > 0 ? frames[start - 1].size : file.pagesOfDatabase(pageBytes)
        let earlier = frames[start..<index].map(\.page)
        // The pages of a commit are in order, but for those of a large one.
        let next = index + 1 < frames.count && frames[index + 1].isOurs ? frames[index + 1].page : 0
        let expected = max(sizeBefore, earlier.max() ?? 0, frame.page)
        for doubt in frame.doubts where doubt.offset >= 4 {
            let other = frame.size ^ doubt.inNumber
            guard other == 0 || other == expected else { continue }
            let fits = frame.size == 0 || frame.size == expected
            guard !fits || (other == 0) == (next > frame.page) && (other == 0) != (frame.size == 0) else { continue }
            (frames[index].size, frames[index].content) = (other, .right)
            return
        }
        let end = frames[index...].firstIndex { $0.size > 0 } ?? frames.count - 1
        let sizeAfter = max(frames[end].size, sizeBefore)
        let others = Set(earlier + (index < end ? frames[index + 1...end].map(\.page) : []))
        var choices = [frame.page] + frame.doubts.filter { $0.offset < 4 }.map { frame.page ^ $0.inNumber }
        choices = choices.filter { $0 >= 1 && $0 <= sizeAfter }
        func narrow(_ holds: (Int64) -> Bool) {
            let kept = choices.filter(holds)
            if !kept.isEmpty { choices = kept }
        }
        // A commit has all pages by which it makes the file longer.
        narrow { $0 > sizeBefore && !others.contains($0) }
        if index < end { narrow { !others.contains($0) } }
        narrow { $0 > earlier.last ?? 0 && (index >= end || $0 < next) }
        let open = choices
        if choices.count > 1, let content = content(of: index) {
            let likeness = choices.map { page in
                self.content(of: page, before: index).map { zip($0, content).count { $0 == $1 } } ?? 0
            }
            let most = likeness.max()
            choices = zip(choices, likeness).filter { $0.1 == most }.map(\.0)
        }
        guard let page = choices.first, page != frame.page else {
            frames[index].others = open.filter { $0 != frame.page }
            return
        }
        (frames[index].page, frames[index].content) = (page, .right)
    }

    /// Finds the page of a frame whose header is lost, where what is around it leaves one: the page that is there is an
    /// old one then, and to be known as such.
    private mutating func guessPage(_ index: Int) {
        let start = (frames[..<index].lastIndex { $0.size > 0 } ?? -1) + 1
        let sizeBefore = start > 0 ? frames[start - 1].size : file.pagesOfDatabase(pageBytes)
        guard let end = frames[index...].firstIndex(where: { $0.size > 0 }) else { return }
        let pages = frames[start...end].map(\.page)
        let others = Set(pages)
        let lost = pages.count { $0 == 0 }
        let lower = frames[start..<index].last { $0.page > 0 }?.page ?? 0
        let upper = frames[index...end].first { $0.page > 0 }?.page ?? frames[end].size + 1
        guard lower < upper, upper - lower <= 4096 else { return }
        var choices = (lower + 1..<upper).filter { !others.contains($0) }
        // A commit has all pages by which it makes the file longer.
        let new = choices.filter { $0 > sizeBefore && $0 <= frames[end].size }
        if new.count == lost { choices = [new[frames[start..<index].count { $0.page == 0 }]] }
        if choices.count > 1, let content = content(of: index), !content.allSatisfy({ $0 == 0 }) {
            choices = choices.filter { page in
                guard let old = self.content(of: page, before: index) else { return false }
                return zip(old, content).count { $0 == $1 } > pageBytes * 3 / 4
            }
        }
        if choices.count == 1 { frames[index].page = choices[0] }
    }

    // MARK: The last commit

    /// Of frames that are not known, what cannot be so.
    private mutating func leaveOutWrongNumbers() {
        let pagesMax = file.pagesOfDatabase(pageBytes) + Int64(frames.count)
        for index in frames.indices where !frames[index].isKnown {
            if frames[index].page > pagesMax { frames[index].page = 0 }
            // Old bytes may be in front of new ones, from one sector to the next: the size is of an older round then.
            if frames[index].size > pagesMax || file.isCutBehindSize(index, pageBytes) { frames[index].size = 0 }
        }
    }

    private mutating func endAtLastCommit() {
        guard let last = frames.lastIndex(where: { $0.size > 0 }) else {
            isTorn = frames.contains(where: \.isOurs)
            frames = []
            return
        }
        var start = (frames[..<last].lastIndex { $0.size > 0 } ?? -1) + 1
        // No transaction writes a page twice: a second one says that a commit ended between, in a damaged frame.
        var seen: [Int64: Int] = [:]
        var index = start
        while index <= last {
            defer { index += 1 }
            // The last frame of one may be of a page that was written before the commit, in one too large for memory.
            guard frames[index].isKnown, index < last || (last - start) * pageBytes < Self.unspilledBytes else {
                continue
            }
            if let first = seen[frames[index].page], let end = frames[first..<index].lastIndex(where: { !$0.isKnown }) {
                let before = start > 0 ? frames[start - 1].size : file.pagesOfDatabase(pageBytes)
                frames[end].size = max(before, frames[start...end].map(\.page).max() ?? 0)
                start = end + 1
                seen = [:]
                for later in start..<index where frames[later].isKnown { seen[frames[later].page] = later }
            }
            seen[frames[index].page] = index
        }
        // What goes on from it was written after its sync.
        let isSynced = last + 1 < frames.count && frames[last + 1].isKnown
        let isWhole = isSynced || frames[start...last].allSatisfy(\.isKnown)
        let end = isWhole ? last + 1 : start
        isTorn = frames[end...].contains(where: \.isOurs)
        frames.removeSubrange(end...)
    }
}

extension WAL.Frame {
    /// Whether it is of this WAL, in its place, with at most one bit wrong.
    fileprivate var isKnown: Bool { content != .doubtful || hasFlip }

    /// Takes over which bit may be the wrong one.
    fileprivate mutating func take(_ flips: [WALBit], isOneOfThem: Bool) {
        hasFlip = !flips.isEmpty
        let inHeader = flips.filter { $0.offset < 8 }
        guard flips.count == 1, isOneOfThem else {
            doubts = inHeader
            return
        }
        guard let bit = inHeader.first else {
            content = .flipped(flips[0])
            return
        }
        content = .right
        if bit.offset < 4 { page ^= bit.inNumber } else { size ^= bit.inNumber }
    }
}
