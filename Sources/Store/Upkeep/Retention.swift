import Basics
import Frames
import Telemetry

/// How long readings and the history of alerts are kept, and in how many bytes.
public struct Retention: Sendable, Hashable {
    /// Devices whose raw readings are kept equally long.
    public struct Class: Sendable, Hashable {
        /// Lower-case letters, digits and hyphens; part of file names.
        public var name: String
        /// Profiles by name or pattern, as in `DeviceFilter`.
        public var profiles: [String]
        /// Age at which a day of raw readings is given up; nil for never.
        public var raw: Duration?

        package init(name: String, profiles: [String], raw: Duration?) {
            self.name = name
            self.profiles = profiles
            self.raw = raw
        }
    }

    /// For devices of no other class; nil for never.
    public var raw: Duration?
    /// The first one that names a device's profile is its own.
    public var classes: [Class] = []
    /// Age at which a year of rollups is given up; nil for never.
    public var rollups: Duration?
    /// Age at which a step of an alert that is over is given up, and the notifications of it; nil for never.
    public var alerts: Duration? = .seconds(730 * 86_400)
    /// Of all files of the store together: beyond it the oldest raw days go first. nil for no limit.
    public var bytesMax: Int64?

    /// Readings are kept for ever, the history of alerts for 730 days, whatever room that takes.
    public init() {}

    /// Of the file system that `folder`, or the one above it, lies on; nil where neither is there.
    public static func fileSystemBytes(of folder: String) -> Int64? {
        var path = folder
        while !path.isEmpty, path != "/", !Folder.exists(path) {
            path = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        }
        let total = Folder(path.isEmpty ? "/" : path).room().total
        return total == .max ? nil : total
    }

    /// Empty for the default class.
    func name(ofProfile profile: String) -> String {
        classes.first { $0.profiles.contains { NamePattern($0).matches(profile) } }?.name ?? ""
    }

    func raw(ofClass name: String) -> Duration? {
        name.isEmpty ? raw : classes.first { $0.name == name }.map(\.raw) ?? raw
    }

    /// How many days one file may hold: an eighth of the time they are kept, so that a file is not kept much longer than
    /// its oldest day.
    func partDaysMax(ofClass name: String) -> Int64 {
        guard let raw = raw(ofClass: name) else { return 100_000 }
        return max(1, raw.milliseconds / FrameKey.dayMilliseconds / 8)
    }
}
