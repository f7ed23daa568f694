extension PlanTables {
    /// The rules for a topic, and its captured texts written to `captures`; negative where no rule knows it.
    ///
    /// Takes at most one visit of each node of the tree, whatever the topic.
    @inline(__always)
    func rules(forTopic topic: UnsafeRawBufferPointer, captures: UnsafeMutablePointer<UnsafeRawBufferPointer>)
        -> Int32
    {
        guard let base = topic.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return -1 }
        return descend(from: 0, topic: base, at: 0, count: topic.count, captures)
    }

    /// `position` is the start of the next level; one past the end when there is none.
    private func descend(
        from node: UInt32, topic: UnsafePointer<UInt8>, at position: Int, count: Int,
        _ captures: UnsafeMutablePointer<UnsafeRawBufferPointer>
    ) -> Int32 {
        let place = topicNodes[node]
        if position > count { return place.end }
        var end = position
        while end < count, topic[end] != UInt8(ascii: "/") { end &+= 1 }
        let length = end &- position
        let level = topic + position
        if !place.literals.isEmpty {
            let prefix = Words.prefix(level, count: length)
            for index in place.literals.range {
                let literal = topicLiterals[index]
                guard literal.word.prefix == prefix, isEqual(literal.word, level, count: length) else { continue }
                let found = descend(from: literal.node, topic: topic, at: end &+ 1, count: count, captures)
                if found >= 0 { return found }
                break
            }
        }
        for index in place.patterns.range {
            let candidate = topicPatterns[index]
            let parts = patterns[candidate.pattern].parts
            guard matches(parts, level, count: length, captures) else { continue }
            let found = descend(from: candidate.node, topic: topic, at: end &+ 1, count: count, captures)
            if found >= 0 { return found }
        }
        for index in place.suffixes.range {
            if let found = match(topicSuffixes[index], topic, from: position, count, place.restCapture, captures) {
                return found
            }
        }
        if place.rest >= 0 {
            captures[Int(place.restCapture)] = UnsafeRawBufferPointer(start: level, count: count &- position)
        }
        return place.rest
    }

    /// The rules of a suffix whose levels are the last ones of the topic, with at least one level before them; nil where
    /// it does not fit.
    private func match(
        _ suffix: TopicSuffix, _ topic: UnsafePointer<UInt8>, from position: Int, _ count: Int, _ restCapture: UInt32,
        _ captures: UnsafeMutablePointer<UnsafeRawBufferPointer>
    ) -> Int32? {
        var end = count
        for index in suffix.levels.range.reversed() {
            var start = end
            while start > position, topic[start &- 1] != UInt8(ascii: "/") { start &-= 1 }
            guard start > position, matches(patterns[index].parts, topic + start, count: end &- start, captures) else {
                return nil
            }
            end = start &- 1
        }
        captures[Int(restCapture)] = UnsafeRawBufferPointer(start: topic + position, count: end &- position)
        return suffix.rules
    }

    @inline(__always)
    func isEqual(_ word: Word, _ text: UnsafePointer<UInt8>, count: Int) -> Bool {
        guard Int(word.count) == count else { return false }
        let expected = bytes.pointer + Int(word.start)
        for index in 0..<count where expected[index] != text[index] { return false }
        return true
    }

    /// Whether the whole text fits the parts; holes are written to `captures`.
    ///
    /// A hole ends before the first place where the text after it fits, and the last text must stand at the end:
    /// nothing is tried twice, so the cost is linear in the text.
    func matches(
        _ parts: Run, _ text: UnsafePointer<UInt8>, count: Int,
        _ captures: UnsafeMutablePointer<UnsafeRawBufferPointer>
    ) -> Bool {
        var position = 0
        var index = parts.start
        while index < parts.end {
            let part = patternParts[index]
            index &+= 1
            let start = position
            switch part.kind {
            case .literal:
                let length = Int(part.word.count)
                guard position &+ length <= count, isEqual(part.word, text + position, count: length) else {
                    return false
                }
                position &+= length
                continue
            case .digits:
                while position < count, text[position] &- UInt8(ascii: "0") <= 9 { position &+= 1 }
                guard position > start else { return false }
            case .rest:
                position = count
                // Only one text may follow, and it stands at the end.
                if index < parts.end {
                    position &-= Int(patternParts[index].word.count)
                    guard position >= start else { return false }
                }
            case .level:
                var limit = position
                while limit < count, text[limit] != UInt8(ascii: "/") { limit &+= 1 }
                guard index < parts.end else {
                    position = limit
                    break
                }
                let word = patternParts[index].word
                let length = Int(word.count)
                if index &+ 1 == parts.end {
                    position = count &- length
                    guard position >= start, position <= limit else { return false }
                } else {
                    while position <= limit, position &+ length <= count,
                        !isEqual(word, text + position, count: length)
                    {
                        position &+= 1
                    }
                    guard position <= limit, position &+ length <= count else { return false }
                }
            }
            if part.capture >= 0 {
                captures[Int(part.capture)] = UnsafeRawBufferPointer(start: text + start, count: position &- start)
            }
        }
        return position == count
    }
}

enum Words {
    /// The first eight bytes as a little-endian number, zero padded, as `Word.prefix` keeps them.
    @inline(__always)
    static func prefix(_ text: UnsafePointer<UInt8>, count: Int) -> UInt64 {
        if count >= 8 { return UInt64(littleEndian: UnsafeRawPointer(text).loadUnaligned(as: UInt64.self)) }
        var word: UInt64 = 0
        for index in 0..<count { word |= UInt64(text[index]) << UInt64(8 &* index) }
        return word
    }
}
