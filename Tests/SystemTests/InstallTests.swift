import Foundation
import Testing
import TestSupport

@Suite("Installing")
struct InstallTests {
    private let folder = TemporaryDirectory()

    private func write(_ text: String, _ name: String) throws {
        let url = URL(filePath: folder.path).appending(path: name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: url, atomically: true, encoding: .utf8)
    }

    private func text(_ name: String) -> String? {
        try? String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
    }

    private func install() throws -> Program {
        try Program(
            Programs.repository.appending(path: ".ci/install-tree").path,
            ["source", "target", "target.installed"].map { folder.path + "/" + $0 })
    }

    @Test("an upgrade takes away what an earlier one put there, and touches nothing else")
    func upgrade() throws {
        for name in ["lamp/profile.yaml", "old/profile.yaml", "mended/profile.yaml"] {
            try write("1", "source/" + name)
        }
        #expect(try install().code == 0)
        #expect(text("target/old/profile.yaml") == "1")

        // People add, and mend what was shipped.
        try write("mine", "target/mine/profile.yaml")
        try write("mended", "target/mended/profile.yaml")
        try write("mine", "target/coming/profile.yaml")
        try FileManager.default.removeItem(atPath: folder.path + "/source/old")
        for name in ["lamp", "mended", "coming"] { try write("2", "source/\(name)/profile.yaml") }
        for _ in 0..<2 {
            let upgrade = try install()
            #expect(upgrade.code == 0)
            #expect(text("target/lamp/profile.yaml") == "2")
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/target/old"))
            #expect(text("target/mine/profile.yaml") == "mine")
            #expect(text("target/mended/profile.yaml") == "mended")
            #expect(text("target/coming/profile.yaml") == "mine")
            #expect(upgrade.errors.contains("kept \(folder.path)/target/mended/profile.yaml"))
            #expect(upgrade.errors.contains("kept \(folder.path)/target/coming/profile.yaml"))
        }
    }
}
