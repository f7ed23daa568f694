import Basics
public import Telemetry

// What the decoder says about its work when it is asked to. The live path only looks whether somebody asks, once a rule
// and once a reading; everything here is behind that question.

extension MessageDecoder {
    /// Decodes as `decode` does, and tells how: one trace a message, in their order.
    public mutating func trace(
        _ messages: borrowing MessageBatch, into batch: inout DecodedBatch, registry: inout SeriesRegistry
    ) -> [MessageTrace] {
        let sink = TraceSink()
        trace = sink
        decode(messages, into: &batch, registry: &registry)
        trace = nil
        return sink.messages
    }

    // MARK: Messages and rules

    func traceBegin() { trace?.begin(topic: String(decoding: topic, as: UTF8.self)) }

    func traceUnknownTopic() {
        guard let trace else { return }
        let topics = Set(catalog.plan.ruleNotes.map(\.topic))
        trace.messages[trace.messages.count - 1].nearestTopics = nearestTopics(
            to: String(decoding: topic, as: UTF8.self), in: topics.sorted())
    }

    /// Says that a rule of the topic's list is tried; what becomes of it is told later.
    @inline(never)
    mutating func traceRule(_ position: UInt32) {
        guard let trace else { return }
        let rule = plan.rules[position]
        let note = catalog.plan.ruleNotes[Int(position)]
        trace.messages[trace.messages.count - 1].rules.append(
            MessageTrace.Rule(
                profile: catalog.plan.profileNames[Int(rule.profile)], line: note.line, topic: note.topic,
                outcome: .misfit(whyUnread(rule))))
    }

    /// What holds of a rule until it is applied.
    private func whyUnread(_ rule: RulePlan) -> String {
        if rule.wantsEmpty != payload.isEmpty {
            return payload.isEmpty ? "the payload is empty" : "the payload is not empty"
        }
        return "the payload is not \(rule.format)"
    }

    func traceIgnored() { trace?.withRule { $0.outcome = .ignored } }

    @inline(never)
    mutating func traceMisfit(_ rule: RulePlan) {
        let why = failure(of: rule.messageConditions)
        trace?.withRule { $0.outcome = .misfit(why) }
        use(conditions: rule.messageConditions)
        traceLaid(rule, isApplied: false)
    }

    /// Says that the rule found nothing to iterate over, or nothing that its conditions hold for.
    @inline(never)
    mutating func traceNoItems(_ rule: RulePlan) {
        guard let trace else { return }
        var why = "its conditions hold for no item"
        if rule.each >= 0, trace.messages.last?.rules.last?.items.isEmpty != false {
            why = "nothing to iterate over at \(written(plan.references[UInt32(rule.each)]))"
        }
        trace.withRule { rule in
            if rule.items.allSatisfy({ $0.misfit != nil }) {
                rule.outcome = .misfit(rule.items.count == 1 ? rule.items[0].misfit ?? why : why)
            }
        }
    }

    /// After a rule: remembers which values of the message it read.
    @inline(never)
    mutating func traceLaid(_ rule: RulePlan, isApplied: Bool) {
        guard let trace else { return }
        var laying = trace.layings[rule.format.rawValue] ?? TraceSink.Laying()
        if isApplied { laying.isApplied = true }
        trace.withRule { rule in
            if isApplied {
                rule.outcome = .applied
            } else if rule.items.count == 1, let why = rule.items[0].misfit {
                rule.outcome = .misfit(why)
            }
        }
        if tape.count > 0 { gather(from: 0, to: Int(tape.nodes[0].next), path: "", reason: nil, &laying) }
        trace.layings[rule.format.rawValue] = laying
        trace.used = []
        trace.reasons = [:]
    }

