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

    /// Whether a label of the roster may be called so: 1 to 64 of a-z, A-Z, 0-9, '-', '_' and '.'.
    public static func admitsLabel(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0)
                    || [0x2D, 0x2E, 0x5F].contains($0)
            }
    }

    /// The name as a text; nil where it is not usable or not UTF-8.
    public static func text(_ name: UnsafeRawBufferPointer) -> String? {
        admits(name) ? String(validating: name, as: UTF8.self) : nil
    }
}
