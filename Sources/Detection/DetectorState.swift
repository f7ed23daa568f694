import Basics
import Telemetry

// Long: the bytes of every part of a detector, one below the other as they are stored.

/// State to bytes and back, so that a restart resumes where it stopped: little endian, version first, every number of
/// every part in the order it is declared.
///
/// Reading trusts nothing: numbers that would lead outside of a part's storage, and numbers that are none, give nil.
extension DetectorTable {
    private static var version: UInt32 { 1 }

    /// Version 1: every series that is watched, with its settings and what was learnt.
    public func state() -> [UInt8] {
        var writer = StateWriter()
        writer.append(Self.version)
        writer.append(UInt32(lanes.count))
        for (lane, settings) in zip(lanes, settings) {
            writer.append(lane.series.rawValue)
            writer.append(lane.newest)
            settings.write(to: &writer)
            if lane.core >= 0 { cores[lane.core].pointee.write(to: &writer) }
            if lane.season >= 0 { seasons[lane.season].pointee.write(to: &writer) }
            if lane.shape >= 0 { shapes[lane.shape].pointee.write(to: &writer) }
            if lane.rules >= 0 { plausibilities[lane.rules].pointee.write(to: &writer) }
        }
        return writer.bytes
    }

    /// The table that `state` described, with the settings it had then; `watch` says what is new in them.
    ///
    /// nil when the bytes are not a state of this version, or have a series that is not below `seriesEnd`; the caller then
    /// begins with an empty table.
    public init?(state: [UInt8], seriesEnd: Int = seriesMax) {
        self.init()
        guard restore(from: state, min(seriesEnd, Self.seriesMax)) else { return nil }
    }

    private mutating func restore(from state: [UInt8], _ seriesEnd: Int) -> Bool {
        var reader = StateReader(state)
        guard reader.next(UInt32.self) == Self.version, let count = reader.next(UInt32.self) else { return false }
        for _ in 0..<count {
            guard let series = reader.next(UInt32.self), series < seriesEnd,
                let newest = reader.nextTime(none: .min), let settings = DetectorSettings(from: &reader)
            else { return false }
            let id = SeriesID(rawValue: series)
            guard self.settings(of: id) == nil else { return false }
            watch(id, settings)
            let place = lanes.count - 1
            lanes[place].newest = newest
            let lane = lanes[place]
            if lane.core >= 0 {
                guard let core = DetectorCore(from: &reader) else { return false }
                cores[lane.core].pointee = core
            }
            if lane.season >= 0 {
                guard let season = SeasonalResidual(from: &reader) else { return false }
                seasons[lane.season].pointee = season
            }
            if lane.shape >= 0 {
                guard let shape = ShapeNovelty(from: &reader) else { return false }
                shapes[lane.shape].pointee = shape
            }
            if lane.rules >= 0 {
                guard let plausibility = Plausibility(from: &reader) else { return false }
                plausibilities[lane.rules].pointee = plausibility
            }
        }
        return reader.isAtEnd
    }
}

extension StateWriter {
    fileprivate mutating func append(_ number: Double) { append(number.bitPattern) }
    fileprivate mutating func append(_ flag: Bool) { append(UInt8(flag ? 1 : 0)) }
    fileprivate mutating func append(count: Int) { append(Int64(count)) }
}

extension StateReader {
    fileprivate mutating func double() -> Double? {
        next(UInt64.self).map(Double.init(bitPattern:)).flatMap { $0.isNaN ? nil : $0 }
    }

    /// Within what the parts can reach from readings below `Detector.valueMax`.
    fileprivate mutating func number() -> Double? { double().flatMap { abs($0) <= 1e250 ? $0 : nil } }

    /// As `number`, and not below 0.
    fileprivate mutating func size() -> Double? { number().flatMap { $0 >= 0 ? $0 : nil } }

    fileprivate mutating func flag() -> Bool? {
        switch next(UInt8.self) {
        case 0: false
        case 1: true
        default: nil
        }
    }

