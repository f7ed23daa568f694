import Basics
import Settings
import Telemetry

/// A profile in the making: what was recognised in messages of one kind, and what was not.
struct ProfileDraft {
    private let messages: [CapturedMessage]
    private let trees: [JSONTree]
    private let topic: TopicGuess
    private var device = ""
    private var time: TimeGuess?
    private var rules: [Rule] = []
    /// Comments at the head.
    private var notes: [String] = []

    /// One rule in the making.
    struct Rule {
        var format: String?
        var each: String?
        var channel: String?
        /// References inside an item reach the message with `^`.
        var isOfItem: Bool { each != nil }
        var time: TimeGuess?
        var status: String?
        var readings: [(quantity: Quantity, channel: String?, text: String, remark: String?)] = []
        var table: Table?
        /// What was not recognised, as comments.
        var unknown: [String] = []

        struct Table {
            var key: String
            var value: String
            var rows: [(key: String, text: String)]
        }

        var isEmpty: Bool { readings.isEmpty && table == nil && status == nil }
    }

    init(_ messages: [CapturedMessage]) {
        self.messages = messages
        trees = messages.compactMap { JSONTree($0.payload) }
        let isJSON = trees.count == messages.count && trees.contains { if case .object = $0 { true } else { false } }
        let isList = trees.count == messages.count && trees.allSatisfy { if case .list = $0 { true } else { false } }
        let shape = MessageShape()
        for tree in trees { shape.add(tree) }
        let identity = isJSON ? FieldGuess.identity(of: shape) : nil
        topic = TopicGuess(
            messages.map(\.topic), deviceNames: identity.map { Set($0.shape.values.map(\.text)) } ?? [],
            wantsField: !isJSON && !isList)

        if isJSON {
            time = TimeGuess.find(in: shape)
            device = topic.namesDevice ? "{device}" : identity.map { "{\($0.path)}" } ?? fallbackDevice
            readObject(shape, identity?.path)
        } else if isList, let items = shape.items, items.isObject {
            let identity = FieldGuess.identity(of: items)
            device = topic.namesDevice ? "{device}" : identity.map { "{\($0.path)}" } ?? fallbackDevice
            readList(items, at: "", [], rootTime: nil)
        } else {
            device = topic.namesDevice ? "{device}" : fallbackDevice
            readText()
        }
        if !topic.namesDevice, identity == nil {
            notes.append("Neither topic nor message seems to name the device: check 'device'.")
        }
    }

    private var fallbackDevice: String {
        let levels = (messages.first?.topic ?? "").split(separator: "/")
        return levels.first.map(String.init)?.filter { !"{}".contains($0) } ?? "device"
    }

    /// Leaves only what was seen.
    mutating func giveUp(_ why: String) {
        notes.append("The proposal did not load: \(why)")
        let seen = rules.flatMap { rule in rule.readings.map { "\($0.quantity.name): \($0.text)" } + rule.unknown }
        rules = [Rule(unknown: seen)]
        device = ""
        time = nil
    }

    // MARK: JSON

    private mutating func readObject(_ shape: MessageShape, _ identity: String?) {
        var rule = Rule(time: time)
        var walk = FieldWalk(messageCount: messages.count)
        walk.skip(identity)
        walk.skip(time?.path)
        walk.read(shape, at: "", names: [], channel: nil)
        rule.readings = walk.readings
        rule.unknown = walk.unknown
        if !rule.isEmpty || walk.lists.isEmpty { rules.append(rule) }
        for list in walk.lists {
            readList(list.items, at: list.path, list.names, rootTime: time, isKeyed: list.isKeyed)
        }
        if rule.isEmpty, !walk.lists.isEmpty { rules.append(rule) }
        dropEmptyRules()
    }

