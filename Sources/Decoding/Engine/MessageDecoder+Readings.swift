import Basics
import Telemetry

extension MessageDecoder {
    /// Reads one quantity of the item in hand.
    ///
    /// Of several references the first one with a value is taken; one with `*` gives a reading for each value.
    @inline(__always)
    mutating func read(
        _ reading: UnsafePointer<ReadingPlan>, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) {
        if trace != nil { return tracedRead(reading, &batch, &registry) }
        readUntraced(reading, &batch, &registry)
    }

    mutating func readUntraced(
        _ reading: UnsafePointer<ReadingPlan>, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) {
        guard !message.isTooLong, hold(reading.pointee.conditions) else { return }
        if !reading.pointee.calculation.isEmpty { return readCalculated(reading, &batch, &registry) }
        let references = reading.pointee.references
        // A list or an object is not a value. It is passed over while another reference may lead to one, and it is no
        // fault where a reference with `*` went over what it holds and found only missing values.
        var container: Scalar?
        var hasIterated = false
        for position in references.range {
            if plan.references[position].iterates {
                switch readEach(plan.references[position], reading, &batch, &registry) {
                case .nothing: break
                case .onlyMissing: hasIterated = true
                case .value: return
                }
            } else if let value = value(of: position) {
                if value.isContainer {
                    container = container ?? value
                    continue
                }
                switch number(value, reading, &batch) {
                case .missing: break
                case .value(let number):
                    append(number, reading, &batch, &registry)
                    return
                case .wrong:
                    rejectValue(value, reading, &batch)
                    return
                }
            }
        }
        if let container, !hasIterated { rejectValue(container, reading, &batch) }
    }

    @inline(never)
    private mutating func readCalculated(
        _ reading: UnsafePointer<ReadingPlan>, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) {
        let mark = scratch.arena.mark
        let result = calculate(reading.pointee.calculation, missing: reading.pointee.missing)
        scratch.arena.rewind(to: mark)
        switch result {
        case .missing: break
        case .wrong:
            let name = reading.pointee.quantity.name
            reject(.unexpectedValue, "\(name): a value of the calculation is no number", device: item.device, &batch)
        case .value(let number):
            guard reading.pointee.unitChoice >= 0 else {
                return append(converted(number, reading), reading, &batch, &registry)
            }
            guard case .value(let number) = converted(number, byUnitOf: reading, &batch) else { return }
            append(number, reading, &batch, &registry)
        }
    }

    /// By the unit that the message names.
    @inline(never)
    private mutating func converted(
        _ number: Double, byUnitOf reading: UnsafePointer<ReadingPlan>, _ batch: inout DecodedBatch
    ) -> Numeric {
        let choice = plan.unitChoices[UInt32(reading.pointee.unitChoice)]
        for position in choice.references.range {
            guard let unit = value(of: position), !isMissing(unit) else { continue }
            for place in choice.cases.range {
                let entry = plan.unitCases[place]
                if entry.literal.word.count > 0, isEqual(unit, entry.literal) {
                    return .value(number * entry.numerator / entry.denominator + entry.offset)
                }
            }
            break
        }
        switch choice.otherwise {
        case .missing: return .missing
        case .unit:
            let entry = plan.unitCases[choice.cases.end &- 1]
            return .value(number * entry.numerator / entry.denominator + entry.offset)
        case .reject:
            let name = reading.pointee.quantity.name
            reject(
                .unexpectedValue,
                "\(name): the message names no unit that converts into \(reading.pointee.quantity.unit)",
                device: item.device, &batch)
            return .missing
        }
    }

    private enum Iterated { case nothing, onlyMissing, value }

    private mutating func readEach(
        _ reference: Reference, _ reading: UnsafePointer<ReadingPlan>, _ batch: inout DecodedBatch,
        _ registry: inout SeriesRegistry
    ) -> Iterated {
        let outer = item.iteration
        let first = scratch.matches.count
        collect(reference)
        defer {
            scratch.matches.removeSubrange(first...)
            item.iteration = outer
        }
        var hasValue = false
        let mark = scratch.arena.mark
        for index in first..<scratch.matches.count {
            item.iteration = scratch.matches[index].iteration
            let value = scalar(of: Int(scratch.matches[index].node))
            switch number(value, reading, &batch) {
            case .missing: break
            case .value(let number):
                append(number, reading, &batch, &registry)
                hasValue = true
            case .wrong:
                rejectValue(value, reading, &batch)
                hasValue = true
            }
            scratch.arena.rewind(to: mark)
            if message.isTooLong { break }
        }
        return hasValue ? .value : scratch.matches.count > first ? .onlyMissing : .nothing
    }

