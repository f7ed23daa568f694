import Basics
import Telemetry

extension MessageDecoder {
    /// What a message says of its time.
    enum OwnTime {
        /// Nothing.
        case none
        case at(Timestamp)
        /// It is told from the receipt: so many seconds before it.
        case beforeReceipt(Timestamp)
        /// It bears a time that cannot be one: of a clock that was never set, too far ahead, or not to be read; nil for the
        /// last.
        case unusable(Timestamp?)
    }

    /// The first usable time of the candidates.
    mutating func ownTime(_ candidates: Run) -> OwnTime {
        var unusable: OwnTime?
        var elseReceipt = false
        for position in candidates.range {
            let candidate = plan.times[position]
            elseReceipt = elseReceipt || candidate.elseReceipt
            for reference in candidate.references.range {
                guard let value = value(of: reference), !isMissing(value) else { continue }
                guard let found = moment(value, candidate),
                    let moment = candidate.plus.isEmpty ? found : later(found, by: candidate.plus)
                else {
                    unusable = unusable ?? .unusable(nil)
                    continue
                }
                guard moment >= limits.timeMin(orReceipt: candidate.elseReceipt), isAdmitted(moment) else {
                    unusable = unusable ?? .unusable(moment)
                    continue
                }
                return candidate.form == .age ? .beforeReceipt(moment) : .at(moment)
            }
        }
        return elseReceipt ? .none : unusable ?? .none
    }

    /// Beside the fence by the receipt: behind it the clock may have been set back, and what it said before still counts.
    func isAdmitted(_ moment: Timestamp) -> Bool {
        TimeFence.admits(moment, at: max(message.receivedAt, believedNow))
    }

    /// A message, or an item of one, whose time cannot be used: kept with its payload, never a reading of now.
    @inline(never)
    mutating func rejectTime(_ moment: Timestamp?, _ batch: inout DecodedBatch) {
        let detail: String
        if let moment {
            let isEarly = moment.milliseconds < limits.timeMin.milliseconds
            detail =
                "its time is \(moment), "
                + (isEarly
                    ? "before \(limits.timeMin): its clock was never set" : "more than an hour ahead of our clock")
                + otherUnit(moment)
            if !isEarly { batch.clockVotes.ahead += 1 }
        } else {
            detail = "its time cannot be read by the profile"
        }
        reject(.unusableTime, detail, device: item.device, &batch)
    }

    /// What the same number would be in the other unit that clocks tell, where that is about now.
    private func otherUnit(_ moment: Timestamp) -> String {
        let (asSeconds, overflows) = moment.milliseconds.multipliedReportingOverflow(by: 1000)
        let readings = [("seconds", overflows ? 0 : asSeconds), ("milliseconds", moment.milliseconds / 1000)]
        let near = readings.first { ($0.1 &- message.receivedAt.milliseconds).magnitude < 86_400_000 }
        return near.map { "; in \($0.0) the same number would be \(Timestamp(milliseconds: $0.1))" } ?? ""
    }

    /// Counts what a message says of our clock.
    @inline(__always)
    mutating func vote(_ moment: Timestamp, _ batch: inout DecodedBatch) {
        guard !message.isRetained else { return }
        let apart = message.receivedAt.milliseconds &- moment.milliseconds
        if apart.magnitude <= Self.agreementMilliseconds {
            batch.clockVotes.agree += 1
        } else {
            batch.clockVotes.apart += 1
        }
    }

    private static var agreementMilliseconds: UInt64 { 300_000 }

    @inline(__always)
    mutating func moment(_ value: Scalar, _ candidate: TimeCandidate) -> Timestamp? {
        switch candidate.form {
        case .milliseconds: scaledMoment(value, 1, 1)
        case .seconds: scaledMoment(value, 1000, 1)
        case .microseconds: scaledMoment(value, 1, 1000)
        case .nanoseconds: scaledMoment(value, 1, 1_000_000)
        case .age: ageMoment(value)
        case .iso: plainText(value).flatMap { isoMoment($0, candidate) }
        case .fields: plainText(value).flatMap { moment(fields: intervalEnd(of: $0, candidate), candidate) }
        }
    }

    /// So many seconds before the receipt.
    private mutating func ageMoment(_ value: Scalar) -> Timestamp? {
        guard case .value(let seconds) = numeric(value), seconds >= 0, seconds < 1e10 else { return nil }
        return Timestamp(milliseconds: message.receivedAt.milliseconds &- Int64((seconds * 1000).rounded()))
    }

    mutating func later(_ moment: Timestamp, by steps: Run) -> Timestamp? {
        guard case .value(let seconds) = calculate(steps, missing: Run()), seconds.magnitude < 1e10 else { return nil }
        return Timestamp(milliseconds: moment.milliseconds &+ Int64((seconds * 1000).rounded()))
    }

