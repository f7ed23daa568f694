public import Basics
import Glibc
import Telemetry

/// What scrubs of a store have come to. Kept in the store's folder, so that one which a stop interrupts goes on behind the
/// last file that it had read.
public struct ScrubState: Hashable, Sendable {
    /// When the scrub under way began; nil between two.
    public var began: Timestamp?
    /// The file that it looked at last, relative to the store's folder.
    public var last: String?
    /// Files that it has looked at.
    public var files = 0
    /// What it has found, a sentence each; more than `foundMax` are left to a check.
    public var found: [String] = []

    /// When the last whole scrub ended; nil before the first.
    public var endedAt: Timestamp?
    /// Files that it looked at.
    public var endedFiles = 0
    /// What it found.
    public var endedFound: [String] = []

    package static let foundMax = 20

    /// Of a store that was never looked at.
    public init() {}

    /// Damage that is known, that of a scrub under way first.
    public var damage: [String] { found.isEmpty ? endedFound : found }

    mutating func note(_ sentence: String) {
        if found.count < Self.foundMax { found.append(sentence.replacing("\n", with: " ")) }
    }

    mutating func end(at now: Timestamp) {
        (endedAt, endedFiles, endedFound) = (now, files, found)
        (began, last, files, found) = (nil, nil, 0, [])
    }

    // MARK: In a file

    static let fileName = "scrub"
    private static let bytesMax = 1 << 16

    /// As the last scrub left it; a new one where nothing is kept, or that does not read.
    init(of folder: Folder) {
        self.init()
        guard Folder.size(of: folder.path + "/" + Self.fileName) <= Self.bytesMax,
            let text = Folder.text(of: folder.path + "/" + Self.fileName)
        else { return }
        for line in text.split(separator: "\n") {
            let (key, value) = (line.prefix { $0 != " " }, line.drop { $0 != " " }.dropFirst())
            switch key {
            case "began": began = Timestamp(iso8601: String(value))
            case "last": last = String(value)
            case "files": files = Int(value) ?? 0
            case "found": found.append(String(value))
            case "ended": endedAt = Timestamp(iso8601: String(value))
            case "ended-files": endedFiles = Int(value) ?? 0
            case "ended-found": endedFound.append(String(value))
            default: break
            }
        }
        // Without its beginning it is none.
        if began == nil { (last, files, found) = (nil, 0, []) }
    }

    /// Written anew and renamed in; what a crash leaves is this state or the one before.
    func save(in folder: Folder) throws(StoreError) {
        var lines: [String] = []
        func add(_ key: String, _ value: String?) { if let value { lines.append("\(key) \(value)") } }
        add("began", began?.description)
        if began != nil {
            add("last", last)
            add("files", "\(files)")
            for sentence in found { add("found", sentence) }
        }
        add("ended", endedAt?.description)
        if endedAt != nil { add("ended-files", "\(endedFiles)") }
        for sentence in endedFound { add("ended-found", sentence) }
        let path = folder.path + "/" + Self.fileName
        let work = FileWork(effects: nil)
        try work.write(lines.joined(separator: "\n") + "\n", to: path + ".new")
        chmod(path + ".new", 0o640)
        try work.rename(path + ".new", to: path)
    }
}
