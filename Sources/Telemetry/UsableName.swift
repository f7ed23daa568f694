import Basics

/// Which names devices and channels may have: the one law for messages, rosters and imports.
public enum UsableName {
    /// Bytes of UTF-8, not characters.
    public static let bytesMax = 128

    /// Not longer than `bytesMax`, and without control characters, which would break the lines of logs and tables. Whether
    /// it is UTF-8 is for the caller to see when it makes a text of it; an empty name is usable, and names the device
    /// as a whole where a channel is asked for.
    public static func admits(_ name: UnsafeRawBufferPointer) -> Bool {
        name.count <= bytesMax && !name.contains { $0 < 0x20 || $0 == 0x7F }
    }

    /// The same of a text.
    public static func admits(_ name: String) -> Bool { name.utf8Bytes { admits($0) } }

    /// The name as a text; nil where it is not usable or not UTF-8.
    public static func text(_ name: UnsafeRawBufferPointer) -> String? {
        admits(name) ? String(validating: name, as: UTF8.self) : nil
    }
}
