import Basics

// English. Another language is another file like this one.
extension Sentence {
    // Long: a line for each thing that can be said.
    /// The sentence in English, without a full stop, with its numbers as people read them.
    public var words: String {
        switch key {
        case .words: about + text(.text)

        case .thresholdAbove: "\(statistic) is \(level(.value))\(perHour), above \(level(.raise))\(perHour)"
        case .thresholdBelow: "\(statistic) is \(level(.value))\(perHour), below \(level(.raise))\(perHour)"
        case .thresholdBack: "\(statistic) is \(level(.value))\(perHour), back at or within \(level(.clear))\(perHour)"
        case .thresholdBetween:
            "\(statistic) is \(level(.value))\(perHour), between \(level(.clear))\(perHour) and \(level(.raise))\(perHour)"
        case .rangeOutside: "\(series) is \(level(.value)), outside the possible \(bare(.low)) to \(level(.high))"
        case .rangeBack: "\(series) is \(level(.value)), possible again"
        case .rangeKnown: "\(series) was last an impossible value"
        case .absenceOffline: "\(text(.name)) said that it is offline"
        case .absenceSilent:
            "\(text(.name)) has been silent since \(moment(.since)), for longer than \(count(.cadences)) cadences of "
                + exactly(.cadence)
        case .absenceNever: "nothing was read of \(text(.name)) since it was put on the roster at \(moment(.since))"
        case .absenceBack: "\(text(.name)) speaks again"
        case .findingKnown: "\(about)it was noticed before there was this rule"
        case .findingLasts: "\(text(.name)) is heard again; what was noticed is not over yet"
        case .findingOver: "\(about)nothing of the kind was noticed\(inItsSeries) for \(exactly(.span))"
        case .noData:
            "\(values[.quantity] == nil ? text(.name) : series) cannot be judged: "
                + (values[.window] == nil ? "no data" : "the gateway has not heard all of \(exactly(.window))")
        case .severityChanged: "\(about)by its rule it is \(text(.word)) now"
        case .ruleRemoved: "\(about)the rule was removed"
        case .ruleChanged: "\(about)the rule watches something else now"
        case .ruleElsewhere: "\(about)the rule is no longer about it"
        case .deviceRetired: "\(about)the device was taken off the roster"
        case .readingsForgotten: "\(about)the readings that it stood on were taken out of the store"
        case .profileChanged: "\(about)the profile changed, and brings no such readings any more"
        case .storyLost:
            "\(about)its story was lost with the gateway's store\(values[.since] == nil ? "" : ", at \(moment(.since))"); what still "
                + "holds is told anew, under another number"
        case .partOfFeeder: "\(about)its circuit \(text(.text)) is down, of which it is told from now on"
        case .circuitRenamed: "\(about)the circuit was called \(text(.text)) until now; it goes on"
        case .outOfTime: "\(about)the rule does not watch at this time"
        case .levelUp:
            "\(statistic) is \(level(.value))\(perHour), beyond \(level(.raise))\(perHour): \(text(.word)) now"
        case .levelDown:
            "\(statistic) is \(level(.value))\(perHour), back at or within \(level(.clear))\(perHour): \(text(.word)) now"
        case .conditionHolds: "\(about)\(text(.text))"
        case .conditionOver: "\(about)no longer \(text(.text))"
        case .groupHolds:
            "\(about)\(bareCount(.count)) of \(bareCount(.members)) devices: \(text(.text))"
        case .groupOver:
            "\(about)only \(bareCount(.count)) of \(bareCount(.members)) devices: \(text(.text))"

        case .seasonal:
            isNow + " where \(amount(.expected)) is usual at this time of day; of late it strays by "
                + "\(amount(.deviation)), usually by \(amount(.usual))"
        case .novelty:
            isNow + "; the course of the last 18 readings is unlike any before: \(amount(.distance)) from the "
                + "nearest, usually \(amount(.usual))"
        case .range: isNow + beyondAll
        case .mean:
            isNow + "; the mean of the last 30 readings is \(amount(.mean)), usually \(amount(.usual)) "
                + "give or take \(amount(.spread))"
        case .physicalRange: isNow + ", which it cannot be: expected \(figures(.low)) to \(amount(.high))"
        case .rateOfChange: isNow + " and changed by \(amount(.step)) an hour; at most \(amount(.limit)) is plausible"
        case .flatLine:
            "\(about)\(what) stands still: \(count(.readings)) readings of \(amount(.value)) in a row, where at most "
                + "\(count(.usual)) are usual"
        case .straightLine:
            "\(about)\(what) runs in a straight line: \(count(.readings)) readings in a row, each \(amount(.step)) from "
                + "the one before, as no sensor measures"
        case .spike:
            "\(about)\(what) was \(amount(.value)) for one reading between neighbours at \(amount(.expected)), where a "
                + "step of \(amount(.usual)) is usual"
        case .levelShift:
            "\(about)\(what) changed its level from about \(amount(.before)) to \(amount(.after)) and has stayed there "
                + "for \(count(.readings)) readings"
        case .gap:
            "\(about)\(what) was not heard for \(inFigures(.span)); a reading is due every \(inFigures(.interval))"
        case .peers:
            isNow + " where the median of \(count(.count)) others beside it is \(amount(.median)), "
                + "give or take \(amount(.spread))"

        case .dayBurner: about + burns + lasting
        case .lampOut: about + isOut + lasting
        case .flicker: "\(about)Flickers: has gone on and off \(bareCount(.switches)) times\(lasting)"
        case .lampPower:
            "\(about)Takes \(amount(.power)) at \(amount(.level)) where \(amount(.expected)) is usual, \(amount(.share)) "
                + "of it\(lasting)"
        case .feederFault:
            "\(about)Feeder fault: \(bareCount(.count)) of \(bareCount(.lamps)) lamps are down "
                + "(\(bareCount(.out)) out, \(bareCount(.silent)) silent)\(lasting)"
        case .yieldLoss:
            "\(about)Yields \(amount(.share)) of the median of \(bareCount(.members)) segments for "
                + "\(bareCount(.days)) days, a loss of about \(amount(.loss))\(course)"
        case .iceSeen: "\(about)Slippery: the sensor reports \(seen), \(surface)"
        case .icingFreezing:
            "\(about)Icing \(text(.level)) by freezing of a wet surface: \(surface), freezing at \(amount(.freezing))"
        case .icingHoarFrost:
            "\(about)Icing \(text(.level)) by hoar frost: \(surface), frost point of the air \(amount(.frostPoint))"
        case .icingUnknownMoisture:
            "\(about)Icing \(text(.level)) by frost: \(surface), nothing is known of water or humidity"
        case .noIceSeen: "\(about)No ice seen, \(surface)"
        case .noIcing: "\(about)No icing: \(surface)" + ((number(.surface) ?? 1) <= 0 ? " and no water for ice" : "")

        case .storeRefuses: "\(about)the store takes no readings, and nothing is acknowledged: \(text(.text))"
        case .storeDamaged: "\(about)damage in the store (\(bareCount(.count)) found), the first: \(text(.text))"
        case .diskLow: "\(about)the disk of the store has \(amount(.room)) free, \(amount(.share)) of it"
        case .clockUnsynchronised: "\(about)the clock has not been synchronised for \(roughly(.span))"
        case .clockSet:
            "\(about)the clock was set by \(amount(.step)), and nothing shows yet that it is right: nothing is given up for its age"
        case .reloadRefused: "\(about)a reload was refused, and what was in force before still is: \(text(.text))"
        case .channelFailing:
            "\(about)\(text(.channel)) has told nobody for \(roughly(.span)), in \(count(.count)) attempts: \(text(.text))"
        case .ingestBehind:
            "\(about)more messages come than are taken on, for \(roughly(.span)): what is shown is behind what is"
        case .brokerLost: "\(about)the gateway has not reached it for \(roughly(.span)): nothing is heard of any device"
        case .messagesDropped: "\(about)it has thrown away \(count(.count)) messages that waited for the gateway"
        }
    }

