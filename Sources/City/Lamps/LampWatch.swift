public import Basics
import Telemetry

/// When a lamp counts as faulty. One for many lamps.
public struct LampRules: Equatable, Sendable {
    /// When a lamp should burn.
    public var expectation = LampExpectation()
    /// The local clock's, east of UTC; for the hours of `expectation.partNight`.
    public var offsetSeconds = 0
    /// So many reports in a row raise a finding, and so many to the contrary end it: switching shows both for a moment.
    public var reports: UInt8 = 3
    /// What a lamp takes that does not burn; of a known rating 12 % where that is more. Dimmed to 10 % it takes 17 %.
    public var darkWattsMax = 1.5
    /// The same where only the current is known.
    public var darkAmperesMax = 0.02
    /// Power that means burning by day where neither switch nor level says so: below, it may be the controller's own.
    public var burningWattsMin = 5.0
    /// A lamp that is told 0 % though it is dark counts as out. Off, because its city may well have told it to.
    public var mustBurnInTheDark = false
    /// Power over expected power that is told.
    public var powerRatioMin = 0.7
    /// Above this much of the expected power it is told as well.
    public var powerRatioMax = 1.3
    /// After switching on or dimming power is not judged for so long: discharge lamps take minutes to warm up.
    public var warmUp: Duration = .seconds(600)
    /// Switchings, on or off, within a time, that are a flicker: 2 to 8.
    public var flickerSwitches = 6
    /// The time in which `flickerSwitches` make a flicker; as long without one ends it.
    public var flickerWithin: Duration = .seconds(1800)

    /// The rules as they stand above, for a lamp that burns all night.
    public init() {}
}

/// Watches one lamp: 176 bytes, whatever it has seen.
///
/// Without the sun's elevation only what the lamp is told is held against what it takes.
public struct LampWatch: BitwiseCopyable, Sendable {
    private var rating = LampRating()
    /// Seconds since 1970 of the newest switchings, the newest first; 0 is none.
    private var switchings = SIMD8<UInt32>.zero
    private var newest: Int64 = .min
    /// When the lamp last went on or changed its level.
    private var steadySince: Int64 = 0
    private var flickeringSince: Int64 = 0
    private var flickerCount: UInt16 = 0
    /// 0 not known, 1 dark, 2 burning.
    private var light: UInt8 = 0
    private var outReportsFault = false
    private var day = Streak()
    private var out = Streak()
    private var stray = Streak()
    private var newestLevel = Float.nan
    // Of the last reports that showed each; nan where not known.
    private var dayWatts = Float.nan
    private var dayElevation = Float.nan
    private var outWatts = Float.nan
    private var outLevel = Float.nan
    private var strayWatts = Float.nan
    private var strayExpected = Float.nan
    private var strayLevel = Float.nan

    /// A newest report so far ahead of what comes had a wrong clock, and no longer counts. What comes late by less is
    /// what a lamp kept over an outage.
    private static let aheadMax: Int64 = 86_400_000
    /// More is no reading of a lamp.
    private static let wattsMax = 1e7

    /// Knows nothing of the lamp, not even whether it burns.
    public init() {}

