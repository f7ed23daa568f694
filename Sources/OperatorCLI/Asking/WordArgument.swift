import ArgumentParser
import Basics

/// One of the words of a list; a slip gets the nearest word, and all of them only where none is near.
func word<Word: RawRepresentable & CaseIterable>(_ text: String) throws -> Word where Word.RawValue == String {
    if let word = Word(rawValue: text) { return word }
    let words = Word.allCases.map(\.rawValue)
    throw ValidationError(
        nearest(to: text, in: words).map { "did you mean '\($0)'?" }
            ?? "expected one of \(words.joined(separator: ", "))")
}

/// For a shell to complete.
func completion<Word: RawRepresentable & CaseIterable>(_: Word.Type) -> CompletionKind where Word.RawValue == String {
    .list(Word.allCases.map(\.rawValue))
}
