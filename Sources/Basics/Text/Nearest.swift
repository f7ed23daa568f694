/// The candidate nearest to `word` by edit distance, where it is near enough to be what was meant. Zeros before a number are
/// no distance: `lamp-1` is nearest to `lamp-0001`.
public func nearest(to word: String, in candidates: some Sequence<String>) -> String? {
    // A third of the letters wrong is a slip; more is another word.
    let distanceMax = max(1, word.utf8.count / 3)
    var best: (word: String, distance: Int)?
    let letters = Array(word.utf8)
    let bare = withoutLeadingZeros(letters)
    let hasNumber = letters.contains { isDigit($0) }
    for candidate in candidates {
        if hasNumber, candidate.utf8.count != letters.count, withoutLeadingZeros(Array(candidate.utf8)) == bare {
            return candidate
        }
        // The difference of the lengths is a lower bound; among all the devices of a city it spares most of the work.
        guard abs(candidate.utf8.count - letters.count) < min(best?.distance ?? .max, distanceMax + 1) else { continue }
        let distance = editDistance(letters, Array(candidate.utf8))
        if distance <= distanceMax, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.word
}

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

/// With every number in it as one would say it.
private func withoutLeadingZeros(_ letters: [UInt8]) -> [UInt8] {
    var bare: [UInt8] = []
    for (place, byte) in letters.enumerated() {
        let isInNumber = place > 0 && isDigit(letters[place - 1]) && bare.last.map(isDigit) == true
        let hasMore = place + 1 < letters.count && isDigit(letters[place + 1])
        if byte == 0x30, !isInNumber, hasMore { continue }
        bare.append(byte)
    }
    return bare
}

/// Levenshtein distance with adjacent swaps counted once (optimal string alignment).
func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
    var older: [Int] = []
    var previous = Array(0...right.count)
    for i in 1...left.count {
        var current = [i] + Array(repeating: 0, count: right.count)
        for j in 1...right.count {
            let substitution = previous[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1)
            current[j] = min(substitution, previous[j] + 1, current[j - 1] + 1)
            if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                current[j] = min(current[j], older[j - 2] + 1)
            }
        }
        older = previous
        previous = current
    }
    return previous[right.count]
}
