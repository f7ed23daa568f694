import Basics
import Decoding
import Settings
import Telemetry

extension ProfileCompiler {
    /// The readings under `read`, or of one row of a table, whose value stands at `defaultFrom`.
    mutating func compileReadings(_ setting: Setting, _ scope: Scope, defaultFrom: Setting?) -> Run {
        var readings: [ReadingPlan] = []
        for entry in mapEntries(setting, "a map of quantities and where they are read") {
            guard let quantity = Quantity(named: entry.key) else {
                let hint = nearest(to: entry.key, in: Quantity.all.map(\.name)).map { "; did you mean '\($0)'?" }
                mistakes.append(
                    Mistake(
                        file: setting.file, line: entry.keyLine, key: entry.value.path, value: nil,
                        expected: "the vocabulary has no quantity '\(entry.key)'\(hint ?? "")"))
                continue
            }
            // A list of maps is several readings of the quantity; a list of texts is one with several references.
            if let items = entry.value.items, items.contains(where: { $0.entries != nil }) {
                for item in items { readings += compileReading(quantity, item, scope, defaultFrom) }
            } else {
                readings += compileReading(quantity, entry.value, scope, defaultFrom)
            }
        }
        return builder.add(readings, to: \.readings)
    }

    private mutating func compileReading(
        _ quantity: Quantity, _ setting: Setting, _ scope: Scope, _ defaultFrom: Setting?
    ) -> [ReadingPlan] {
        guard setting.entries != nil else {
            var reading = ReadingPlan(quantity: quantity)
            guard let from = setting.isMissing ? defaultFrom : setting else {
                mistakes.append(setting.mistake("expected where the value stands, such as /power"))
                return []
            }
            guard let references = references(from, scope, mayIterate: true) else { return [] }
            reading.references = references
            return [reading]
        }
        guard let variables = setting["for"] else {
            return compileOne(quantity, setting, scope, defaultFrom).map { [$0] } ?? []
        }
        var lists: [(name: String, values: [String])] = []
        for entry in mapEntries(variables, "a map of names and lists of texts") {
            let values = entry.value.items?.map { $0.text ?? "" } ?? []
            if values.isEmpty { mistakes.append(entry.value.mistake("expected a list of texts")) }
            lists.append((entry.key, values))
        }
        let count = lists.first?.values.count ?? 0
        guard lists.allSatisfy({ $0.values.count == count }) else {
            mistakes.append(variables.mistake("expected lists of the same length"))
            return []
        }
        let before = mistakes.count
        var readings: [ReadingPlan] = []
        for index in 0..<count {
            var inner = scope
            for list in lists { inner.substitutions[list.name] = list.values[index] }
            if let reading = compileOne(quantity, setting, inner, defaultFrom) { readings.append(reading) }
            // The same mistake in each repetition is one mistake.
            if mistakes.count > before { break }
        }
        return readings
    }

