import Foundation
import Telemetry

/// Reads configuration files as text; what cannot be read is a mistake like any other.
public enum ConfigurationFile {
    /// A configuration file larger than this is not one.
    public static let bytesMax = 64 * 1024 * 1024

    public static func isReadable(_ path: String) -> Bool { FileManager.default.isReadableFile(atPath: path) }

    /// The file's text. Throws a mistake that names the file when it is missing, unreadable or not UTF-8.
    public static func read(_ path: String) throws(Mistakes) -> String {
        func refusal(_ expected: String) -> Mistakes {
            Mistakes([Mistake(file: path, line: nil, key: "", value: nil, expected: expected)])
        }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw refusal("the file does not exist")
        }
        guard !isFolder.boolValue else { throw refusal("expected a file, this is a folder") }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw refusal("the file cannot be read; it must be readable by the user that runs the gateway")
        }
        guard data.count <= bytesMax else { throw refusal("expected at most \(bytesMax) bytes, found \(data.count)") }
        guard let text = String(validating: data, as: UTF8.self) else { throw refusal("expected UTF-8 text") }
        return text
    }

    /// Paths of all files called `name` under `folder`, in order of path.
    public static func paths(named name: String, under folder: String) throws(Mistakes) -> [String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue,
            let walk = FileManager.default.enumerator(atPath: folder)
        else {
            throw Mistakes([
                Mistake(file: folder, line: nil, key: "", value: nil, expected: "expected a readable folder")
            ])
        }
        var found: [String] = []
        while let path = walk.nextObject() as? String {
            if path == name || path.hasSuffix("/" + name) { found.append("\(folder)/\(path)") }
        }
        return found.sorted()
    }
}
