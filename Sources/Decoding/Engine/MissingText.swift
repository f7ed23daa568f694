/// The texts that mean "no value" in every dialect.
enum MissingText {
    static func contains(_ text: UnsafeRawBufferPointer) -> Bool {
        switch text.count {
        case 0: return true
        case 3: return isWord(text, "nan") || isWord(text, "inf")
        case 4: return isExactly(text, "None") || isExactly(text, "null") || isSignedInfinity(text)
        case 7: return isExactly(text, "unknown")
        case 8: return isWord(text, "infinity")
        case 9: return isSignedInfinity(text)
        case 11: return isExactly(text, "unavailable")
        case 16: return isExactly(text, "urn:ngsi-ld:null")
        default: return false
        }
    }

    private static func isExactly(_ text: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        text.indices.allSatisfy { text[$0] == word.utf8Start[$0] }
    }

    /// Compares without regard to case; the word is in small letters.
    private static func isWord(_ text: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        text.indices.allSatisfy { text[$0] | 0x20 == word.utf8Start[$0] }
    }

    private static func isSignedInfinity(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text[0] == UInt8(ascii: "-") || text[0] == UInt8(ascii: "+") else { return false }
        let rest = UnsafeRawBufferPointer(rebasing: text.dropFirst())
        return rest.count == 3 ? isWord(rest, "inf") : isWord(rest, "infinity")
    }
}
