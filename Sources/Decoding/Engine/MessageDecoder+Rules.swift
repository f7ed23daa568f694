import Basics
import Telemetry

extension MessageDecoder {
    /// Applies a rule whose message conditions hold; false where it does not fit the message after all.
    mutating func apply(
        _ rule: RulePlan, at position: UInt32, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) -> Bool {
        if rule.unwrap < 0, rule.each < 0 { return applyToItem(rule, at: position, &batch, &registry) }
        let values = document.tape.count
        defer {
            if trace != nil { traceUnwrapped(from: values, rule) }
            document.tape.truncate(to: values)
        }
        if rule.unwrap >= 0 {
            if trace != nil { traceUnwrap(UInt32(rule.unwrap)) }
            switch unwrap(UInt32(rule.unwrap)) {
            case .root(let node): item.node = node
            case .absent: return true
            case .failed(let reason, let detail):
                reject(reason, detail, &batch)
                return true
            }
        }
        guard rule.each >= 0 else { return applyToItem(rule, at: position, &batch, &registry) }
        return applyToEach(rule, at: position, &batch, &registry)
    }

    private mutating func applyToEach(
        _ rule: RulePlan, at position: UInt32, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) -> Bool {
        let reference = plan.references[UInt32(rule.each)]
        let first = scratch.matches.count
        defer { scratch.matches.removeSubrange(first...) }
        collect(reference)
        if scratch.matches.count == first {
            if trace != nil { traceNoItems(rule) }
            guard hasIterable(reference) else { return false }
            message.hasEmptyList = true
            return true
        }
        var hasApplied = false
        let mark = scratch.arena.mark
        for index in first..<scratch.matches.count {
            item.node = Int(scratch.matches[index].node)
            item.iteration = scratch.matches[index].iteration
            if applyToItem(rule, at: position, &batch, &registry) { hasApplied = true }
            scratch.arena.rewind(to: mark)
            if message.isTooLong { break }
        }
        if !hasApplied, trace != nil { traceNoItems(rule) }
        return hasApplied
    }

    /// Whether the value to iterate over is there, be it empty.
    private mutating func hasIterable(_ reference: Reference) -> Bool {
        let plain = reference.steps.range.prefix { plan.steps[$0].kind != .every }
        var node = Int32(truncatingIfNeeded: reference.base == .message ? 0 : item.node)
        for position in plain {
            node = step(plan.steps[position], from: Int(node))
            if node < 0 { return false }
        }
        return scalar(of: Int(node)).isContainer
    }

    private mutating func applyToItem(
        _ rule: RulePlan, at position: UInt32, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) -> Bool {
        for index in rule.captures.range { capture(plan.captures[index]) }
        if rule.usesFacts { findHeld(rule) }
        guard hold(rule.itemConditions) else {
            if trace != nil { traceItem(rule, misfit: rule.itemConditions) }
            return false
        }
        if rule.holdKey >= 0 {
            hold(rule, &batch)
            if trace != nil { traceHold(rule) }
        }
        if rule.onlyHolds {
            message.isHeld = true
            return true
        }
        guard let name = name(rule.device) else {
            reject(.noDevice, "the message does not name its device", &batch)
            return true
        }
        if admission.isGuarded, !isAdmitted(name, rule.profile, registry, &batch) { return true }
        let profiles = catalog.plan.profileNames
        guard
            let device = registry.device(named: name)
                ?? newDevice(name, profile: profiles[Int(rule.profile)], &batch, &registry)
        else { return true }
        item.device = device
        item.hasNoRow = false
        let readingsBefore = batch.readings.count
        let statusesBefore = batch.statuses.count
        let faultsBefore = batch.rejects.count + message.hiddenFaults
        readItem(rule, at: position, &batch, &registry)
        if batch.readings.count == readingsBefore {
            noteUnreadItem(
                rule, hasFaults: batch.rejects.count + message.hiddenFaults > faultsBefore,
                hasStatus: batch.statuses.count > statusesBefore, &batch)
        }
        return true
    }

    /// What the rule says of the item in hand, whose device is known.
    @inline(__always)
    private mutating func readItem(
        _ rule: RulePlan, at position: UInt32, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) {
        let device = item.device
        if rule.usesFacts {
            memory.facts.take(toldOf: registry.devices[device.index].name)
        }
        item.channel = .none
        if rule.channel >= 0 {
            switch channelIndex(UInt32(rule.channel), &batch, &registry) {
            case .index(let known): item.channel = known
            case .unnamed:
                reject(.unexpectedValue, "the channel has no usable name", device: device, &batch)
                return
            case .full:
                reject(
                    .cardinality, "the limit of \(registry.limits.channelsMax) channels is reached", device: device,
                    &batch)
                return
            case .refused: return
            }
        }
        takeTime(rule.time, &batch)
        if trace != nil { traceItem(rule, registry) }
        hear(&batch)

        if rule.status >= 0 { readStatus(UInt32(rule.status), &batch) }
        if !rule.readings.isEmpty { readAll(rule, at: position, &batch, &registry) }
        if rule.table >= 0 { readTable(plan.tables[UInt32(rule.table)], &batch, &registry) }
    }

