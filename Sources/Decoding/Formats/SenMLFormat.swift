import Basics
import Telemetry

/// SenML packs, RFC 8428, in JSON or CBOR: an array of resolved records.
///
/// `{n, bn, name, u, v | vs | vb | vd, s, t}`: the name with its base, the two apart, and the time in seconds since
/// 1970. Records without a value or sum only set base fields and are left out.
enum SenMLFormat {
    /// Fields of a record, with their labels in CBOR.
    private enum Field: Int, CaseIterable {
        case bver = -1, bn = -2, bt = -3, bu = -4, bv = -5, bs = -6
        case n = 0, u = 1, v = 2, vs = 3, vb = 4, s = 5, t = 6, ut = 7, vd = 8

        var name: StaticString {
            switch self {
            case .bver: "bver"
            case .bn: "bn"
            case .bt: "bt"
            case .bu: "bu"
            case .bv: "bv"
            case .bs: "bs"
            case .n: "n"
            case .u: "u"
            case .v: "v"
            case .vs: "vs"
            case .vb: "vb"
            case .s: "s"
            case .t: "t"
            case .ut: "ut"
            case .vd: "vd"
            }
        }
    }

    /// Base fields, in force until replaced. Numbers add up, texts stand in the source.
    private struct Base {
        var name: Scalar?
        var unit: Scalar?
        var time = 0.0
        var value: Double?
        var sum: Double?
    }

    /// Times below this are relative to the receipt; later ones are seconds since 1970.
    private static let absoluteTimeMin = 268_435_456.0

    /// Whether the payload is CBOR: a pack is an array, which JSON begins with `[`, a blank or a byte order mark.
    static func isCBOR(_ payload: UnsafeRawBufferPointer) -> Bool { (payload.first ?? 0) >> 5 == 4 }

    /// Resolves the pack that lies on `source`, with the offsets of `text`.
    static func lay(
        _ source: borrowing Tape, text: UnsafePointer<UInt8>, payloadBytes: Int, receivedAt: Timestamp,
        _ arena: inout TextArena, into document: inout DocumentWriter
    ) throws(FormatFault) {
        document.begin(payloadBytes: payloadBytes)
        guard source.count > 0, source.nodes[0].kind == .array else {
            throw FormatFault(.malformed, "a SenML pack is an array of records")
        }
        var base = Base()
        try document.beginArray()
        var node = 1
        var number = 0
        while node < Int(source.nodes[0].next) {
            guard source.nodes[node].kind == .object else {
                throw FormatFault(.malformed, "record \(number) of the SenML pack is no map")
            }
            var record = Record(number: number, text: text)
            try record.read(source, node, &arena)
            try record.update(&base)
            try record.lay(base, receivedAt, into: &document)
            node = Int(source.nodes[node].next)
            number += 1
        }
        document.end()
    }

    private struct Record {
        let number: Int
        let text: UnsafePointer<UInt8>
        private var fields = InlineArray<15, Scalar?>(repeating: nil)

        init(number: Int, text: UnsafePointer<UInt8>) {
            self.number = number
            self.text = text
        }

        private func fault(_ field: Field, _ expected: String) -> FormatFault {
            FormatFault(.malformed, "'\(field.name)' of record \(number) of the SenML pack is not \(expected)")
        }

        subscript(field: Field) -> Scalar? {
            get { fields[field.rawValue + 6] }
            set { fields[field.rawValue + 6] = newValue }
        }

        mutating func read(
            _ source: borrowing Tape, _ object: Int, _ arena: inout TextArena
        ) throws(FormatFault) {
            var child = object + 1
            while child < Int(source.nodes[object].next) {
                let node = source.nodes[child]
                child = Int(node.next)
                let key = Self.resolved(
                    UnsafeRawBufferPointer(start: text + Int(node.keyStart), count: Int(node.keyCount)),
                    isEscaped: node.isKeyEscaped, &arena)
                guard let field = Field.allCases.first(where: { Self.isLabel(key, $0) }) else {
                    if key.last == UInt8(ascii: "_") {
                        throw FormatFault(
                            .unexpectedValue, "record \(number) of the SenML pack has a field that must be understood")
                    }
                    continue
                }
                guard self[field] == nil else { continue }
                var value = Scalar(kind: node.kind, text: text)
                switch node.kind {
                case .real: value.real = node.real
                case .text:
                    let bytes = Self.resolved(
                        UnsafeRawBufferPointer(start: text + Int(node.start), count: Int(node.count)),
                        isEscaped: node.isEscaped, &arena)
                    if let base = bytes.baseAddress { value.text = base.assumingMemoryBound(to: UInt8.self) }
                    value.count = bytes.count
                default:
                    value.text = text + Int(node.start)
                    value.count = Int(node.count)
                }
                self[field] = value
            }
        }