    /// Before what was unwrapped is forgotten: the same for its values.
    @inline(never)
    mutating func traceUnwrapped(from root: Int, _ rule: RulePlan) {
        guard let trace, rule.unwrap >= 0, root < tape.count else { return }
        var laying = trace.layings[rule.format.rawValue] ?? TraceSink.Laying()
        gather(from: root, to: tape.count, path: trace.unwrapPrefix, reason: nil, &laying)
        trace.layings[rule.format.rawValue] = laying
    }

    func traceEnd(rejects: ArraySlice<Reject>) {
        guard let trace, let last = trace.messages.indices.last else { return }
        trace.messages[last].rejects = Array(rejects)
        let isApplied = trace.layings.values.contains { $0.isApplied }
        for (_, laying) in trace.layings.sorted(by: { $0.key < $1.key }) where laying.isApplied || !isApplied {
            for leaf in laying.leaves where !laying.usedPaths.contains(leaf.path) {
                trace.messages[last].leftovers.append(
                    MessageTrace.Leftover(path: leaf.path, wire: leaf.wire, why: laying.reasons[leaf.path]))
            }
        }
        var seen: Set<String> = []
        for rule in trace.messages[last].rules.indices {
            for item in trace.messages[last].rules[rule].items.indices {
                for field in trace.messages[last].rules[rule].items[item].fields.indices {
                    let result = trace.messages[last].rules[rule].items[item].fields[field].result
                    guard case .reading(var value) = result else { continue }
                    let quantity = trace.messages[last].rules[rule].items[item].fields[field].quantity
                    let key = "\(quantity)\u{0}\(value.device)\u{0}\(value.channel ?? "")\u{0}\(value.observed)"
                    guard !seen.insert(key).inserted else { continue }
                    value.isRepeated = true
                    trace.messages[last].rules[rule].items[item].fields[field].result = .reading(value)
                }
            }
        }
    }

    private mutating func gather(
        from start: Int, to end: Int, path: String, reason: String?, _ laying: inout TraceSink.Laying
    ) {
        guard let trace else { return }
        let node = Int32(truncatingIfNeeded: start)
        let reason = trace.reasons[node] ?? reason
        if trace.used.contains(node) {
            laying.usedPaths.insert(path.isEmpty ? "." : path)
        }
        guard tape.nodes[start].kind == .array || tape.nodes[start].kind == .object else {
            let shown = path.isEmpty ? "." : path
            if laying.leaves.count < TraceSink.leavesMax, laying.known.insert(shown).inserted {
                laying.leaves.append((shown, wire(scalar(of: start))))
            }
            if let reason, laying.reasons[shown] == nil { laying.reasons[shown] = reason }
            return
        }
        // Nests as deep as the message, which the limits bound.
        var child = start + 1
        var index = 0
        while child < min(end, Int(tape.nodes[start].next)) {
            gather(
                from: child, to: Int(tape.nodes[child].next),
                path: "\(path)/\(key(of: child, index, in: start))", reason: reason, &laying)
            child = Int(tape.nodes[child].next)
            index += 1
        }
    }

    // MARK: Items

    @inline(never)
    mutating func traceItem(_ rule: RulePlan, misfit conditions: Run) {
        let why = failure(of: conditions)
        let path = path(to: item)
        trace?.withRule { $0.items.append(MessageTrace.Item(path: path, misfit: why)) }
        trace?.reasons[Int32(truncatingIfNeeded: item)] = "the rule does not fit: \(why)"
        use(conditions: conditions)
    }

    @inline(never)
    mutating func traceItem(_ rule: RulePlan, _ registry: SeriesRegistry) {
        guard let trace else { return }
        var entry = MessageTrace.Item(path: path(to: item))
        entry.device = registry.devices[device.index].name
        entry.channel = registry.name(of: channel)
        entry.observed = observed
        (entry.timePath, entry.notes) = timeNotes(rule.time)
        use(conditions: rule.messageConditions)
        use(conditions: rule.itemConditions)
        use(naming: rule.device)
        if rule.channel >= 0 { use(naming: UInt32(rule.channel)) }
        for capture in rule.captures.range { use(plan.captures[capture].reference) }
        if rule.unwrap >= 0, plan.unwraps[UInt32(rule.unwrap)].encoding != .raw {
            use(plan.unwraps[UInt32(rule.unwrap)].reference)
        }
        if rule.status >= 0 { for reference in plan.statuses[UInt32(rule.status)].references.range { use(reference) } }
        if rule.table >= 0 { use(plan.tables[UInt32(rule.table)].key) }
        trace.withRule { $0.items.append(entry) }
    }

