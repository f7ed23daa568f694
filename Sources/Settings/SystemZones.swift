public import Basics

extension ZoneRules {
    /// The zone of this name; nil where the system knows none, or its file does not read.
    public static func system(named name: String) -> ZoneRules? {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        // Only below the folder: a name is no path.
        guard (1...3).contains(parts.count),
            parts.allSatisfy({ part in
                !part.isEmpty && part.utf8.allSatisfy { isNameByte($0) }
            })
        else { return nil }
        for folder in ["/usr/share/zoneinfo/", "/usr/lib/zoneinfo/"] {
            if let file = SettingFiles.bytes(of: folder + name, bytesMax: SettingFiles.bytesMax) {
                return ZoneRules(name: name, file: file)
            }
        }
        return nil
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "+"):
            true
        default: false
        }
    }
}