    // MARK: Parts

    /// With what it begins where it is known of whom it is told.
    private var about: String { values[.name] == nil ? "" : "\(text(.name)): " }

    private var what: String {
        let channel = values[.channel] == nil ? "" : " (\(text(.channel)))"
        return title + channel
    }

    /// An unknown word stands for itself: of a newer vocabulary.
    private var title: String {
        guard case .quantity(let name)? = values[.quantity] else { return text(.quantity) }
        return Quantity(named: name)?.definition.title ?? name
    }

    private var series: String { "\(text(.name)): \(what)" }
    private var inItsSeries: String { values[.quantity] == nil ? "" : " in its \(title)" }

    private var statistic: String {
        values[.window] == nil ? series : "\(series) \(text(.statistic)) of \(exactly(.window))"
    }

    private var perHour: String { values[.statistic] == .word("rate") ? " an hour" : "" }
    private var isNow: String { "\(about)\(what) is \(amount(.value))" }

    private var beyondAll: String {
        let (low, high, value) = (number(.low) ?? .nan, number(.high) ?? .nan, number(.value) ?? .nan)
        let (span, beyond) = (high - low, max(value - high, low - value))
        let far = span > 0 && beyond > 0 ? ", by \(Anomaly.text(100 * beyond / span)) % of that range" : ""
        return ", \(value > high ? "above" : "below") all of \(figures(.low)) to \(amount(.high)) in "
            + "\(count(.readings)) readings\(far)"
    }

    private var lasting: String { values[.span] == nil ? "" : ", for \(roughly(.span))" }

