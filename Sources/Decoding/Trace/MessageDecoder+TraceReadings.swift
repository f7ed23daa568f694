import Basics
import Telemetry

extension MessageDecoder {
    /// Reads as the live path does, and tells what came of it.
    @inline(never)
    mutating func tracedRead(
        _ reading: UnsafePointer<ReadingPlan>, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) {
        let readingsBefore = batch.readings.count
        let suspectsBefore = batch.suspects.count
        readUntraced(reading, &batch, &registry)
        guard let trace else { return }
        let quantity = reading.pointee.quantity
        let unit = catalog.plan.wireUnits[Int(reading.pointee.wireUnit)]
        var field = MessageTrace.Field(
            quantity: quantity, path: "", wireUnit: unit.isEmpty ? nil : unit, result: .none(""))

        use(conditions: reading.pointee.conditions)
        for reference in reading.pointee.references.range { use(reference) }
        use(calculation: reading.pointee.calculation)
        if reading.pointee.unitChoice >= 0 {
            for reference in plan.unitChoices[UInt32(reading.pointee.unitChoice)].references.range { use(reference) }
        }
        if reading.pointee.exponent >= 0 { use(UInt32(reading.pointee.exponent)) }
        if reading.pointee.channel >= 0 { use(naming: UInt32(reading.pointee.channel)) }
        for candidate in reading.pointee.time.range {
            for reference in plan.times[candidate].references.range { use(reference) }
        }

        var made =
            batch.readings[readingsBefore...].map { MessageTrace.Result.reading(Self.value($0, registry)) }
            + batch.suspects[suspectsBefore...].map { MessageTrace.Result.suspect(Self.value($0, registry)) }
        // Readings and suspects of one `*` lie in two lists, so each is found again by its value.
        func take(_ number: Double) -> MessageTrace.Result? {
            let index = made.firstIndex { result in
                switch result {
                case .reading(let value), .suspect(let value): value.value == number
                case .none: false
                }
            }
            return index.map { made.remove(at: $0) }
        }
        func tell(_ path: String, _ wire: String?, _ result: MessageTrace.Result) {
            field.path = path
            field.wire = wire
            field.result = result
            trace.append(field)
        }

        let names = reading.pointee.references.range.map { written(plan.references[$0]) }.joined(separator: ", ")
        guard hold(reading.pointee.conditions) else {
            return tell(names, nil, .none("its condition does not hold: \(failure(of: reading.pointee.conditions))"))
        }
        guard reading.pointee.calculation.isEmpty else {
            let operands = operands(of: reading.pointee.calculation)
            guard made.isEmpty else { return made.forEach { tell("calc", operands, $0) } }
            return tell("calc", operands, .none("an operand is missing or no number, or the result is none"))
        }
        // Only to ask again: what a value became, the batch has already.
        var scratch = DecodedBatch()
        var empty: [(path: String, wire: String?, why: String)] = []
        for position in reading.pointee.references.range {
            let found = values(of: position)
            let outer = item.iteration
            var hasValue = false
            for match in found {
                item.iteration = match.iteration
                switch number(match.scalar, reading, &scratch) {
                case .value(let number):
                    tell(match.path, wire(match.scalar), take(number + 0) ?? .none("not taken: see the faults"))
                    hasValue = true
                case .wrong:
                    if match.scalar.isContainer, !plan.references[position].iterates {
                        empty.append((match.path, wire(match.scalar), "a list or an object is not a value"))
                    } else {
                        tell(match.path, wire(match.scalar), .none(whyWrong(match.scalar, reading)))
                        hasValue = true
                    }
                case .missing: empty.append((match.path, wire(match.scalar), whyMissing(match.scalar, reading)))
                }
            }
            item.iteration = outer
            if hasValue {
                // What was passed over on the way, unless it is not there at all.
                for entry in empty where entry.wire != nil { tell(entry.path, entry.wire, .none(entry.why)) }
                return
            }
            if found.isEmpty { empty.append((written(plan.references[position]), nil, "absent")) }
        }
        // Whatever else it made, such as a value that was computed.
        if !made.isEmpty {
            for result in made { tell(names, nil, result) }
            return
        }
        if empty.count > 1, empty.allSatisfy({ $0.wire == nil }) { return tell(names, nil, .none("absent")) }
        for entry in empty { tell(entry.path, entry.wire, .none(entry.why)) }
    }

    private static func value(_ reading: Reading, _ registry: SeriesRegistry) -> MessageTrace.Value {
        MessageTrace.Value(
            device: registry.devices[registry.series[reading.series.index].device.index].name,
            channel: registry.channelName(of: reading.series), value: reading.value, observed: reading.observed)
    }

    /// What a reference leads to, each with its place and what `@key` and `@index` mean there.
    private mutating func values(of position: UInt32) -> [(
        scalar: Scalar, path: String, iteration: ItemInHand.Iteration
    )] {
        let reference = plan.references[position]
        guard reference.iterates else {
            guard let value = value(of: position) else { return [] }
            return [(value, place(of: position), item.iteration)]
        }
        let first = scratch.matches.count
        collect(reference)
        defer { scratch.matches.removeSubrange(first...) }
        return scratch.matches[first...].map { match in
            (scalar(of: Int(match.node)), path(to: Int(match.node)), match.iteration)
        }
    }

    private mutating func whyMissing(_ value: Scalar, _ reading: UnsafePointer<ReadingPlan>) -> String {
        if value.kind == .null { return "null means no value" }
        if isMissing(value) { return "\(wire(value)) means no value" }
        if case .value(let number) = numeric(value),
            reading.pointee.missing.range.contains(where: { plan.numbers[$0] == number })
        {
            return "\(wire(value)) is marked as missing"
        }
        if !reading.pointee.map.isEmpty { return "the map gives no value for \(wire(value))" }
        if reading.pointee.exponent >= 0 {
            let name = written(plan.references[UInt32(reading.pointee.exponent)])
            return "the exponent at \(name) is absent or missing"
        }
        if reading.pointee.unitChoice >= 0 { return "the message names no unit that converts" }
        return "not a finite number"
    }

    private mutating func whyWrong(_ value: Scalar, _ reading: UnsafePointer<ReadingPlan>) -> String {
        if value.isContainer { return "a list or an object is not a value" }
        if !reading.pointee.map.isEmpty { return "the map has no place for \(wire(value))" }
        return "\(wire(value)) is not a number that fits"
    }

    /// The values that a calculation starts from, for people.
    mutating func operands(of calculation: Run) -> String {
        var shown: [String] = []
        for index in calculation.range where plan.calculation[index].kind == .reference && shown.count < 8 {
            let reference = plan.calculation[index].reference
            let found = value(of: reference).map { wire($0) } ?? "absent"
            shown.append("\(written(plan.references[reference])) \(found)")
        }
        return shown.joined(separator: ", ")
    }
}
