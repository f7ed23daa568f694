import Telemetry

/// Files that the catalogue of a store names and that are not there.
public enum MissingFiles {
    /// Their names relative to `path`, those of readings first. Throws where the catalogue does not read.
    public static func names(folder path: String) throws(StoreError) -> [String] {
        let folder = Folder(path)
        func named() throws(StoreError) -> [String] {
            try FileReader(folder.core, effects: nil).read { connection throws(StoreError) in
                let manifest = try Manifest(connection)
                return manifest.live.map(\.file) + manifest.rollups.sorted().map { "rollup-\($0).db" }
            }
        }
        let gone = try named().filter { !Folder.exists(path + "/" + $0) }
        guard !gone.isEmpty else { return [] }
        // One that was replaced meanwhile is named no more.
        let still = Set(try named())
        return gone.filter(still.contains)
    }
}
