import Glibc

/// What the figures depend on, and what the kernel knows of this process and its files.
package enum Machine {
    /// One line.
    package static func facts(folder: String) -> String {
        var system = utsname()
        uname(&system)
        let release = withUnsafeBytes(of: system.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let swift = getenv("SWIFT_VERSION").map { String(cString: $0) } ?? ""
        let model =
            read("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }?
            .split(separator: ":").last.map { $0.drop { $0 == " " } } ?? ""
        return [
            "\(sysconf(Int32(_SC_NPROCESSORS_ONLN))) cores (\(model))", "Linux \(release)", swift, disk(of: folder),
            "load \(read("/proc/loadavg").split(separator: " ").first ?? "")",
        ].filter { !$0.isEmpty }.joined(separator: "; ")
    }

    private static func disk(of folder: String) -> String {
        var file = stat()
        guard stat(folder, &file) == 0 else { return "" }
        let device = UInt64(file.st_dev)
        let major = (device >> 8) & 0xFFF
        let minor = (device & 0xFF) | (device >> 12) & 0xFFF00
        let mount = read("/proc/self/mountinfo").split(separator: "\n").first { $0.contains(" \(major):\(minor) ") }
        let kind = mount?.split(separator: " ").drop { $0 != "-" }.dropFirst().first ?? "an unknown file system"
        if kind == "tmpfs" { return "tmpfs: no disk at all" }
        let queue = "/sys/dev/block/\(major):\(minor)/queue/"
        let rotates = read(queue + "rotational").hasPrefix("1")
        let cache = read(queue + "write_cache").split(separator: "\n").first ?? "unknown cache"
        return "\(kind) on \(rotates ? "a rotating disk" : "a disk that does not rotate"), \(cache)"
    }

    package static func read(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The most memory that this process has held, in bytes.
    package static var peakResidentBytes: Double {
        let line = read("/proc/self/status").split(separator: "\n").first { $0.hasPrefix("VmHWM") } ?? ""
        return (Double(line.split(separator: " ").dropLast().last ?? "") ?? 0) * 1024
    }

    package static var executable: String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &bytes, bytes.count)
        return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
    }

    // MARK: Files

    package static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    package static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    package static func size(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    package static func removeTree(_ path: String) {
        for name in names(in: path) {
            let entry = path + "/" + name
            if isFolder(entry) { removeTree(entry) } else { unlink(entry) }
        }
        rmdir(path)
    }

    /// Writes out what the kernel holds of the files below `folder`, and has it forget them.
    package static func dropCache(_ folder: String) {
        for name in names(in: folder) {
            let path = folder + "/" + name
            if isFolder(path) {
                dropCache(path)
                continue
            }
            let descriptor = open(path, O_RDONLY)
            guard descriptor >= 0 else { continue }
            fsync(descriptor)
            posix_fadvise(descriptor, 0, 0, Int32(POSIX_FADV_DONTNEED))
            close(descriptor)
        }
    }

    /// Seconds that appending 4 kB and `fdatasync` take, as the median: what a commit waits for at the least.
    package static func syncSeconds(in folder: String) -> Double {
        let path = folder + "/sync"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        defer {
            close(descriptor)
            unlink(path)
        }
        let block = [UInt8](repeating: 1, count: 4096)
        return Times.measure(100) {
            _ = write(descriptor, block, block.count)
            fdatasync(descriptor)
        }.median
    }
}