    mutating func traceUnwrap(_ position: UInt32) {
        guard plan.unwraps[position].encoding != .raw else {
            trace?.unwrapPrefix = ""
            return
        }
        let node = node(at: plan.unwraps[position].reference)
        guard node >= 0 else { return }
        trace?.unwrapPrefix = path(to: Int(node)) + " »"
        trace?.used.insert(node)
    }

    @inline(never)
    mutating func traceHold(_ rule: RulePlan) {
        var entry = MessageTrace.Item(path: path(to: item))
        use(conditions: rule.messageConditions)
        use(conditions: rule.itemConditions)
        use(template: UInt32(rule.holdKey))
        for position in rule.holds.range {
            let hold = plan.holds[position]
            use(hold.reference)
            let name = catalog.plan.factNames[Int(hold.fact)]
            let found = value(of: hold.reference).flatMap { isMissing($0) ? nil : wire($0) }
            entry.notes.append(found.map { "keeps $\(name): \($0)" } ?? "forgets $\(name)")
        }
        trace?.withRule { $0.items.append(entry) }
    }

    @inline(never)
    mutating func traceNoRow(_ key: Scalar) {
        let why = "the table has no row for \(wire(key))"
        trace?.withItem { $0.notes.append(why) }
        trace?.reasons[Int32(truncatingIfNeeded: item)] = why
    }

    private mutating func timeNotes(_ candidates: Run) -> (path: String?, notes: [String]) {
        var notes: [String] = []
        for position in candidates.range {
            let candidate = plan.times[position]
            for reference in candidate.references.range {
                use(reference)
                let name = written(plan.references[reference])
                guard let value = value(of: reference) else {
                    notes.append("no time at \(name): absent")
                    continue
                }
                guard let found = moment(value, candidate),
                    let moment = candidate.plus.isEmpty ? found : later(found, by: candidate.plus)
                else {
                    notes.append("no time at \(name): \(wire(value)) is not of the form that the profile names")
                    continue
                }
                if moment.milliseconds < Self.timeMin {
                    notes.append("time at \(name) passed over: \(moment) is before 2020")
                } else if moment.milliseconds > receivedAt.milliseconds + Self.timeAheadMax {
                    notes.append("time at \(name) passed over: \(moment) is more than an hour after the receipt")
                } else {
                    return (place(of: reference), notes)
                }
            }
        }
        return (nil, notes)
    }

    // MARK: Readings