    /// At most what can be counted on from without overflow.
    fileprivate mutating func count(_ most: Int = 1 << 60) -> Int? {
        next(Int64.self).flatMap { (0...Int64(most)).contains($0) ? Int($0) : nil }
    }
}

// MARK: Settings

extension DetectorSettings {
    fileprivate func write(to writer: inout StateWriter) {
        writer.append(tier?.rawValue ?? 0)
        writer.append(Int32(localOffsetSeconds))
        writer.append(interval?.milliseconds ?? 0)
        writer.append(gapIntervals)
        writer.append(rules != nil)
        if let rules { rules.write(to: &writer) }
    }

    fileprivate init?(from reader: inout StateReader) {
        guard let tier = reader.next(UInt8.self), tier == 0 || DetectorTier(rawValue: tier) != nil,
            let offset = reader.next(Int32.self), abs(Int64(offset)) <= 86_400,
            let interval = reader.next(Int64.self), (0...Self.intervalMax).contains(interval),
            let gapIntervals = reader.number(), Self.gapIntervalsAllowed.contains(gapIntervals),
            let hasRules = reader.flag()
        else { return nil }
        var rules: PlausibilityRules?
        if hasRules {
            rules = PlausibilityRules(from: &reader)
            if rules == nil { return nil }
        }
        self.init(
            tier: DetectorTier(rawValue: tier), rules: rules, localOffsetSeconds: Int(offset),
            interval: interval > 0 ? .milliseconds(interval) : nil, gapIntervals: gapIntervals)
    }
}

extension PlausibilityRules {
    fileprivate func write(to writer: inout StateWriter) {
        writer.append(range != nil)
        writer.append(range?.lowerBound ?? 0)
        writer.append(range?.upperBound ?? 0)
        writer.append(changePerHourMax ?? 0)
        for flag in [toldOfStandStill, toldOfSpikes, toldOfLevelShifts, toldOfGaps] { writer.append(flag) }
    }

    fileprivate init?(from reader: inout StateReader) {
        guard let hasRange = reader.flag(), let low = reader.double(), let high = reader.double(), low <= high,
            low.isFinite, high.isFinite, let change = reader.double(), change >= 0, change.isFinite,
            let standStill = reader.flag(), let spikes = reader.flag(), let shifts = reader.flag(),
            let gaps = reader.flag()
        else { return nil }
        self.init(
            range: hasRange ? low...high : nil, changePerHourMax: change > 0 ? change : nil,
            toldOfStandStill: standStill, toldOfSpikes: spikes, toldOfLevelShifts: shifts, toldOfGaps: gaps)
    }
}

// MARK: The detector's parts

extension Likelihood {
    fileprivate func write(to writer: inout StateWriter) {
        writer.append(mean)
        writer.append(variance)
        writer.append(count: count)
    }

    fileprivate init?(from reader: inout StateReader) {
        guard let mean = reader.number(), let variance = reader.size(), let count = reader.count() else { return nil }
        self.init(mean: mean, variance: variance, count: count)
    }
}

extension RecordRange {
    fileprivate func write(to writer: inout StateWriter) {
        writer.append(min)
        writer.append(max)
    }

    fileprivate init?(from reader: inout StateReader) {
        guard let min = reader.double(), let max = reader.double() else { return nil }
        self.init(min: min, max: max)
    }
}

extension DetectorCore {
    fileprivate func write(to writer: inout StateWriter) {
        writer.append(count: n)
        range.write(to: &writer)
        writer.append(mean.mean)
        mean.likelihood.write(to: &writer)
        writer.append(discipline.peak)
        writer.append(discipline.raised)
        writer.append(count: discipline.sinceAlert)
    }

    fileprivate init?(from reader: inout StateReader) {
        guard let n = reader.count(), let range = RecordRange(from: &reader), let mean = reader.number(),
            let likelihood = Likelihood(from: &reader), let peak = reader.size(), let raised = reader.size(),
            let since = reader.next(Int64.self), since >= 0
        else { return nil }
        self.init(
            n: n, range: range, mean: SlowMean(mean: mean, likelihood: likelihood),
            discipline: AlertDiscipline(peak: peak, raised: raised, sinceAlert: Int(since)))
    }
}

