import Glibc
import Settings

/// How much memory this process may have: the least of what its control groups and the machine allow.
///
/// A gateway that takes more is ended by the kernel, in the middle of a turn, and again at each start.
package struct MachineMemory: Hashable, Sendable {
    /// In bytes.
    package var bytes: Int
    /// Who says so, as a person would look it up.
    package var source: String

    package init(bytes: Int, source: String) {
        self.bytes = bytes
        self.source = source
    }

    /// As the kernel tells it. `root` is where its file systems are looked for, and `machineBytes` what the machine has.
    package static func read(root: String = "", machineBytes: Int = installedBytes()) -> MachineMemory {
        var least = MachineMemory(bytes: machineBytes, source: "the memory of this machine")
        for line in lines(of: root + "/proc/self/cgroup") {
            // cgroups(7): hierarchy:controllers:path, and `0::path` for version 2.
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let files: [(mount: String, name: String)] =
                if parts[0] == "0" {
                    // Beside hierarchies of version 1 it is mounted one further down.
                    ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].flatMap { mount in
                        ["memory.max", "memory.high"].map { (mount, $0) }
                    }
                } else if parts[1].split(separator: ",").contains("memory") {
                    [("/sys/fs/cgroup/memory", "memory.limit_in_bytes")]
                } else {
                    []
                }
            for group in upwards(from: String(parts[2])) {
                for (mount, name) in files {
                    let path = "\(mount)\(group)/\(name)"
                    // `max` is no number, and version 1 says 2^63 less a page for none.
                    guard let bytes = lines(of: root + path).first.flatMap({ Int($0) }), bytes > 0, bytes < least.bytes
                    else { continue }
                    least = MachineMemory(bytes: bytes, source: path)
                }
            }
        }
        return least
    }

    /// What the machine has, by the kernel's own word: `/proc/meminfo` is hidden from a service with `ProcSubset=pid`.
    package static func installedBytes() -> Int {
        let (pages, pageBytes) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
        return pages > 0 && pageBytes > 0 ? pages * pageBytes : .max
    }

    /// The group and all around it: each may have a limit. In a container the path may be one outside of it, of which only
    /// the root is there.
    private static func upwards(from path: String) -> [String] {
        var groups: [String] = []
        var names = path.split(separator: "/").filter { $0 != ".." }
        while !names.isEmpty {
            groups.append("/" + names.joined(separator: "/"))
            names.removeLast()
        }
        return groups + [""]
    }

    private static func lines(of path: String) -> [String] {
        guard let text = try? SettingFiles.text(of: path) else { return [] }
        return text.split(separator: "\n").map(String.init)
    }
}