    /// Rules that found nothing leave only what they saw, with a rule that found something or with the first.
    private mutating func dropEmptyRules() {
        let full = rules.filter { !$0.isEmpty }
        let seen = rules.filter(\.isEmpty).flatMap { rule in rule.unknown.map { (rule.each ?? "") + $0 } }
        rules = full.isEmpty ? [Rule()] : full
        rules[0].unknown += seen
    }

    private mutating func readList(
        _ items: MessageShape, at path: String, _ names: [String], rootTime: TimeGuess?, isKeyed: Bool = false
    ) {
        var rule = Rule(each: "\(path)/*")
        let itemTime = TimeGuess.find(in: items)
        rule.time = itemTime ?? rootTime.map { $0.outside }
        if let table = TableGuess(items, trees, at: path, isKeyed: isKeyed) {
            rule.table = Rule.Table(key: table.keyPath, value: table.valuePath, rows: table.rows)
            rule.unknown = table.unknown
            rules.append(rule)
            return
        }
        var walk = FieldWalk(messageCount: items.count)
        walk.skip(itemTime?.path)
        let identity = FieldGuess.identity(of: items)
        if isKeyed {
            rule.channel = "{@key}"
        } else if let identity, device != "{\(identity.path)}" {
            rule.channel = "{\(identity.path)}"
            walk.skip(identity.path)
        } else if let identity {
            walk.skip(identity.path)
        }
        walk.read(items, at: "", names: names, channel: nil)
        rule.readings = walk.readings
        rule.unknown = walk.unknown + walk.lists.map { "\($0.path): a list within a list" }
        rules.append(rule)
    }

    // MARK: Bare values

    private mutating func readText() {
        var rule = Rule(format: "text")
        let texts = messages.compactMap { String(validating: $0.payload, as: UTF8.self) }
        guard texts.count == messages.count else {
            notes.append("The payload is not text: \(messages[0].payload.count) bytes.")
            rule.unknown = [
                "hex "
                    + messages[0].payload.prefix(64).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
                    .joined()
            ]
            rule.format = nil
            rules.append(rule)
            return
        }
        let shape = MessageShape()
        for text in texts { shape.add(.text(String(text.trimming { $0 == " " || $0 == "\n" || $0 == "\0" }))) }
        if topic.namesField {
            var rows: [(key: String, text: String)] = []
            for field in topic.fields {
                let own = MessageShape()
                for (message, text) in zip(messages, texts)
                where message.topic.split(separator: "/", omittingEmptySubsequences: false).contains(Substring(field)) {
                    own.add(.text(text))
                }
                if let found = FieldGuess.reading([field], own) {
                    let parts = found.parts + (found.channel.map { ["channel: \(YAMLText.quoted($0))"] } ?? [])
                    rows.append((field, "{\(found.quantity.name): {\(parts.joined(separator: ", "))}}"))
                } else {
                    rule.unknown.append("\(field): \(FieldWalk.seen(own))")
                }
            }
            if !rows.isEmpty { rule.table = Rule.Table(key: "\"{field}\"", value: ".", rows: rows) }
        } else {
            let words = Set(shape.values.map { $0.text.lowercased() })
            let name = (messages[0].topic.split(separator: "/").last).map(String.init) ?? ""
            if words.isSubset(of: Set(StatusWords.all.keys)) {
                let entries = Set(shape.values.map(\.text)).sorted().map {
                    "\(YAMLText.quoted($0)): \(StatusWords.all[$0.lowercased()] == true ? "online" : "offline")"
                }
                rule.status = "{\(entries.joined(separator: ", "))}"
            } else if let found = FieldGuess.reading([name], shape) {
                let parts = ["from: ."] + found.parts
                rule.readings = [(found.quantity, found.channel, "{\(parts.joined(separator: ", "))}", found.remark)]
            } else {
                rule.unknown.append("the payload: \(FieldWalk.seen(shape))")
            }
        }
        rules.append(rule)
    }

    // MARK: Writing