extension SeasonalResidual {
    fileprivate func write(to writer: inout StateWriter) {
        for number in [level, previous, deviation, smoothed] { writer.append(number) }
        likelihood.write(to: &writer)
        for slot in 0..<Self.slots { writer.append(profile[slot]) }
        for slot in 0..<Self.slots { writer.append(seen[slot]) }
    }

    fileprivate init?(from reader: inout StateReader) {
        self.init()
        guard let level = reader.number(), let previous = reader.number(), let deviation = reader.size(),
            let smoothed = reader.size(), let likelihood = Likelihood(from: &reader)
        else { return nil }
        (self.level, self.previous, self.deviation, self.smoothed) = (level, previous, deviation, smoothed)
        self.likelihood = likelihood
        for slot in 0..<Self.slots {
            guard let number = reader.number() else { return nil }
            profile[slot] = number
        }
        for slot in 0..<Self.slots {
            guard let count = reader.next(UInt8.self), count <= Self.seenMax else { return nil }
            seen[slot] = count
        }
    }
}

extension ShapeNovelty {
    fileprivate func write(to writer: inout StateWriter) {
        for place in 0..<Self.ringSize { writer.append(ring[place]) }
        writer.append(count: filled)
        writer.append(radius)
        likelihood.write(to: &writer)
        writer.append(distance)
        writer.append(count: centreCount)
        for centre in 0..<centreCount {
            for j in 0..<6 { writer.append(centres[6 * (centre >> 3) + j][centre & 7]) }
            writer.append(hits[centre])
            writer.append(used[centre])
        }
    }

    fileprivate init?(from reader: inout StateReader) {
        self.init()
        for place in 0..<Self.ringSize {
            guard let number = reader.number() else { return nil }
            ring[place] = number
        }
        guard let filled = reader.count(Self.ringSize), let radius = reader.size(),
            let likelihood = Likelihood(from: &reader), let distance = reader.size(),
            let centreCount = reader.count(Self.centresMax)
        else { return nil }
        (self.filled, self.radius, self.likelihood) = (filled, radius, likelihood)
        (self.distance, self.centreCount) = (distance, centreCount)
        for centre in 0..<centreCount {
            for j in 0..<6 {
                guard let number = reader.number() else { return nil }
                centres[6 * (centre >> 3) + j][centre & 7] = number
            }
            guard let hits = reader.next(UInt8.self), (1...Self.hitsMax).contains(hits),
                let used = reader.next(UInt32.self)
            else { return nil }
            self.hits[centre] = hits
            self.used[centre] = used
        }
    }
}

// MARK: The rules

extension Plausibility {
    fileprivate func write(to writer: inout StateWriter) {
        writer.append(last)
        writer.append(lastObserved)
        writer.append(isOutside)
        flat.write(to: &writer)
        line.write(to: &writer)
        spike.write(to: &writer)
        shift.write(to: &writer)
    }

    fileprivate init?(from reader: inout StateReader) {
        guard let last = reader.number(), let observed = reader.nextTime(none: .min), let isOutside = reader.flag(),
            let flat = FlatLine(from: &reader), let line = StraightLine(from: &reader),
            let spike = Spike(from: &reader), let shift = LevelShift(from: &reader)
        else { return nil }
        self.init(
            last: last, lastObserved: observed, isOutside: isOutside, flat: flat, line: line, spike: spike, shift: shift
        )
    }
}

extension Repetition {
    fileprivate func write(to writer: inout StateWriter) {
        writer.append(share)
        writer.append(count: steps)
        writer.append(stay)
        writer.append(count: stays)
    }

