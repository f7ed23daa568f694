import Basics
import Decoding
import Settings
import Telemetry

extension ProfileCompiler {
    mutating func compileUnwrap(_ setting: Setting, _ scope: Scope) -> Int32 {
        var reader = SettingReader(setting, &mistakes)
        let isRaw = setting["as"]?.text == "raw"
        let from =
            isRaw
            ? reader.optional("from")
            : reader.required("from", "the field that holds the bytes, such as /data", &mistakes)
        let encoding = reader.required("as", "base64, hex, or raw for the payload itself", &mistakes)
        let layout = reader.required("layout", "a list of fields", &mistakes)
        let order = reader.optional("order")
        let rest = reader.optional("rest")
        reader.finish(&mistakes)

        var isLittleEndian: Bool?
        if let order {
            switch order.text {
            case "little": isLittleEndian = true
            case "big": isLittleEndian = false
            default: mistakes.append(order.mistake("expected little or big"))
            }
        }
        if let rest, rest.text != "ok" { mistakes.append(rest.mistake("expected ok")) }
        var kind = UnwrapPlan.Encoding.base64
        if let encoding {
            switch encoding.text {
            case "base64": kind = .base64
            case "hex": kind = .hex
            case "raw":
                kind = .raw
                if let from { mistakes.append(from.mistake("of no effect: raw bytes are the payload itself")) }
            default: mistakes.append(encoding.mistake("expected base64, hex or raw"))
            }
        }
        let steps = layout.map { compileLayout($0, isLittleEndian) } ?? Run()
        let found = isRaw ? Reference() : from.flatMap { single($0, scope) }
        guard let reference = found else { return -1 }
        let plan = UnwrapPlan(
            encoding: kind, reference: builder.add(one: reference, to: \.references), layout: steps,
            isRestAllowed: rest?.text == "ok")
        return Int32(builder.add(one: plan, to: \.unwraps))
    }

    /// A list of steps, or a map of plain fields.
    private mutating func compileLayout(_ setting: Setting, _ isLittleEndian: Bool?) -> Run {
        var steps: [LayoutStep] = []
        if let entries = setting.entries {
            for entry in entries {
                if let step = field(entry.key, entry.value, isLittleEndian) { steps.append(step) }
            }
        } else if let items = setting.items {
            for item in items {
                if let step = compileStep(item, isLittleEndian) { steps.append(step) }
            }
        } else {
            mistakes.append(setting.mistake("expected a list of fields"))
        }
        return builder.add(steps, to: \.layout)
    }

    private mutating func compileStep(_ setting: Setting, _ isLittleEndian: Bool?) -> LayoutStep? {
        // `skip 3` may be written as one text or as `skip: 3`.
        if let text = setting.text, text.hasPrefix("skip ") { return skip(String(text.dropFirst(5)), setting) }
        guard let first = setting.entries?.first else {
            mistakes.append(setting.mistake("expected a field such as 'power: u16', skip, mask or repeat"))
            return nil
        }
        switch first.key {
        case "skip":
            var reader = SettingReader(setting, &mistakes)
            _ = reader.optional("skip")
            reader.finish(&mistakes)
            return skip(first.value.text ?? "", first.value)
        case "mask": return mask(setting, isLittleEndian)
        case "repeat": return repetition(setting, isLittleEndian)
        case "tlv": return tagged(setting, isLittleEndian)
        case "packed": return packed(setting, isLittleEndian)
        case "len": return block(setting, isLittleEndian)
        default:
            var reader = SettingReader(setting, &mistakes)
            let type = reader.optional(first.key)
            let must = reader.number("must", &mistakes)
            let parts = reader.optional("parts")
            reader.finish(&mistakes)
            guard let type, var step = field(first.key, type, isLittleEndian) else { return nil }
            step.must = must ?? .nan
            if let parts { step.body = compileParts(parts, of: step.type) }
            return step
        }
    }

    private mutating func skip(_ text: String, _ setting: Setting) -> LayoutStep? {
        guard let count = Int32(text), (1...65_536).contains(count) else {
            mistakes.append(setting.mistake("expected a number of bytes from 1 to 65536"))
            return nil
        }
        return LayoutStep(kind: .skip, count: count)
    }

    private mutating func field(_ name: String, _ setting: Setting, _ isLittleEndian: Bool?) -> LayoutStep? {
        guard var step = type(setting, isLittleEndian) else { return nil }
        step.name = builder.word(name)
        return step
    }