    /// One message, as the lamp measured it at `moment`: what is wrong with it now. Reports that are not newer than the
    /// newest change nothing, unless that lies ahead of `wall`, the gateway's clock, and this one is of the present.
    ///
    /// `sunElevation` in degrees, nil where the lamp's place or the time is not known. `ratedWatts` is the power at full light
    /// where the roster knows it; else the lamp's own history tells it.
    public mutating func step(
        _ report: LampReport, sunElevation: Double?, at moment: Timestamp, wall: Timestamp? = nil,
        ratedWatts: Double? = nil, rules: LampRules = LampRules()
    ) -> [LampFinding] {
        let now = moment.milliseconds
        if now <= newest {
            let follows = wall.map { TimeFence.follows(now, newest: newest, at: $0.milliseconds) } ?? false
            guard now != newest, follows || newest &- now > Self.aheadMax else { return findings }
            comeBack(to: now)
        }
        newest = now
        let watts = report.watts.flatMap { abs($0) < Self.wattsMax ? abs($0) : nil }
        let level = report.level.flatMap { (0...100).contains($0) ? $0 : nil }
        let elevation = sunElevation.flatMap { $0.isFinite ? $0 : nil }
        let expected = rules.expectation.state(
            sunElevation: elevation, at: moment, offsetSeconds: rules.offsetSeconds)
        let rated = ratedWatts.flatMap { $0.isFinite && $0 > 0 ? $0 : nil }
        let isTold = report.isOn ?? level.map { $0 > 0 }
        let burns = burns(report, watts: watts, level: level, rated: rated, rules)
        followSteadiness(burns: burns, level: level, now)
        followSwitching(burns: burns, isNight: expected != .off, now, rules)

        if day.step(burnsByDay(burns, watts, isTold, expected, rules), now, rules.reports) {
            dayWatts = Float(watts ?? .nan)
            dayElevation = Float(elevation ?? .nan)
        }
        var isOut = isOut(burns, report, level: level, isTold: isTold, expected, rules)
        // A lamp that goes on and off is told as that.
        if isOut == true, flickeringSince > 0 { isOut = nil }
        if out.step(isOut, now, rules.reports) {
            outWatts = Float(watts ?? .nan)
            outLevel = Float(level ?? .nan)
            outReportsFault = report.reportsFault == true
        }
        judgePower(burns: burns, watts: watts, level: level, rated: rated, now, rules)
        return findings
    }

    /// What was seen under a clock that ran ahead was seen by now at the latest.
    private mutating func comeBack(to now: Int64) {
        steadySince = min(steadySince, now)
        let seconds = UInt32(clamping: now / 1000)
        for place in 0..<8 { switchings[place] = min(switchings[place], seconds) }
        flickeringSince = min(flickeringSince, max(now, 1))
        day.comeBack(to: now)
        out.comeBack(to: now)
        stray.comeBack(to: now)
    }

    /// What is wrong as of the newest report.
    public var findings: [LampFinding] {
        var told: [LampFinding] = []
        func tell(_ kind: LampFinding.Kind, since: Int64) {
            told.append(
                LampFinding(
                    kind: kind, since: Timestamp(milliseconds: since), observed: Timestamp(milliseconds: newest)))
        }
        func number(_ value: Float) -> Double? { value.isNaN ? nil : Double(value) }
        if day.holds {
            tell(.dayBurner(watts: number(dayWatts), sunElevation: number(dayElevation)), since: day.since)
        }
        if out.holds {
            tell(
                .lampOut(watts: number(outWatts), level: number(outLevel), reportsFault: outReportsFault),
                since: out.since)
        }
        if flickeringSince > 0 { tell(.flicker(switches: Int(flickerCount)), since: flickeringSince) }
        if stray.holds {
            tell(
                .powerOffLevel(
                    watts: Double(strayWatts), expectedWatts: Double(strayExpected), level: Double(strayLevel)),
                since: stray.since)
        }
        return told
    }

    /// Its newest evidence is that it burns, but not yet often enough in a row to end what it was told for.
    package var isOutInDoubt: Bool { out.isInDoubt }

    /// Others have shown that it is out no more.
    package mutating func endOut() { out = Streak() }

    /// What the lamp takes at `level` %, as far as its history tells.
    public func expectedWatts(level: Double) -> Double? { rating.expected(level) }

    /// For a lamp that was refitted: its power is learned anew.
    public mutating func forgetRating() {
        rating = LampRating()
        stray = Streak()
    }

    // MARK: Evidence

    private func burns(_ report: LampReport, watts: Double?, level: Double?, rated: Double?, _ rules: LampRules)
        -> Bool?
    {
        if let watts {
            let isDim = level.map { $0 < LampRating.levelMin } ?? false
            let share = isDim ? 0 : 0.12 * (rated ?? rating.greatest ?? 0)
            return watts > max(rules.darkWattsMax, share)
        }
        if let amperes = report.amperes, amperes.isFinite { return abs(amperes) > rules.darkAmperesMax }
        return report.isOn
    }

