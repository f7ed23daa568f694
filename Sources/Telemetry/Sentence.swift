public import Basics

/// What is told of a thing, before it is put into words: what is said, and the values that it speaks of.
///
/// This is what is stored, so that a later version, or another language, can say it anew. `words` has it in English.
public struct Sentence: Hashable, Sendable {
    /// What is said.
    public let key: Key
    /// What it speaks of; which ones there are is up to the key.
    public let values: [Name: Value]

    package init(_ key: Key, _ values: [Name: Value?] = [:]) {
        self.key = key
        self.values = values.compactMapValues { $0 }
    }

    /// Words that nobody can say anew: from a version that stored nothing else.
    public init(words: String) { self.init(.words, [.text: .text(words)]) }

    /// The same, said with the name of what it is about.
    package func about(_ name: String) -> Sentence {
        var values: [Name: Value?] = values
        values[.name] = .text(name)
        return Sentence(key, values)
    }

    /// That of the statistic which is held against a level, where the sentence is about one: of a count it is `1`, not its
    /// quantity's.
    package var statisticUnit: String? {
        guard values[.statistic] != nil, case .number(_, let unit)? = values[.raise] else { return nil }
        return unit
    }

    /// One thing that a sentence speaks of.
    public enum Value: Hashable, Sendable {
        /// A name, or a text in no language of ours.
        case text(String)
        /// By its name in the vocabulary.
        case quantity(String)
        /// Of a short list that the key knows, such as `mean`.
        case word(String)
        /// With its UCUM unit: `1` for a bare number.
        case number(Double, unit: String)
        case count(Int)
        case span(Duration)
        case moment(Timestamp)
    }

    /// What can be said. The raw values are stored and never change, or change their meaning.
    public enum Key: String, CaseIterable, Sendable {
        /// `text` as it stands.
        case words

        // A statistic of a series beside its levels.
        case thresholdAbove = "threshold_above"
        case thresholdBelow = "threshold_below"
        case thresholdBack = "threshold_back"
        case thresholdBetween = "threshold_between"
        // Values that cannot be.
        case rangeOutside = "range_outside"
        case rangeBack = "range_back"
        case rangeKnown = "range_known"
        // Silence.
        case absenceOffline = "absence_offline"
        case absenceSilent = "absence_silent"
        case absenceNever = "absence_never"
        case absenceBack = "absence_back"
        // What was noticed, whatever it was.
        case findingKnown = "finding_known"
        case findingLasts = "finding_lasts"
        case findingOver = "finding_over"
        // Any alert.
        case noData = "no_data"
        case severityChanged = "severity_changed"
        case ruleRemoved = "rule_removed"
        case ruleChanged = "rule_changed"
        case ruleElsewhere = "rule_elsewhere"
        case deviceRetired = "device_retired"
        case readingsForgotten = "readings_forgotten"
        case profileChanged = "profile_changed"
        case storyLost = "story_lost"
        case partOfFeeder = "part_of_feeder"
        case circuitRenamed = "circuit_renamed"
        case outOfTime = "out_of_time"
        // A statistic on a ladder of levels.
        case levelUp = "level_up"
        case levelDown = "level_down"
        // Conditions of several parts, and of several devices.
        case conditionHolds = "condition_holds"
        case conditionOver = "condition_over"
        case groupHolds = "group_holds"
        case groupOver = "group_over"

