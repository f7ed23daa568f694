/// What MQTT topic filters say of each other, by MQTT 5, section 4.7.
///
/// A filter that begins with a wildcard matches no topic that begins with `$`. A shared subscription covers none and is
/// covered by none, for its messages go to one of a group.
package enum TopicFilter {
    /// Whether every topic that `inner` matches `outer` matches too. Of two that are equal each covers the other.
    package static func covers(_ outer: String, _ inner: String) -> Bool {
        if outer.hasBytes(of: inner) { return true }
        return Tree([outer]).covers(inner)
    }

    /// The filters without those that another one covers, in their order, each once. A broker sends a message once for each
    /// filter that matches it, and a message without a time of its own would count as often.
    package static func withoutCovered(_ filters: [String]) -> [String] {
        let tree = Tree(filters)
        var taken: Set<ByteName> = []
        return filters.filter { taken.insert(ByteName($0)).inserted && !tree.covers($0) }
    }

    /// Pairs of filters of which neither covers the other and that some topic matches both, in their order.
    package static func overlapping(_ filters: [String]) -> [(String, String)] {
        let filters = withoutCovered(filters)
        var pairs: [(String, String)] = []
        for (place, left) in filters.enumerated() {
            for right in filters[(place + 1)...] where overlap(left, right) { pairs.append((left, right)) }
        }
        return pairs
    }

    /// Whether there is a topic that both match.
    package static func overlap(_ left: String, _ right: String) -> Bool {
        guard !isShared(left), !isShared(right) else { return left.hasBytes(of: right) }
        let (left, right) = (levels(of: left), levels(of: right))
        if isOfServer(left[0]) != isOfServer(right[0]), isWildcard(left[0]) || isWildcard(right[0]) { return false }
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

    fileprivate static func levels(of filter: String) -> [ByteName] {
        filter.split(separator: "/", omittingEmptySubsequences: false).map { ByteName($0) }
    }

    fileprivate static func isShared(_ filter: String) -> Bool { filter.hasPrefix("$share/") }
    private static func isOfServer(_ level: ByteName) -> Bool { level.text.utf8.first == UInt8(ascii: "$") }
    private static func isWildcard(_ level: ByteName) -> Bool { level == "#" || level == "+" }

    /// Filters by level. Comparing each with each took 27 s for those of 2,000 profiles.
    private final class Tree {
        private var children: [ByteName: Tree] = [:]
        private var isEnd = false

        init(_ filters: [String] = []) {
            for filter in filters where !isShared(filter) { add(levels(of: filter)[...]) }
        }

        private func add(_ levels: ArraySlice<ByteName>) {
            guard let first = levels.first else {
                isEnd = true
                return
            }
            if children[first] == nil { children[first] = Tree() }
            children[first]!.add(levels.dropFirst())
        }

        /// Whether another filter here takes every topic of `filter`.
        func covers(_ filter: String) -> Bool {
            guard !isShared(filter) else { return false }
            let levels = levels(of: filter)
            if isOfServer(levels[0]) {
                return children[levels[0]]?.covers(levels[1...], hasDiverged: false) ?? false
            }
            return covers(levels[...], hasDiverged: false)
        }

        /// Until a level differs from that of `levels`, what is walked is the filter itself.
        private func covers(_ levels: ArraySlice<ByteName>, hasDiverged: Bool) -> Bool {
            // `a/#` also matches `a` itself.
            if children["#"] != nil, hasDiverged || levels.first != "#" { return true }
            guard let first = levels.first else { return isEnd && hasDiverged }
            guard first != "#" else { return false }
            if let any = children["+"], any.covers(levels.dropFirst(), hasDiverged: hasDiverged || first != "+") {
                return true
            }
            guard first != "+", let same = children[first] else { return false }
            return same.covers(levels.dropFirst(), hasDiverged: hasDiverged)
        }
    }
}