    private mutating func type(_ setting: Setting, _ isLittleEndian: Bool?) -> LayoutStep? {
        let types: [(String, LayoutType)] = [
            ("u8", .u8), ("i8", .i8), ("u16", .u16), ("i16", .i16), ("u24", .u24), ("i24", .i24), ("u32", .u32),
            ("i32", .i32), ("u64", .u64), ("i64", .i64), ("f32", .f32), ("f64", .f64),
        ]
        var text = setting.text ?? ""
        var order = isLittleEndian
        if text.hasSuffix("le") || text.hasSuffix("be") {
            order = text.hasSuffix("le")
            text.removeLast(2)
        }
        guard let type = types.first(where: { $0.0 == text })?.1 else {
            let hint = nearest(to: text, in: types.map(\.0)).map { "; did you mean '\($0)'?" } ?? ""
            mistakes.append(
                setting.mistake("expected \(types.map(\.0).joined(separator: ", ")), with le or be\(hint)"))
            return nil
        }
        if order == nil, type.byteCount > 1 {
            mistakes.append(setting.mistake("expected le or be after the type, or 'order' beside the layout"))
        }
        return LayoutStep(kind: .field, type: type, isLittleEndian: order ?? false)
    }

    private mutating func mask(_ setting: Setting, _ isLittleEndian: Bool?) -> LayoutStep? {
        var reader = SettingReader(setting, &mistakes)
        let kind = reader.optional("mask")
        let bits = reader.required(
            "bits", "a map of bit numbers and the fields that follow when they are set", &mistakes)
        reader.finish(&mistakes)
        guard let kind, var step = type(kind, isLittleEndian) else { return nil }
        switch step.type {
        case .u8, .u16, .u24, .u32, .u64: break
        case .i8, .i16, .i24, .i32, .i64, .f32, .f64:
            mistakes.append(kind.mistake("expected a type without sign: u8, u16, u24, u32 or u64"))
            return nil
        }
        step.kind = .mask
        var blocks: [LayoutStep] = []
        for entry in mapEntries(bits, "a map of bit numbers and fields") {
            // `0:` and `bit 0:` mean the same.
            let digits = entry.key.hasPrefix("bit ") ? String(entry.key.dropFirst(4)) : entry.key
            guard let bit = Int32(digits), bit >= 0, bit < step.type.byteCount * 8 else {
                mistakes.append(
                    Mistake(
                        file: setting.file, line: entry.keyLine, key: entry.value.path, value: nil,
                        expected: "expected a bit from 0 to \(step.type.byteCount * 8 - 1)"))
                continue
            }
            blocks.append(LayoutStep(kind: .bit, body: compileLayout(entry.value, isLittleEndian), count: bit))
        }
        // On the wire the blocks stand in the order of their bits.
        blocks.sort { $0.count < $1.count }
        step.body = builder.add(blocks, to: \.layout)
        return step
    }

    // MARK: Parts, tags, blocks and packed numbers

