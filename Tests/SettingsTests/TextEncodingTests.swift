import Basics
import Foundation
import Settings
import Testing
import TestSupport

@Suite("Text of files")
struct TextEncodingTests {
    private let folder = TemporaryDirectory()

    private func read(_ bytes: [UInt8]) throws -> (text: String?, mistakes: [String]) {
        let path = folder.path + "/a.yaml"
        try Data(bytes).write(to: URL(filePath: path))
        do throws(Mistakes) {
            return (try SettingFiles.text(of: path), [])
        } catch {
            return (nil, error.list.map { $0.description.replacing(folder.path + "/", with: "") })
        }
    }

    @Test("a byte order mark of UTF-8 is passed over, and lines count as without it")
    func mark() throws {
        let found = try read([0xEF, 0xBB, 0xBF] + Array("rules: []\n".utf8))
        #expect(found.text == "rules: []\n")
        #expect(try read([0xEF, 0xBB, 0xBF]).text == "")
    }

    @Test("UTF-16 is told as what it is, with its mark and without, in either order of bytes")
    func wide() throws {
        let little = Array("rules: []".utf16).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let big = Array("rules: []".utf16).flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        for bytes in [little, big, [0xFF, 0xFE] + little, [0xFE, 0xFF] + big] {
            #expect(try read(bytes).mistakes == ["a.yaml:1: not UTF-8 but UTF-16; save the file as UTF-8"])
        }
    }

    @Test(
        "what is not UTF-8 is told with its line, its byte and what it may be",
        arguments: [
            // 温度 in GBK, 历下 in GBK, "30 °C" and "Straße" in Latin-1.
            (
                [0x23, 0x0A, 0x23, 0x20, 0xCE, 0xC2, 0xB6, 0xC8, 0x0A], "a.yaml:2: byte 3 of the line (0xCE)",
                "perhaps GBK;"
            ),
            ([0x61, 0x2C, 0xC0, 0xFA, 0xCF, 0xC2, 0x2C], "a.yaml:1: byte 3 of the line (0xC0)", "perhaps GBK;"),
            ([0x33, 0x30, 0x20, 0xB0, 0x43, 0x0A], "a.yaml:1: byte 4 of the line (0xB0)", "perhaps Latin-1 or GBK;"),
            (
                [0x53, 0x74, 0x72, 0x61, 0xDF, 0x65, 0x0A], "a.yaml:1: byte 5 of the line (0xDF)",
                "perhaps Latin-1 or GBK;"
            ),
            // Behind characters that are good, and cut off in the middle of one.
            ([0xE6, 0xB8, 0xA9, 0x0A, 0x61, 0xFF], "a.yaml:2: byte 2 of the line (0xFF)", "perhaps"),
            ([0x61, 0xE6, 0xB8], "a.yaml:1: byte 2 of the line (0xE6)", "perhaps"),
        ] as [([UInt8], String, String)])
    func others(bytes: [UInt8], start: String, guess: String) throws {
        let mistakes = try read(bytes).mistakes
        #expect(mistakes.count == 1)
        #expect(mistakes.first?.hasPrefix(start + " is not UTF-8, but " + guess) == true, "\(mistakes)")
        #expect(mistakes.first?.hasSuffix("save the file as UTF-8") == true, "\(mistakes)")
    }
}
