import Basics
import Telemetry

/// What one name and its values seem to be.
struct FieldGuess {
    var quantity: Quantity
    var channel: String?
    /// `unit: V`, `scale: 0.1`, `missing: [-999]`.
    var parts: [String]
    var remark: String?

    /// Names and values that look like a reading; `names` from the outermost to the innermost.
    static func reading(_ names: [String], _ shape: MessageShape, unit given: String? = nil) -> FieldGuess? {
        guard let last = names.last, let numbers = shape.numbers else { return nil }
        let pair = names.count > 1 ? QuantityAliases.guess(names[names.count - 2] + "_" + last) : nil
        guard let guess = pair ?? QuantityAliases.guess(last) else { return nil }
        let quantity = guess.quantity
        if shape.values.contains(where: \.isFlag), quantity.kind != .state { return nil }
        guard let fit = fit(quantity, given.flatMap { Unit($0)?.code } ?? guess.unit, numbers) else { return nil }
        var parts: [String] = []
        if let unit = fit.unit { parts.append("unit: \(YAMLText.quoted(unit))") }
        if fit.scale != 1 { parts.append("scale: \(fit.scale)") }
        if !fit.missing.isEmpty {
            parts.append("missing: [\(fit.missing.map(TraceReport.short).joined(separator: ", "))]")
        }
        var remarks: [String] = []
        if fit.isGuessed { remarks.append("unit or scale guessed from the value") }
        if shape.nullCount > 0 { remarks.append("null in \(shape.nullCount)") }
        return FieldGuess(
            quantity: quantity, channel: guess.channel, parts: parts,
            remark: remarks.isEmpty ? nil : remarks.joined(separator: "; "))
    }

    /// Numbers that many firmwares send for "no value".
    private static let sentinels: Set<Double> = [
        -99, -999, -9999, -32768, 32767, 65535, -2_147_483_648, 2_147_483_647, 4_294_967_295,
    ]

    /// The unit and scale in which all numbers are plausible.
    private static func fit(
        _ quantity: Quantity, _ unit: String?, _ numbers: [Double]
    ) -> (unit: String?, scale: Double, missing: [Double], isGuessed: Bool)? {
        let canonical = quantity.unit
        let real = numbers.filter { !sentinels.contains($0) || isPlausible($0, quantity, canonical, 1) }
        let missing = Set(numbers).subtracting(real).sorted()
        guard !real.isEmpty else { return nil }
        var candidates: [(unit: String, scale: Double)] = (unit.map { [$0] } ?? [canonical]).map { ($0, 1) }
        // Counters have no upper bound to judge a scale by.
        if quantity.kind == .gauge {
            let tenths: [(String, Double)] = [(unit ?? canonical, 0.1), (unit ?? canonical, 0.01)]
            let others = unit == nil ? (alternatives[canonical] ?? []).map { ($0, 1.0) } : []
            let areWhole = real.allSatisfy { $0 == $0.rounded() }
            // 2301 is 230.1 V before it is 2.3 V, and 215 is 21.5 degrees before it is 215 K.
            candidates +=
                canonical == "V" || canonical == "Cel"
                ? (areWhole ? [tenths[0]] : []) + others : others + (areWhole ? tenths : [])
        }
        for (index, candidate) in candidates.enumerated()
        where real.allSatisfy({ isPlausible($0, quantity, candidate.unit, candidate.scale) }) {
            return (
                candidate.unit == "1" ? nil : candidate.unit, candidate.scale, missing, index > 0
            )
        }
        return nil
    }

    private static let alternatives: [String: [String]] = [
        "V": ["mV", "kV"], "A": ["mA"], "W": ["mW"], "hPa": ["Pa", "kPa"], "1": ["%"], "Cel": ["K"], "m": ["mm"],
        "ug/m3": ["ng/m3"], "km/h": ["m/s"],
    ]

    private static func isPlausible(_ number: Double, _ quantity: Quantity, _ unit: String, _ scale: Double) -> Bool {
        guard let wire = Unit(unit), let canonical = Unit(quantity.unit),
            let conversion = wire.conversion(to: canonical)
        else { return unit == quantity.unit && quantity.range.contains(number * scale) }
        return quantity.range.contains(conversion(number * scale))
    }

    // MARK: Identity

    private static let identityNames = [
        "device", "deviceid", "deviceserial", "serialnumber", "serialno", "serial", "sn", "deveui", "eui", "imei",
        "mac",
        "uid", "uuid", "sensorid", "stationid", "nodeid", "meterid", "lampid", "devicename", "id", "name",
    ]

    /// The member that names the device: the most telling name whose values are texts or whole numbers.
    static func identity(of shape: MessageShape) -> (path: String, shape: MessageShape)? {
        for wanted in identityNames {
            for (key, member) in shape.members where QuantityAliases.words(of: key).joined() == wanted {
                guard let path = FieldWalk.pointer("", key), !path.contains(where: { "{}>+&".contains($0) }),
                    !member.values.isEmpty, !member.isObject,
                    member.values.allSatisfy({ value in
                        switch value {
                        case .text(let text): !text.isEmpty && text.utf8.count <= 128
                        case .number(let text): text.allSatisfy(\.isNumber)
                        case .flag: false
                        }
                    })
                else { continue }
                return (path, member)
            }
        }
        return nil
    }
}

/// Goes over an object and gathers what looks like readings, lists, and the rest.
struct FieldWalk {
    private(set) var readings: [(quantity: Quantity, channel: String?, text: String, remark: String?)] = []
    private(set) var unknown: [String] = []
    /// Lists of objects, and objects whose members are alike.
    private(set) var lists: [(path: String, names: [String], items: MessageShape, isKeyed: Bool)] = []
    private var skipped: Set<String> = []
    private var taken: Set<String> = []
    private let messageCount: Int