    /// Reads as the live path does, and tells what came of it.
    @inline(never)
    mutating func tracedRead(
        _ reading: UnsafePointer<ReadingPlan>, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) {
        let readingsBefore = batch.readings.count
        let suspectsBefore = batch.suspects.count
        readUntraced(reading, &batch, &registry)
        guard let trace else { return }
        let quantity = reading.pointee.quantity
        let unit = catalog.plan.wireUnits[Int(reading.pointee.wireUnit)]
        var field = MessageTrace.Field(
            quantity: quantity, path: "", wireUnit: unit.isEmpty ? nil : unit, result: .none(""))

        use(conditions: reading.pointee.conditions)
        for reference in reading.pointee.references.range { use(reference) }
        use(calculation: reading.pointee.calculation)
        if reading.pointee.unitChoice >= 0 {
            for reference in plan.unitChoices[UInt32(reading.pointee.unitChoice)].references.range { use(reference) }
        }
        if reading.pointee.exponent >= 0 { use(UInt32(reading.pointee.exponent)) }
        if reading.pointee.channel >= 0 { use(naming: UInt32(reading.pointee.channel)) }
        for candidate in reading.pointee.time.range {
            for reference in plan.times[candidate].references.range { use(reference) }
        }

        var made =
            batch.readings[readingsBefore...].map { MessageTrace.Result.reading(Self.value($0, registry)) }
            + batch.suspects[suspectsBefore...].map { MessageTrace.Result.suspect(Self.value($0, registry)) }
        // Readings and suspects of one `*` lie in two lists, so each is found again by its value.
        func take(_ number: Double) -> MessageTrace.Result? {
            let index = made.firstIndex { result in
                switch result {
                case .reading(let value), .suspect(let value): value.value == number
                case .none: false
                }
            }
            return index.map { made.remove(at: $0) }
        }
        func tell(_ path: String, _ wire: String?, _ result: MessageTrace.Result) {
            field.path = path
            field.wire = wire
            field.result = result
            trace.append(field)
        }

        let names = reading.pointee.references.range.map { written(plan.references[$0]) }.joined(separator: ", ")
        guard hold(reading.pointee.conditions) else {
            return tell(names, nil, .none("its condition does not hold: \(failure(of: reading.pointee.conditions))"))
        }
        guard reading.pointee.calculation.isEmpty else {
            let operands = operands(of: reading.pointee.calculation)
            guard made.isEmpty else { return made.forEach { tell("calc", operands, $0) } }
            return tell("calc", operands, .none("an operand is missing or no number, or the result is none"))
        }
        // Only to ask again: what a value became, the batch has already.
        var scratch = DecodedBatch()
        var empty: [(path: String, wire: String?, why: String)] = []
        for position in reading.pointee.references.range {
            let found = values(of: position)
            let outer = iteration
            var hasValue = false
            for match in found {
                iteration = match.iteration
                switch number(match.scalar, reading, &scratch) {
                case .value(let number):
                    tell(match.path, wire(match.scalar), take(number + 0) ?? .none("not taken: see the faults"))
                    hasValue = true
                case .wrong:
                    if match.scalar.isContainer, !plan.references[position].iterates {
                        empty.append((match.path, wire(match.scalar), "a list or an object is not a value"))
                    } else {
                        tell(match.path, wire(match.scalar), .none(whyWrong(match.scalar, reading)))
                        hasValue = true
                    }
                case .missing: empty.append((match.path, wire(match.scalar), whyMissing(match.scalar, reading)))
                }
            }
            iteration = outer
            if hasValue {
                // What was passed over on the way, unless it is not there at all.
                for entry in empty where entry.wire != nil { tell(entry.path, entry.wire, .none(entry.why)) }
                return
            }
            if found.isEmpty { empty.append((written(plan.references[position]), nil, "absent")) }
        }
        // Whatever else it made, such as a value that was computed.
        if !made.isEmpty {
            for result in made { tell(names, nil, result) }
            return
        }
        if empty.count > 1, empty.allSatisfy({ $0.wire == nil }) { return tell(names, nil, .none("absent")) }
        for entry in empty { tell(entry.path, entry.wire, .none(entry.why)) }
    }

    private static func value(_ reading: Reading, _ registry: SeriesRegistry) -> MessageTrace.Value {
        MessageTrace.Value(
            device: registry.devices[registry.series[reading.series.index].device.index].name,
            channel: registry.channelName(of: reading.series), value: reading.value, observed: reading.observed)
    }

    /// What a reference leads to, each with its place and what `@key` and `@index` mean there.
    private mutating func values(of position: UInt32) -> [(scalar: Scalar, path: String, iteration: Iteration)] {
        let reference = plan.references[position]
        guard reference.iterates else {
            guard let value = value(of: position) else { return [] }
            return [(value, place(of: position), iteration)]
        }
        let first = matches.count
        collect(reference)
        defer { matches.removeSubrange(first...) }
        return matches[first...].map { match in
            (scalar(of: Int(match.node)), path(to: Int(match.node)), match.iteration)
        }
    }

