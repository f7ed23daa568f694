import Basics
import Telemetry

/// Payloads of Eclipse Sparkplug B, specification 3.0.
///
/// `{type, node, device, timestamp, seq, bdSeq, stale, devices, metrics: [{name, alias, datatype, value, timestamp,
/// isHistorical, isNull, properties}]}`. Names and datatypes that a message leaves out come from the birth.
enum SparkplugFormat {
    /// Group, type, node and device of a topic: `spBv1.0/group/type/node/device`.
    private struct Place {
        var type: UnsafeRawBufferPointer
        /// `group/type/node` without the type.
        var key: [UInt8]
        var node: UnsafeRawBufferPointer
        var device: UnsafeRawBufferPointer?

        init?(_ topic: UnsafeRawBufferPointer) {
            let levels = topic.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
                UnsafeRawBufferPointer(rebasing: $0)
            }
            guard let root = levels.firstIndex(where: { isWord($0, "spBv1.0") }), levels.count >= root + 4,
                levels.count <= root + 5
            else { return nil }
            type = levels[root + 2]
            node = levels[root + 3]
            device = levels.count == root + 5 ? levels[root + 4] : nil
            key = Array(levels[root + 1]) + [UInt8(ascii: "/")] + Array(node)
            guard let first = type.first, first == UInt8(ascii: device == nil ? "N" : "D") else { return nil }
        }

