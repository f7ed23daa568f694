import Telemetry

extension MessageDecoder {
    /// 2020-01-01T00:00:00Z: a clock before it was never set.
    static var timeMin: Int64 { 1_577_836_800_000 }
    /// A clock may run ahead by this much, in milliseconds.
    static var timeAheadMax: Int64 { 3_600_000 }

    /// The first usable time of the candidates; nil where none is.
    mutating func ownTime(_ candidates: Run) -> Timestamp? {
        for position in candidates.range {
            let candidate = plan.times[position]
            for reference in candidate.references.range {
                guard let value = value(of: reference), let moment = moment(value, candidate),
                    moment.milliseconds >= Self.timeMin,
                    moment.milliseconds <= receivedAt.milliseconds &+ Self.timeAheadMax
                else { continue }
                return moment
            }
        }
        return nil
    }

    @inline(__always)
    mutating func moment(_ value: Scalar, _ candidate: TimeCandidate) -> Timestamp? {
        switch candidate.form {
        case .milliseconds: scaledMoment(value, 1, 1)
        case .seconds: scaledMoment(value, 1000, 1)
        case .microseconds: scaledMoment(value, 1, 1000)
        case .nanoseconds: scaledMoment(value, 1, 1_000_000)
        case .iso:
            plainText(value).flatMap { Timestamp(iso8601: $0, assumedOffsetSeconds: offsetSeconds(candidate)) }
        case .fields: plainText(value).flatMap { moment(fields: $0, candidate) }
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
        case .site: siteZoneOffsetSeconds
        case .fixed: Int(candidate.offsetSeconds)
        }
    }

    private func moment(fields text: UnsafeRawBufferPointer, _ candidate: TimeCandidate) -> Timestamp? {
        var civil = CivilTime(year: 0, month: 1, day: 1)
        var position = 0
        for index in candidate.fields.range {
            let field = plan.timeFields[index]
            if field.kind == .literal {
                guard position < text.count, text[position] == field.byte else { return nil }
                position += 1
                continue
            }
            var number = 0
            for _ in 0..<field.width {
                guard position < text.count, text[position] &- UInt8(ascii: "0") <= 9 else { return nil }
                number = number * 10 + Int(text[position] &- UInt8(ascii: "0"))
                position += 1
            }
            switch field.kind {
            case .year: civil.year = number
            case .shortYear: civil.year = 2000 + number
            case .month: civil.month = number
            case .day: civil.day = number
            case .hour: civil.hour = number
            case .minute: civil.minute = number
            case .second: civil.second = number
            case .millisecond: civil.millisecond = number
            case .literal: break
            }
        }
        guard position == text.count, civil.isValid, let offset = offsetSeconds(candidate) else { return nil }
        return civil.timestamp(offsetSeconds: offset)
    }
}
