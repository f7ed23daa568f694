public import Basics
public import Telemetry

/// Turns received messages into readings by the compiled profiles.
///
/// Pure: the same messages and the same registry give the same result. It owns buffers that it reuses from message to
/// message; once they have grown to the size of what comes in, a message that becomes readings costs no allocation.
/// One message after another, on one thread at a time.
public struct MessageDecoder: ~Copyable, @unchecked Sendable {
    // Sendable: it is the only owner of the memory its pointers point to, and `~Copyable` keeps it that way.

    let catalog: DeviceCatalog
    let plan: PlanTables
    let limits: DecodingLimits
    let siteZoneOffsetSeconds: Int
    let siteZone: ZoneRules?
    let scanner: JSONScanner
    var tape: Tape
    var arena = TextArena()
    /// Texts of the topic and of `capture`, by position.
    let captures: UnsafeMutablePointer<UnsafeRawBufferPointer>
    /// Where the references into the whole message lead, so that a batch of many items looks them up once.
    let found: UnsafeMutablePointer<FoundReference>
    /// Channels whose names never change, by template; known anew in every batch, since the registry may be another.
    let staticChannels: UnsafeMutablePointer<UInt32>
    /// Values that a reference with `*` leads to; nested iterations stand behind each other.
    var matches: [Match] = []
    var binary: [UInt8] = []
    /// Where the part of `binary` that may be read ends.
    var binaryEnd = 0
    var rows = RowKeeper()
    /// Documents of the formats other than JSON and text.
    var writer: DocumentWriter
    var sparkplug = SparkplugMemory()
    /// A SenML pack as it was sent.
    var senmlSource: DocumentWriter
    /// Data segments of the packets in hand, of format hj212.
    var packets: [Range<Int>] = []
    /// Holes of the line pattern that is tried.
    let lineHoles: UnsafeMutablePointer<UnsafeRawBufferPointer>
    var facts: Facts
    var shapes = ShapeWatch()
    let onboarding: Onboarding
    /// Device names of the roster; only looked at where unknown devices are not simply taken in.
    let expectedDevices: Set<String>
    let isGuarded: Bool
    /// By profile name; counted only where a limit asks for it.
    var devicesOfProfile: [String: Int] = [:]
    var devicesCounted = 0

    // The message in hand.
    var topic = UnsafeRawBufferPointer(start: nil, count: 0)
    var payload = UnsafeRawBufferPointer(start: nil, count: 0)
    var text = UnsafePointer<UInt8>(bitPattern: 1)!
    var receivedAt = Timestamp(milliseconds: 0)
    var isRetained = false
    var document = DocumentState()
    /// What a format other than JSON says of the payload.
    var formatFault: FormatFault?
    var messageStamp: UInt32 = 0
    var rejectsBefore = 0
    var rememberedBefore = 0
    var hiddenFaults = 0
    var isTooLong = false
    /// Told what is done, where somebody asked; nil on the live path.
    var trace: TraceSink?

    // The item in hand.
    var item = 0
    var iteration = Iteration()
    var device = DeviceIndex(rawValue: 0)
    var channel = ChannelIndex.none
    /// What is known besides the message, for rules that ask for it.
    var heldFacts: [UInt32: Facts.Value] = [:]
    var deviceFacts: [UInt32: Facts.Value] = [:]
    var observed = Timestamp(milliseconds: 0)
    /// The series of the newest reading: a guess at the next one, never trusted.
    var lastSeries: UInt32 = 0

    struct FoundReference {
        var stamp: UInt32
        var node: Int32
    }

    struct Match {
        var node: Int32
        var iteration: Iteration
    }

    /// What `@index` and `@key` mean.
    struct Iteration {
        /// Negative outside of iterations.
        var index: Int32 = -1
        /// The node with the key; negative where the iteration goes over an array.
        var keyNode: Int32 = -1
        /// That of the `*` around it.
        var outerKeyNode: Int32 = -1
    }

