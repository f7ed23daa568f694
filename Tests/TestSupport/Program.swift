import Foundation

/// A program of this package, run to its end with its outputs apart.
package struct Program {
    package let code: Int32?
    package let output: String
    package let errors: String

    /// `program` is the name of a built executable, or the path of any other.
    package init(
        _ program: String, _ arguments: [String] = [], input: String = "", environment: [String: String] = [:],
        shell: String = "\"$@\"", seconds: Int = 60
    ) throws {
        let folder = TemporaryDirectory()
        try input.write(toFile: folder.path + "/in", atomically: false, encoding: .utf8)
        let path = program.hasPrefix("/") ? program : Self.built + program
        let variables = environment.map { "\($0)=\($1)" }
        let process = try ChildProcess(
            "/bin/bash",
            ["-c", "cd \"$0\" && { \(shell); } >out 2>err <in", folder.path, "/usr/bin/env"] + variables + [path]
                + arguments)
        code = process.wait(seconds: seconds)
        output = try String(contentsOfFile: folder.path + "/out", encoding: .utf8)
        errors = try String(contentsOfFile: folder.path + "/err", encoding: .utf8)
    }

    /// The folder of the executables that were built with these tests.
    package static let built: String = {
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(filePath: tests).deletingLastPathComponent().path(percentEncoded: false)
    }()
}

/// A folder that goes when the value does.
package final class TemporaryDirectory: Sendable {
    package let path: String

    /// Short, because the path of a Unix socket may have 107 bytes.
    package init() {
        var template = Array("/tmp/baotu-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
