public import Basics
import Telemetry

/// What can go wrong between the store and the disk. Each says what failed, on what, and what would be right.
public enum StoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The folder in which the data folder should be made does not exist.
    case parentMissing(folder: String)
    /// Something that is not a folder stands where the data folder should be.
    case notAFolder(path: String)
    /// No store has been made in this folder yet.
    case noStore(folder: String)
    case notWritable(path: String, detail: String)
    case notReadable(path: String, detail: String)
    /// A gateway ended without closing the file, and only its user may recover it.
    case leftOpen(file: String)
    /// Another process, or another journal of this one, writes to the folder.
    case locked(folder: String, pid: Int32?)
    /// A second connection of this process would write the file: SQLite 3.40.1 can lose a WAL that way.
    case writtenTwice(file: String)
    case schemaTooNew(found: Int, supported: Int)
    /// An earlier version took more streams than the keys of this one hold.
    case tooManyStreams(folder: String, found: Int64)
    /// A database that is not one of ours.
    case foreign(file: String, applicationID: Int)
    /// SQLite would not wait for the disk at a commit: an acknowledged reading could be lost with the power.
    case notDurable(file: String, pragma: String, found: String)
    /// No room. Nothing of the transaction was kept; it may be tried again once there is room.
    case diskFull(file: String, detail: String)
    case ioError(file: String, detail: String)
    case corrupt(file: String, detail: String)
    /// Another connection held the file for longer than the busy timeout.
    case busy(file: String)
    case sqlite(file: String, code: Int, detail: String)
    case noSuchAlert(id: Int64)
    case noSuchIncident(id: Int64)
    /// Or it is over.
    case noSuchSilence(id: Int64)
    /// Of an alert none is kept any more, so that nothing can be written into its story.
    case noIncident(alert: Int64)
    /// An alert that was not put aside.
    case notShelved(id: Int64)
    /// Nothing is up that could be put aside.
    case alertIsOver(id: Int64)
    /// A silence that would be over before it began.
    case endsInPast(Timestamp)
    /// `nearest` is the known name that was probably meant, here and below.
    case noSuchDevice(name: String, nearest: String?)
    case noSuchArea(name: String, nearest: String?)
    /// No device is on it, and no incident was.
    case noSuchCircuit(name: String, nearest: String?)
    case noSuchProfile(name: String, nearest: String?)
    /// No series of the devices that were asked for is of the quantity; `of` is the device where one alone was meant, and
    /// `known` is what there is, here and below.
    case noSuchQuantity(name: String, of: String?, known: [String])
    case noSuchChannel(name: String, of: String?, nearest: String?, known: [String])
    /// No rule in force is called so, and no alert was ever raised by one.
    case noSuchRule(name: String, nearest: String?)
    /// The quantity does not have it; the sentence says what to ask for instead.
    case wrongStatistic(String)
    /// A seal finished while a reader was replaying: the state it started from is no longer the one to start from.
    case sealedMeanwhile(folder: String)
    /// The catalogue names a quantity that this build does not know: it was written by a newer one.
    case unknownQuantity(name: String)
    /// Sealing or compacting was asked to end early.
    case stopped(folder: String)
    /// Nobody waits for the answer any more, see `StopRequest`.
    case abandoned
    /// A repair was interrupted, and only it can go on.
    case repairUnfinished(folder: String)
    /// SQLite would pass over commits of a WAL that was left, and write over them.
    case walDamaged(file: String, detail: String)
    /// Files have readings that core.db does not know: it is new, or an old copy.
    case unknownFiles(folder: String, files: [String], detail: String)
    /// The folder is gone or empty, and a file beside it says that there was a store.
    case storeGone(folder: String, mark: String)
    /// Files have grown since core.db was what it is: it is an old copy.
    case outgrown(folder: String, files: [String])
    /// Day files are others than core.db knows: older copies, or files of another store.
    case otherFiles(folder: String, files: [String])
    /// core.db has no file that it names, and all files beside it are of another store.
    case otherCore(folder: String, files: [String])
    /// Where a backup should go there is something.
    case targetNotEmpty(folder: String)
    /// Where a backup should be restored there is a store.
    case storeExists(folder: String)
    /// Where a backup should be restored there are files of readings, and no core.db.
    case readingsInTheWay(folder: String, files: [String])
    case noBackup(folder: String, detail: String)
    /// Files that are missing, changed or not listed.
    case backupDamaged(folder: String, details: [String])

    /// One line that begins with `store:` and says what failed, on what, and mostly what would be right.
    public var description: String {
        switch self {
        case .parentMissing(let folder):
            "store: cannot make the data folder \(folder): the folder above it does not exist; make that one first"
        case .notAFolder(let path):
            "store: \(path) is not a folder; the store needs a folder of its own"
        case .noStore(let folder):
            "store: no store in \(folder): it has no core.db; give the data folder of a gateway"
        case .notWritable(let path, let detail):
            "store: cannot write \(path): \(detail); it must be writable by the user that runs the gateway"
        case .notReadable(let path, let detail):
            "store: cannot read \(path): \(detail); join the group that owns the data folder"
        case .leftOpen(let file):
            "store: \(file) was left open by a gateway that ended; start the gateway, or read as its user"
        case .locked(let folder, let pid):
            "store: \(folder) is in use by \(pid.map { "process \($0)" } ?? "another process"); "
                + "one gateway writes a store at a time, stop that one or give another folder"
        case .writtenTwice(let file):
            "store: \(file) is written by another part of this process already; one connection writes a file"
        case .schemaTooNew(let found, let supported):
            "store: schema version \(found) is newer than \(supported), the newest this build reads; "
                + "run the newer build or restore a backup made by this one"
        case .tooManyStreams(let folder, let found):
            "store: \(folder) has \(found) streams and this build takes \(SeriesRegistry.streamsMax); "
                + "stay with the version that wrote it, or divide its devices between two gateways"
        case .foreign(let file, let applicationID):
            "store: \(file) is a database of another program (application id \(applicationID)); give another folder"
        case .notDurable(let file, let pragma, let found):
            "store: \(file): \(pragma) reads \(found); without it an acknowledged reading could be lost"
        case .diskFull(let file, let detail):
            "store: no room for \(file) (\(detail)); free some and the work goes on"
        case .ioError(let file, let detail):
            "store: the disk failed on \(file): \(detail)"
        case .corrupt(let file, let detail):
            "store: \(file) is damaged: \(detail)"
        case .busy(let file):
            "store: \(file) stayed locked by another connection; only the gateway may write it"
        case .sqlite(let file, let code, let detail):
            "store: \(file): SQLite error \(code): \(detail)"
        case .noSuchAlert(let id):
            "store: there is no alert \(id)"
        case .noSuchIncident(let id):
            "store: there is no incident \(id), or it is no longer kept (store.retention.alerts)"
        case .noSuchSilence(let id):
            "store: there is no silence \(id), or it is over"
        case .noIncident(let alert):
            "store: no incident of alert \(alert) is kept any more (store.retention.alerts); there is nothing to add to"
        case .alertIsOver(let id):
            "store: alert \(id) is over; what it may bring again is silenced by baotu silences add"
        case .notShelved(let id):
            "store: alert \(id) is not put aside"
        case .endsInPast(let end):
            "store: a silence until \(end) would be over already; expected a moment to come"
        case .noSuchCircuit(let name, let nearest):
            "store: no device is on a circuit '\(name)'\(Self.hint(nearest))"
        case .noSuchDevice(let name, let nearest):
            "store: " + (NamePattern(name).literal == nil ? "no device fits" : "there is no device")
                + " '\(name)'\(Self.hint(nearest))"
        case .noSuchArea(let name, let nearest):
            "store: no device is in an area '\(name)'\(Self.hint(nearest))"
        case .wrongStatistic(let sentence): sentence
        case .noSuchProfile(let name, let nearest):
            "store: no device has a profile '\(name)'\(Self.hint(nearest))"
        case .noSuchQuantity(let name, let device, let known):
            "store: \(Self.have(device)) \(name); there is \(Self.list(known))"
        case .noSuchChannel(let name, let device, let nearest, let known):
            "store: \(Self.have(device)) a channel '\(name)'"
                + (known.isEmpty ? ", or any" : nearest.map { Self.hint($0) } ?? "; there is \(Self.list(known))")
        case .noSuchRule(let name, let nearest):
            "store: there is no rule '\(name)', and no alert of one\(Self.hint(nearest))"
        case .sealedMeanwhile(let folder):
            "store: the gateway sealed \(folder) during the replay; read the state again and start over"
        case .stopped(let folder):
            "store: the work on the files of \(folder) was stopped; it is done again later"
        case .abandoned:
            "store: nobody waited for the answer any more"
        case .repairUnfinished(let folder):
            "store: a repair of \(folder) was interrupted; run baotu store repair again before the gateway"
        case .walDamaged(let file, let detail):
            "store: \(file) is damaged: \(detail), which would be lost; run baotu store repair first"
        case .unknownFiles(let folder, let files, let detail):
            "store: \(detail), and \(folder) has \(files.count == 1 ? "a file" : "\(files.count) files") with readings that it "
                + "does not name (\(Self.list(files))): nothing was changed; run baotu store repair, which takes them in, "
                + "or move the folder away and restore a backup"
        case .storeGone(let folder, let mark):
            "store: \(folder) is gone or empty, and there was a store (\(mark) tells it): nothing was made, and the broker "
                + "keeps the messages; mount its disk, or put a backup back (baotu restore). To begin with an empty store: "
                + "echo \(StoreMark.anew) > \(ShellWord.quoted(mark))"
        case .outgrown(let folder, let files):
            "store: core.db in \(folder) is an old copy: readings were put into \(Self.list(files)) after it. Nothing was "
                + "changed; put back the newer core.db, or run baotu store repair, which takes the readings in and tells what "
                + "is lost"
        case .otherFiles(let folder, let files):
            "store: \(Self.list(files)) in \(folder) \(files.count == 1 ? "is another file" : "are other files") than core.db knows: "
                + "an older copy, or of another store. Nothing was changed; put the right one back, or run baotu store repair, "
                + "which keeps what is of this store and tells what is lost"
        case .otherCore(let folder, let files):
            "store: core.db in \(folder) is of another store than its files of readings (\(Self.list(files))): nothing was changed; "
                + "put their own core.db back, or move this one away and run baotu store repair again, which has the names from "
                + "catalogue.cache; or move the files away if they were put there"
        case .targetNotEmpty(let folder):
            "store: \(folder) is not empty; give a folder for this backup alone"
        case .storeExists(let folder):
            "store: \(folder) holds a store, which a restore would replace; move it away or give another folder"
        case .readingsInTheWay(let folder, let files):
            "store: \(folder) holds files of readings without a core.db (\(Self.list(files))): nothing was changed; baotu store "
                + "repair can make it a store again, or move it away, or give another folder"
        case .noBackup(let folder, let detail):
            "store: no backup in \(folder): \(detail); give the folder that a backup made"
        case .backupDamaged(let folder, let details):
            "store: the backup in \(folder) is not as it was made: \(details.joined(separator: "; ")); "
                + "nothing was restored, take another backup"
        case .unknownQuantity(let name):
            "store: the catalogue has a series of '\(name)', a quantity this build does not know; run the newer build"
        }
    }

    private static func have(_ device: String?) -> String {
        device.map { "'\($0)' never sent" } ?? "none of these devices ever sent"
    }

    /// As many as a line holds.
    private static func list(_ names: [String]) -> String {
        names.prefix(12).joined(separator: ", ") + (names.count > 12 ? " and \(names.count - 12) more" : "")
    }

    private static func hint(_ nearest: String?) -> String { nearest.map { "; did you mean '\($0)'?" } ?? "" }

    /// Whether trying the same again, after room was made, may succeed.
    public var isDiskFull: Bool {
        if case .diskFull = self { true } else { false }
    }
}
