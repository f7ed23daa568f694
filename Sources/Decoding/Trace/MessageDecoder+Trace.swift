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

    func traceBegin() { trace?.begin(topic: String(decoding: message.topic, as: UTF8.self)) }

    func traceUnknownTopic() {
        guard let trace else { return }
        let topics = Set(catalog.plan.ruleNotes.map(\.topic))
        trace.messages[trace.messages.count - 1].nearestTopics = nearestTopics(
            to: String(decoding: message.topic, as: UTF8.self), in: topics.sorted())
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
        if rule.wantsEmpty != message.payload.isEmpty {
            return message.payload.isEmpty ? "the payload is empty" : "the payload is not empty"
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
        if document.tape.count > 0 {
            gather(from: 0, to: Int(document.tape.nodes[0].next), path: "", reason: nil, &laying)
        }
        trace.layings[rule.format.rawValue] = laying
        trace.used = []
        trace.reasons = [:]
    }

    /// Before what was unwrapped is forgotten: the same for its values.
    @inline(never)
    mutating func traceUnwrapped(from root: Int, _ rule: RulePlan) {
        guard let trace, rule.unwrap >= 0, root < document.tape.count else { return }
        var laying = trace.layings[rule.format.rawValue] ?? TraceSink.Laying()
        gather(from: root, to: document.tape.count, path: trace.unwrapPrefix, reason: nil, &laying)
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
        // By series and time, the item that told it last: what another one tells again takes its place.
        var tellers: [String: String] = [:]
        for rule in trace.messages[last].rules.indices {
            for place in trace.messages[last].rules[rule].items.indices {
                for field in trace.messages[last].rules[rule].items[place].fields.indices {
                    let result = trace.messages[last].rules[rule].items[place].fields[field].result
                    guard case .reading(var value) = result else { continue }
                    let quantity = trace.messages[last].rules[rule].items[place].fields[field].quantity
                    let key = "\(quantity)\u{0}\(value.device)\u{0}\(value.channel ?? "")\u{0}\(value.observed)"
                    let item = trace.messages[last].rules[rule].items[place].path
                    guard tellers.updateValue(item, forKey: key) == item else { continue }
                    value.isRepeated = true
                    trace.messages[last].rules[rule].items[place].fields[field].result = .reading(value)
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
        guard document.tape.nodes[start].kind == .array || document.tape.nodes[start].kind == .object else {
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
        while child < min(end, Int(document.tape.nodes[start].next)) {
            gather(
                from: child, to: Int(document.tape.nodes[child].next),
                path: "\(path)/\(key(of: child, index, in: start))", reason: reason, &laying)
            child = Int(document.tape.nodes[child].next)
            index += 1
        }
    }

    // MARK: Items

    @inline(never)
    mutating func traceItem(_ rule: RulePlan, misfit conditions: Run) {
        let why = failure(of: conditions)
        let path = path(to: item.node)
        trace?.withRule { $0.items.append(MessageTrace.Item(path: path, misfit: why)) }
        trace?.reasons[Int32(truncatingIfNeeded: item.node)] = "the rule does not fit: \(why)"
        use(conditions: conditions)
    }

    @inline(never)
    mutating func traceItem(_ rule: RulePlan, _ registry: SeriesRegistry) {
        guard let trace else { return }
        var entry = MessageTrace.Item(path: path(to: item.node))
        entry.device = registry.devices[item.device.index].name
        entry.channel = registry.name(of: item.channel)
        entry.observed = item.observed
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
        var entry = MessageTrace.Item(path: path(to: item.node))
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
        trace?.reasons[Int32(truncatingIfNeeded: item.node)] = why
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
                let earliest = limits.timeMin(orReceipt: candidate.elseReceipt)
                if moment < earliest {
                    notes.append("time at \(name) passed over: \(moment) is before \(earliest)")
                } else if !isAdmitted(moment) {
                    notes.append("time at \(name) passed over: \(moment) is more than an hour after the receipt")
                } else {
                    return (place(of: reference), notes)
                }
            }
        }
        return (nil, notes)
    }
}
