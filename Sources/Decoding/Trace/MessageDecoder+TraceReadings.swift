import Basics
import Telemetry

/// The fields of a trace for one reading of the profile, and what it made that no field tells of yet.
private struct ReadingFields {
    let quantity: Quantity
    let wireUnit: String?
    let trace: TraceSink
    var made: [MessageTrace.Result]

    /// Readings and suspects of one `*` lie in two lists, so each is found again by its value.
    mutating func take(_ number: Double) -> MessageTrace.Result? {
        let index = made.firstIndex { result in
            switch result {
            case .reading(let value), .suspect(let value): value.value == number
            case .none: false
            }
        }
        return index.map { made.remove(at: $0) }
    }

    func tell(_ path: String, _ wire: String?, _ result: MessageTrace.Result) {
        trace.append(
            MessageTrace.Field(quantity: quantity, path: path, wire: wire, wireUnit: wireUnit, result: result))
    }

    func tellRest(_ path: String, _ wire: String?) {
        for result in made { tell(path, wire, result) }
    }
}

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
        use(reading)
        let unit = catalog.plan.wireUnits[Int(reading.pointee.wireUnit)]
        var fields = ReadingFields(
            quantity: reading.pointee.quantity, wireUnit: unit.isEmpty ? nil : unit, trace: trace,
            made: batch.readings[readingsBefore...].map { .reading(Self.value($0, registry)) }
                + batch.suspects[suspectsBefore...].map { .suspect(Self.value($0, registry)) })

        let names = reading.pointee.references.range.map { written(plan.references[$0]) }.joined(separator: ", ")
        guard hold(reading.pointee.conditions) else {
            let why = failure(of: reading.pointee.conditions)
            return fields.tell(names, nil, .none("its condition does not hold: \(why)"))
        }
        guard reading.pointee.calculation.isEmpty else {
            let operands = operands(of: reading.pointee.calculation)
            guard fields.made.isEmpty else { return fields.tellRest("calc", operands) }
            return fields.tell("calc", operands, .none("an operand is missing or no number, or the result is none"))
        }
        tellReferences(of: reading, names, &fields)
    }

    /// Goes over the references as the live path does, and tells of each what stands there and what came of it.
    private mutating func tellReferences(
        of reading: UnsafePointer<ReadingPlan>, _ names: String, _ fields: inout ReadingFields
    ) {
        var empty: [(path: String, wire: String?, why: String)] = []
        for position in reading.pointee.references.range {
            let found = values(of: position)
            var hasValue = false
            let outer = item.iteration
            for match in found {
                item.iteration = match.iteration
                // Only to ask again: what a value became, the batch has already.
                var ignored = DecodedBatch()
                switch number(match.scalar, reading, &ignored) {
                case .value(let number):
                    let result = fields.take(number + 0) ?? .none("not taken: see the faults")
                    fields.tell(match.path, wire(match.scalar), result)
                    hasValue = true
                case .wrong:
                    if match.scalar.isContainer, !plan.references[position].iterates {
                        empty.append((match.path, wire(match.scalar), "a list or an object is not a value"))
                    } else {
                        fields.tell(match.path, wire(match.scalar), .none(whyWrong(match.scalar, reading)))
                        hasValue = true
                    }
                case .missing: empty.append((match.path, wire(match.scalar), whyMissing(match.scalar, reading)))
                }
            }
            item.iteration = outer
            if hasValue {
                // What was passed over on the way, unless it is not there at all.
                for entry in empty where entry.wire != nil { fields.tell(entry.path, entry.wire, .none(entry.why)) }
                return
            }
            if found.isEmpty { empty.append((written(plan.references[position]), nil, "absent")) }
        }
        // Whatever else it made, such as a value that was computed.
        if !fields.made.isEmpty { return fields.tellRest(names, nil) }
        if empty.count > 1, empty.allSatisfy({ $0.wire == nil }) { return fields.tell(names, nil, .none("absent")) }
        for entry in empty { fields.tell(entry.path, entry.wire, .none(entry.why)) }
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