    init(messageCount: Int) { self.messageCount = messageCount }

    mutating func skip(_ path: String?) { if let path { skipped.insert(path) } }

    /// The JSON Pointer of a member; nil where the language reads its name as something else.
    static func pointer(_ base: String, _ key: String) -> String? {
        guard key != "*", !key.hasPrefix("["), !key.contains("{"), !key.contains("}") else { return nil }
        return base + "/" + key.replacing("~", with: "~0").replacing("/", with: "~1")
    }

    /// What was seen at a place, for a comment.
    static func seen(_ shape: MessageShape) -> String {
        if shape.isObject { return "an object" }
        if shape.items != nil { return "a list of up to \(shape.itemCountMax)" }
        let counted = shape.counted
        if counted.isEmpty { return "null" }
        if counted.count == 1 { return counted[0].value.shown }
        if counted.count <= 6 { return counted.map { "\($0.value.shown) (\($0.count))" }.joined(separator: ", ") }
        if let numbers = shape.numbers, let low = numbers.min(), let high = numbers.max() {
            return "\(TraceReport.short(low)) to \(TraceReport.short(high))"
        }
        return counted.prefix(3).map(\.value.shown).joined(separator: ", ") + ", …"
    }

    mutating func read(_ shape: MessageShape, at base: String, names: [String], channel: String?) {
        for (key, member) in shape.members {
            guard let path = Self.pointer(base, key) else {
                unknown.append("\(base)/\(key): \(Self.seen(member)) (its name is not one that a reference can have)")
                continue
            }
            if skipped.contains(path) { continue }
            if member.isObject {
                readObject(member, key, path, names, channel)
            } else if let items = member.items {
                readItems(items, member, key, path, names)
            } else if let found = FieldGuess.reading(names + [key], member) {
                take(found, path, channel, member)
            } else {
                note(path, member)
            }
        }
    }

    private mutating func readObject(
        _ shape: MessageShape, _ key: String, _ path: String, _ names: [String], _ channel: String?
    ) {
        // `{"value": 21.5, "unit": "°C"}` under the name of the quantity.
        let value = ["value", "val", "v"].lazy.compactMap { name in shape.member(name).map { (name, $0) } }.first
        if let (name, member) = value, let valuePath = Self.pointer(path, name) {
            let unit = ["unit", "units", "unitCode", "uom"].lazy.compactMap { shape.member($0)?.values.first?.text }
                .first
            if let found = FieldGuess.reading(names + [key], member, unit: unit) {
                take(found, valuePath, channel, member)
                return
            }
        }
        let parts = shape.members
        if parts.count >= 2, parts.allSatisfy({ $0.shape.isObject }), let first = parts.first {
            let keys = Set(first.shape.members.map(\.key))
            if parts.allSatisfy({ Set($0.shape.members.map(\.key)) == keys }),
                parts.allSatisfy({ QuantityAliases.isChannel($0.key.lowercased()) || TopicGuess.isSerial($0.key) })
            {
                let items = MessageShape()
                for part in parts { items.absorb(part.shape) }
                lists.append((path, names + [key], items, true))
                return
            }
        }
        let isChannel = QuantityAliases.isChannel(key.lowercased())
        read(shape, at: path, names: isChannel ? names : names + [key], channel: isChannel ? key : channel)
    }

    private mutating func readItems(
        _ items: MessageShape, _ list: MessageShape, _ key: String, _ path: String, _ names: [String]
    ) {
        if items.isObject {
            lists.append((path, names + [key], items, false))
        } else if let found = FieldGuess.reading(names + [key], items), list.itemCountMax > 0 {
            let channel = list.itemCountMax == 1 ? nil : list.itemCountMax == 3 ? "l{@index + 1}" : "ch{@index + 1}"
            take(found, path + "/*", channel, list)
        } else {
            note(path, items.values.isEmpty ? list : items)
        }
    }

    private mutating func take(_ found: FieldGuess, _ path: String, _ outer: String?, _ shape: MessageShape) {
        let channel = outer ?? found.channel
        guard taken.insert("\(found.quantity.name)\u{0}\(channel ?? "")").inserted else {
            unknown.append("\(path): \(Self.seen(shape)) (another \(found.quantity.name))")
            return
        }
        var parts = ["from: \(YAMLText.quoted(path))"] + found.parts
        if let channel { parts.append("channel: \(YAMLText.quoted(channel))") }
        var remarks = found.remark.map { [$0] } ?? []
        if shape.count < messageCount { remarks.append("in \(shape.count) of \(messageCount)") }
        readings.append(
            (
                found.quantity, channel, "{\(parts.joined(separator: ", "))}",
                remarks.isEmpty ? nil : remarks.joined(separator: "; ")
            ))
    }

    private mutating func note(_ path: String, _ shape: MessageShape) {
        let often = shape.count < messageCount ? " (in \(shape.count) of \(messageCount))" : ""
        unknown.append("\(path): \(Self.seen(shape))\(often)")
    }
}

extension MessageShape {
    /// Takes the values of a shape that is alike.
    fileprivate func absorb(_ other: MessageShape) {
        for value in other.tree { add(value) }
    }

    /// The first values of every member, as objects.
    private var tree: [JSONTree] {
        let rows = max(1, members.map(\.shape.values.count).max() ?? 1)
        return (0..<rows).map { row in
            .object(
                members.compactMap { key, shape in
                    guard row < shape.values.count else {
                        return row == 0 && shape.nullCount > 0 ? (key, JSONTree.null) : nil
                    }
                    switch shape.values[row] {
                    case .number(let text): return (key, .number(text))
                    case .text(let text): return (key, .text(text))
                    case .flag(let flag): return (key, .flag(flag))
                    }
                })
        }
    }
}
