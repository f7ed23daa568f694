import Glibc

/// How much room the disk has for the store.
public enum DiskState: String, Sendable, Codable {
    case ample
    /// Less than a twentieth is free.
    case low
    /// Too little is free: nothing is committed, and so nothing acknowledged, until there is room again.
    case full
}

/// The state of the disk as of the last look at it, and the ballast that goes and comes with it.
struct DiskWatch {
    private(set) var state = DiskState.ample
    /// A write found no room since the last look.
    private var hasFoundFull = false

    mutating func foundFull() { hasFoundFull = true }

    /// Looks at the disk, with the ballast thrown off or taken up again; returns the bytes that are free.
    mutating func look(_ folder: Folder, ballastBytes wanted: Int64) throws(StoreError) -> Int64 {
        let (free, total) = folder.room()
        let fullBelow = min(total / 100, 1 << 30)
        // On a small disk a smaller ballast, or there would never be room again.
        let ballastBytes = min(wanted, total / 16)
        if state != .full, free < fullBelow || hasFoundFull { state = .full }
        hasFoundFull = false
        if state == .full {
            // The room of the ballast is for sealing, compaction and retention: they are what makes room.
            if Folder.exists(folder.ballast) {
                try Folder.remove(folder.ballast)
            } else if free >= 2 * fullBelow + ballastBytes {
                state = .ample
            }
        }
        if state != .full {
            state = free < total / 20 ? .low : .ample
            folder.makeBallast(ballastBytes)
        }
        return free
    }
}

extension Folder {
    var ballast: String { path + "/ballast" }

    /// Bytes of the file system, and those free for this user.
    func room() -> (free: Int64, total: Int64) {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return (.max, .max) }
        let block = Int64(status.f_frsize)
        return (Int64(status.f_bavail) * block, Int64(status.f_blocks) * block)
    }

    /// Makes the ballast where it is missing and there is room for it.
    func makeBallast(_ bytes: Int64) {
        guard bytes > 0, !Self.exists(ballast) else { return }
        let descriptor = open(ballast, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { return }
        let code = posix_fallocate(descriptor, 0, Int(bytes))
        close(descriptor)
        // Without one the store works as well; there is only less left to work with when the disk is full.
        if code != 0 { unlink(ballast) }
    }
}
