/// What topic filters say of each other, by MQTT 5, section 4.7.
public enum TopicFilter {
    /// Whether every topic that `inner` matches `outer` matches too. Of two that are equal each covers the other.
    ///
    /// A filter that begins with a wildcard matches no topic that begins with `$`; a shared subscription covers none and is
    /// covered by none, for its messages go to one of a group.
    public static func covers(_ outer: String, _ inner: String) -> Bool {
        if outer == inner { return true }
        guard !outer.hasPrefix("$share/"), !inner.hasPrefix("$share/") else { return false }
        let (outer, inner) = (levels(outer), levels(inner))
        if inner[0].first == "$", outer[0] == "#" || outer[0] == "+" { return false }
        for (place, level) in outer.enumerated() {
            if level == "#" { return true }
            guard place < inner.count, inner[place] != "#" else { return false }
            guard level == "+" || level == inner[place] else { return false }
        }
        return outer.count == inner.count
    }

    /// Whether there is a topic that both match.
    public static func overlap(_ left: String, _ right: String) -> Bool {
        guard !left.hasPrefix("$share/"), !right.hasPrefix("$share/") else { return left == right }
        let (left, right) = (levels(left), levels(right))
        let (first, second) = (left[0], right[0])
        if first.first == "$", second == "#" || second == "+" { return false }
        if second.first == "$", first == "#" || first == "+" { return false }
        var place = 0
        while true {
            switch (place < left.count ? left[place] : nil, place < right.count ? right[place] : nil) {
            // `a/#` matches `a` too.
            case ("#"?, _), (_, "#"?), (nil, nil): return true
            case (nil, _), (_, nil): return false
            case (let a?, let b?): guard a == "+" || b == "+" || a == b else { return false }
            }
            place += 1
        }
    }

    /// The filters without those that another one covers, in their order; of equal ones the first stays. A broker sends a
    /// message once for each filter that matches it, and a message without a time of its own would count as often.
    public static func withoutCovered(_ filters: [String]) -> [String] {
        filters.enumerated().filter { place, filter in
            !filters.enumerated().contains { other, outer in
                other != place && covers(outer, filter) && (!covers(filter, outer) || other < place)
            }
        }.map(\.element)
    }

    /// Pairs of filters of which neither covers the other and that some topic matches both, in their order.
    public static func overlapping(_ filters: [String]) -> [(String, String)] {
        let filters = withoutCovered(filters)
        var pairs: [(String, String)] = []
        for (place, left) in filters.enumerated() {
            for right in filters[(place + 1)...] where overlap(left, right) { pairs.append((left, right)) }
        }
        return pairs
    }

    private static func levels(_ filter: String) -> [Substring] {
        filter.split(separator: "/", omittingEmptySubsequences: false)
    }
}