    private var burns: String {
        let burns = values[.power] == nil ? "Burns" : "Burns with \(amount(.power))"
        guard let elevation = number(.elevation), elevation > 0 else {
            return burns + " in hours in which it should be off"
        }
        return burns + " while the sun stands \(Anomaly.text(elevation.rounded())) degrees high"
    }

    private var isOut: String {
        let told = (number(.level) ?? 0) > 0 ? "though told to burn at \(amount(.level))" : "though it is dark"
        let takes = values[.power] == nil ? "" : ", takes \(amount(.power))"
        return "Lamp out: \(values[.reportsFault] == nil ? "does not burn" : "reports a lamp fault")\(takes) \(told)"
    }

    private var course: String {
        switch text(.course) {
        case "sudden": "; it came from one day to the next, as by damage, shade or snow"
        case "gradual": "; it grew over days, as by soiling"
        default: ""
        }
    }

    private var seen: String { values[.thickness] == nil ? text(.condition) : "\(amount(.thickness)) of ice" }

    private var surface: String {
        values[.surface] == nil ? "surface temperature not known" : "surface at \(amount(.surface))"
    }

    // MARK: Values

    private func text(_ name: Name) -> String {
        switch values[name] {
        case .text(let text)?, .quantity(let text)?, .word(let text)?: text
        case .number?, .count?, .span?, .moment?, nil: "?"
        }
    }

    private func number(_ name: Name) -> Double? {
        guard case .number(let number, _)? = values[name] else { return nil }
        return number
    }

    private func unit(_ name: Name) -> String {
        guard case .number(_, let unit)? = values[name], !unit.isEmpty, unit != "1" else { return "" }
        return " " + unit
    }

    /// As rules have numbers: at most three decimals.
    private func level(_ name: Name) -> String { values[name] == nil ? "no value" : bare(name) + unit(name) }
    private func bare(_ name: Name) -> String { number(name).map { rounded($0) } ?? "?" }
    /// As findings have them: four figures.
    private func amount(_ name: Name) -> String { figures(name) + unit(name) }
    private func figures(_ name: Name) -> String { number(name).map { Anomaly.text($0) } ?? "?" }

    private func count(_ name: Name) -> String {
        guard case .count(let count)? = values[name] else { return "?" }
        return grouped(count)
    }

    private func bareCount(_ name: Name) -> String {
        guard case .count(let count)? = values[name] else { return "?" }
        return "\(count)"
    }

    private func moment(_ name: Name) -> String {
        guard case .moment(let moment)? = values[name] else { return "?" }
        return "\(moment)"
    }

    private func span(_ name: Name) -> Duration? {
        guard case .span(let span)? = values[name] else { return nil }
        return span
    }

    /// A value of it as it stands in the words, without its unit; nil where it has none.
    package func figure(of name: Name) -> String? {
        guard let value = values[name] else { return nil }
        return switch value {
        case .text(let text), .quantity(let text), .word(let text): text
        case .number(let number, _): rounded(number)
        case .count(let count): "\(count)"
        case .span(let span): wholeUnits(span)
        case .moment(let moment): "\(moment)"
        }
    }

    /// The unit of a number of it; nil where it is none, or a bare one.
    package func unit(of name: Name) -> String? {
        guard case .number(_, let unit)? = values[name], !unit.isEmpty, unit != "1" else { return nil }
        return unit
    }

    private func exactly(_ name: Name) -> String { span(name).map { wholeUnits($0) } ?? "?" }
    private func inFigures(_ name: Name) -> String { span(name).map { Anomaly.text($0) } ?? "?" }
    private func roughly(_ name: Name) -> String { span(name).map { atLeastTwo($0) } ?? "?" }
}

/// At most three decimals, without trailing zeros.
private func rounded(_ value: Double) -> String {
    let scaled = (value * 1000).rounded() / 1000
    guard abs(scaled) < 1e15 else { return "\(value)" }
    return scaled == scaled.rounded() ? "\(Int64(scaled))" : "\(scaled)"
}

/// `90 s`, `5 min`, `1 h`: a span that somebody has chosen, without a rest.
private func wholeUnits(_ span: Duration) -> String {
    let milliseconds = span.milliseconds
    for (unit, size) in [("h", 3_600_000), ("min", 60_000), ("s", 1000)] as [(String, Int64)]
    where milliseconds != 0 && milliseconds % size == 0 {
        return "\(milliseconds / size) \(unit)"
    }
    return "\(milliseconds) ms"
}

/// `40 s`, `12 min`, `5 h`, `3 d`: whole units, at least two of them.
package func atLeastTwo(_ span: Duration) -> String {
    let seconds = max(0, span.milliseconds / 1000)
    for (unit, length) in [("d", Int64(86_400)), ("h", 3600), ("min", 60)] where seconds >= 2 * length {
        return "\(seconds / length) \(unit)"
    }
    return "\(seconds) s"
}