    @inline(never)
    private mutating func rejectValue(
        _ value: Scalar, _ reading: UnsafePointer<ReadingPlan>, _ batch: inout DecodedBatch
    ) {
        let quantity = reading.pointee.quantity
        let found =
            switch value.kind {
            case .array: "an array"
            case .object: "an object"
            case .text: "a text"
            case .number, .real: "a number"
            case .yes, .no: "a truth value"
            case .null: "null"
            }
        let expected = reading.pointee.map.isEmpty ? "a number that fits" : "one of the values that the profile knows"
        reject(.unexpectedValue, "\(quantity.name): expected \(expected), found \(found)", device: item.device, &batch)
    }

    // MARK: From the value on the wire to the canonical unit

    @inline(__always)
    mutating func number(
        _ value: Scalar, _ reading: UnsafePointer<ReadingPlan>, _ batch: inout DecodedBatch
    ) -> Numeric {
        if reading.pointee.isSpecial { return specialNumber(value, reading, &batch) }
        guard case .value(let number) = numeric(value) else { return numeric(value) }
        if !reading.pointee.missing.isEmpty, isMarkedMissing(number, reading.pointee.missing) { return .missing }
        return .value(converted(number, reading))
    }

    @inline(__always)
    private func converted(_ number: Double, _ reading: UnsafePointer<ReadingPlan>) -> Double {
        // One multiplication and one division keep decimals short: 93 / 100 is 0.93, 93 * 0.01 is not.
        number * reading.pointee.numerator / reading.pointee.denominator + reading.pointee.offset
    }

    private func isMarkedMissing(_ number: Double, _ missing: Run) -> Bool {
        missing.range.contains { plan.numbers[$0] == number }
    }

    @inline(never)
    private mutating func specialNumber(
        _ value: Scalar, _ reading: UnsafePointer<ReadingPlan>, _ batch: inout DecodedBatch
    ) -> Numeric {
        if !reading.pointee.words.isEmpty {
            guard value.kind == .text else { return value.kind == .null ? .missing : .wrong }
            return .value(hasWord(value, reading.pointee.words) ? 1 : 0)
        }
        if isMissing(value) { return .missing }
        var value = value
        if !reading.pointee.missing.isEmpty, case .value(let number) = numeric(value),
            isMarkedMissing(number, reading.pointee.missing)
        {
            return .missing
        }
        if reading.pointee.bits != .none {
            guard case .value(let number) = numeric(value), let bits = bits(of: number, reading) else { return .wrong }
            value = Scalar(kind: .real, text: document.text, real: bits)
        }
        if !reading.pointee.map.isEmpty {
            let map = reading.pointee.map
            for position in map.range where isEqual(value, plan.maps[position].literal) {
                let meant = plan.maps[position].value
                return meant.isNaN ? .missing : .value(meant)
            }
            let otherwise = reading.pointee.otherwise
            return otherwise.isNaN ? .wrong : otherwise.isInfinite ? .missing : .value(otherwise)
        }
        guard case .value(var number) = numeric(value) else { return numeric(value) }
        if reading.pointee.exponent >= 0 {
            guard let scale = self.value(of: UInt32(reading.pointee.exponent)) else { return .missing }
            switch numeric(scale) {
            case .missing: return .missing
            case .wrong: return .wrong
            case .value(let exponent):
                guard let exponent = Int(exactly: exponent), exponent >= -22, exponent <= 22 else { return .wrong }
                number =
                    exponent < 0
                    ? number / DecimalNumber.powers[-exponent] : number * DecimalNumber.powers[exponent]
            }
        }
        if reading.pointee.unitChoice >= 0 { return converted(number, byUnitOf: reading, &batch) }
        return .value(converted(number, reading))
    }

    private func bits(of number: Double, _ reading: UnsafePointer<ReadingPlan>) -> Double? {
        let word: UInt64
        if let positive = UInt64(exactly: number) {
            word = positive
        } else if let negative = Int64(exactly: number) {
            word = UInt64(bitPattern: negative)
        } else {
            return nil
        }
        switch reading.pointee.bits {
        case .none: return number
        case .anyOf: return word & reading.pointee.bitMask == 0 ? 0 : 1
        case .field: return Double(word >> UInt64(reading.pointee.bitShift) & reading.pointee.bitMask)
        }
    }

