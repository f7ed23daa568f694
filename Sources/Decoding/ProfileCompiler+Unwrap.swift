import Settings
import Telemetry

extension ProfileCompiler {
    mutating func compileUnwrap(_ setting: Setting, _ scope: Scope) -> Int32 {
        var reader = SettingReader(setting, &mistakes)
        let from = reader.required("from", "the field that holds the bytes, such as /data", &mistakes)
        let encoding = reader.required("as", "base64 or hex", &mistakes)
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
            default: mistakes.append(encoding.mistake("expected base64 or hex"))
            }
        }
        let steps = layout.map { compileLayout($0, isLittleEndian) } ?? Run()
        guard let from, let reference = single(from, scope) else { return -1 }
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
        case "tlv", "packed", "len":
            mistakes.append(first.value.mistake("not built yet: \(first.key) in a layout"))
            return nil
        default:
            var reader = SettingReader(setting, &mistakes)
            let type = reader.optional(first.key)
            let must = reader.number("must", &mistakes)
            reader.finish(&mistakes)
            guard let type, var step = field(first.key, type, isLittleEndian) else { return nil }
            step.must = must ?? .nan
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
        let takesBytes = step.body.range.contains { builder.layout[Int($0)].kind != .repetition }
        if !takesBytes { mistakes.append(fields.mistake("expected a field that takes bytes in every entry")) }
        if let text = name?.text { step.name = builder.word(text) }
        return step
    }
}