    private mutating func whyMissing(_ value: Scalar, _ reading: UnsafePointer<ReadingPlan>) -> String {
        if value.kind == .null { return "null means no value" }
        if isMissing(value) { return "\(wire(value)) means no value" }
        if case .value(let number) = numeric(value),
            reading.pointee.missing.range.contains(where: { plan.numbers[$0] == number })
        {
            return "\(wire(value)) is marked as missing"
        }
        if !reading.pointee.map.isEmpty { return "the map gives no value for \(wire(value))" }
        if reading.pointee.exponent >= 0 {
            let name = written(plan.references[UInt32(reading.pointee.exponent)])
            return "the exponent at \(name) is absent or missing"
        }
        if reading.pointee.unitChoice >= 0 { return "the message names no unit that converts" }
        return "not a finite number"
    }

    private mutating func whyWrong(_ value: Scalar, _ reading: UnsafePointer<ReadingPlan>) -> String {
        if value.isContainer { return "a list or an object is not a value" }
        if !reading.pointee.map.isEmpty { return "the map has no place for \(wire(value))" }
        return "\(wire(value)) is not a number that fits"
    }

    // MARK: Conditions in words

    private mutating func failure(of conditions: Run) -> String {
        for position in conditions.range where !hold(Run(start: position, count: 1)) {
            let condition = plan.conditions[position]
            let name = written(plan.references[condition.reference])
            guard let value = value(of: condition.reference) else { return "\(name) is absent" }
            let words = condition.literals.range.prefix(8).map { "'\(text(of: plan.literals[$0].word))'" }
                .joined(separator: " or ")
            switch condition.kind {
            case .exists: return "\(name) is null"
            case .absent: return "\(name) is there: \(wire(value))"
            case .oneOf: return "\(name) is \(wire(value)), not \(words)"
            case .noneOf: return "\(name) is \(wire(value)), one of those that it must not be"
            case .above: return "\(name) is \(wire(value)), not above \(words)"
            case .below: return "\(name) is \(wire(value)), not below \(words)"
            case .hasWord: return "\(name) is \(wire(value)), without the word \(words)"
            case .like: return "\(name) is \(wire(value)), which is not like the pattern"
            }
        }
        return "a condition does not hold"
    }

    // MARK: What was used

    private mutating func use(_ position: UInt32) {
        let reference = plan.references[position]
        switch reference.base {
        case .item, .message:
            guard reference.iterates else {
                let node = node(at: position)
                if node >= 0 { trace?.used.insert(node) }
                return
            }
            let first = matches.count
            collect(reference)
            for match in matches[first...] { trace?.used.insert(match.node) }
            matches.removeSubrange(first...)
        case .template: use(template: reference.template)
        case .key, .index, .outerKey, .fact: break
        }
    }

    private mutating func use(template position: UInt32) {
        for part in plan.templates[position].parts.range where plan.templateParts[part].kind == .reference {
            use(plan.templateParts[part].position)
        }
    }

    private mutating func use(naming position: UInt32) {
        let naming = plan.namings[position]
        if naming.reference >= 0 { use(UInt32(naming.reference)) }
        if naming.template >= 0 { use(template: UInt32(naming.template)) }
    }

    private mutating func use(calculation: Run) {
        for index in calculation.range {
            let step = plan.calculation[index]
            if step.kind == .reference || step.kind == .takeAll { use(step.reference) }
        }
    }

    /// The values that a calculation starts from, for people.
    private mutating func operands(of calculation: Run) -> String {
        var shown: [String] = []
        for index in calculation.range where plan.calculation[index].kind == .reference && shown.count < 8 {
            let reference = plan.calculation[index].reference
            let found = value(of: reference).map { wire($0) } ?? "absent"
            shown.append("\(written(plan.references[reference])) \(found)")
        }
        return shown.joined(separator: ", ")
    }

