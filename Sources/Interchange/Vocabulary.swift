import Basics
import Telemetry

/// What the words of a file mean, looked up once a word and then known by number.
struct Vocabulary {
    struct Meaning {
        /// nil for a word that is none, or is left out on purpose.
        var quantity: Quantity?
        var isLeftOut = false
        /// From the unit of a mapping.
        var conversion = UnitConversion.identity
        var min = -Double.infinity
        var max = Double.infinity
        /// Values that stood under an unknown word.
        var unknownCount = 0
    }

    /// A file of random bytes must not fill memory with words.
    static let wordsMax = 10_000

    private(set) var meanings: [Meaning] = []
    private var words = NameTable()
    private var units = NameTable()
    /// By meaning and unit; nil where the unit does not fit.
    private var conversions: [UInt64: UnitConversion?] = [:]
    /// The answer before: files mostly go on with the same series.
    private var lastKey = UInt64.max
    private var lastConversion: UnitConversion?
    private var lastWord = -1
    let hasMappings: Bool

    init(_ mappings: [QuantityMapping]) {
        hasMappings = !mappings.isEmpty
        for mapping in mappings {
            var meaning = Self.meaning(of: mapping.quantity)
            meaning.isLeftOut = mapping.quantity == nil
            if let unit = mapping.unit, let canonical = mapping.quantity.flatMap({ Unit($0.unit) }),
                let conversion = unit.conversion(to: canonical)
            {
                meaning.conversion = conversion
            }
            let index = mapping.word.bytes { words.intern($0) }
            // Of two mappings of one word the later counts, as on any command line.
            if index < meanings.count { meanings[index] = meaning } else { meanings.append(meaning) }
        }
    }

    private static func meaning(of quantity: Quantity?) -> Meaning {
        guard let quantity else { return Meaning() }
        let range = quantity.range
        return Meaning(quantity: quantity, min: range.lowerBound, max: range.upperBound)
    }

    /// The meaning of a word by its place in `meanings`; nil where there are too many words.
    mutating func meaning(of word: UnsafeRawBufferPointer) -> Int? {
        if let known = words.find(word) { return known }
        guard words.count < Self.wordsMax else { return nil }
        let quantity = String(validating: word, as: UTF8.self).flatMap { Quantity(named: $0) }
        meanings.append(Self.meaning(of: quantity))
        return words.intern(word)
    }

    /// The meaning of a word that is known already.
    func knownMeaning(of word: UnsafeRawBufferPointer) -> Int? { words.find(word) }

    mutating func countUnknown(_ meaning: Int) { meanings[meaning].unknownCount += 1 }

    /// From the unit into the quantity's; nil where there is no such unit, or not of this dimension. An empty unit is
    /// that of the mapping, or the canonical one.
    mutating func conversion(of meaning: Int, from unit: UnsafeRawBufferPointer) -> UnitConversion? {
        if unit.isEmpty { return meanings[meaning].conversion }
        guard unit.count <= 64, let index = units.find(unit) ?? add(unit) else { return nil }
        let key = UInt64(meaning) << 32 | UInt64(index)
        if key == lastKey { return lastConversion }
        let conversion: UnitConversion?
        if let known = conversions[key] {
            conversion = known
        } else {
            conversion = meanings[meaning].quantity.flatMap { quantity in
                guard let from = Unit(String(decoding: unit, as: UTF8.self)), let to = Unit(quantity.unit) else {
                    return nil
                }
                return from.conversion(to: to)
            }
            conversions[key] = .some(conversion)
        }
        (lastKey, lastConversion) = (key, conversion)
        return conversion
    }

    private mutating func add(_ unit: UnsafeRawBufferPointer) -> Int? {
        units.count < Self.wordsMax ? units.intern(unit) : nil
    }

    /// The words that are no quantities, most frequent first.
    var unknownWords: [ImportReport.UnknownWord] {
        meanings.indices.filter { meanings[$0].unknownCount > 0 }.map { index in
            let word = words.name(at: index)
            return ImportReport.UnknownWord(
                word: word, count: meanings[index].unknownCount,
                nearest: nearest(to: word, in: Quantity.all.lazy.map(\.name)))
        }.sorted { ($1.count, $0.word) < ($0.count, $1.word) }
    }
}

extension String {
    func bytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        var copy = self
        return copy.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}