    /// `siteZone` is what `zone: site` means; without it a fixed `siteZoneOffsetSeconds` east of UTC.
    ///
    /// Of devices that are not among `expectedDevices` becomes what `onboarding` says.
    /// `constants` are what the roster tells of devices: by device name, then name, what profiles read as `$name`.
    public init(
        catalog: DeviceCatalog, limits: DecodingLimits = .init(), siteZoneOffsetSeconds: Int = 0,
        siteZone: ZoneRules? = nil, constants: [String: [String: String]] = [:],
        onboarding: Onboarding = Onboarding(), expectedDevices: Set<String> = []
    ) {
        precondition(limits.payloadBytesMax < 1 << 31, "decoding: payloadBytesMax must be below 2 GiB")
        self.catalog = catalog
        self.limits = limits
        self.siteZoneOffsetSeconds = siteZoneOffsetSeconds
        self.siteZone = siteZone
        facts = Facts(constants: constants, names: catalog.plan.factNames)
        self.onboarding = onboarding
        self.expectedDevices = expectedDevices
        isGuarded = !onboarding.acceptsAll || limits.devicesPerProfileMax < 16_000_000
        plan = catalog.plan.tables
        scanner = JSONScanner(nestingMax: limits.nestingMax)
        tape = Tape(nodesMax: limits.nodesMax)
        writer = DocumentWriter(limits: limits)
        senmlSource = DocumentWriter(limits: limits)
        lineHoles = .allocate(capacity: max(1, plan.lineHolesMax))
        lineHoles.initialize(
            repeating: UnsafeRawBufferPointer(start: nil, count: 0), count: max(1, plan.lineHolesMax))
        captures = .allocate(capacity: max(1, plan.capturesMax))
        captures.initialize(
            repeating: UnsafeRawBufferPointer(start: nil, count: 0), count: max(1, plan.capturesMax))
        found = .allocate(capacity: max(1, plan.references.count))
        found.initialize(repeating: FoundReference(stamp: 0, node: -1), count: max(1, plan.references.count))
        staticChannels = .allocate(capacity: max(1, plan.templates.count))
        staticChannels.initialize(repeating: .max, count: max(1, plan.templates.count))
    }

    deinit {
        captures.deallocate()
        lineHoles.deallocate()
        found.deallocate()
        staticChannels.deallocate()
    }

