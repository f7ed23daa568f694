public import Basics
import Crypto
import Glibc
import Synchronization
import Telemetry

/// Reads a store from end to end beside its gateway, slowly, so that damage in what nobody asks for is known while a backup
/// still has it. It changes nothing.
///
/// One file after the other: of a sealed one every byte against the sum that was sealed, of others every page, frame and row
/// that has a check value. Between pieces it rests, so that it takes no more of the disk than its pace allows; each look at a
/// file that is written is a short one, and keeps no WAL from being emptied. Nothing of it is in the turn.
public final class Scrub: Sendable {
    /// What it does to the world besides reading.
    public struct World: Sendable {
        /// The wall clock.
        public var now: @Sendable () -> Timestamp
        /// Waits, less where it is to stop.
        public var rest: @Sendable (Duration) -> Void
        /// Is told of each damage as it is found.
        public var tell: @Sendable (StoreDamage) -> Void

        /// All of it.
        public init(
            now: @escaping @Sendable () -> Timestamp, rest: @escaping @Sendable (Duration) -> Void,
            tell: @escaping @Sendable (StoreDamage) -> Void
        ) {
            (self.now, self.rest, self.tell) = (now, rest, tell)
        }
    }

    /// A day of 200 MB takes a minute, and a disk that reads 200 MB a second is busy for a fiftieth of it.
    public static let bytesPerSecond: Int64 = 4 << 20
    /// Bytes read between two rests.
    private static let pieceBytes = 1 << 18

    private let folder: Folder
    private let world: World
    private let kept: Mutex<ScrubState>
    /// Bytes read since the last rest.
    private let unrested = Mutex(0)

    /// Of the store in `folder`, which a gateway has open.
    public init(folder: String, world: World) {
        self.folder = Folder(folder)
        self.world = world
        kept = Mutex(ScrubState(of: self.folder))
    }

    /// As of now; asked from any thread.
    public var state: ScrubState { kept.withLock { $0 } }

    /// Whether one was interrupted, or the last whole one ended so long ago. A wall clock that was set back makes one due.
    public func isDue(every interval: Duration) -> Bool {
        let state = state
        guard state.began == nil, let ended = state.endedAt else { return true }
        let age = world.now() - ended
        return age >= interval || age < .zero
    }

    /// Looks at all files behind the one that was looked at last, and ends the scrub. Returns early where `stop` asks for it.
    /// `progress` is called behind each file.
    ///
    /// Throws where the store or the state cannot be read or kept; damage is no error.
    public func run(_ stop: StopRequest, _ progress: () -> Void = {}) throws(StoreError) {
        var state = state
        if state.began == nil { state.began = world.now() }
        try keep(state)
        do throws(StoreError) {
            guard try walk(&state, stop, progress) else { return }
        } catch {
            guard error.isDamage(of: folder.core) else { throw error }
            // Without catalogue and manifest nothing tells what the other files are.
            let damage = StoreDamage(file: "core.db", kind: .catalogue, devices: [], sentence: "core.db: \(error)")
            state.note(damage.sentence)
            world.tell(damage)
        }
        state.end(at: world.now())
        try keep(state)
        progress()
    }

    /// False where it was asked to stop.
    private func walk(
        _ state: inout ScrubState, _ stop: StopRequest, _ progress: () -> Void
    ) throws(StoreError) -> Bool {
        var checker = StoreChecker(folder, isRunning: true)
        try checker.prepare()
        // In the order of their names, which new files do not change for the old ones.
        for file in checker.names where state.last.map({ file > $0 }) ?? true {
            if stop.isMade { return false }
            checker = StoreChecker(folder, isRunning: true)
            checker.pace = { self.rest(for: $0) }
            try checker.prepare()
            guard let damages = try look(at: file, checker, stop) else { return false }
            for damage in damages {
                state.note(damage.sentence)
                world.tell(damage)
            }
            rest(for: 0, isEnd: true)
            state.files += 1
            state.last = file
            try keep(state)
            progress()
        }
        return true
    }

    private func keep(_ state: ScrubState) throws(StoreError) {
        kept.withLock { $0 = state }
        try state.save(in: folder)
    }

    private static func time(of bytes: Int) -> Duration {
        .microseconds(Int64(bytes) * 1_000_000 / bytesPerSecond)
    }

    /// Rests for what was read, some at a time, and for all of it behind a file.
    private func rest(for bytes: Int, isEnd: Bool = false) {
        let due = unrested.withLock { unrested in
            unrested += bytes
            guard unrested >= Self.pieceBytes || isEnd else { return 0 }
            defer { unrested = 0 }
            return unrested
        }
        if due > 0 { world.rest(Self.time(of: due)) }
    }

    /// nil where it was asked to stop.
    private func look(
        at file: String, _ checker: StoreChecker, _ stop: StopRequest
    ) throws(StoreError) -> [StoreDamage]? {
        if let part = checker.sealedPart(named: file) {
            guard let isRight = try isAsSealed(part, stop) else { return nil }
            if isRight { return [] }
        }
        let damage = try checker.look(at: file)
        guard !damage.isEmpty else { return [] }
        // Compaction and retention take files away.
        let after = StoreChecker(folder, isRunning: true)
        try after.prepare()
        return after.names.contains(file) ? damage : []
    }

    /// nil where it was asked to stop.
    private func isAsSealed(_ part: Part, _ stop: StopRequest) throws(StoreError) -> Bool? {
        let descriptor = open(folder.path(of: part), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var hash = SHA256()
        var total: Int64 = 0
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 16)
        defer { piece.deallocate() }
        while true {
            let count = read(descriptor, piece.baseAddress, piece.count)
            guard count >= 0 else { return false }
            guard count > 0 else { return total == part.bytes && Array(hash.finalize()) == part.sha256 }
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: piece[..<count]))
            total += Int64(count)
            // What others have in the kernel's cache is worth more than what is read once a week.
            posix_fadvise(descriptor, 0, off_t(total), POSIX_FADV_DONTNEED)
            rest(for: count)
            if stop.isMade { return nil }
        }
    }
}