    /// `{name: 0..6, other: 7, signed: i 8..11}`: bits of the field as values of their own.
    private mutating func compileParts(_ setting: Setting, of type: LayoutType) -> Run {
        var parts: [LayoutStep] = []
        for entry in mapEntries(setting, "a map of names and bits, such as {level: 0..6, low: 7}") {
            var text = entry.value.text ?? ""
            let isSigned = text.hasPrefix("i ")
            if isSigned { text.removeFirst(2) }
            let ends = text.split(separator: "..", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(ends.count), let low = ends[0], let high = ends[ends.count - 1], low >= 0,
                high >= low, high < type.byteCount * 8, type.byteCount <= 4, type != .f32
            else {
                mistakes.append(
                    entry.value.mistake(
                        "expected a bit or bits from..to within 0..\(type.byteCount * 8 - 1) of the field"))
                continue
            }
            var part = LayoutStep(kind: .part, name: builder.word(entry.key))
            part.count = Int32(low)
            part.width = UInt8(high - low + 1)
            part.isSigned = isSigned
            parts.append(part)
        }
        return builder.add(parts, to: \.layout)
    }

    // Long: one envelope key by key, every mistake gathered.
    /// `{tlv: {channel: u8, type: u8}, name, tag: [type], length: name, cases: {0x67: fields}, else: stop | fields}`.
    private mutating func tagged(_ setting: Setting, _ isLittleEndian: Bool?) -> LayoutStep? {
        var reader = SettingReader(setting, &mistakes)
        let fields = reader.optional("tlv")
        let name = reader.required("name", "what the list of entries is called", &mistakes)
        let tag = reader.texts("tag", default: [], &mistakes)
        let length = reader.optionalText("length", &mistakes)
        let cases = reader.required("cases", "a map of tags and the fields that follow", &mistakes)
        let otherwise = reader.optional("else")
        reader.finish(&mistakes)
        guard let fields, let name = name?.text else { return nil }
        var parts: [LayoutStep] = []
        var step = LayoutStep(kind: .tagged, name: builder.word(name))
        var tagBytes = 0
        let known = mapEntries(fields, "a map of the fields that every entry begins with")
        for wanted in tag + [length].compactMap({ $0 }) where !known.contains(where: { $0.key == wanted }) {
            mistakes.append(setting.mistake("'\(wanted)' is none of the fields of 'tlv'"))
        }
        for (place, entry) in known.enumerated() {
            guard var part = field(entry.key, entry.value, isLittleEndian) else { continue }
            switch part.type {
            case .u8, .u16, .u24, .u32: break
            default: mistakes.append(entry.value.mistake("expected u8, u16, u24 or u32"))
            }
            if entry.key == length {
                step.choice = Int32(place)
            } else if !tag.isEmpty, !tag.contains(entry.key) {
                part.choice = 0
            } else {
                part.choice = 1
                tagBytes += part.type.byteCount
            }
            parts.append(part)
        }
        if !(1...6).contains(tagBytes) { mistakes.append(fields.mistake("expected a tag of one to six bytes")) }
        var seen: Set<UInt64> = []
        for entry in mapEntries(cases, "a map of tags and fields") {
            let digits = entry.key.hasPrefix("0x") ? UInt64(entry.key.dropFirst(2), radix: 16) : UInt64(entry.key)
            guard let number = digits, number < 1 << 48, seen.insert(number).inserted else {
                mistakes.append(
                    Mistake(
                        file: setting.file, line: entry.keyLine, key: entry.value.path, value: nil,
                        expected: "expected each tag once, as a number such as 103 or 0x0367"))
                continue
            }
            var body = LayoutStep(kind: .tagCase, must: Double(number))
            body.body = compileLayout(entry.value, isLittleEndian)
            parts.append(body)
        }
        if let otherwise {
            var body = LayoutStep(kind: .otherwise)
            if otherwise.text == "stop" {
                body.choice = 1
            } else {
                body.choice = 2
                body.body = compileLayout(otherwise, isLittleEndian)
            }
            parts.append(body)
        }
        step.body = builder.add(parts, to: \.layout)
        return step
    }

    /// `{len: u8, name, fields}`.
    private mutating func block(_ setting: Setting, _ isLittleEndian: Bool?) -> LayoutStep? {
        var reader = SettingReader(setting, &mistakes)
        let kind = reader.optional("len")
        let name = reader.required("name", "what the part is called", &mistakes)
        let fields = reader.required("fields", "a list of fields", &mistakes)
        reader.finish(&mistakes)
        guard let kind, var step = type(kind, isLittleEndian), let fields, let name = name?.text else { return nil }
        switch step.type {
        case .u8, .u16, .u24, .u32: break
        default: mistakes.append(kind.mistake("expected u8, u16, u24 or u32"))
        }
        step.kind = .block
        step.name = builder.word(name)
        step.body = compileLayout(fields, isLittleEndian)
        return step
    }

    /// `{packed: u14 x 23, name}`: the type and how many, or `end`.
    private mutating func packed(_ setting: Setting, _ isLittleEndian: Bool?) -> LayoutStep? {
        var reader = SettingReader(setting, &mistakes)
        let kind = reader.optional("packed")
        let name = reader.required("name", "what the list is called", &mistakes)
        reader.finish(&mistakes)
        guard let kind, let name = name?.text else { return nil }
        let words = (kind.text ?? "").split(separator: " ")
        guard words.count == 3, words[1] == "x", let sign = words[0].first, sign == "u" || sign == "i",
            let width = Int(words[0].dropFirst()), (1...53).contains(width),
            let count = words[2] == "end" ? -1 : Int32(words[2]),
            count == -1 || (1...65_536).contains(count)
        else {
            mistakes.append(kind.mistake("expected bits and how often, such as 'u14 x 23', 'i12 x 8' or 'u1 x end'"))
            return nil
        }
        var step = LayoutStep(kind: .packed, name: builder.word(name), isLittleEndian: isLittleEndian ?? false)
        step.width = UInt8(width)
        step.isSigned = sign == "i"
        step.count = count
        return step
    }

    private mutating func repetition(_ setting: Setting, _ isLittleEndian: Bool?) -> LayoutStep? {
        var reader = SettingReader(setting, &mistakes)
        let count = reader.optional("repeat")
        let name = reader.required("name", "what the list is called", &mistakes)
        let fields = reader.required("fields", "a list of fields", &mistakes)
        reader.finish(&mistakes)
        var step = LayoutStep(kind: .repetition)
        if count?.text == "end" {
            step.count = -1
        } else if let text = count?.text, let times = Int32(text), (1...65_536).contains(times) {
            step.count = times
        } else {
            mistakes.append((count ?? setting).mistake("expected end, or how often: 1 to 65536"))
        }
        guard let fields else { return nil }
        step.body = compileLayout(fields, isLittleEndian)
        // Else an entry of no bytes would be repeated for ever.
        let takesBytes = step.body.range.contains { builder.entries.layout[Int($0)].kind != .repetition }
        if !takesBytes { mistakes.append(fields.mistake("expected a field that takes bytes in every entry")) }
        if let text = name?.text { step.name = builder.word(text) }
        return step
    }
}
