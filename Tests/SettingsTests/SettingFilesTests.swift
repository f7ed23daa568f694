import Basics
import Foundation
import Settings
import Testing

@Suite("Setting files")
struct SettingFilesTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "baotu-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(directory.path(percentEncoded: false))
    }

    @Test("reads UTF-8 text, and says what is wrong otherwise")
    func reading() throws {
        try withDirectory { directory in
            let path = directory + "/a.yaml"
            try Data("unit: µg/m³\n".utf8).write(to: URL(filePath: path))
            #expect(try SettingFiles.text(of: path) == "unit: µg/m³\n")
            for (wrong, sentence) in [
                (directory, "expected a file; this is a directory"),
                (directory + "/none.yaml", "there is no such file"),
            ] {
                do throws(Mistakes) {
                    _ = try SettingFiles.text(of: wrong)
                    Issue.record("\(wrong) was read")
                } catch {
                    #expect(error.list.map(\.description) == ["\(wrong): \(sentence)"])
                }
            }
        }
    }

    @Test("finds profiles however deep, sorted, and passes over hidden folders")
    func finding() throws {
        try withDirectory { directory in
            for folder in ["b/x", "a", ".git/c"] {
                let path = "\(directory)/\(folder)"
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
                try Data().write(to: URL(filePath: path + "/profile.yaml"))
            }
            #expect(
                try SettingFiles.paths(named: "profile.yaml", under: directory) == [
                    directory + "/a/profile.yaml", directory + "/b/x/profile.yaml",
                ])
            #expect(throws: Mistakes.self) { try SettingFiles.paths(named: "profile.yaml", under: directory + "/none") }
        }
    }
}
