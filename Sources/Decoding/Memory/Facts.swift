import Basics
public import Telemetry

/// What is known besides the message in hand: values of earlier messages that rules hold, and constants of the roster.
///
/// The messages that values are held of are kept by the gateway, which shows them again to a new decoder.
struct Facts {
    struct Value {
        var kind: Tape.Kind
        var text: [UInt8]
    }

    private struct Key: Hashable {
        var profile: UInt32
        var text: [UInt8]
    }

    /// Longest value that is kept, in bytes.
    static let valueBytesMax = 1024

    private var held: [Key: [UInt32: Value]] = [:]
    /// Of the key and of the device of the item in hand.
    private var heldInHand: [UInt32: Value] = [:]
    private var toldInHand: [UInt32: Value] = [:]
    /// By device name, then name of the fact.
    private let constants: [ByteName: [UInt32: Value]]

    /// `names` are those that profiles ask for, by place.
    init(constants: [ByteName: [String: String]], names: [String]) {
        self.constants = constants.mapValues { told in
            var values: [UInt32: Value] = [:]
            for (index, name) in names.enumerated() {
                if let text = told[name] { values[UInt32(index)] = Value(kind: .text, text: Array(text.utf8)) }
            }
            return values
        }
    }

    /// False where nothing is kept under the key yet and there are `keysMax` others. An empty list forgets the key.
    mutating func hold(
        _ values: [UInt32: Value], under key: UnsafeRawBufferPointer, profile: UInt32, keysMax: Int
    ) -> Bool {
        let key = Key(profile: profile, text: Array(key))
        if values.isEmpty {
            held[key] = nil
            return true
        }
        if held[key] == nil, held.count >= keysMax { return false }
        held[key] = values
        return true
    }

    /// Before the key of the next item is known, and its device.
    mutating func forgetInHand() {
        heldInHand = [:]
        toldInHand = [:]
    }

    /// What is held under the key of the item in hand.
    mutating func take(heldUnder key: UnsafeRawBufferPointer, profile: UInt32) {
        heldInHand = held[Key(profile: profile, text: Array(key))] ?? [:]
    }

    /// What the roster tells of its device.
    mutating func take(toldOf device: String) { toldInHand = constants[ByteName(device)] ?? [:] }

    /// What an earlier message left, else the roster's constant.
    func value(_ fact: UInt32) -> Value? { heldInHand[fact] ?? toldInHand[fact] }
}

extension MessageDecoder {
    /// The value of a fact: what an earlier message left, else the roster's constant.
    mutating func fact(_ index: UInt32) -> Scalar? {
        guard let value = memory.facts.value(index) else { return nil }
        scratch.arena.beginText()
        value.text.withUnsafeBytes { scratch.arena.append($0) }
        let text = scratch.arena.endText()
        return Scalar(
            kind: value.kind, text: text.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? document.text,
            count: text.count)
    }

    /// Keeps what the rule holds; what is absent or missing is forgotten.
    mutating func hold(_ rule: RulePlan, _ batch: inout DecodedBatch) {
        var values: [UInt32: Facts.Value] = [:]
        for position in rule.holds.range {
            let entry = plan.holds[position]
            guard let value = value(of: entry.reference), !isMissing(value), let text = plainText(value) else {
                continue
            }
            guard text.count <= Facts.valueBytesMax else {
                let name = catalog.plan.factNames[Int(entry.fact)]
                reject(.tooLarge, "\(name): a value to hold has more than \(Facts.valueBytesMax) bytes", &batch)
                continue
            }
            values[entry.fact] = Facts.Value(kind: value.kind == .number ? .number : .text, text: Array(text))
        }
        guard let key = written(UInt32(rule.holdKey)) else {
            reject(.unexpectedValue, "the key to hold values under has no text", &batch)
            return
        }
        if memory.facts.hold(values, under: key, profile: rule.profile, keysMax: limits.heldKeysMax) {
            remember(&batch, keeps: !values.isEmpty)
        } else {
            reject(.cardinality, "the limit of \(limits.heldKeysMax) held keys is reached", &batch)
        }
    }

    /// Asks that the message in hand be kept over a restart, once; where nothing of it `keeps` anything, that the one
    /// before it of the topic be forgotten, or topics that tell nothing would fill the store.
    mutating func remember(_ batch: inout DecodedBatch, keeps: Bool) {
        if batch.remembered.count == message.rememberedBefore {
            batch.remembered.append(
                RememberedMessage(topic: Array(message.topic), payload: [], receivedAt: message.receivedAt))
        }
        if keeps { batch.remembered[message.rememberedBefore].payload = Array(message.payload) }
    }

    /// Knows again what earlier messages told: after a restart, or by other profiles. What they give is left aside.
    public mutating func restore(_ messages: [RememberedMessage]) {
        var batch = MessageBatch()
        for message in messages {
            batch.append(
                topic: String(decoding: message.topic, as: UTF8.self), payload: message.payload,
                receivedAt: message.receivedAt)
        }
        var ignored = DecodedBatch()
        // Names of its own: what a message names now need not be known any more.
        var registry = SeriesRegistry()
        decode(batch, into: &ignored, registry: &registry)
        memory.shapes = ShapeWatch()
        admission.forgetCounts()
    }
}
