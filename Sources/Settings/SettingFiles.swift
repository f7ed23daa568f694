public import Basics
import Foundation
import Telemetry

/// Reads the files that configuration stands in.
public enum SettingFiles {
    /// Longest file that is read, in bytes: a configuration of this size is another file, named by mistake.
    public static let bytesMax = 16 * 1024 * 1024

    /// The text of a UTF-8 file.
    ///
    /// Throws one mistake, with the reason in words, when the file is missing, is a directory, may not be read, is
    /// longer than `bytesMax`, or is not UTF-8.
    public static func text(of path: String) throws(Mistakes) -> String {
        func mistake(_ expected: String) -> Mistakes {
            Mistakes([Mistake(file: path, line: nil, key: "", value: nil, expected: expected)])
        }
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw mistake("there is no such file")
        }
        if isDirectory.boolValue { throw mistake("expected a file; this is a directory") }
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw mistake("the file cannot be opened for reading; check its owner and mode")
        }
        defer { try? handle.close() }
        let bytes: Data
        do {
            bytes = try handle.read(upToCount: bytesMax + 1) ?? Data()
        } catch {
            throw mistake("the file cannot be read: \(error.localizedDescription)")
        }
        guard bytes.count <= bytesMax else { throw mistake("expected at most \(bytesMax) bytes") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw mistake("expected UTF-8 text")
        }
        return text
    }

    /// Whether the file exists and this process may read it.
    public static func isReadable(_ path: String) -> Bool { FileManager.default.isReadableFile(atPath: path) }

    /// Paths of all files called `name` under a directory, however deep, sorted by path.
    ///
    /// Throws one mistake when the directory is missing or cannot be listed. Hidden folders are passed over.
    public static func paths(named name: String, under directory: String) throws(Mistakes) -> [String] {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory), isDirectory.boolValue else {
            throw Mistakes([
                Mistake(file: directory, line: nil, key: "", value: nil, expected: "there is no such directory")
            ])
        }
        // The walk does not enter a directory that is itself a symbolic link.
        let real = URL(filePath: directory).resolvingSymlinksInPath().path(percentEncoded: false)
        guard let walk = FileManager.default.enumerator(atPath: real) else {
            throw Mistakes([
                Mistake(file: directory, line: nil, key: "", value: nil, expected: "the directory cannot be listed")
            ])
        }
        var found: [String] = []
        while let relative = walk.nextObject() as? String {
            let parts = relative.split(separator: "/")
            if parts.last.map(String.init) == name, !parts.contains(where: { $0.hasPrefix(".") }) {
                found.append(directory.hasSuffix("/") ? directory + relative : "\(directory)/\(relative)")
            }
        }
        return found.sorted()
    }
}
