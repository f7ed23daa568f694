/// How much memory windows may take, and of how many series there may be some.
public struct WindowBudget: Hashable, Sendable {
    /// Of all windows together.
    public var bytesMax: Int
    /// Series with windows.
    public var seriesMax: Int

    /// Without a bound where none is given.
    public init(bytesMax: Int = .max, seriesMax: Int = .max) {
        self.bytesMax = bytesMax
        self.seriesMax = seriesMax
    }

    var isUnlimited: Bool { bytesMax == .max && seriesMax == .max }
}

/// Which series of a state get windows: all, unless the budget has no room for them.
struct WindowChoice {
    private struct Candidate {
        var number: Int
        var heard: Int64
        var isExpected: Bool
        var bytes: Int
    }

    private var candidates: [Candidate] = []
    private var bytes = 0
    /// nil: all of them.
    private var chosen: Set<Int>?

    mutating func add(_ number: Int, heard milliseconds: Int64, _ isExpected: Bool, bytes: Int) {
        candidates.append(Candidate(number: number, heard: milliseconds, isExpected: isExpected, bytes: bytes))
        self.bytes += bytes
    }

    /// Those that are expected first, then those heard last.
    mutating func settle(_ budget: WindowBudget) {
        defer { candidates = [] }
        guard bytes > budget.bytesMax || candidates.count > budget.seriesMax else { return }
        candidates.sort {
            ($0.isExpected ? 0 : 1, -$0.heard, $0.number) < ($1.isExpected ? 0 : 1, -$1.heard, $1.number)
        }
        var room = budget.bytesMax
        var chosen: Set<Int> = []
        for one in candidates.prefix(budget.seriesMax) {
            guard one.bytes <= room else { break }
            room -= one.bytes
            chosen.insert(one.number)
        }
        self.chosen = chosen
    }

    func has(_ number: Int) -> Bool { chosen?.contains(number) ?? true }
}
