/// The text of a file's bytes, or in what it is written instead, for whoever has to save it anew.
package enum TextEncoding {
    case utf8(String)
    /// `line` from 1: the first that is not.
    case other(line: Int, sentence: String)

    package init(_ bytes: [UInt8]) {
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) || Self.hasEverySecondByteZero(bytes) {
            self = .other(line: 1, sentence: "not UTF-8 but UTF-16; save the file as UTF-8")
        } else if let text = String(validating: bytes[start...], as: UTF8.self) {
            self = .utf8(text)
        } else {
            let place = Self.firstWrong(bytes)
            let line = 1 + bytes[..<place].count { $0 == UInt8(ascii: "\n") }
            let column = place - (bytes[..<place].lastIndex(of: UInt8(ascii: "\n")) ?? -1)
            let hex = String(bytes[place], radix: 16, uppercase: true)
            self = .other(
                line: line,
                sentence:
                    "byte \(column) of the line (0x\(hex)) is not UTF-8, but \(Self.guess(bytes)); save the file as UTF-8"
            )
        }
    }

    /// Latin letters in UTF-16 without its mark: that would be UTF-8 with a zero in every second place.
    private static func hasEverySecondByteZero(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 4 else { return false }
        let zeros = bytes[..<4].map { $0 == 0 }
        return zeros == [true, false, true, false] || zeros == [false, true, false, true]
    }

    /// The first byte that begins no character of UTF-8.
    private static func firstWrong(_ bytes: [UInt8]) -> Int {
        var place = 0
        while place < bytes.count {
            guard bytes[place] >= 0x80 else {
                place += 1
                continue
            }
            let length = bytes[place] >= 0xF0 ? 4 : bytes[place] >= 0xE0 ? 3 : 2
            let end = min(place + length, bytes.count)
            guard String(validating: bytes[place..<end], as: UTF8.self) != nil else { return place }
            place = end
        }
        return 0
    }

    /// Chinese characters of GB 2312, which GBK has too, are pairs of bytes of the upper half. A letter with an accent, or
    /// the sign of degrees, most often stands alone there.
    private static func guess(_ bytes: [UInt8]) -> String {
        var place = 0
        while place < bytes.count {
            guard bytes[place] >= 0x80 else {
                place += 1
                continue
            }
            let isPair = place + 1 < bytes.count && bytes[place] >= 0xA1 && bytes[place + 1] >= 0xA1
            guard isPair else { return "perhaps Latin-1 or GBK" }
            place += 2
        }
        return "perhaps GBK"
    }
}
