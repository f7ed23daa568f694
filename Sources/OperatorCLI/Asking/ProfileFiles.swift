import ArgumentParser
import Authoring
import Basics
import FoundationEssentials
import Glibc
import Profiles
import Settings
import Telemetry

/// Profiles and samples on disk.
enum ProfileFiles {
    static let installed = "/usr/share/baotu/Devices"

    /// The folder that is given, else `Devices` here, else the installed one.
    static func folder(_ given: String?) -> String {
        if let given { return given }
        var isDirectory = false
        let isHere = FileManager.default.fileExists(atPath: "Devices", isDirectory: &isDirectory)
        return isHere && isDirectory ? "Devices" : installed
    }

    /// All profiles below the folder, or the one that is named, with their samples.
    static func profiles(at path: String) throws(Mistakes) -> [ProfileFolder] {
        var isDirectory = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory {
            return [try profile(path, below: path)]
        }
        let paths = try SettingFiles.paths(named: "profile.yaml", under: path)
        guard !paths.isEmpty else {
            throw Mistakes([
                Mistake(file: path, line: nil, key: "", value: nil, expected: "there is no profile.yaml below it")
            ])
        }
        var folders: [ProfileFolder] = []
        for file in paths { folders.append(try profile(file, below: path)) }
        return folders
    }

    private static func profile(_ path: String, below root: String) throws(Mistakes) -> ProfileFolder {
        let url = URL(filePath: path)
        let folder = url.deletingLastPathComponent().relativePath
        let text = try SettingFiles.text(of: path)
        var name = folder.hasPrefix(root) ? String(folder.dropFirst(root.count)) : folder
        while name.hasPrefix("/") { name.removeFirst() }
        if name.isEmpty { name = url.deletingLastPathComponent().lastPathComponent }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/samples")) ?? []
        var samples: [SampleFile] = []
        for name in names.sorted() where name.hasSuffix(".json") {
            let place = "\(folder)/samples/\(name)"
            samples.append(SampleFile(path: place, bytes: Array(try SettingFiles.text(of: place).utf8)))
        }
        return ProfileFolder(name: name, source: ProfileSource(path: path, text: text), samples: samples)
    }

    /// The bytes of a file, or of standard input for `-`.
    static func bytes(of file: String) throws -> [UInt8] {
        let descriptor = file == "-" ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC)
        defer { if descriptor > STDIN_FILENO { close(descriptor) } }
        guard descriptor >= 0, let bytes = SettingFiles.bytes(from: descriptor) else {
            throw NoAnswer.failed("\(file) cannot be read")
        }
        return bytes
    }

    /// Makes a folder and those above it; false, and `errno`, where it cannot be made.
    static func makeFolders(_ path: String) -> Bool {
        for end in path.indices.dropFirst() where path[end] == "/" { mkdir(String(path[..<end]), 0o777) }
        return mkdir(path, 0o777) == 0 || errno == EEXIST
    }

    /// Writes a file that is not there yet; false, and `errno`, where it is or cannot be written.
    static func write(_ text: String, toNew path: String) -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { return false }
        let code = Array(text.utf8).withUnsafeBytes { StandardStreams.write($0, to: descriptor) }
        let isClosed = close(descriptor) == 0
        if code != 0 { errno = code }
        return code == 0 && isClosed
    }

    /// `name=value` pairs of the command line, checked before.
    static func parameters(_ pairs: [String]) -> [String: String] {
        var parameters: [String: String] = [:]
        for pair in pairs {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            parameters[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
        return parameters
    }

    /// Turns mistakes and what cannot be read into sentences on standard error and exit code 1.
    static func reporting<R: ~Copyable>(_ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let mistakes as Mistakes {
            for mistake in mistakes.list { StandardStreams.complain(printable("\(mistake)")) }
            throw ExitCode(1)
        } catch let error as NoAnswer {
            throw failure(error.description, error.exitCode)
        }
    }
}
