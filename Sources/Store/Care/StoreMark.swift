import Basics
import Glibc
import Telemetry

/// A file beside the folder of the store, `<folder>.mark` or `<folder>.mark/store`: there was a store.
///
/// A folder that was deleted, or a disk that did not come, looks like a first start. Without it the gateway would take on
/// messages where nobody looks for them, and the broker would forget them.
package struct StoreMark {
    /// In the place of its text: somebody wants another store.
    static let anew = "anew"
    private static let text = """
        A gateway keeps its store in the folder beside this file, of the same name without .mark.
        While this file is here and that folder is gone or empty, no gateway starts: its disk may not have come.
        To begin with an empty store, write the one word \(anew) into this file.

        """
    let path: String

    /// Where the folder above is not ours to write, a folder of that name, made for us, has it in it.
    init(_ folder: Folder) {
        let beside = folder.path + ".mark"
        path = Folder.isFolder(beside) ? beside + "/store" : beside
    }

    /// Where a file lies that is to outlive the store in `folder`.
    package static func pathBeside(_ folder: String, _ name: String) -> String {
        let beside = Folder(folder).path + ".mark"
        return Folder.isFolder(beside) ? beside + "/" + name : Folder(folder).path + "." + name
    }

    /// Whether a store is to begin where there was one. Throws `.storeGone` where nobody said so.
    ///
    /// To be asked before anything is made.
    func isBegunAnew(_ folder: Folder) throws(StoreError) -> Bool {
        guard Folder.size(of: folder.core) == 0, !folder.holdsReadings, !Folder.exists(folder.readyCore),
            let text = try Folder.textIfThere(of: path)
        else { return false }
        guard Self.saysAnew(text) else {
            throw .storeGone(folder: folder.path, mark: path)
        }
        return true
    }

    /// However somebody wrote it at night.
    private static func saysAnew(_ text: String) -> Bool {
        text.lowercased().filter(\.isLetter) == anew
    }

    /// In the new store, which gives no number that the one before may have given.
    func noteBeginning(_ core: Connection) throws(StoreError) {
        let now = FileStamp(path)?.modifiedAt ?? Timestamp(milliseconds: 0)
        try core.transaction { () throws(StoreError) in try LostStory.write(.begunAnew, at: now, core) }
    }

    /// Where the folder above is not ours to write, there is none: then the broker may still know that there was a store.
    func put(isAnew: Bool) {
        // A word that was said where there was a store is not for another time.
        guard isAnew || Folder.text(of: path).map({ Self.saysAnew($0) }) ?? true else { return }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = Array(Self.text.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else {
            unlink(path)
            return
        }
        fsync(descriptor)
    }
}

/// A file in the folder of a store that a backup was put back into, until its first start: `restored`, with the moment.
struct RestoredMark {
    static let fileName = "restored"
    private let folder: Folder
    private var path: String { folder.path + "/" + Self.fileName }

    init(_ folder: Folder) { self.folder = folder }

    func put(at now: Timestamp, _ work: FileWork) throws(StoreError) {
        try work.write("\(now.milliseconds)\n", to: path)
    }

    /// A gateway that went on while its backup was made has grown small files after core.db was copied.
    func settle(_ core: Connection) throws(StoreError) {
        guard let text = try Folder.textIfThere(of: path) else { return }
        let now = Timestamp(milliseconds: Int64(text.prefix(while: \.isNumber)) ?? 0)
        try core.transaction { () throws(StoreError) in
            try LostStory.write(.restored, at: now, core)
            try Outgrown.recount(folder, core)
        }
        unlink(path)
    }
}
