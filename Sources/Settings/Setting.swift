public import Basics
import Telemetry

/// One node of a YAML file, with its place, so that a mistake can be reported where it stands.
///
/// Scalars are kept as the text that was written: `on`, `off`, `yes`, `no` and `1e3` mean what the reader of the key
/// says, not what YAML 1.1 thinks of them.
public struct Setting: Sendable {
    /// What stands at a place of the file.
    public enum Content: Sendable {
        case scalar(String)
        case list([Setting])
        /// In file order; keys are unique.
        case map([Entry])
    }

    /// A key of a map with its value.
    public struct Entry: Sendable {
        /// The text of the key, quotes undone.
        public let key: String
        /// Line of the key, from 1; the value may begin further down.
        public let keyLine: Int
        /// Missing (`isMissing`) where nothing stands behind the key.
        public let value: Setting
    }

    /// As given to `parse`.
    public let file: String
    /// Line from 1.
    public let line: Int
    /// An alias has the content of what it names.
    public let content: Content
    /// Whether a scalar stands in quotes; `~`, `null` and nothing are missing values only without them.
    public let isQuoted: Bool

    private let place: Place

    /// Where a setting hangs. Written out only where somebody asks: the path of each of a thousand values below a long key
    /// would be a thousand times that key.
    private indirect enum Place: Sendable {
        case root
        case key(String, of: Place)
        case item(Int, of: Place)

        var path: String {
            switch self {
            case .root: return ""
            case .key(let name, let parent):
                let path = parent.path
                return path.isEmpty ? name : "\(path).\(name)"
            case .item(let index, let parent): return "\(parent.path)[\(index)]"
            }
        }
    }

    /// Dotted path from the root: `rules[2].raise.above`.
    public var path: String { place.path }

    private static let levelsMax = 64
    /// Values that all aliases of a file stand for together: ten aliases of ten aliases of ten … are soon more than memory.
    private static let aliasedValuesMax = 100_000

    /// Reads a YAML text. The file name is only for messages.
    ///
    /// Throws `Mistakes` with the place where the text is not YAML, has a key twice, nests deeper than 64, or says more
    /// than 100,000 values by way of aliases.
    public static func parse(yaml text: String, file: String) throws(Mistakes) -> Setting {
        var composer = Composer(text, file: file)
        return try composer.root()
    }

    private init(file: String, line: Int, place: Place, content: Content, isQuoted: Bool) {
        self.file = file
        self.line = line
        self.place = place
        self.content = content
        self.isQuoted = isQuoted
    }

    /// Builds settings from the parts of a text. The first problem ends it; a key that is no text waits until all is read,
    /// for most often it is what a missing bracket makes of the text before libyaml finds it missing.
    private struct Composer: ~Copyable {
        private let file: String
        private var events: YAMLEvents
        private var anchored: [String: Setting] = [:]
        private var aliasedValues = 0
        private var oddKey: Mistakes?

        init(_ text: String, file: String) {
            self.file = file
            events = YAMLEvents(text)
        }

        mutating func root() throws(Mistakes) -> Setting {
            guard case .documentStart = try next() else {
                return Setting(file: file, line: 1, place: .root, content: .map([]), isQuoted: false)
            }
            let root = try setting(try next(), at: .root, depth: 0)
            _ = try next()
            guard case .end = try next() else {
                throw mistake(events.line, "", "YAML syntax: but found another document")
            }
            if let oddKey { throw oddKey }
            return root
        }

        private func mistake(_ line: Int?, _ key: String, _ expected: String) -> Mistakes {
            Mistakes([Mistake(file: file, line: line, key: key, value: nil, expected: expected)])
        }

        private mutating func next() throws(Mistakes) -> YAMLEvents.Event {
            do throws(YAMLEvents.Problem) {
                return try events.next()
            } catch {
                throw mistake(error.line, "", error.sentence)
            }
        }

        /// The setting that begins with an event. The depth is bounded, and with it this recursion.
        private mutating func setting(
            _ event: YAMLEvents.Event, at place: Place, depth: Int
        ) throws(Mistakes) -> Setting {
            let line = events.line
            if case .alias(let name) = event { return try aliased(try target(of: name), at: place, depth: depth) }
            guard depth <= levelsMax else { throw mistake(line, place.path, "at most \(levelsMax) levels") }
            let content: Content
            var isQuoted = false
            let anchor: String?
            switch event {
            case .scalar(let text, let quoted, let name):
                content = .scalar(text)
                isQuoted = quoted
                anchor = name
            case .listStart(let name):
                content = .list(try items(of: place, depth: depth))
                anchor = name
            case .mapStart(let name):
                content = .map(try entries(of: place, depth: depth))
                anchor = name
            case .alias, .documentStart, .documentEnd, .listEnd, .mapEnd, .end:
                preconditionFailure("libyaml closes what it has opened, in order")
            }
            let setting = Setting(file: file, line: line, place: place, content: content, isQuoted: isQuoted)
            // Behind its end: an alias within would mean itself.
            if let anchor { anchored[anchor] = setting }
            return setting
        }