    private mutating func use(conditions: Run) {
        for position in conditions.range { use(plan.conditions[position].reference) }
    }

    // MARK: Places and texts

    private func text(of word: Word) -> String {
        String(
            decoding: UnsafeRawBufferPointer(start: plan.bytes.pointer + Int(word.start), count: Int(word.count)),
            as: UTF8.self)
    }

    /// A reference as a profile writes it; of a template, the text that it gives here.
    private mutating func written(_ reference: Reference) -> String {
        switch reference.base {
        case .key: return "@key"
        case .index: return "@index"
        case .outerKey: return "@outer"
        case .fact: return "$\(catalog.plan.factNames[Int(reference.template)])"
        case .template:
            let name = written(reference.template).map { String(decoding: $0, as: UTF8.self) }
            return name.map { "'\($0)'" } ?? "the template"
        case .item, .message: break
        }
        var name = reference.base == .message && item != 0 ? "^" : ""
        for position in reference.steps.range {
            let step = plan.steps[position]
            switch step.kind {
            case .member: name += "/" + text(of: step.word).replacing("~", with: "~0").replacing("/", with: "~1")
            case .every: name += "/*"
            case .filter: name += "/[\(text(of: step.word))=\(text(of: step.literal.word))]"
            }
        }
        return name.isEmpty ? "." : name
    }

    /// Where a reference without `*` leads in the message.
    private mutating func place(of position: UInt32) -> String {
        let node = node(at: position)
        return node >= 0 ? path(to: Int(node)) : written(plan.references[position])
    }

    /// The JSON Pointer of a node; what was unwrapped stands behind the place of its bytes.
    private mutating func path(to node: Int) -> String {
        var root = 0
        var path = ""
        while root < tape.count, Int(tape.nodes[root].next) <= node, Int(tape.nodes[root].next) > root {
            root = Int(tape.nodes[root].next)
        }
        if root > 0 { path = trace?.unwrapPrefix ?? "" }
        var place = root
        while place < node {
            var child = place + 1
            var index = 0
            while child < tape.count, Int(tape.nodes[child].next) <= node, Int(tape.nodes[child].next) > child {
                child = Int(tape.nodes[child].next)
                index += 1
            }
            guard child <= node else { break }
            path += "/" + key(of: child, index, in: place)
            place = child
        }
        return path.isEmpty ? "." : path
    }

    private mutating func key(of child: Int, _ index: Int, in container: Int) -> String {
        guard tape.nodes[container].kind == .object else { return "\(index)" }
        let node = tape.nodes[child]
        let base = (node.isKeyOfPlan ? plan.bytes.pointer : text) + Int(node.keyStart)
        let mark = arena.mark
        defer { arena.rewind(to: mark) }
        let name =
            node.isKeyEscaped && Int(node.keyCount) <= Self.namedTextBytesMax
            ? unescaped(base, count: Int(node.keyCount))
            : UnsafeRawBufferPointer(start: base, count: Int(node.keyCount))
        return String(decoding: name, as: UTF8.self).replacing("~", with: "~0").replacing("/", with: "~1")
    }

    /// A value as it stands in the message, texts in quotes, cut where it is long.
    private mutating func wire(_ value: Scalar) -> String {
        switch value.kind {
        case .array: return "a list"
        case .object: return "an object"
        case .null: return "null"
        case .yes: return "true"
        case .no: return "false"
        case .real: return Int64(exactly: value.real).map { "\($0)" } ?? "\(value.real)"
        case .number: return String(decoding: value.bytes.prefix(80), as: UTF8.self)
        case .text:
            let mark = arena.mark
            defer { arena.rewind(to: mark) }
            let bytes = plainText(value) ?? value.bytes
            let cut = bytes.count > 80
            return "\"\(String(decoding: bytes.prefix(80), as: UTF8.self))\(cut ? "…" : "")\""
        }
    }
}

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