    // Long: one reading of a profile key by key, every mistake gathered.
    /// Long, for it is the list of the keys of a reading, and which of them exclude each other.
    private mutating func compileOne(
        _ quantity: Quantity, _ setting: Setting, _ scope: Scope, _ defaultFrom: Setting?
    ) -> ReadingPlan? {
        var reading = ReadingPlan(quantity: quantity)
        var reader = SettingReader(setting, &mistakes)
        _ = reader.optional("for")
        let calculation = reader.optional("calc")
        let written = reader.optional("from")
        if let calculation {
            if let written { mistakes.append(written.mistake("expected 'from' or 'calc', not both")) }
            reading.calculation = compileCalculation(calculation, scope) ?? Run()
        }
        let from = calculation == nil ? written ?? defaultFrom : nil
        if let from {
            reading.references = references(from, scope, mayIterate: true) ?? Run()
        } else if calculation == nil {
            mistakes.append(setting.mistake("missing 'from': where the value stands, such as /power, or 'calc'"))
        }
        let unit = reader.optional("unit")
        let scale = reader.optional("scale")
        let map = reader.optional("map")
        let otherwise = reader.written("else").flatMap { $0.isMissing ? nil : $0 }
        compileScale(unit, scale, quantity, scope, &reading)
        if let missing = reader.optional("missing") {
            reading.missing = builder.add(numbers(missing), to: \.numbers)
        }
        if let map {
            for written in [unit, scale].compactMap({ $0 }) {
                mistakes.append(written.mistake("of no effect beside 'map', which gives values in \(quantity.unit)"))
            }
            reading.map = compileMap(map)
        }
        // `else: null` is a word here.
        if let otherwise {
            reading.otherwise = number(otherwise) ?? .nan
        } else if setting["else"]?.isMissing == true {
            reading.otherwise = .infinity
        }
        if map == nil, let written = setting["else"] {
            mistakes.append(written.mistake("expected 'map' beside 'else'"))
        }
        if let bits = reader.optional("bits") { compileBits(bits, &reading) }
        if let words = reader.optional("word") {
            let texts = (words.items ?? [words]).compactMap { expanded($0, scope) }
            reading.words = builder.add(texts.map { builder.literal($0) }, to: \.literals)
        }
        if calculation != nil {
            for key in ["bits", "map", "word"] {
                if let beside = setting[key] {
                    mistakes.append(beside.mistake("of no effect beside 'calc'; write it as arithmetic"))
                }
            }
            if reading.exponent >= 0, let scale {
                mistakes.append(scale.mistake("expected a number beside 'calc'; write powers of ten as arithmetic"))
            }
        }
        if let channel = setting["channel"] {
            _ = reader.written("channel")
            reading.channel = compileNaming(channel, scope).map(Int32.init) ?? -1
        }
        if let time = reader.optional("time") { reading.time = compileTime(time, scope) }
        if let condition = reader.optional("if") {
            let conditions = compileConditions(condition, scope).map(\.condition)
            reading.conditions = builder.add(conditions, to: \.conditions)
        }
        reader.finish(&mistakes)
        reading.isSpecial =
            !reading.map.isEmpty || reading.bits != .none || reading.exponent >= 0 || reading.unitChoice >= 0
            || !reading.words.isEmpty
        return reading
    }

    /// `unit` and `scale` become one multiplication, one division and one addition.
    private mutating func compileScale(
        _ unit: Setting?, _ scale: Setting?, _ quantity: Quantity, _ scope: Scope, _ reading: inout ReadingPlan
    ) {
        if let scale {
            if let text = scale.text.map({ expanded($0, scope) }), text.hasPrefix("10^") {
                if let reference = single(String(text.dropFirst(3)), at: scale, scope) {
                    reading.exponent = Int32(builder.add(one: reference, to: \.references))
                }
            } else if let factor = number(scale) {
                if factor == 0 { mistakes.append(scale.mistake("expected a number other than 0")) }
                let inverse = (1 / factor).rounded()
                if abs(factor) < 1, 1 / inverse == factor {
                    reading.denominator = inverse
                } else {
                    reading.numerator = factor
                }
            }
        }
        guard let unit else { return }
        if unit.entries != nil { return compileUnitChoice(unit, quantity, scope, &reading) }
        guard let text = unit.text.map({ expanded($0, scope) }), let wire = Unit(text) else {
            let hint = nearest(to: unit.shown, in: Unit.spellings.sorted()).map { "; did you mean '\($0)'?" } ?? ""
            mistakes.append(unit.mistake("no known unit\(hint)"))
            return
        }
        guard let canonical = Unit(quantity.unit), let conversion = wire.conversion(to: canonical) else {
            mistakes.append(
                unit.mistake("\(quantity.name) is in \(quantity.unit), and \(text) cannot be converted into it"))
            return
        }
        reading.wireUnit = builder.wireUnit(text)
        reading.numerator *= conversion.numerator
        reading.denominator *= conversion.denominator
        reading.offset = conversion.offset
        // Shortened where it goes, for a product of large factors would round twice.
        if reading.numerator.truncatingRemainder(dividingBy: reading.denominator) == 0 {
            reading.numerator /= reading.denominator
            reading.denominator = 1
        } else if reading.denominator.truncatingRemainder(dividingBy: reading.numerator) == 0 {
            reading.denominator /= reading.numerator
            reading.numerator = 1
        }
    }