    fileprivate init?(from reader: inout StateReader) {
        guard let share = reader.size(), share <= 1, let steps = reader.count(), let stay = reader.size(), stay <= 1,
            let stays = reader.count()
        else { return nil }
        self.init(share: share, steps: steps, stay: stay, stays: stays)
    }
}

extension FlatLine.Rest {
    fileprivate func write(to writer: inout StateWriter) {
        writer.append(value)
        writer.append(count: runs)
        writer.append(count: longest)
    }

    fileprivate init?(from reader: inout StateReader) {
        guard let value = reader.number(), let runs = reader.count(), let longest = reader.count() else { return nil }
        self.init(value: value, runs: runs, longest: longest)
    }
}

extension FlatLine {
    fileprivate func write(to writer: inout StateWriter) {
        writer.append(count: n)
        for number in [last, min, max] { writer.append(number) }
        writer.append(count: run)
        writer.append(since)
        writer.append(isTold)
        repetition.write(to: &writer)
        bottom.write(to: &writer)
        for place in 0..<rests.count { rests[place].write(to: &writer) }
    }

    fileprivate init?(from reader: inout StateReader) {
        guard let n = reader.count(), let last = reader.number(), let min = reader.double(),
            let max = reader.double(), let run = reader.count(), let since = reader.nextTime(),
            let isTold = reader.flag(), let repetition = Repetition(from: &reader), let bottom = Rest(from: &reader)
        else { return nil }
        self.init(
            n: n, last: last, min: min, max: max, run: run, since: since, isTold: isTold, repetition: repetition,
            bottom: bottom)
        for place in 0..<rests.count {
            guard let rest = Rest(from: &reader) else { return nil }
            rests[place] = rest
        }
    }
}

extension StraightLine {
    fileprivate func write(to writer: inout StateWriter) {
        writer.append(count: n)
        writer.append(last)
        writer.append(step)
        writer.append(count: run)
        writer.append(isTold)
        repetition.write(to: &writer)
        writer.append(stepMin)
        writer.append(count: stepMinCount)
    }

    fileprivate init?(from reader: inout StateReader) {
        guard let n = reader.count(), let last = reader.number(), let step = reader.double(),
            let run = reader.count(), let isTold = reader.flag(), let repetition = Repetition(from: &reader),
            let stepMin = reader.double(), let stepMinCount = reader.count()
        else { return nil }
        self.init(
            n: n, last: last, step: step, run: run, isTold: isTold, repetition: repetition, stepMin: stepMin,
            stepMinCount: stepMinCount)
    }
}

extension Spike {
    fileprivate func write(to writer: inout StateWriter) {
        writer.append(count: n)
        writer.append(beforeLast)
        writer.append(last)
        writer.append(count: neighbours)
        for number in [min, max, usual, allowance] { writer.append(number) }
    }

    fileprivate init?(from reader: inout StateReader) {
        guard let n = reader.count(), let beforeLast = reader.number(), let last = reader.number(),
            let neighbours = reader.count(2), let min = reader.double(), let max = reader.double(),
            let usual = reader.size(), let allowance = reader.size(), allowance <= Self.allowanceMax
        else { return nil }
        self.init(
            n: n, beforeLast: beforeLast, last: last, neighbours: neighbours, min: min, max: max, usual: usual,
            allowance: allowance)
    }
}

extension LevelShift {
    fileprivate func write(to writer: inout StateWriter) {
        writer.append(day)
        writer.append(mean)
        writer.append(count: readings)
        writer.append(readingsUsual)
        writer.append(count: days)
        for place in 0..<days { writer.append(means[place]) }
    }

    fileprivate init?(from reader: inout StateReader) {
        self.init()
        guard let day = reader.next(Int64.self), let mean = reader.number(), let readings = reader.count(),
            let usual = reader.size(), usual <= 1e12, let days = reader.count(Self.daysMax)
        else { return nil }
        (self.day, self.mean, self.readings, self.readingsUsual, self.days) = (day, mean, readings, usual, days)
        for place in 0..<days {
            guard let number = reader.number() else { return nil }
            means[place] = number
        }
    }
}