    private func burnsByDay(
        _ burns: Bool?, _ watts: Double?, _ isTold: Bool?, _ expected: LampExpectation.State, _ rules: LampRules
    ) -> Bool? {
        switch expected {
        case .on: return false
        case .either: return burns == false ? false : nil
        case .off:
            if let watts, burns == true, isTold != true { return watts >= rules.burningWattsMin }
            return burns
        }
    }

    /// nil where the report says nothing about it: a lamp that is out by night is not sound because the day has come.
    private func isOut(
        _ burns: Bool?, _ report: LampReport, level: Double?, isTold: Bool?, _ expected: LampExpectation.State,
        _ rules: LampRules
    ) -> Bool? {
        let isToldDark = level.map { $0 <= 0 } ?? false
        let shouldBurn: Bool =
            switch expected {
            case .on: !isToldDark || report.isOn == true || rules.mustBurnInTheDark
            case .off, .either: isTold == true && !isToldDark
            }
        if shouldBurn, report.reportsFault == true { return true }
        guard let burns else { return nil }
        if burns { return report.reportsFault == true ? nil : false }
        return shouldBurn ? true : nil
    }

    private mutating func judgePower(
        burns: Bool?, watts: Double?, level: Double?, rated: Double?, _ now: Int64, _ rules: LampRules
    ) {
        guard burns == true, let watts, let level, level >= LampRating.levelMin,
            now &- steadySince >= rules.warmUp.milliseconds
        else { return }
        if rated == nil { rating.learn(watts: watts, level: level) }
        guard let expected = rated.map({ $0 * LampRating.share(level) }) ?? rating.expected(level) else { return }
        let ratio = watts / expected
        if stray.step(ratio < rules.powerRatioMin || ratio > rules.powerRatioMax, now, rules.reports) {
            strayWatts = Float(watts)
            strayExpected = Float(expected)
            strayLevel = Float(level)
        }
    }

    private mutating func followSteadiness(burns: Bool?, level: Double?, _ now: Int64) {
        let isOther = level.map { abs(Float($0) - newestLevel) > 5 || newestLevel.isNaN } ?? false
        if isOther || (burns == true && light != 2) { steadySince = now }
        if let level { newestLevel = Float(level) }
    }

    private mutating func followSwitching(burns: Bool?, isNight: Bool, _ now: Int64, _ rules: LampRules) {
        let seconds = UInt32(clamping: now / 1000)
        let within = UInt32(clamping: rules.flickerWithin.milliseconds / 1000)
        if let burns {
            let new: UInt8 = burns ? 2 : 1
            if light != 0, light != new, isNight {
                for place in (1..<8).reversed() { switchings[place] = switchings[place - 1] }
                switchings[0] = seconds
                if flickeringSince > 0 { flickerCount = min(flickerCount, .max - 1) + 1 }
            }
            light = new
        }
        let limit = min(max(rules.flickerSwitches, 2), 8)
        let oldest = switchings[limit - 1]
        if flickeringSince == 0, oldest > 0, seconds >= oldest, seconds - oldest <= within {
            flickeringSince = Int64(oldest) * 1000
            flickerCount = UInt16(limit)
        } else if flickeringSince > 0, seconds < switchings[0] || seconds - switchings[0] > within {
            flickeringSince = 0
            flickerCount = 0
        }
    }

    // MARK: State to bytes and back

