import Glibc

extension Folder {
    /// Throws `.schemaTooNew` where a file of readings or of rollups is of a newer version than this build reads: nothing of
    /// such a store may be written.
    func checkVersions() throws(StoreError) {
        for name in Folder.names(in: raw) where name.hasSuffix(".db") {
            try Self.checkVersion(of: raw + "/" + name, Schema.dayVersion)
        }
        for year in rollupYears() { try Self.checkVersion(of: rollup(year), Schema.rollupVersion) }
    }

    /// Source: sqlite.org, "Database File Format", 1.3: the user version.
    private static func checkVersion(of path: String, _ supported: Int) throws(StoreError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var header = [UInt8](repeating: 0, count: 100)
        guard pread(descriptor, &header, header.count, 0) == header.count,
            header.starts(with: "SQLite format 3\0".utf8), header.number(60) > UInt32(supported)
        else { return }
        // What a damaged page says is no version.
        guard let file = PageFile(path), let page = file.page(1), !file.isChecked || file.isRight(page, 1) else {
            return
        }
        throw .schemaTooNew(found: Int(header.number(60)), supported: supported)
    }
}