    // MARK: Into the batch

    @inline(__always)
    private mutating func append(
        _ number: Double, _ reading: UnsafePointer<ReadingPlan>, _ batch: inout DecodedBatch,
        _ registry: inout SeriesRegistry
    ) {
        guard batch.readings.count &- rows.readingsBefore < limits.readingsPerMessageMax else {
            stopTooLong(&batch)
            return
        }
        var channel = item.channel
        if reading.pointee.channel >= 0 {
            guard let own = ownChannel(reading, &batch, &registry) else { return }
            channel = own
        }
        var (moment, isStamped) = (item.observed, item.isStamped)
        if !reading.pointee.time.isEmpty {
            switch ownTime(reading.pointee.time) {
            case .none: if item.isTimeless { return }
            case .at(let own): (moment, isStamped) = (own, false)
            case .beforeReceipt(let own): (moment, isStamped) = (own, true)
            // The rule's own time is the next best.
            case .unusable(let own): if item.isStamped { return rejectTime(own, &batch) }
            }
        } else if item.isTimeless {
            return
        }
        let quantity = reading.pointee.quantity
        var isNew = false
        let series: SeriesID
        // The series of one kind of message were mostly named one after another, so the next one is tried first: it
        // lies in the same cache line, where the search goes to memory. Six values of 100,000 devices in turn: 640 ns
        // a message; 1700 ns when every series is searched.
        let next = SeriesID(rawValue: rows.lastSeries &+ 1)
        if next.index < registry.seriesCount, isSeries(registry.series[next.index], quantity, channel) {
            series = next
        } else if let known = registry.find(device: item.device, quantity: quantity, channel: channel) {
            series = known
        } else if let fresh = newSeries(quantity, channel, &batch, &registry) {
            series = fresh
            isNew = true
        } else {
            return
        }
        rows.lastSeries = series.rawValue
        // Adding zero makes -0 an ordinary 0.
        let result = Reading(series: series, observed: moment, value: number + 0)
        if number >= reading.pointee.min, number <= reading.pointee.max {
            let piece = isStamped ? rows.piece(of: series, node: item.node) : RowKeeper.ownTime
            rows.add(
                item.device, moment, piece, series, node: item.node, at: batch.readings.count, isNewSeries: isNew)
            batch.readings.append(result)
        } else {
            appendSuspect(result, isNew, quantity, &batch)
        }
    }

    @inline(__always)
    private func isSeries(_ series: SeriesRegistry.Series, _ quantity: Quantity, _ channel: ChannelIndex) -> Bool {
        series.device == item.device && series.quantity == quantity && series.channel == channel
    }

    @inline(never)
    private mutating func stopTooLong(_ batch: inout DecodedBatch) {
        message.isTooLong = true
        reject(
            .tooLarge, "more than \(limits.readingsPerMessageMax) readings; the first ones are kept",
            device: item.device,
            &batch)
    }

    @inline(never)
    private mutating func ownChannel(
        _ reading: UnsafePointer<ReadingPlan>, _ batch: inout DecodedBatch, _ registry: inout SeriesRegistry
    ) -> ChannelIndex? {
        switch channelIndex(UInt32(reading.pointee.channel), &batch, &registry) {
        case .index(let channel): return channel
        case .unnamed:
            let name = reading.pointee.quantity.name
            reject(.unexpectedValue, "\(name): the channel has no usable name", device: item.device, &batch)
        case .full:
            reject(
                .cardinality, "the limit of \(registry.limits.channelsMax) channels is reached", device: item.device,
                &batch)
        case .refused: break
        }
        return nil
    }

    @inline(never)
    private mutating func appendSuspect(
        _ result: Reading, _ isNew: Bool, _ quantity: Quantity, _ batch: inout DecodedBatch
    ) {
        if isNew { rows.noteNewSuspect(at: batch.suspects.count, device: item.device) }
        batch.suspects.append(result)
        let range = quantity.range
        let detail =
            "\(quantity.name): \(result.value) \(quantity.unit) is outside "
            + "\(range.lowerBound) to \(range.upperBound)"
        reject(.implausible, detail, device: item.device, &batch)
    }
}