        private mutating func items(of place: Place, depth: Int) throws(Mistakes) -> [Setting] {
            var items: [Setting] = []
            while true {
                let event = try next()
                if case .listEnd = event { return items }
                items.append(try setting(event, at: .item(items.count, of: place), depth: depth + 1))
            }
        }

        private mutating func entries(of place: Place, depth: Int) throws(Mistakes) -> [Entry] {
            var entries: [Entry] = []
            var lineOf: [ByteName: Int] = [:]
            var repeated: Set<ByteName> = []
            while true {
                let event = try next()
                if case .mapEnd = event { break }
                guard let (name, line) = try key(event, of: place, depth: depth) else {
                    _ = try setting(try next(), at: place, depth: depth + 1)
                    continue
                }
                let key = ByteName(name)
                if lineOf[key] == nil { lineOf[key] = line } else { repeated.insert(key) }
                let value = try setting(try next(), at: .key(name, of: place), depth: depth + 1)
                entries.append(Entry(key: name, keyLine: line, value: value))
            }
            let names = repeated.sorted()
            if let first = names.first {
                throw mistake(lineOf[first], names.map(\.text).joined(separator: ", "), "each key once")
            }
            return entries
        }

        /// nil where it is no text, which is noted.
        private mutating func key(
            _ event: YAMLEvents.Event, of place: Place, depth: Int
        ) throws(Mistakes) -> (name: String, line: Int)? {
            // Maps as keys of maps as keys nest too.
            let isText = if case .scalar = event { true } else { false }
            let key = try setting(event, at: place, depth: isText ? depth : depth + 1)
            if case .scalar(let text) = key.content { return (text, key.line) }
            oddKey = oddKey ?? mistake(key.line, place.path, "plain text as key")
            return nil
        }

        private func target(of alias: String) throws(Mistakes) -> Setting {
            guard let target = anchored[alias] else {
                throw mistake(events.line, "", "YAML syntax: found undefined alias")
            }
            return target
        }

        /// What an alias stands for, with the lines of the anchor and the paths of the alias.
        private mutating func aliased(
            _ target: Setting, at place: Place, depth: Int
        ) throws(Mistakes) -> Setting {
            guard depth <= levelsMax else { throw mistake(target.line, place.path, "at most \(levelsMax) levels") }
            aliasedValues += 1
            guard aliasedValues <= aliasedValuesMax else {
                throw mistake(events.line, place.path, "aliases that stand for at most \(aliasedValuesMax) values")
            }
            let content: Content
            switch target.content {
            case .scalar: content = target.content
            case .list(let targets):
                var items: [Setting] = []
                for item in targets {
                    items.append(try aliased(item, at: .item(items.count, of: place), depth: depth + 1))
                }
                content = .list(items)
            case .map(let targets):
                var entries: [Entry] = []
                for entry in targets {
                    let value = try aliased(entry.value, at: .key(entry.key, of: place), depth: depth + 1)
                    entries.append(Entry(key: entry.key, keyLine: entry.keyLine, value: value))
                }
                content = .map(entries)
            }
            return Setting(file: file, line: target.line, place: place, content: content, isQuoted: target.isQuoted)
        }
    }
}

extension Setting {
    /// The scalar's text; nil for lists, maps and missing values.
    public var text: String? {
        guard case .scalar(let text) = content, !isMissing else { return nil }
        return text
    }

    /// An unquoted `null`, `~` or nothing at all.
    public var isMissing: Bool {
        guard case .scalar(let text) = content, !isQuoted else { return false }
        return text.isEmpty || text == "~" || text == "null"
    }

    /// In file order; nil for scalars and maps.
    public var items: [Setting]? {
        guard case .list(let items) = content else { return nil }
        return items
    }

    /// In file order; nil for scalars and lists.
    public var entries: [Entry]? {
        guard case .map(let entries) = content else { return nil }
        return entries
    }

    /// nil where this is no map or has no such key; looks through all keys.
    public subscript(key: String) -> Setting? { entries?.first { $0.key == key }?.value }

    /// What a message shows of the value.
    public var shown: String {
        switch content {
        case .scalar(let text): text
        case .list(let items): "a list of \(items.count)"
        case .map(let entries): "a map of \(counted(entries.count, "key"))"
        }
    }

    /// What stands for a section that is not written: every key in it is missing.
    public func emptySection(_ key: String) -> Setting {
        Setting(file: file, line: line, place: .key(key, of: place), content: .map([]), isQuoted: false)
    }

    /// A mistake at this place, or a warning; `expected` says what would be right.
    public func mistake(_ expected: String, isWarning: Bool = false) -> Mistake {
        Mistake(file: file, line: line, key: path, value: shown, expected: expected, isWarning: isWarning)
    }
}