    func yaml(name: String) -> String {
        var lines = [
            "# Begun from \(counted(messages.count, "captured message")). Check names, units and device, and fill in the source."
        ]
        lines += notes.map { "# \(YAMLText.comment($0))" }
        lines += ["profile: \(name)", "sources: [\"to be named: manual, edition, page\"]", "rules:"]
        for rule in rules {
            lines.append("- topic: \(YAMLText.quoted(topic.pattern, always: true))")
            if rule.isEmpty {
                lines.append("  # Nothing was recognised. Write 'device' and 'read', and take 'ignore' out.")
                lines.append("  ignore: true")
                lines += rule.unknown.map { "  # \(YAMLText.comment($0))" }
                continue
            }
            if let format = rule.format { lines.append("  format: \(format)") }
            if let each = rule.each { lines.append("  each: \(YAMLText.quoted(each))") }
            let own = rule.isOfItem && device.hasPrefix("{/") && rule.channel != nil
            // A name of the message, seen from an item; in a list at the root the item is all there is.
            let name =
                own || (rule.isOfItem && device.hasPrefix("{/") && rule.each != "/*")
                ? "{^" + device.dropFirst() : device
            lines.append("  device: \(YAMLText.quoted(name, always: true))")
            if let channel = rule.channel { lines.append("  channel: \(YAMLText.quoted(channel, always: true))") }
            if let time = rule.time { lines.append("  time: [\(time.written)]") }
            if let status = rule.status { lines.append("  status: \(status)") }
            if !rule.readings.isEmpty {
                lines.append("  read:")
                lines += Self.read(rule)
            }
            if let table = rule.table {
                lines += ["  table:", "    key: \(table.key)", "    value: \(table.value)", "    rows:"]
                lines += table.rows.map { "      \(YAMLText.quoted($0.key)): \($0.text)" }
            }
            if !rule.unknown.isEmpty {
                lines.append("    # Not recognised:")
                lines += rule.unknown.map { "    # \(YAMLText.comment($0))" }
            }
        }
        lines.append("examples: [samples/captured.json]")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func read(_ rule: Rule) -> [String] {
        var lines: [String] = []
        var written: Set<Quantity> = []
        for reading in rule.readings where written.insert(reading.quantity).inserted {
            let all = rule.readings.filter { $0.quantity == reading.quantity }
            func remark(_ text: String?) -> String { text.map { "  # \(YAMLText.comment($0))" } ?? "" }
            if all.count == 1 {
                lines.append("    \(reading.quantity.name): \(reading.text)\(remark(reading.remark))")
            } else {
                lines.append("    \(reading.quantity.name):")
                lines += all.map { "    - \($0.text)\(remark($0.remark))" }
            }
        }
        return lines
    }
}

/// Words that devices send when they come and go.
enum StatusWords {
    static let all: [String: Bool] = [
        "online": true, "offline": false, "connected": true, "disconnected": false, "up": true, "down": false,
        "alive": true, "dead": false,
    ]
}

/// Texts as YAML takes them.
enum YAMLText {
    static func quoted(_ text: String, always: Bool = false) -> String {
        let isPlain =
            !text.isEmpty && text.utf8.count <= 200
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_/.-".contains($0)) }
            && (text.first!.isLetter || text.first == "/")
            && !["true", "false", "yes", "no", "on", "off", "null", "exists", "y", "n"].contains(text.lowercased())
        return isPlain && !always ? text : Setting.quoted(text)
    }

    /// A text that stays on its line and in its comment.
    static func comment(_ text: String) -> String {
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(300) {
            switch scalar.value {
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE...0xFFFF: shown.append("·")
            default: shown.append(scalar)
            }
        }
        return String(shown)
    }
}

extension String {
    fileprivate func trimming(_ isBlank: (Character) -> Bool) -> Substring {
        var text = self[...]
        while let first = text.first, isBlank(first) { text.removeFirst() }
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }
}