        private static func resolved(
            _ text: UnsafeRawBufferPointer, isEscaped: Bool, _ arena: inout TextArena
        ) -> UnsafeRawBufferPointer {
            guard isEscaped, let base = text.baseAddress else { return text }
            arena.beginText()
            let room = arena.room(text.count)
            arena.advance(JSONText.unescape(base.assumingMemoryBound(to: UInt8.self), count: text.count, into: room))
            return arena.endText()
        }

        private static func isLabel(_ key: UnsafeRawBufferPointer, _ field: Field) -> Bool {
            let name = field.name
            if key.count == name.utf8CodeUnitCount, key.indices.allSatisfy({ key[$0] == name.utf8Start[$0] }) {
                return true
            }
            // The labels of CBOR, all of one digit.
            guard let digit = key.last, digit == UInt8(ascii: "0") + UInt8(abs(field.rawValue)) else { return false }
            return field.rawValue < 0 ? key.count == 2 && key[0] == UInt8(ascii: "-") : key.count == 1
        }

        private func number(_ field: Field) throws(FormatFault) -> Double? {
            guard let value = self[field] else { return nil }
            let number: Double? =
                switch value.kind {
                case .number: DecimalNumber.parse(value.bytes)
                case .real: value.real
                default: nil
                }
            guard let number, number.isFinite else { throw fault(field, "a number") }
            return number
        }

        private func string(_ field: Field) throws(FormatFault) -> Scalar? {
            guard let value = self[field] else { return nil }
            guard value.kind == .text else { throw fault(field, "a text") }
            return value
        }

        func update(_ base: inout Base) throws(FormatFault) {
            // Version 10 is RFC 8428; 26 adds the secondary units of RFC 8798, which are units like others here.
            if let version = try number(.bver), version > 10, version != 26 {
                throw FormatFault(.unexpectedValue, "the SenML pack is of version \(version); 10 is read")
            }
            if let name = try string(.bn) { base.name = name }
            if let unit = try string(.bu) { base.unit = unit }
            if let time = try number(.bt) { base.time = time }
            if let value = try number(.bv) { base.value = value }
            if let sum = try number(.bs) { base.sum = sum }
        }

        func lay(
            _ base: Base, _ receivedAt: Timestamp, into document: inout DocumentWriter
        ) throws(FormatFault) {
            let own = try string(.n)
            let value = try number(.v)
            let sum = try number(.s)
            let hasValue = value != nil || self[.vs] != nil || self[.vb] != nil || self[.vd] != nil
            guard hasValue || sum != nil else { return }
            guard (base.name?.count ?? 0) + (own?.count ?? 0) > 0 else {
                throw FormatFault(.malformed, "record \(number) of the SenML pack has no name")
            }
            try document.beginObject()
            try document.name("n")
            document.beginText()
            if let name = base.name { try document.append(name.bytes) }
            if let own { try document.append(own.bytes) }
            try document.endText()
            for (name, part) in [("bn", base.name), ("name", own)] as [(StaticString, Scalar?)] {
                guard let part else { continue }
                try document.name(name)
                try document.text(part.bytes)
            }
            if let unit = try string(.u) ?? base.unit {
                try document.name("u")
                try document.text(unit.bytes)
            }
            if let value, let written = self[.v] {
                try document.name("v")
                if base.value == nil, written.kind == .number {
                    try document.number(written.bytes)
                } else {
                    try document.real(value + (base.value ?? 0))
                }
            }
            for field in [Field.vs, .vd] {
                guard let text = try string(field) else { continue }
                try document.name(field.name)
                try document.text(text.bytes)
            }
            if let truth = self[.vb] {
                guard truth.kind == .yes || truth.kind == .no else { throw fault(.vb, "true or false") }
                try document.name("vb")
                try document.truth(truth.kind == .yes)
            }
            if sum != nil || base.sum != nil {
                try document.name("s")
                try document.real((sum ?? 0) + (base.sum ?? 0))
            }
            var time = base.time + (try number(.t) ?? 0)
            if time < SenMLFormat.absoluteTimeMin { time += Double(receivedAt.milliseconds) / 1000 }
            try document.name("t")
            try document.real(time)
            document.end()
        }
    }
}
