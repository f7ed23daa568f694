import Basics

/// A row of small columns, one a bucket: eight heights from the least to the greatest value, or ASCII where the terminal has no more.
/// A blank stands where there is no data.
struct Sparkline {
    private static let blocks: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    private static let letters: [Character] = ["_", ".", "-", "=", "+", "*", "%", "#"]

    var isUTF8: Bool

    /// One sign a value; nil is a blank. Values that are all the same are the lowest column.
    func text(_ values: [Double?]) -> String {
        let known = values.compactMap { $0 }
        guard let low = known.min(), let high = known.max() else { return "" }
        let signs = isUTF8 ? Self.blocks : Self.letters
        return String(
            values.map { value in
                guard let value else { return " " }
                let share = high > low ? (value - low) / (high - low) : 0
                return signs[min(signs.count - 1, Int(share * Double(signs.count)))]
            })
    }
}
