import Basics

/// The topics that differ from `topic` in the fewest levels, at most three; none where nothing is alike.
func nearestTopics(to topic: String, in patterns: [String]) -> [String] {
    let levels = topic.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let scored = patterns.compactMap { pattern -> (pattern: String, score: Int)? in
        let parts = pattern.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let takesRest = parts.last?.hasSuffix("...}") ?? false
        var score = takesRest ? 0 : abs(parts.count - levels.count) * 2
        var alike = 0
        for (part, level) in zip(parts, levels) {
            if part.contains("{") { continue }
            if part == level {
                alike += 2
            } else if part.lowercased() == level.lowercased() || nearest(to: level, in: [part]) != nil {
                alike += 1
                score += 1
            } else {
                score += 3
            }
        }
        return alike > 0 ? (pattern, score) : nil
    }
    return scored.sorted { ($0.score, $0.pattern) < ($1.score, $1.pattern) }.prefix(3).map(\.pattern)
}
