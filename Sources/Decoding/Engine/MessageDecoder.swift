public import Basics
public import Telemetry

/// Turns received messages into readings by the compiled profiles.
///
/// Pure: the same messages and the same registry give the same result. It owns buffers that it reuses from message to
/// message; once they have grown to the size of what comes in, a message that becomes readings costs no allocation.
/// One message after another, on one thread at a time.
public struct MessageDecoder: ~Copyable, @unchecked Sendable {
    // Sendable: it is the only owner of the memory its pointers point to, and `~Copyable` keeps it that way.

    package let catalog: DeviceCatalog
    /// Views of what `catalog` owns.
    let plan: PlanTables
    let limits: DecodingLimits
    let site: SiteClock
    var message = MessageInHand()
    var document: DocumentInHand
    var item = ItemInHand()
    var rows = RowKeeper()
    var formats: FormatBuffers
    var scratch: Scratch
    var lookups: Lookups
    var memory: DecoderMemory
    var admission: Admission
    var newNames: NewNames
    var unreadDevices = UnreadDevices()
    /// The newest moment that our clock was seen to show: after it was set back, times of their own are held against this.
    public var believedNow = Timestamp(milliseconds: .min)
    /// Told what is done, where somebody asked; nil on the live path.
    var trace: TraceSink?

    /// `siteZone` is what `zone: site` means; without it a fixed `siteZoneOffsetSeconds` east of UTC.
    ///
    /// Of devices that are not among `expectedDevices` becomes what `onboarding` says.
    /// `constants` are what the roster tells of devices: by device name, then name, what profiles read as `$name`.
    public init(
        catalog: DeviceCatalog, limits: DecodingLimits = .init(), siteZoneOffsetSeconds: Int = 0,
        siteZone: ZoneRules? = nil, constants: [ByteName: [String: String]] = [:],
        onboarding: Onboarding = Onboarding(), expectedDevices: Set<ByteName> = []
    ) {
        precondition(limits.payloadBytesMax < 1 << 31, "decoding: payloadBytesMax must be below 2 GiB")
        self.catalog = catalog
        self.limits = limits
        plan = catalog.plan.tables
        site = SiteClock(zoneOffsetSeconds: siteZoneOffsetSeconds, zone: siteZone)
        document = DocumentInHand(nodesMax: limits.nodesMax)
        formats = FormatBuffers(limits, lineHolesMax: plan.lineHolesMax)
        scratch = Scratch(capturesMax: plan.capturesMax)
        lookups = Lookups(references: plan.references.count, templates: plan.templates.count)
        memory = DecoderMemory(facts: Facts(constants: constants, names: catalog.plan.factNames))
        admission = Admission(onboarding, expectedDevices: expectedDevices, limits)
        newNames = NewNames(limits.newNames)
    }

    /// Decodes all messages of the batch, appending to `batch`.
    ///
    /// Every message ends in readings or statuses, in rejects, or counted as empty or ignored; none is dropped
    /// silently, and none keeps another from being decoded.
    public mutating func decode(
        _ messages: borrowing MessageBatch, into batch: inout DecodedBatch, registry: inout SeriesRegistry
    ) {
        _ = decode(messages, from: 0, readingsMax: .max, into: &batch, registry: &registry) { false }
    }

    /// Messages between two looks at the clock: it takes 40 ns, and a message some microseconds.
    private static let messagesPerLook = 16
    /// The same where their readings are many.
    private static let readingsPerLook = 512