        // What detectors see in a series.
        case seasonal, novelty, range, mean
        case physicalRange = "physical_range"
        case rateOfChange = "rate_of_change"
        case flatLine = "flat_line"
        case straightLine = "straight_line"
        case spike
        case levelShift = "level_shift"
        case gap, peers
        // Of a lamp, a circuit, a solar road.
        case dayBurner = "day_burner"
        case lampOut = "lamp_out"
        case flicker
        case lampPower = "lamp_power"
        case feederFault = "feeder_fault"
        case yieldLoss = "yield_loss"
        case iceSeen = "ice_seen"
        case icingFreezing = "icing_freezing"
        case icingHoarFrost = "icing_hoar_frost"
        case icingUnknownMoisture = "icing_unknown_moisture"
        case noIceSeen = "no_ice_seen"
        case noIcing = "no_icing"
        // Of the gateway and its broker.
        case storeRefuses = "store_refuses"
        case storeDamaged = "store_damaged"
        case diskLow = "disk_low"
        case clockUnsynchronised = "clock_unsynchronised"
        case clockSet = "clock_set"
        case reloadRefused = "reload_refused"
        case channelFailing = "channel_failing"
        case ingestBehind = "ingest_behind"
        case brokerLost = "broker_lost"
        case messagesDropped = "messages_dropped"
    }

    /// Whether it is about what the gateway or its broker has, and not about what they serve.
    public var isOwn: Bool {
        switch key {
        case .storeRefuses, .storeDamaged, .diskLow, .clockUnsynchronised, .clockSet, .reloadRefused, .channelFailing,
            .ingestBehind, .brokerLost, .messagesDropped:
            true
        default: false
        }
    }

    /// What the values are called. The raw values are stored and never change.
    public enum Name: String, CaseIterable, Sendable {
        /// What it is about, as people call it.
        case name
        case text, quantity, channel, statistic, window, value, raise, clear, low, high, since, span, cadences, cadence
        case expected, deviation, usual, distance, readings, mean, spread, limit, step, before, after, interval
        case median, count, power, elevation, level, switches, share, out, silent, lamps, loss, members, days, course
        case condition, thickness, surface, freezing, word
        case reportsFault = "reports_fault"
        case frostPoint = "frost_point"
        /// Room on a disk.
        case room
    }

    /// Why an alert is over, as answers call it.
    public enum EndReason: String, CaseIterable, Codable, Sendable {
        /// A reading is back inside the levels, or possible again.
        case reading
        /// The device speaks again.
        case heard
        /// Nothing of the kind was noticed for long enough.
        case quiet
        case ruleRemoved = "rule_removed"
        case ruleChanged = "rule_changed"
        case ruleElsewhere = "rule_elsewhere"
        case deviceRetired = "device_retired"
        /// The readings that it stood on were taken out of the store.
        case readingsForgotten = "readings_forgotten"
        /// No profile brings its readings any more.
        case profileChanged = "profile_changed"
        /// It is part of a feeder fault, which is told of the circuit.
        case partOfFeeder = "part_of_feeder"
        /// Its rule watches at other times.
        case outOfTime = "out_of_time"
    }

    /// nil for what ends no alert, and for words of an earlier version.
    public var endReason: EndReason? {
        switch key {
        case .thresholdBack, .thresholdBetween, .rangeBack, .conditionOver, .groupOver: .reading
        case .absenceBack: .heard
        case .findingOver: .quiet
        case .ruleRemoved: .ruleRemoved
        case .ruleChanged: .ruleChanged
        case .ruleElsewhere: .ruleElsewhere
        case .deviceRetired: .deviceRetired
        case .readingsForgotten: .readingsForgotten
        case .profileChanged: .profileChanged
        case .partOfFeeder: .partOfFeeder
        case .outOfTime: .outOfTime
        case .words, .thresholdAbove, .thresholdBelow, .rangeOutside, .rangeKnown, .absenceOffline, .absenceSilent,
            .absenceNever, .findingKnown, .findingLasts, .noData, .severityChanged, .storyLost, .circuitRenamed,
            .levelUp, .levelDown, .conditionHolds, .groupHolds, .seasonal, .novelty,
            .range,
            .mean, .physicalRange, .rateOfChange, .flatLine, .straightLine, .spike, .levelShift, .gap, .peers,
            .dayBurner, .lampOut, .flicker, .lampPower, .feederFault, .yieldLoss, .iceSeen, .icingFreezing,
            .icingHoarFrost, .icingUnknownMoisture, .noIceSeen, .noIcing, .storeRefuses, .storeDamaged, .diskLow,
            .clockUnsynchronised, .clockSet, .reloadRefused, .channelFailing, .ingestBehind, .brokerLost,
            .messagesDropped:
            nil
        }
    }
}

