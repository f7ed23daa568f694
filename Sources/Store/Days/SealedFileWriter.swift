import Basics
import Crypto
import Frames
import Glibc
import Telemetry

/// Makes one sealed file.
final class SealedFileWriter {
    private let output: CompactionJob.Output
    private let job: CompactionJob
    private let file: Connection
    private let draft: String
    private var writer = ByteWriter(capacity: 1 << 14)
    private var part: Part
    private var isOpen = true

    init(_ output: CompactionJob.Output, _ job: CompactionJob) throws(StoreError) {
        self.output = output
        self.job = job
        part = Part(
            file: "", days: output.days, retentionClass: output.retentionClass, generation: job.generation,
            isSealed: true, first: .max, last: .min, spanMax: 0, frames: 0, rows: 0, madeAt: job.now.milliseconds,
            keys: .since1970)
        let name = output.retentionClass.isEmpty ? "" : "." + output.retentionClass
        draft = "\(job.folder.raw)/\(Folder.dayName(job.day))\(name).g\(job.generation).new"
        try Folder.remove(draft)
        try Folder.makeFile(draft)
        file = try Connection(draft, .draft(pageBytes: job.pageBytes), effects: job.effects)
        try Schema.prepareSealed(file, part.keys)
        try file.run("BEGIN")
    }

    func takes(_ name: String) -> Bool { output.retentionClass == name }

    func put(_ stream: Int, _ rows: RowBlock, _ name: StreamName?) throws(StoreError) {
        guard !rows.isEmpty else { return }
        try StreamName.write(name, of: stream, file)
        // Frames of equal length: a full one and a short rest would pack worse.
        let frames = (rows.count + FrameCodec.rowsMax - 1) / FrameCodec.rowsMax
        for index in 0..<frames {
            let piece = rows.slice(rows.count * index / frames..<rows.count * (index + 1) / frames)
            let span = try file.insertFrame(stream, piece, part.keys, &writer)
            part.spanMax = max(part.spanMax, span)
        }
        part.first = min(part.first, rows.times[0])
        part.last = max(part.last, rows.times[rows.count - 1])
        part.frames += Int64(frames)
        part.rows += Int64(rows.count)
    }

    /// Commits, syncs, names and measures the file; nil, and no file, where nothing was put.
    func finish() throws(StoreError) -> Part? {
        try file.run("COMMIT")
        file.close()
        isOpen = false
        guard part.rows > 0 else {
            try Folder.remove(draft)
            return nil
        }
        try job.effects?(Effect(kind: .file, file: draft, sql: "fsync"))
        (part.bytes, part.sha256) = try Folder.finish(draft)
        try job.effects?(Effect(kind: .file, file: draft, sql: "rename"))
        // Rows of a stream whose class has changed may lie before the days that were planned for this file.
        let first = min(output.days.lowerBound, FrameKey.day(of: part.first))
        let last = max(output.days.upperBound, FrameKey.day(of: part.last))
        part.days = first...last
        var name = Folder.dayName(first)
        if last > first { name += "_" + Folder.dayName(last) }
        if !output.retentionClass.isEmpty { name += "." + output.retentionClass }
        part.file = "raw/\(name).g\(job.generation).db"
        let path = job.folder.path(of: part)
        guard rename(draft, path) == 0 else { throw .ioError(file: path, detail: Folder.reason(errno)) }
        return part
    }

    /// Removes what was made so far.
    func abandon() {
        if isOpen { file.close() }
        try? Folder.remove(draft)
    }
}

extension Folder {
    /// Makes a file durable and read-only; its bytes and their SHA-256.
    static func finish(_ path: String) throws(StoreError) -> (bytes: Int64, sha256: [UInt8]) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .ioError(file: path, detail: reason(errno)) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0, fchmod(descriptor, 0o440) == 0 else {
            throw .ioError(file: path, detail: reason(errno))
        }
        return try digest(of: descriptor, path)
    }

    /// The bytes of a file and their SHA-256.
    static func digest(_ path: String) throws(StoreError) -> (bytes: Int64, sha256: [UInt8]) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .notReadable(path: path, detail: reason(errno)) }
        defer { close(descriptor) }
        return try digest(of: descriptor, path)
    }

    private static func digest(
        of descriptor: Int32, _ path: String
    ) throws(StoreError) -> (bytes: Int64, sha256: [UInt8]) {
        var hash = SHA256()
        var total: Int64 = 0
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { chunk.deallocate() }
        while true {
            let count = read(descriptor, chunk.baseAddress, chunk.count)
            guard count >= 0 else { throw .ioError(file: path, detail: reason(errno)) }
            guard count > 0 else { return (total, Array(hash.finalize())) }
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: chunk[..<count]))
            total += Int64(count)
        }
    }
}