    /// `{from: reference, map: {text: unit}, else: unit or null}`: every known spelling of a unit that converts into
    /// the quantity's, and those of `map` before them.
    private mutating func compileUnitChoice(
        _ setting: Setting, _ quantity: Quantity, _ scope: Scope, _ reading: inout ReadingPlan
    ) {
        var reader = SettingReader(setting, &mistakes)
        let from = reader.required("from", "where the unit stands, such as /unit", &mistakes)
        let map = reader.optional("map")
        let otherwise = reader.written("else").flatMap { $0.isMissing ? nil : $0 }
        reader.finish(&mistakes)
        guard let canonical = Unit(quantity.unit) else { return }
        /// A case for the unit, with the factor of `scale` on top.
        func unitCase(_ spelling: String, _ wire: Unit) -> UnitCase? {
            guard let conversion = wire.conversion(to: canonical) else { return nil }
            return UnitCase(
                literal: builder.literal(spelling), numerator: reading.numerator * conversion.numerator,
                denominator: reading.denominator * conversion.denominator, offset: conversion.offset)
        }
        var cases: [UnitCase] = []
        var named: Set<String> = []
        for entry in mapEntries(map ?? setting.emptySection("map"), "a map of texts and the units they mean") {
            named.insert(entry.key)
            guard let wire = Unit(entry.value.text ?? "") else {
                mistakes.append(entry.value.mistake("no known unit"))
                continue
            }
            // A unit of another kind says that the value is of another quantity.
            if let found = unitCase(entry.key, wire) { cases.append(found) }
        }
        for spelling in Unit.spellings.sorted() where !named.contains(spelling) && !spelling.isEmpty {
            if let wire = Unit(spelling), let found = unitCase(spelling, wire) { cases.append(found) }
        }
        guard let references = from.flatMap({ self.references($0, scope, mayIterate: false) }) else { return }
        var choice = UnitChoice(references: references, cases: Run())
        if setting["else"]?.isMissing == true {
            choice.otherwise = .missing
        } else if let otherwise {
            guard let wire = Unit(otherwise.text ?? ""), let found = unitCase("", wire) else {
                mistakes.append(otherwise.mistake("expected null, or a unit that converts into \(quantity.unit)"))
                return
            }
            choice.otherwise = .unit
            cases.append(found)
        }
        choice.cases = builder.add(cases, to: \.unitCases)
        reading.unitChoice = Int32(builder.add(one: choice, to: \.unitChoices))
    }

    private mutating func compileMap(_ setting: Setting) -> Run {
        var entries: [MapEntry] = []
        for entry in mapEntries(setting, "a map of values and the numbers they mean") {
            let value = entry.value.isMissing ? .nan : number(entry.value)
            if let value { entries.append(MapEntry(literal: builder.literal(entry.key), value: value)) }
        }
        if entries.isEmpty, setting.entries?.isEmpty == true {
            mistakes.append(setting.mistake("expected at least one value"))
        }
        return builder.add(entries, to: \.maps)
    }

    /// `a..b` takes bits a to b as a number; a number is a mask, any bit of which gives 1.
    private mutating func compileBits(_ setting: Setting, _ reading: inout ReadingPlan) {
        let text = setting.text ?? ""
        if let dots = text.firstRange(of: "..") {
            if let low = Int(text[..<dots.lowerBound]), let high = Int(text[dots.upperBound...]), low >= 0, high >= low,
                high < 64
            {
                reading.bits = .field
                reading.bitShift = UInt8(low)
                reading.bitMask = high - low == 63 ? .max : (1 << UInt64(high - low + 1)) - 1
                return
            }
        } else {
            let mask = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
            if let mask, mask > 0 {
                reading.bits = .anyOf
                reading.bitMask = mask
                return
            }
        }
        mistakes.append(setting.mistake("expected bits from..to within 0..63, or a mask such as 0x00FF"))
    }

    private mutating func numbers(_ setting: Setting) -> [Double] {
        (setting.items ?? [setting]).compactMap { number($0) }
    }

    private mutating func number(_ setting: Setting) -> Double? {
        if let text = setting.text {
            if text.hasPrefix("0x"), let whole = UInt64(text.dropFirst(2), radix: 16) { return Double(whole) }
            if let number = text.utf8Bytes({ DecimalNumber.parse($0) }), number.isFinite { return number }
        }
        mistakes.append(setting.mistake("expected a number"))
        return nil
    }
}