// MARK: As it is stored

extension Sentence {
    /// The values as one line of text: `name=t:lamp-17;value=n:61.5 W`, in the order of their names.
    ///
    /// The letter says the kind: text, quantity, word, number with its unit, count, duration and moment in milliseconds. A
    /// backslash stands before a semicolon or a backslash that is part of a value.
    package var storedValues: String {
        values.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { "\($0.rawValue)=\($1.stored)" }.joined(separator: ";")
    }

    /// What was stored; where it does not read, its text for somebody to look at.
    package init(storedKey: String, values: String) {
        guard let key = Key(rawValue: storedKey), let values = Self.values(ofStored: values) else {
            self.init(words: "\(storedKey): \(values)")
            return
        }
        self.init(key, values)
    }

    private static func values(ofStored text: String) -> [Name: Value?]? {
        var values: [Name: Value?] = [:]
        for part in parts(ofStored: text) {
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")),
                let name = Name(rawValue: String(decoding: part[..<equals], as: UTF8.self)),
                let value = Value(stored: part[(equals + 1)...])
            else { return nil }
            values[name] = value
        }
        return values
    }

    /// Between the semicolons, without the backslashes.
    private static func parts(ofStored text: String) -> [[UInt8]] {
        guard !text.isEmpty else { return [] }
        var parts: [[UInt8]] = [[]]
        var isEscaped = false
        for byte in text.utf8 {
            switch byte {
            case _ where isEscaped:
                parts[parts.count - 1].append(byte)
                isEscaped = false
            case UInt8(ascii: "\\"): isEscaped = true
            case UInt8(ascii: ";"): parts.append([])
            default: parts[parts.count - 1].append(byte)
            }
        }
        return parts
    }
}

extension Sentence.Value {
    fileprivate var stored: String {
        switch self {
        case .text(let text): "t:" + Self.escaped(text)
        case .quantity(let name): "q:" + Self.escaped(name)
        case .word(let word): "w:" + Self.escaped(word)
        case .number(let number, let unit): "n:\(number) " + Self.escaped(unit)
        case .count(let count): "c:\(count)"
        case .span(let span): "d:\(span.milliseconds)"
        case .moment(let moment): "m:\(moment.milliseconds)"
        }
    }

    private static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: "\\") }) else { return text }
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if byte == UInt8(ascii: ";") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A letter, a colon and the rest; nil where that is nothing.
    fileprivate init?(stored: ArraySlice<UInt8>) {
        guard stored.count >= 2, stored[stored.startIndex + 1] == UInt8(ascii: ":") else { return nil }
        let rest = String(decoding: stored.dropFirst(2), as: UTF8.self)
        switch stored[stored.startIndex] {
        case UInt8(ascii: "t"): self = .text(rest)
        case UInt8(ascii: "q"): self = .quantity(rest)
        case UInt8(ascii: "w"): self = .word(rest)
        case UInt8(ascii: "n"):
            let blank = rest.utf8.firstIndex(of: UInt8(ascii: " ")) ?? rest.endIndex
            guard let number = Double(rest[..<blank]) else { return nil }
            self = .number(number, unit: String(rest[blank...].dropFirst()))
        case UInt8(ascii: "c"):
            guard let count = Int(rest) else { return nil }
            self = .count(count)
        case UInt8(ascii: "d"):
            guard let milliseconds = Int64(rest) else { return nil }
            self = .span(.milliseconds(milliseconds))
        case UInt8(ascii: "m"):
            guard let milliseconds = Int64(rest) else { return nil }
            self = .moment(Timestamp(milliseconds: milliseconds))
        default: return nil
        }
    }
}
