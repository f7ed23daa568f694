import Foundation
import Testing

/// Package.swift against the drawing of the house in CONTRIBUTING.md, and the imports against Package.swift.
@Suite("The house as it is drawn")
struct HouseTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// Rooms and programs with what they are built on, by the manifest. Products of packages have a lower-case name there.
    private static func declared() throws -> [String: Set<String>] {
        var rooms: [String: Set<String>] = [:]
        let target = try Regex(#"\.(?:room|program)\(\s*"([A-Za-z-]+)"(?:,\s*\[([^\]]*)\])?"#)
        for match in try text("Package.swift").matches(of: target) {
            let name = String(match.output[1].substring!)
            let list = match.output[2].substring.map(String.init) ?? ""
            rooms[name] = Set(
                list.split { ", \n".contains($0) }.map { $0.trimmingCharacters(in: CharacterSet(charactersIn: "\".")) })
        }
        return rooms
    }

    /// The same by the drawing: `Room ▶ what it is built on`.
    private static func drawn() throws -> [String: Set<String>] {
        var rooms: [String: Set<String>] = [:]
        for line in try text("CONTRIBUTING.md").split(separator: "\n") where line.contains(" ▶") {
            let sides = line.split(separator: "▶", maxSplits: 1, omittingEmptySubsequences: false)
            let name = sides[0].split(separator: " ").last.map(String.init) ?? ""
            rooms[name] = Set(sides[1].split(separator: " ").map(String.init))
        }
        return rooms
    }

    @Test("Package.swift has the rooms of the drawing, each built on what the drawing says")
    func manifest() throws {
        let (declared, drawn) = (try Self.declared(), try Self.drawn())
        #expect(declared.count > 15)
        #expect(Set(declared.keys) == Set(drawn.keys))
        for (name, foundations) in declared { #expect(foundations == drawn[name], "\(name)") }
    }

    @Test("every folder of Sources is drawn, or a library in C")
    func folders() throws {
        let folders = try FileManager.default.contentsOfDirectory(
            atPath: Self.root.appending(path: "Sources").path(percentEncoded: false))
        let drawn = try Self.drawn()
        for folder in folders where !folder.hasPrefix(".") {
            #expect(drawn[folder] != nil || folder.hasPrefix("C") && folder.dropFirst().first?.isUppercase == true)
        }
    }

    @Test("no room imports what it does not declare")
    func imports() throws {
        // Of Linux and the toolchain.
        let given: Set = ["Glibc", "Darwin", "Synchronization", "Dispatch", "FoundationEssentials"]
        let declared = try Self.declared()
        let statement = try Regex(#"(?m)^(?:[@a-z]+ )*import (?:struct |func |enum )?([A-Za-z_]+)$"#)
        for (name, foundations) in declared {
            let folder = Self.root.appending(path: "Sources/\(name)")
            let known = given.union(foundations.map { $0.lowercased() }).union(foundations)
            guard let walk = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else {
                Issue.record("\(name) has no folder")
                continue
            }
            for case let file as URL in walk where file.pathExtension == "swift" {
                for match in try String(contentsOf: file, encoding: .utf8).matches(of: statement) {
                    let module = String(match.output[1].substring!)
                    #expect(
                        known.contains(module) || known.contains(module.lowercased()),
                        "\(name)/\(file.lastPathComponent) imports \(module)")
                }
            }
        }
    }
}