        func isType(_ word: StaticString) -> Bool {
            isWord(UnsafeRawBufferPointer(rebasing: type.dropFirst()), word)
        }
    }

    private struct Message {
        var timestamp: UInt64?
        var sequence: UInt64?
        var metrics: [Metric] = []
    }

    private struct Metric {
        var name: UnsafeRawBufferPointer?
        var alias: UInt64?
        var timestamp: UInt64?
        var datatype: UInt32 = 0
        var isHistorical = false
        var isNull = false
        var value = Value.none
        var properties: UnsafeRawBufferPointer?
    }

    private enum Value {
        case none
        case whole(UInt64)
        case real(Double)
        case truth(Bool)
        case text(UnsafeRawBufferPointer)
        case bytes(UnsafeRawBufferPointer)
    }

    static func isBirth(_ topic: UnsafeRawBufferPointer) -> Bool { Place(topic)?.isType("BIRTH") ?? false }

    static func lay(
        _ payload: UnsafeRawBufferPointer, topic: UnsafeRawBufferPointer, _ memory: inout SparkplugMemory,
        _ limits: DecodingLimits, into document: inout DocumentWriter
    ) throws(FormatFault) {
        document.begin(payloadBytes: payload.count)
        guard let place = Place(topic) else {
            throw FormatFault(.malformed, "the topic is not spBv1.0/group/type/node or spBv1.0/group/type/node/device")
        }
        let message = try message(payload, limits)
        let bdSeq = message.metrics.first { $0.name.map { isWord($0, "bdSeq") } ?? false }.flatMap { metric in
            if case .whole(let number) = metric.value { number } else { nil }
        }
        let device = place.device.map { Array($0) }
        if place.isType("BIRTH") {
            let born = try metrics(ofBirth: message)
            try memory.note(
                born, of: place.key, device: device, bdSeq: bdSeq, at: message.timestamp, limits)
        }

        try document.beginObject()
        try document.name("type")
        try document.text(place.type)
        try document.name("node")
        try document.text(place.node)
        if let name = place.device {
            try document.name("device")
            try document.text(name)
        }
        try number("timestamp", message.timestamp, &document)
        try number("seq", message.sequence, &document)
        try number("bdSeq", bdSeq, &document)
        if device == nil {
            // Every message of a node has the list, so that a rule may go over it; only a death fills it.
            let isDeath = place.isType("DEATH")
            let isStale = isDeath && memory.isStale(death: bdSeq, of: place.key)
            try document.name("stale")
            try document.truth(isStale)
            try document.name("devices")
            try document.beginArray()
            for name in !isDeath || isStale ? [] : memory.devices(of: place.key) {
                try document.beginObject()
                try document.name("name")
                document.beginText()
                for byte in name { try document.append(byte) }
                try document.endText()
                try document.name("state")
                try document.text(StaticString("offline").bytes)
                document.end()
            }
            document.end()
        }
        let known = memory.metrics(of: place.key, device: device)
        try document.name("metrics")
        try document.beginArray()
        for metric in message.metrics {
            try lay(metric, known, message.timestamp, payload, into: &document)
        }
        document.end()
        document.end()
    }

    // MARK: Reading

    private static func message(
        _ payload: UnsafeRawBufferPointer, _ limits: DecodingLimits
    ) throws(FormatFault) -> Message {
        var message = Message()
        var reader = ProtobufReader(payload, in: payload)
        while let (number, value) = try reader.next() {
            switch (number, value) {
            case (1, .varint(let timestamp)): message.timestamp = timestamp
            case (2, .bytes(let bytes)):
                guard message.metrics.count < limits.nodesMax else {
                    throw FormatFault(.tooLarge, "more than \(limits.nodesMax) metrics")
                }
                message.metrics.append(try metric(bytes, payload))
            case (3, .varint(let sequence)): message.sequence = sequence
            case (4, .bytes(let identifier)):
                if isWord(identifier, "SPBV1.0_COMPRESSED") {
                    throw FormatFault(.unexpectedValue, "the Sparkplug payload is compressed")
                }
            case (1...4, _): throw FormatFault(.malformed, "field \(number) of the Sparkplug payload has another type")
            default: break
            }
        }
        return message
    }

    private static func metric(
        _ bytes: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer
    ) throws(FormatFault) -> Metric {
        var metric = Metric()
        var reader = ProtobufReader(bytes, in: payload)
        while let (number, value) = try reader.next() {
            switch (number, value) {
            case (1, .bytes(let name)): metric.name = name
            case (2, .varint(let alias)): metric.alias = alias
            case (3, .varint(let timestamp)): metric.timestamp = timestamp
            case (4, .varint(let datatype)): metric.datatype = UInt32(truncatingIfNeeded: datatype)
            case (5, .varint(let flag)): metric.isHistorical = flag != 0
            case (7, .varint(let flag)): metric.isNull = flag != 0
            case (9, .bytes(let properties)): metric.properties = properties
            case (10, .varint), (11, .varint), (12, .fixed32), (13, .fixed64), (14, .varint), (15, .bytes),
                (16, .bytes):
                metric.value = scalar(number - 10, value)
            case (1...5, _), (7, _), (9...16, _):
                throw FormatFault(.malformed, "field \(number) of a Sparkplug metric has another type")
            default: break
            }
        }
        return metric
    }

    /// The alternatives of a value, counted from the first one, which metrics and properties share.
    private static func scalar(_ choice: UInt64, _ value: ProtobufReader.Value) -> Value {
        switch (choice, value) {
        case (0, .varint(let number)), (1, .varint(let number)): .whole(number)
        case (2, .fixed32(let bits)): .real(Double(Float(bitPattern: bits)))
        case (3, .fixed64(let bits)): .real(Double(bitPattern: bits))
        case (4, .varint(let flag)): .truth(flag != 0)
        case (5, .bytes(let text)): .text(text)
        case (6, .bytes(let bytes)): .bytes(bytes)
        default: .none
        }
    }

    private static let nameBytesMax = 1024

    private static func metrics(ofBirth message: Message) throws(FormatFault) -> SparkplugMemory.Metrics {
        var metrics = SparkplugMemory.Metrics()
        for metric in message.metrics {
            guard let name = metric.name else {
                throw FormatFault(.malformed, "a birth with a metric that has no name")
            }
            guard name.count <= nameBytesMax else {
                throw FormatFault(.tooLarge, "a metric's name of more than \(nameBytesMax) bytes")
            }
            metrics.add(name, alias: metric.alias, datatype: metric.datatype)
        }
        return metrics
    }

    // MARK: Writing

    private static func lay(
        _ metric: Metric, _ known: SparkplugMemory.Metrics?, _ timestamp: UInt64?, _ payload: UnsafeRawBufferPointer,
        into document: inout DocumentWriter
    ) throws(FormatFault) {
        let position = known?.position(alias: metric.alias, name: metric.name)
        try document.beginObject()
        try document.name("name")
        if let position {
            try known!.withName(at: position) { (name) throws(FormatFault) in try document.text(name) }
        } else if let name = metric.name {
            try document.text(name)
        } else {
            let what = metric.alias.map { "alias \($0)" } ?? "a metric without name and alias"
            throw FormatFault(.unexpectedValue, "\(what) is not known: no birth before this message names it")
        }
        try number("alias", metric.alias, &document)
        // The birth's type counts: some clients repeat the name in data and leave the type out, or write another.
        let born = position.map { known!.datatype(at: $0) } ?? 0
        let datatype = Datatype(rawValue: born != 0 ? born : metric.datatype)
        if let datatype {
            try document.name("datatype")
            try document.text(datatype.word.bytes)
        }
        try document.name("value")
        if metric.isNull {
            try document.null()
        } else {
            try write(metric.value, datatype, metric.name, &document)
        }
        try number("timestamp", metric.timestamp ?? timestamp, &document)
        try document.name("isHistorical")
        try document.truth(metric.isHistorical)
        try document.name("isNull")
        try document.truth(metric.isNull)
        if let properties = metric.properties { try lay(properties: properties, payload, into: &document) }
        document.end()
    }

    private static func write(
        _ value: Value, _ datatype: Datatype?, _ name: UnsafeRawBufferPointer?, _ document: inout DocumentWriter
    ) throws(FormatFault) {
        switch value {
        case .none: try document.null()
        case .real(let number): try document.real(number)
        case .truth(let isTrue): try document.truth(isTrue)
        case .text(let text): try document.text(text)
        case .bytes(let bytes):
            document.beginText()
            try document.append(hex: bytes)
            try document.endText()
        case .whole(let bits):
            guard let datatype else {
                // The number of a session is never negative, and some wills leave its type out.
                if let name, isWord(name, "bdSeq") { return try document.number(magnitude: bits) }
                throw FormatFault(
                    .unexpectedValue, "a whole number of unknown type: no birth before this message tells it")
            }
            if datatype == .boolean { return try document.truth(bits != 0) }
            guard let number = datatype.whole(bits) else {
                throw FormatFault(.unexpectedValue, "a value beyond the range of its type \(datatype.word)")
            }
            try document.number(magnitude: number.magnitude, isNegative: number.isNegative)
        }
    }

    /// `PropertySet`: names beside values; sets inside of sets are left out.
    private static func lay(
        properties: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer, into document: inout DocumentWriter
    ) throws(FormatFault) {
        var keys: [UnsafeRawBufferPointer] = []
        var values: [UnsafeRawBufferPointer] = []
        var reader = ProtobufReader(properties, in: payload)
        while let (number, value) = try reader.next() {
            guard let bytes = value.text else { continue }
            if number == 1 { keys.append(bytes) }
            if number == 2 { values.append(bytes) }
        }
        guard keys.count == values.count else {
            throw FormatFault(.malformed, "a property set of \(keys.count) keys and \(values.count) values")
        }
        try document.name("properties")
        try document.beginObject()
        for (key, bytes) in zip(keys, values) {
            var datatype: UInt32 = 0
            var isNull = false
            var content = Value.none
            var reader = ProtobufReader(bytes, in: payload)
            while let (number, value) = try reader.next() {
                switch number {
                case 1: datatype = UInt32(truncatingIfNeeded: value.whole ?? 0)
                case 2: isNull = value.whole != 0
                case 3...8: content = scalar(number - 3, value)
                default: break
                }
            }
            try document.name(key)
            if isNull {
                try document.null()
            } else {
                try write(content, Datatype(rawValue: datatype), nil, &document)
            }
        }
        document.end()
    }

    private static func number(
        _ name: StaticString, _ value: UInt64?, _ document: inout DocumentWriter
    ) throws(FormatFault) {
        guard let value else { return }
        try document.name(name)
        try document.number(magnitude: value)
    }

    private static func isWord(_ text: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        text.count == word.utf8CodeUnitCount && text.indices.allSatisfy { text[$0] == word.utf8Start[$0] }
    }
}

extension StaticString {
    fileprivate var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount) }
}