    /// Decodes all messages of the batch, appending to `batch`.
    ///
    /// Every message ends in readings or statuses, in rejects, or counted as empty or ignored; none is dropped
    /// silently, and none keeps another from being decoded.
    public mutating func decode(
        _ messages: borrowing MessageBatch, into batch: inout DecodedBatch, registry: inout SeriesRegistry
    ) {
        staticChannels.update(repeating: .max, count: max(1, plan.templates.count))
        let entries = messages.entries
        messages.withBytes { bytes in
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
                // Neither topic nor payload in the whole batch.
                for entry in entries {
                    begin(entry, topic: bytes, payload: bytes, rejectCount: batch.rejects.count)
                    reject(.unknownTopic, "the topic is empty", &batch)
                }
                return
            }
            for entry in entries {
                rememberedBefore = batch.remembered.count
                begin(
                    entry,
                    topic: UnsafeRawBufferPointer(start: base + entry.topic.lowerBound, count: entry.topic.count),
                    payload: UnsafeRawBufferPointer(start: base + entry.payload.lowerBound, count: entry.payload.count),
                    rejectCount: batch.rejects.count)
                text = base + entry.payload.lowerBound
                decodeMessage(readable: bytes.count - entry.payload.lowerBound, &batch, &registry)
            }
        }
    }

    private mutating func begin(
        _ entry: MessageBatch.Entry, topic: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer,
        rejectCount: Int
    ) {
        self.topic = topic
        self.payload = payload
        receivedAt = entry.receivedAt
        isRetained = entry.isRetained
        rejectsBefore = rejectCount
        hiddenFaults = 0
        isTooLong = false
        document = DocumentState()
        if formatFault != nil { formatFault = nil }
        forgetReferences()
        arena.clear()
        tape.clear()
        if trace != nil { traceBegin() }
    }

    private mutating func decodeMessage(
        readable: Int, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) {
        let list = plan.rules(forTopic: topic, captures: captures)
        defer { if trace != nil { traceEnd(rejects: batch.rejects[rejectsBefore...]) } }
        guard list >= 0 else {
            traceUnknownTopic()
            reject(.unknownTopic, "no profile has a rule for this topic", &batch)
            return
        }
        guard payload.count <= limits.payloadBytesMax else {
            reject(
                .tooLarge, "the payload has \(payload.count) bytes; at most \(limits.payloadBytesMax) are read", &batch)
            return
        }
        rows.begin(readingCount: batch.readings.count, suspectCount: batch.suspects.count)
        let statusesBefore = batch.statuses.count
        let suspectsBefore = batch.suspects.count

        var ends = MessageEnds()
        repeat {
            apply(UInt32(list), readable: readable, &ends, &batch, &registry)
            document.index += 1
            // The next packet lies in the same payload.
            if document.index < document.count { document.format = nil }
        } while document.index < document.count && !isTooLong
        rows.finish(&batch, &registry)

        if hiddenFaults > 0 {
            batch.rejects[batch.rejects.count - 1].detail += "; \(hiddenFaults) more faults in this message"
        }
        let hasResult =
            batch.readings.count > rows.readingsBefore || batch.suspects.count > suspectsBefore
            || batch.statuses.count > statusesBefore
        if batch.rejects.count > rejectsBefore || hasResult { return }
        if ends.isMalformed {
            rejectMalformed(UInt32(list), &batch, registry)
        } else if ends.isIgnored {
            batch.ignoredMessages += 1
        } else if ends.hasApplied || payload.isEmpty {
            batch.emptyMessages += 1
        } else {
            reject(.noRule, "no rule of the profiles for this topic fits the message", &batch)
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
            if document.index > 0, rule.format != .hj212 { continue }
            if trace != nil { traceRule(plan.ruleOrder[position]) }
            if !rule.isIgnored || rule.wantsEmpty || !rule.messageConditions.isEmpty {
                // An empty payload clears a retained message; only a text rule can mean something by it, or a rule
                // that asks for it.
                if rule.wantsEmpty != payload.isEmpty, rule.wantsEmpty || rule.format != .text { continue }
                guard lay(rule, readable: readable, &batch) else {
                    ends.isMalformed = true
                    continue
                }
            }
            (item, iteration) = (0, Iteration())
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
            if isTooLong { break }
        }
    }

    /// What references led to in the values before means nothing in those to come.
    mutating func forgetReferences() {
        messageStamp &+= 1
        if messageStamp == 0 {
            // After 2^32 of them the stamps start again; none of the old ones may look new.
            found.update(repeating: FoundReference(stamp: 0, node: -1), count: max(1, plan.references.count))
            messageStamp = 1
        }
    }

    private mutating func rejectMalformed(
        _ list: UInt32, _ batch: inout DecodedBatch, _ registry: SeriesRegistry
    ) {
        // The payload cannot be read, but a topic that names the device still tells whose it is.
        var known: DeviceIndex?
        let naming = plan.namings[plan.rules[plan.ruleOrder[plan.ruleLists[list].start]].device]
        if naming.reference < 0, naming.template >= 0, plan.templates[UInt32(naming.template)].isOfTopic,
            let name = written(UInt32(naming.template))
        {
            known = registry.device(named: name)
        }
        let fault = documentFault
        reject(fault.reason, fault.detail, device: known, &batch)
    }

    /// Notes a fault of the message in hand.
    @inline(never)
    mutating func reject(
        _ reason: Reject.Reason, _ detail: String, device: DeviceIndex? = nil,
        _ batch: inout DecodedBatch
    ) {
        guard batch.rejects.count - rejectsBefore < max(1, limits.rejectsPerMessageMax) else {
            hiddenFaults += 1
            return
        }
        var fault = Reject(
            reason: reason, detail: detail, topic: topic, payload: payload, receivedAt: receivedAt, device: device)
        if document.format == .hj212 || payload.starts(with: [0x23, 0x23]) {
            HJ212Format.maskPasswords(&fault.payload)
        }
        batch.rejects.append(fault)
    }
}