    /// 150 of them.
    public var bytes: [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(1))
        for band in 0..<4 {
            writer.append(rating.watts[band].bitPattern)
            writer.append(rating.counts[band])
        }
        for place in 0..<8 { writer.append(switchings[place]) }
        for time in [newest, steadySince, flickeringSince] { writer.append(time) }
        writer.append(flickerCount)
        writer.append(light)
        writer.append(UInt8(outReportsFault ? 1 : 0))
        for streak in [day, out, stray] { streak.write(&writer) }
        for number in numbers { writer.append(number.bitPattern) }
        return writer.bytes
    }

    /// nil for what `bytes` did not give.
    public init?(bytes: [UInt8]) {
        var reader = StateReader(bytes)
        guard reader.next(UInt32.self) == 1 else { return nil }
        var watts = SIMD4<Float>.zero
        var counts = SIMD4<UInt16>.zero
        for band in 0..<4 {
            guard let bits = reader.next(UInt32.self), let count = reader.next(UInt16.self) else { return nil }
            watts[band] = Float(bitPattern: bits)
            counts[band] = count
        }
        for place in 0..<8 {
            guard let seconds = reader.next(UInt32.self) else { return nil }
            switchings[place] = seconds
        }
        guard let rating = LampRating(watts: watts, counts: counts), let newest = reader.nextTime(none: .min),
            let steadySince = reader.nextTime(none: .min), let flickeringSince = reader.nextTime(),
            let flickerCount = reader.next(UInt16.self), let light = reader.next(UInt8.self), light <= 2,
            let reportsFault = reader.next(UInt8.self), reportsFault <= 1, let day = Streak(&reader),
            let out = Streak(&reader), let stray = Streak(&reader)
        else { return nil }
        self.rating = rating
        self.newest = newest
        self.steadySince = steadySince
        self.flickeringSince = flickeringSince
        self.flickerCount = flickerCount
        self.light = light
        outReportsFault = reportsFault == 1
        (self.day, self.out, self.stray) = (day, out, stray)
        var numbers: [Float] = []
        for _ in self.numbers {
            guard let bits = reader.next(UInt32.self) else { return nil }
            numbers.append(Float(bitPattern: bits))
        }
        guard reader.isAtEnd, !numbers.contains(where: \.isInfinite) else { return nil }
        self.numbers = numbers
        // Those of a power that strays are always known.
        guard !stray.holds || (strayWatts.isFinite && strayExpected.isFinite && strayLevel.isFinite) else { return nil }
    }

    private var numbers: [Float] {
        get {
            [newestLevel, dayWatts, dayElevation, outWatts, outLevel, strayWatts, strayExpected, strayLevel]
        }
        set {
            (newestLevel, dayWatts, dayElevation, outWatts) = (newValue[0], newValue[1], newValue[2], newValue[3])
            (outLevel, strayWatts, strayExpected, strayLevel) = (newValue[4], newValue[5], newValue[6], newValue[7])
        }
    }
}

/// Whether something holds, by reports in a row that say so or the contrary.
private struct Streak: BitwiseCopyable, Sendable {
    /// The first report that said so.
    private(set) var since: Int64 = 0
    private(set) var holds = false
    /// Reports in a row against what holds.
    private var count: UInt8 = 0
    var isInDoubt: Bool { holds && count > 0 }

    init() {}

    /// True where the evidence says so and it holds. nil says nothing.
    mutating func step(_ evidence: Bool?, _ now: Int64, _ needed: UInt8) -> Bool {
        guard let evidence else { return false }
        if evidence == holds {
            count = 0
            return holds
        }
        if count == 0, evidence { since = now }
        count = min(count, .max - 1) + 1
        guard count >= needed else { return false }
        holds = evidence
        count = 0
        return holds
    }

    mutating func comeBack(to now: Int64) { since = min(since, now) }

    func write(_ writer: inout StateWriter) {
        writer.append(since)
        writer.append(UInt8(holds ? 1 : 0))
        writer.append(count)
    }

    init?(_ reader: inout StateReader) {
        guard let since = reader.nextTime(), let holds = reader.next(UInt8.self), holds <= 1,
            let count = reader.next(UInt8.self), count < .max
        else { return nil }
        self.since = since
        self.holds = holds == 1
        self.count = count
    }
}