    /// Of `begin/end` the end, where the candidate asks for it, else the begin; a text without interval is itself.
    private func intervalEnd(of text: UnsafeRawBufferPointer, _ candidate: TimeCandidate) -> UnsafeRawBufferPointer {
        guard candidate.takesEnd, let slash = text.lastIndex(of: UInt8(ascii: "/")) else { return text }
        return UnsafeRawBufferPointer(rebasing: text[(slash + 1)...])
    }

    private func isoMoment(_ text: UnsafeRawBufferPointer, _ candidate: TimeCandidate) -> Timestamp? {
        var text = intervalEnd(of: text, candidate)
        // An interval whose begin counts.
        if let slash = text.firstIndex(of: UInt8(ascii: "/")) {
            text = UnsafeRawBufferPointer(rebasing: text[..<slash])
        }
        guard let rules = zoneRules(candidate) else {
            return Timestamp(iso8601: text, assumedOffsetSeconds: offsetSeconds(candidate))
        }
        // With a zone of its own the text means the same whatever is assumed; else it is a time of those clocks.
        guard let first = Timestamp(iso8601: text, assumedOffsetSeconds: 0) else { return nil }
        guard Timestamp(iso8601: text, assumedOffsetSeconds: 3600) != first else { return first }
        return rules.moment(of: CivilTime(first), near: message.receivedAt)
    }

    private func zoneRules(_ candidate: TimeCandidate) -> ZoneRules? {
        switch candidate.zone {
        case .named: catalog.plan.zones[Int(candidate.zoneIndex)]
        case .site: site.zone
        case .none, .fixed: nil
        }
    }

    @inline(__always)
    private mutating func scaledMoment(_ value: Scalar, _ numerator: Double, _ denominator: Double) -> Timestamp? {
        guard case .value(let number) = numeric(value) else { return nil }
        let milliseconds = (number * numerator / denominator).rounded()
        // 9.2e15 ms is far beyond any year a civil time knows, and safe to turn into an integer.
        guard abs(milliseconds) < 9.2e15 else { return nil }
        return Timestamp(milliseconds: Int64(milliseconds))
    }

    private func offsetSeconds(_ candidate: TimeCandidate) -> Int? {
        switch candidate.zone {
        case .none: nil
        case .site: site.zoneOffsetSeconds
        case .fixed: Int(candidate.offsetSeconds)
        case .named: nil
        }
    }

    private func moment(fields text: UnsafeRawBufferPointer, _ candidate: TimeCandidate) -> Timestamp? {
        var civil = CivilTime(year: 0, month: 1, day: 1)
        var position = 0
        var isAfternoon: Bool?
        for index in candidate.fields.range {
            let field = plan.timeFields[index]
            switch field.kind {
            case .literal, .utc:
                guard position < text.count else { return nil }
                let byte = text[position]
                guard field.kind == .utc ? byte | 0x20 == UInt8(ascii: "z") : byte == field.byte else { return nil }
                position += 1
                continue
            case .halfDay:
                guard position + 2 <= text.count, text[position + 1] | 0x20 == UInt8(ascii: "m") else { return nil }
                switch text[position] | 0x20 {
                case UInt8(ascii: "a"): isAfternoon = false
                case UInt8(ascii: "p"): isAfternoon = true
                default: return nil
                }
                position += 2
                continue
            case .monthName:
                guard position + 3 <= text.count, let month = Self.month(named: text[position..<position + 3]) else {
                    return nil
                }
                civil.month = month
                position += 3
                continue
            default: break
            }
            var number = 0
            var digits = 0
            while digits < field.widthMax, position < text.count, text[position] &- UInt8(ascii: "0") <= 9 {
                number = number * 10 + Int(text[position] &- UInt8(ascii: "0"))
                position += 1
                digits += 1
            }
            guard digits >= field.width else { return nil }
            switch field.kind {
            case .year: civil.year = number
            case .shortYear: civil.year = 2000 + number
            case .month: civil.month = number
            case .day: civil.day = number
            case .hour: civil.hour = number
            case .halfDayHour:
                guard (1...12).contains(number) else { return nil }
                civil.hour = number % 12
            case .minute: civil.minute = number
            case .second: civil.second = number
            case .millisecond: civil.millisecond = number
            case .literal, .utc, .halfDay, .monthName: break
            }
        }
        if isAfternoon == true { civil.hour += 12 }
        guard position == text.count, civil.isValid else { return nil }
        if let rules = zoneRules(candidate) { return rules.moment(of: civil, near: message.receivedAt) }
        return offsetSeconds(candidate).map { civil.timestamp(offsetSeconds: $0) }
    }

    private static func month(named name: Slice<UnsafeRawBufferPointer>) -> Int? {
        let names: StaticString = "janfebmaraprmayjunjulaugsepoctnovdec"
        for month in 0..<12 {
            let known = UnsafeBufferPointer(start: names.utf8Start + month * 3, count: 3)
            if zip(known, name).allSatisfy({ $0 == $1 | 0x20 }) { return month + 1 }
        }
        return nil
    }
}
