import Basics
import Decoding

/// One level of a topic as a profile writes it, the names of its holes left aside.
enum TopicLevel: Hashable, Sendable {
    enum Piece: Hashable, Sendable {
        case literal(ByteName)
        case hole(digits: Bool)
    }

    case literal(ByteName)
    case pattern([Piece])

    var holeCount: Int {
        guard case .pattern(let pieces) = self else { return 0 }
        return pieces.count { if case .hole = $0 { true } else { false } }
    }

    /// Larger is more specific: literal text first, then digits, then anything.
    var rank: (literalBytes: Int, digitHoles: Int) {
        guard case .pattern(let pieces) = self else { return (.max, 0) }
        var rank = (literalBytes: 0, digitHoles: 0)
        for piece in pieces {
            switch piece {
            case .literal(let text): rank.literalBytes += text.text.utf8.count
            case .hole(let digits): rank.digitHoles += digits ? 1 : 0
            }
        }
        return rank
    }
}

/// The topic of one rule: its levels, and whether it takes all further levels too.
struct TopicRoute: Hashable, Sendable {
    var levels: [TopicLevel]
    var takesRest: Bool
    /// Levels after `{name...}`.
    var suffix: [TopicLevel] = []

    var holeCount: Int {
        levels.reduce(0) { $0 + $1.holeCount } + (takesRest ? 1 : 0) + suffix.reduce(0) { $0 + $1.holeCount }
    }

    /// The MQTT filter that brings every topic of the route, and perhaps more.
    var filter: String {
        var parts = levels.map { level in
            if case .literal(let text) = level { text.text } else { "+" }
        }
        if takesRest { parts.append("#") }
        return parts.joined(separator: "/")
    }
}

/// The topics of all rules as a tree of levels, flattened into tables.
///
/// Rules whose topics have the same shape share one list, whatever their holes are called and whichever profile they
/// come from. Where topics overlap, the most specific one is taken: level by level from the left, literal text before
/// text with holes, more literal bytes before fewer, `{name:digits}` before `{name}`, and `{name...}` last.
struct TopicTree {
    private(set) var nodes: [TopicNode] = []
    private(set) var literals: [TopicLiteral] = []
    private(set) var patterns: [TopicPattern] = []
    private(set) var suffixes: [TopicSuffix] = []
    private(set) var ruleLists: [Run] = []
    private(set) var ruleOrder: [UInt32] = []

    /// `routes` in the order of their rules: a rule is known by its position.
    init(_ routes: [TopicRoute], builder: inout PlanBuilder) {
        let root = Branch()
        for (rule, route) in routes.enumerated() {
            var branch = root
            for level in route.levels { branch = branch.child(level) }
            if !route.suffix.isEmpty {
                branch.add(UInt32(rule), suffix: route.suffix)
            } else if route.takesRest {
                branch.rest.append(UInt32(rule))
            } else {
                branch.end.append(UInt32(rule))
            }
            builder.entries.capturesMax = max(builder.entries.capturesMax, route.holeCount)
        }
        nodes.append(TopicNode())
        flatten(root, at: 0, holesBefore: 0, builder: &builder)
    }

    private final class Branch {
        var children: [(level: TopicLevel, branch: Branch)] = []
        var end: [UInt32] = []
        var rest: [UInt32] = []
        var suffixes: [(levels: [TopicLevel], rules: [UInt32])] = []

        func add(_ rule: UInt32, suffix: [TopicLevel]) {
            if let known = suffixes.firstIndex(where: { $0.levels == suffix }) {
                suffixes[known].rules.append(rule)
            } else {
                suffixes.append((suffix, [rule]))
            }
        }

        func child(_ level: TopicLevel) -> Branch {
            if let known = children.first(where: { $0.level == level }) { return known.branch }
            let branch = Branch()
            children.append((level, branch))
            return branch
        }
    }

    private mutating func flatten(_ branch: Branch, at position: Int, holesBefore: Int, builder: inout PlanBuilder) {
        nodes[position].end = list(branch.end)
        nodes[position].rest = list(branch.rest)
        nodes[position].restCapture = UInt32(holesBefore)
        addSuffixes(of: branch, at: position, holesBefore: holesBefore, builder: &builder)
        let plain = branch.children.filter { if case .literal = $0.level { true } else { false } }
        // `sorted` keeps the order of equals, so that what is declared first is tried first.
        let holed = branch.children.filter { if case .pattern = $0.level { true } else { false } }
            .sorted { $0.level.rank > $1.level.rank }

        let firstNode = nodes.count
        nodes.append(contentsOf: [TopicNode](repeating: TopicNode(), count: plain.count + holed.count))
        nodes[position].literals = Run(start: UInt32(literals.count), count: UInt32(plain.count))
        for (offset, child) in plain.enumerated() {
            guard case .literal(let text) = child.level else { continue }
            literals.append(TopicLiteral(word: builder.word(text.text), node: UInt32(firstNode + offset)))
        }
        nodes[position].patterns = Run(start: UInt32(patterns.count), count: UInt32(holed.count))
        for (offset, child) in holed.enumerated() {
            var hole = holesBefore
            let pattern = Self.pattern(of: child.level, &hole, builder: &builder)
            patterns.append(
                TopicPattern(
                    pattern: builder.add(one: pattern, to: \.patterns), node: UInt32(firstNode + plain.count + offset)))
        }
        for (offset, child) in (plain + holed).enumerated() {
            flatten(
                child.branch, at: firstNode + offset, holesBefore: holesBefore + child.level.holeCount,
                builder: &builder)
        }
    }

    private static func pattern(of level: TopicLevel, _ hole: inout Int, builder: inout PlanBuilder) -> Pattern {
        var parts: [PatternPart] = []
        switch level {
        case .literal(let text): parts.append(PatternPart(kind: .literal, word: builder.word(text.text)))
        case .pattern(let pieces):
            for piece in pieces {
                switch piece {
                case .literal(let text): parts.append(PatternPart(kind: .literal, word: builder.word(text.text)))
                case .hole(let digits):
                    parts.append(PatternPart(kind: digits ? .digits : .level, capture: Int32(hole)))
                    hole += 1
                }
            }
        }
        return Pattern(parts: builder.add(parts, to: \.patternParts))
    }

    /// The longest first, and of those with as many levels the most specific.
    private mutating func addSuffixes(
        of branch: Branch, at position: Int, holesBefore: Int, builder: inout PlanBuilder
    ) {
        let order = branch.suffixes.sorted { left, right in
            guard left.levels.count == right.levels.count else { return left.levels.count > right.levels.count }
            for (a, b) in zip(left.levels, right.levels) where a.rank != b.rank { return a.rank > b.rank }
            return false
        }
        var compiled: [TopicSuffix] = []
        for suffix in order {
            // The capture before them is that of `{name...}`.
            var hole = holesBefore + 1
            let levels = suffix.levels.map { Self.pattern(of: $0, &hole, builder: &builder) }
            compiled.append(TopicSuffix(levels: builder.add(levels, to: \.patterns), rules: list(suffix.rules)))
        }
        nodes[position].suffixes = Run(start: UInt32(suffixes.count), count: UInt32(compiled.count))
        suffixes += compiled
    }

    private mutating func list(_ rules: [UInt32]) -> Int32 {
        guard !rules.isEmpty else { return -1 }
        ruleLists.append(Run(start: UInt32(ruleOrder.count), count: UInt32(rules.count)))
        ruleOrder.append(contentsOf: rules)
        return Int32(ruleLists.count - 1)
    }
}
