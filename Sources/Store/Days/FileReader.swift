import Basics
import Frames
import Telemetry

/// A store file opened for reading, whether or not its writer runs.
///
/// Beside a writer there is a `-wal`, and `mode=ro` reads with SQLite's locks. Without one nobody writes the file: then
/// `mode=ro` would have to make `-wal` and `-shm`, which a reader of the group may not, so the file is opened immutable.
/// A writer that starts meanwhile leaves its mark, a `-wal` or another modification time, and what was read is read
/// again. So a reader never keeps a daemon from starting, as a lock would.
final class FileReader {
    let file: String
    private let effects: EffectHook?
    private var connection: Connection?
    /// Connections opened so far.
    private(set) var openings = 0
    /// Set when the file was opened immutable.
    private var stamp: FileStamp?

    /// Never written again, so it needs no second look.
    private let isSealed: Bool
    private let isTolerant: Bool

    /// `isTolerant` as for `Connection`.
    init(_ file: String, isSealed: Bool = false, isTolerant: Bool = false, effects: EffectHook?) {
        self.file = file
        self.isSealed = isSealed
        self.isTolerant = isTolerant
        self.effects = effects
    }

    /// A page that did not match its check value and was read all the same.
    var wrongPage: Int64? { connection?.wrongPage }

    /// Runs `body`, again with a new connection where the file changed under it; so `body` must start afresh each time.
    func read<R>(_ body: (Connection) throws(StoreError) -> R) throws(StoreError) -> R {
        var attempt = 1
        while true {
            let connection = try open()
            let outcome: Result<R, StoreError>
            do {
                outcome = .success(try body(connection))
            } catch {
                outcome = .failure(error)
            }
            if isUnchanged { return try outcome.get() }
            self.connection = nil
            attempt += 1
            if attempt > 8 { throw .busy(file: file) }
        }
    }

    private var isUnchanged: Bool {
        guard let stamp else { return true }
        return !Folder.exists(file + "-wal") && FileStamp(file) == stamp
    }

    private func open() throws(StoreError) -> Connection {
        if let connection, isUnchanged { return connection }
        let hasWriter = !isSealed && Folder.exists(file + "-wal")
        stamp = hasWriter || isSealed ? nil : FileStamp(file)
        do {
            let opened = try Connection(
                file, hasWriter ? .readOnly : .immutable, isTolerant: isTolerant, effects: effects)
            // SQLite opens the file at the first look.
            _ = try opened.integer("PRAGMA schema_version")
            connection = opened
            openings += 1
            return opened
        } catch {
            // A `-wal` without its `-shm`, in a folder where this reader may not make one.
            if case .notReadable = error, hasWriter, Folder.isReadable(file) { throw .leftOpen(file: file) }
            throw error
        }
    }
}
