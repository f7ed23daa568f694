public import Basics
import Telemetry
import Yams

/// One node of a YAML file, with its place, so that a mistake can be reported where it stands.
///
/// Scalars are kept as the text that was written: `on`, `off`, `yes`, `no` and `1e3` mean what the reader of the key
/// says, not what YAML 1.1 thinks of them.
public struct Setting: Sendable {
    public enum Content: Sendable {
        case scalar(String)
        case list([Setting])
        /// In file order; keys are unique.
        case map([Entry])
    }

    public struct Entry: Sendable {
        public let key: String
        public let keyLine: Int
        public let value: Setting
    }

    public let file: String
    /// Line from 1.
    public let line: Int
    /// Dotted path from the root: `rules[2].raise.above`.
    public let path: String
    public let content: Content
    /// Whether a scalar stands in quotes; `~`, `null` and nothing are missing values only without them.
    public let isQuoted: Bool

    /// Reads a YAML text. The file name is only for messages.
    ///
    /// Throws `Mistakes` with the place where the text is not YAML, has a key twice, or nests deeper than 64.
    public static func parse(yaml text: String, file: String) throws(Mistakes) -> Setting {
        do {
            guard let root = try Yams.compose(yaml: text) else {
                return Setting(file: file, line: 1, path: "", content: .map([]), isQuoted: false)
            }
            return try Setting(root, file: file, path: "", depth: 0)
        } catch let mistakes as Mistakes {
            throw mistakes
        } catch let error as YamlError {
            throw Mistakes([Self.mistake(of: error, in: file)])
        } catch {
            throw Mistakes([Mistake(file: file, line: nil, key: "", value: nil, expected: "YAML: \(error)")])
        }
    }

    private init(file: String, line: Int, path: String, content: Content, isQuoted: Bool) {
        self.file = file
        self.line = line
        self.path = path
        self.content = content
        self.isQuoted = isQuoted
    }

    private init(_ node: Node, file: String, path: String, depth: Int) throws {
        let line = node.mark?.line ?? 1
        guard depth <= 64 else {
            throw Mistakes([Mistake(file: file, line: line, key: path, value: nil, expected: "at most 64 levels")])
        }
        switch node {
        case .scalar(let scalar):
            let isQuoted =
                switch scalar.style {
                case .singleQuoted, .doubleQuoted, .literal, .folded: true
                case .any, .plain: false
                }
            self.init(file: file, line: line, path: path, content: .scalar(scalar.string), isQuoted: isQuoted)
        case .sequence(let sequence):
            let items = try sequence.enumerated().map { index, item in
                try Setting(item, file: file, path: "\(path)[\(index)]", depth: depth + 1)
            }
            self.init(file: file, line: line, path: path, content: .list(items), isQuoted: false)
        case .mapping(let mapping):
            var entries: [Entry] = []
            var seen: Set<String> = []
            for (key, value) in mapping {
                let keyLine = key.mark?.line ?? line
                guard let name = key.scalar?.string else {
                    throw Mistakes([
                        Mistake(file: file, line: keyLine, key: path, value: nil, expected: "plain text as key")
                    ])
                }
                let childPath = path.isEmpty ? name : "\(path).\(name)"
                guard seen.insert(name).inserted else {
                    throw Mistakes([
                        Mistake(file: file, line: keyLine, key: childPath, value: nil, expected: "each key once")
                    ])
                }
                let child = try Setting(value, file: file, path: childPath, depth: depth + 1)
                entries.append(Entry(key: name, keyLine: keyLine, value: child))
            }
            self.init(file: file, line: line, path: path, content: .map(entries), isQuoted: false)
        case .alias:
            throw Mistakes([
                Mistake(file: file, line: line, key: path, value: nil, expected: "an anchor that stands above its use")
            ])
        }
    }

    private static func mistake(of error: YamlError, in file: String) -> Mistake {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            Mistake(file: file, line: mark.line, key: "", value: nil, expected: "YAML syntax: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            Mistake(
                file: file, line: context.mark.line, key: duplicates.joined(separator: ", "),
                value: nil, expected: "each key once")
        default:
            Mistake(file: file, line: nil, key: "", value: nil, expected: "YAML: \(error)")
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

    public var items: [Setting]? {
        guard case .list(let items) = content else { return nil }
        return items
    }

    public var entries: [Entry]? {
        guard case .map(let entries) = content else { return nil }
        return entries
    }

    public subscript(key: String) -> Setting? { entries?.first { $0.key == key }?.value }

    /// What a message shows of the value.
    public var shown: String {
        switch content {
        case .scalar(let text): text
        case .list(let items): "a list of \(items.count)"
        case .map(let entries): "a map of \(entries.count) keys"
        }
    }

    /// What stands for a section that is not written: every key in it is missing.
    public func emptySection(_ key: String) -> Setting {
        let childPath = path.isEmpty ? key : "\(path).\(key)"
        return Setting(file: file, line: line, path: childPath, content: .map([]), isQuoted: false)
    }

    public func mistake(_ expected: String) -> Mistake {
        Mistake(file: file, line: line, key: path, value: shown, expected: expected)
    }
}
