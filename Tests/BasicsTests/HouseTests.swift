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

    @Test("a file above 400 lines and a function above 60 say why")
    func lengths() throws {
        let folder = Self.root.appending(path: "Sources")
        let walk = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        var files = 0
        for case let file as URL in walk where file.pathExtension == "swift" {
            files += 1
            let lines = try String(contentsOf: file, encoding: .utf8).split(
                separator: "\n", omittingEmptySubsequences: false)
            if lines.count > 401 {
                #expect(lines.contains { $0.hasPrefix("// Long: ") }, "\(file.lastPathComponent): \(lines.count) lines")
            }
            for function in Self.functions(lines) where function.length > 60 {
                #expect(
                    Self.comment(above: function.line, lines).contains { $0.hasPrefix("// Long: ") },
                    "\(file.lastPathComponent):\(function.line + 1): \(function.length) lines")
            }
        }
        #expect(files > 300)
    }

    /// Functions and initializers by indentation, which the formatter keeps: the line each begins at, and how many it has.
    private static func functions(_ lines: [Substring]) -> [(line: Int, length: Int)] {
        var open: [(indent: Int, line: Int)] = []
        var found: [(line: Int, length: Int)] = []
        for (number, line) in lines.enumerated() {
            let code = line.drop { $0 == " " }
            let indent = line.count - code.count
            if code == "}", let last = open.last, last.indent == indent {
                found.append((last.line, number - last.line + 1))
                open.removeLast()
            }
            let words = code.prefix { $0 != "(" && $0 != "<" && $0 != "?" }.split(separator: " ")
            guard words.contains("func") || words.last == "init", !code.hasPrefix("//"), !code.hasSuffix("}"),
                code.hasSuffix("{") || code.hasSuffix("(")
            else { continue }
            open.append((indent, number))
        }
        return found
    }

    /// The comments and attributes right above a line, without their indentation.
    private static func comment(above line: Int, _ lines: [Substring]) -> [Substring] {
        var above: [Substring] = []
        for line in lines[..<line].reversed() {
            let text = line.drop { $0 == " " }
            guard text.hasPrefix("//") || text.hasPrefix("@") else { break }
            above.append(text)
        }
        return above
    }
}
