import Basics

extension Journal {
    /// Keeps bytes that did not read in `damaged/`, for somebody to look at. Returns the file's name in the store's folder.
    ///
    /// The same name and bytes are kept once, so that a start that is repeated does not fill the disk.
    public func keepDamaged(_ bytes: [UInt8], as name: String) throws(StoreError) -> String {
        let work = FileWork(effects: options.effects)
        try work.makeFolder(folder.damaged)
        var crc = CRC32C()
        bytes.withUnsafeBytes { crc.add($0) }
        // A name out of damaged bytes may have anything in it.
        let safe = String(name.prefix(40).map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") ? $0 : "_" })
        let file = "\(safe)-\(String(crc.value, radix: 16)).bin"
        let path = folder.damaged + "/" + file
        if !Folder.exists(path) {
            try work.write(bytes, to: path + ".new")
            try work.rename(path + ".new", to: path)
            try work.sync(folder: folder.damaged)
        }
        return DamagedFiles.folderName + "/" + file
    }
}