    /// Looks up what earlier messages left under the rule's key.
    @inline(never)
    private mutating func findHeld(_ rule: RulePlan) {
        memory.facts.forgetInHand()
        guard rule.heldKey >= 0, let key = written(UInt32(rule.heldKey)) else { return }
        memory.facts.take(heldUnder: key, profile: rule.profile)
    }

    @inline(__always)
    private mutating func takeTime(_ candidates: Run, _ batch: inout DecodedBatch) {
        (item.observed, item.isStamped, item.isTimeless) = (message.receivedAt, true, false)
        guard !candidates.isEmpty else { return }
        switch ownTime(candidates) {
        case .none: break
        case .at(let moment):
            (item.observed, item.isStamped) = (moment, false)
            vote(moment, &batch)
        case .beforeReceipt(let moment): item.observed = moment
        case .unusable(let moment):
            item.isTimeless = true
            rejectTime(moment, &batch)
        }
    }

    /// The device was heard. What the broker had kept says when the device spoke only if the payload does: without a time it
    /// is a word, and nobody was heard by it.
    @inline(__always)
    private func hear(_ batch: inout DecodedBatch) {
        if message.isRetained, item.isStamped { return }
        let moment = message.isRetained ? min(item.observed, message.receivedAt) : message.receivedAt
        if let last = batch.heard.last, last.device == item.device, last.at == moment { return }
        batch.heard.append(Hearing(device: item.device, at: moment, isRetained: message.isRetained))
    }

    private func word(_ isOnline: Bool) -> DeviceStatus {
        DeviceStatus(
            device: item.device, isOnline: isOnline, at: item.observed, heardAt: message.receivedAt,
            isRetained: message.isRetained && item.isStamped)
    }

    func isUsableName(_ name: UnsafeRawBufferPointer) -> Bool {
        guard let base = name.baseAddress, !name.isEmpty, UsableName.admits(name) else { return false }
        return UTF8Check.isValid(base.assumingMemoryBound(to: UInt8.self), count: name.count)
    }

    /// Takes a value apart; where it does not fit, the captures name nothing.
    private mutating func capture(_ capture: Capture) {
        if let value = value(of: capture.reference), matches(value, capture.pattern) { return }
        for position in plan.patterns[capture.pattern].parts.range {
            let part = plan.patternParts[position]
            if part.capture >= 0 {
                scratch.captures[Int(part.capture)] = UnsafeRawBufferPointer(start: nil, count: 0)
            }
        }
    }

    enum ChannelOutcome {
        case index(ChannelIndex)
        case unnamed
        case full
        /// It came too fast, which is told already.
        case refused
    }

    mutating func channelIndex(
        _ position: UInt32, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) -> ChannelOutcome {
        let naming = plan.namings[position]
        var known = -1
        if naming.reference < 0, naming.template >= 0 {
            let template = plan.templates[UInt32(naming.template)]
            if template.usesIteration, item.iteration.index < 0 { return .index(.none) }
            if template.isStatic {
                known = Int(naming.template)
                let channel = lookups.channel(ofTemplate: known)
                if channel != Lookups.unknown { return .index(ChannelIndex(rawValue: channel)) }
            }
        }
        guard let name = name(position) else { return .unnamed }
        var channel = registry.channel(named: name)
        if channel == nil {
            guard isUsableName(name) else { return .unnamed }
            guard registry.hasRoomForChannels else { return .full }
            guard newChannel(&batch) else { return .refused }
            channel = registry.intern(channel: name)
        }
        guard let channel else { return .unnamed }
        if known >= 0 { lookups.note(channel.rawValue, ofTemplate: known) }
        return .index(channel)
    }

    private mutating func readStatus(_ position: UInt32, _ batch: inout DecodedBatch) {
        let status = plan.statuses[position]
        if let isOnline = status.constant {
            batch.statuses.append(word(isOnline))
            return
        }
        for reference in status.references.range {
            guard let value = value(of: reference) else { continue }
            // Before anything counts as missing: an empty text may well mean that the device is gone.
            for entry in status.map.range where isEqual(value, plan.maps[entry].literal) {
                let meant = plan.maps[entry].value
                if !meant.isNaN {
                    batch.statuses.append(word(meant == 1))
                }
                return
            }
            if isMissing(value) { continue }
            reject(.unexpectedValue, "the status is none that the profile knows", device: item.device, &batch)
            return
        }
    }

    private mutating func readTable(
        _ table: TablePlan, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) {
        guard let key = value(of: table.key) else { return }
        for position in table.rows.range where isEqual(key, plan.tableRows[position].literal) {
            for reading in plan.tableRows[position].readings.range {
                read(plan.readings.pointer + Int(reading), &batch, &registry)
            }
            return
        }
        item.hasNoRow = true
        if trace != nil { traceNoRow(key) }
    }
}