    /// The same of the messages from the one at `first` on, until the batch has `readingsMax` readings or `isDue` says that
    /// it is time, and of one at least. Returns the place of the first that is left.
    public mutating func decode(
        _ messages: borrowing MessageBatch, from first: Int, readingsMax: Int, into batch: inout DecodedBatch,
        registry: inout SeriesRegistry, isDue: () -> Bool
    ) -> Int {
        lookups.forgetChannels()
        let entries = messages.entries
        var next = first
        var (messagesLooked, readingsLooked) = (
            first + Self.messagesPerLook, batch.readings.count + Self.readingsPerLook
        )
        messages.withBytes { bytes in
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
                // Neither topic nor payload in the whole batch.
                for entry in entries[first...] {
                    begin(entry, topic: bytes, payload: bytes, batch)
                    reject(.unknownTopic, "the topic is empty", &batch)
                    noteUnread(.rejected(.unknownTopic), of: nil, &batch)
                }
                next = entries.count
                return
            }
            while next < entries.count {
                let entry = entries[next]
                next += 1
                begin(
                    entry,
                    topic: UnsafeRawBufferPointer(start: base + entry.topic.lowerBound, count: entry.topic.count),
                    payload: UnsafeRawBufferPointer(start: base + entry.payload.lowerBound, count: entry.payload.count),
                    batch)
                document.text = base + entry.payload.lowerBound
                decodeMessage(readable: bytes.count - entry.payload.lowerBound, &batch, &registry)
                guard next >= messagesLooked || batch.readings.count >= readingsLooked else { continue }
                if batch.readings.count >= readingsMax || isDue() { break }
                messagesLooked = next + Self.messagesPerLook
                readingsLooked = batch.readings.count + Self.readingsPerLook
            }
        }
        return next
    }

    private mutating func begin(
        _ entry: MessageBatch.Entry, topic: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer,
        _ batch: borrowing DecodedBatch
    ) {
        message = MessageInHand(
            topic: topic, payload: payload, receivedAt: entry.receivedAt, isRetained: entry.isRetained,
            rejectsBefore: batch.rejects.count, rememberedBefore: batch.remembered.count,
            unreadBefore: batch.unread.count)
        document.begin()
        lookups.forgetNodes()
        scratch.arena.clear()
        if trace != nil { traceBegin() }
    }

    private mutating func decodeMessage(
        readable: Int, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) {
        let list = plan.rules(forTopic: message.topic, captures: scratch.captures.pointer)
        defer { if trace != nil { traceEnd(rejects: batch.rejects[message.rejectsBefore...]) } }
        guard list >= 0 else {
            traceUnknownTopic()
            reject(.unknownTopic, "no profile has a rule for this topic", &batch)
            noteUnread(.rejected(.unknownTopic), of: nil, &batch)
            return
        }
        guard message.payload.count <= limits.payloadBytesMax else {
            reject(
                .tooLarge, "the payload has \(message.payload.count) bytes; at most \(limits.payloadBytesMax) are read",
                &batch)
            noteUnread(.rejected(.tooLarge), of: deviceOfTopic(UInt32(list), registry), &batch)
            return
        }
        rows.begin(readingCount: batch.readings.count, suspectCount: batch.suspects.count)
        let statusesBefore = batch.statuses.count
        let suspectsBefore = batch.suspects.count

        var ends = MessageEnds()
        repeat {
            apply(UInt32(list), readable: readable, &ends, &batch, &registry)
            document.state.index += 1
            // The next packet lies in the same payload.
            if document.state.index < document.state.count { document.state.format = nil }
        } while document.state.index < document.state.count && !message.isTooLong
        rows.finish(&batch, &registry, isRetained: message.isRetained)

        if message.hiddenFaults > 0 {
            batch.rejects[batch.rejects.count - 1].detail += "; \(message.hiddenFaults) more faults in this message"
        }
        let hasResult =
            batch.readings.count > rows.readingsBefore || batch.suspects.count > suspectsBefore
            || batch.statuses.count > statusesBefore
        if batch.rejects.count == message.rejectsBefore, !hasResult {
            if ends.isMalformed {
                let fault = documentFault
                // The payload cannot be read, but a topic that names the device still tells whose it is.
                reject(fault.reason, fault.detail, device: deviceOfTopic(UInt32(list), registry), &batch)
            } else if ends.isIgnored {
                batch.ignoredMessages += 1
            } else if ends.hasApplied || message.payload.isEmpty {
                batch.emptyMessages += 1
            } else {
                reject(.noRule, "no rule of the profiles for this topic fits the message", &batch)
            }
        }
        let gaveReadings = batch.readings.count > rows.readingsBefore
        if batch.unread.count > message.unreadBefore {
            settleUnread(gaveReadings: gaveReadings, &batch, registry)
        } else if !gaveReadings {
            noteUnread(wholeMessageUnder: UInt32(list), isIgnored: ends.isIgnored, &batch, registry)
        }
    }

    /// What became of a message that gave no readings.
    private struct MessageEnds {
        var hasApplied = false
        var isIgnored = false
        var isMalformed = false
    }

    /// Applies the rules of a list, in order, to one document.
    private mutating func apply(
        _ list: UInt32, readable: Int, _ ends: inout MessageEnds, _ batch: inout DecodedBatch,
        _ registry: inout SeriesRegistry
    ) {
        for position in plan.ruleLists[list].range {
            let rule = plan.rules[plan.ruleOrder[position]]
            if document.state.index > 0, rule.format != .hj212 { continue }
            if trace != nil { traceRule(plan.ruleOrder[position]) }
            if !rule.isIgnored || rule.wantsEmpty || !rule.messageConditions.isEmpty {
                // An empty payload clears a retained message; only a text rule can mean something by it, or a rule
                // that asks for it.
                if rule.wantsEmpty != message.payload.isEmpty, rule.wantsEmpty || rule.format != .text { continue }
                guard lay(rule, readable: readable, &batch) else {
                    ends.isMalformed = true
                    continue
                }
            }
            (item.node, item.iteration) = (0, ItemInHand.Iteration())
            guard hold(rule.messageConditions) else {
                if trace != nil { traceMisfit(rule) }
                continue
            }
            if rule.isIgnored {
                ends.isIgnored = true
                if trace != nil { traceIgnored() }
                break
            }
            let isApplied = apply(rule, at: plan.ruleOrder[position], &batch, &registry)
            if isApplied { ends.hasApplied = true }
            if trace != nil { traceLaid(rule, isApplied: isApplied) }
            if message.isTooLong { break }
        }
    }

    /// Notes a fault of the message in hand.
    @inline(never)
    mutating func reject(
        _ reason: Reject.Reason, _ detail: String, device: DeviceIndex? = nil,
        _ batch: inout DecodedBatch
    ) {
        guard batch.rejects.count - message.rejectsBefore < max(1, limits.rejectsPerMessageMax) else {
            message.hiddenFaults += 1
            return
        }
        var fault = Reject(
            reason: reason, detail: detail, topic: message.topic, payload: message.payload,
            receivedAt: message.receivedAt, device: device)
        if document.state.format == .hj212 || message.payload.starts(with: [0x23, 0x23]) {
            HJ212Format.maskPasswords(&fault.payload)
        }
        batch.rejects.append(fault)
    }
}
