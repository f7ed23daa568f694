enum DamagedFiles {
    static let folderName = "damaged"
}
