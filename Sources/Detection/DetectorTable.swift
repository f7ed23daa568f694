public import Basics
public import Telemetry

/// How a series is watched.
public struct DetectorSettings: Hashable, Sendable {
    /// nil: by the rules only.
    public var tier: DetectorTier?
    /// How far east of UTC the clock of the day runs by which the profile of the day is kept; the caller knows zones
    /// and summer time, and settles the series anew when they change.
    public var localOffsetSeconds: Int
    /// How far apart readings are due; nil where that is not known, and gaps are then not seen.
    public var interval: Duration?
    /// Readings farther apart than so many intervals have a gap between them.
    public var gapIntervals: Double
    /// nil: by the detector only.
    public var rules: PlausibilityRules?

    /// A zone more than a day off UTC, an interval outside of 1 ms to 400 days and a gap outside of 1 to 1,000,000
    /// intervals stop the program.
    public init(
        tier: DetectorTier?, rules: PlausibilityRules? = nil, localOffsetSeconds: Int = 0, interval: Duration? = nil,
        gapIntervals: Double = 5
    ) {
        precondition(
            abs(localOffsetSeconds) <= 86_400, "detection: a zone is at most a day off UTC, not \(localOffsetSeconds) s"
        )
        precondition(
            interval.map { (1...Self.intervalMax).contains($0.milliseconds) } ?? true,
            "detection: readings are due every millisecond to every 400 days")
        precondition(
            Self.gapIntervalsAllowed.contains(gapIntervals), "detection: a gap is 1 to 1,000,000 intervals")
        self.tier = tier
        self.rules = rules
        self.localOffsetSeconds = localOffsetSeconds
        self.interval = interval
        self.gapIntervals = gapIntervals
    }

    static let intervalMax: Int64 = 400 * 86_400_000
    static let gapIntervalsAllowed = 1.0...1e6
}

/// The detectors of every series that is watched. Nothing is allocated for a reading.
///
/// What is told depends on the settings and on the readings in their order, not on the clock: the same readings give the
/// same anomalies, also across a restart (`state()`).
///
/// Not `Sendable` on purpose: it is owned by the thread that turns the gateway.
public struct DetectorTable: ~Copyable {
    /// What is touched for every reading of a series. A place is -1 where the tier has no such part.
    struct Lane {
        var series: SeriesID
        var newest = Int64.min
        /// Milliseconds; a longer silence is a gap.
        var gapAbove = Int64.max
        var localOffset: Int64 = 0
        var tier: DetectorTier?
        var core: Int32 = -1
        var season: Int32 = -1
        var shape: Int32 = -1
        var rules: Int32 = -1
    }

    /// By series: the place in `lanes`, or -1.
    var places: [Int32] = []
    var lanes: [Lane] = []
    /// Beside the lanes: needed for rules and gaps only.
    var settings: [DetectorSettings] = []
    var cores = Pool(empty: DetectorCore())
    var seasons = Pool(empty: SeasonalResidual())
    var shapes = Pool(empty: ShapeNovelty())
    var plausibilities = Pool(empty: Plausibility())

    /// Series have smaller numbers than this.
    public static let seriesMax = 64_000_000

    /// Watches nothing yet.
    public init() {}

    /// Series that are watched, or once were.
    public var seriesCount: Int { lanes.count }

    /// The same by their numbers.
    var watched: [SeriesID] { lanes.map(\.series) }

    /// Watches a series from now on, or watches it otherwise. What it has learnt is kept while the tier stays the same.
    public mutating func watch(_ series: SeriesID, _ settings: DetectorSettings) {
        precondition(series.index < Self.seriesMax, "detection: series \(series.index) is beyond \(Self.seriesMax)")
        while places.count <= series.index { places.append(-1) }
        if places[series.index] < 0 {
            places[series.index] = Int32(lanes.count)
            lanes.append(Lane(series: series))
            self.settings.append(settings)
        }
        let place = Int(places[series.index])
        if lanes[place].tier != settings.tier { allot(settings.tier, place) }
        if settings.rules != nil, lanes[place].rules < 0 { lanes[place].rules = plausibilities.take() }
        if settings.rules == nil, lanes[place].rules >= 0 {
            plausibilities.giveBack(lanes[place].rules)
            lanes[place].rules = -1
        }
        self.settings[place] = settings
        lanes[place].tier = settings.tier
        lanes[place].localOffset = Int64(settings.localOffsetSeconds) * 1000
        lanes[place].gapAbove =
            settings.interval.map { Int64(Double($0.milliseconds) * settings.gapIntervals) } ?? .max
    }

    /// Begins a series anew, watched as it was; nothing for one that is not watched.
    mutating func forget(_ series: SeriesID) {
        guard let place = place(of: series) else { return }
        lanes[place].newest = .min
        allot(lanes[place].tier, place)
        guard lanes[place].rules >= 0 else { return }
        plausibilities.giveBack(lanes[place].rules)
        lanes[place].rules = plausibilities.take()
    }

    private mutating func allot(_ tier: DetectorTier?, _ place: Int) {
        let lane = lanes[place]
        if lane.core >= 0 { cores.giveBack(lane.core) }
        if lane.season >= 0 { seasons.giveBack(lane.season) }
        if lane.shape >= 0 { shapes.giveBack(lane.shape) }
        lanes[place].core = tier == nil ? -1 : cores.take()
        lanes[place].season = tier == .daily || tier == .full ? seasons.take() : -1
        lanes[place].shape = tier == .full ? shapes.take() : -1
    }

    /// As they were last given; nil for a series that was never watched.
    public func settings(of series: SeriesID) -> DetectorSettings? {
        place(of: series).map { settings[$0] }
    }

    /// Takes a reading of a series that is watched; one of any other series is passed over, and so is one that is older
    /// than the newest, or no number below 1e100. Where `now` is given a reading of the present counts as the newest also
    /// behind one that lies ahead of it (`TimeFence.follows`).
    public mutating func add(_ reading: Reading, at now: Timestamp? = nil) -> Anomaly? {
        guard let place = place(of: reading.series) else { return nil }
        let (observed, newest) = (reading.observed.milliseconds, lanes[place].newest)
        let isNewest =
            observed >= newest
            || (now.map { TimeFence.follows(observed, newest: newest, at: $0.milliseconds) } ?? false)
        return isNewest ? feed(reading, place) : nil
    }

    /// Whether the series still stands on the value, and still runs on the line, that was told of it.
    func standing(_ series: SeriesID) -> (flat: Bool, line: Bool) {
        guard let place = place(of: series), lanes[place].rules >= 0 else { return (false, false) }
        let rules = plausibilities[lanes[place].rules]
        return (rules.pointee.flat.isTold, rules.pointee.line.isTold)
    }

    /// Takes a reading whatever its time: for a file whose rows are taken in their order.
    mutating func addInOrder(_ reading: Reading) -> Anomaly? { place(of: reading.series).flatMap { feed(reading, $0) } }

    @inline(__always)
    private func place(of series: SeriesID) -> Int? {
        guard series.index < places.count, places[series.index] >= 0 else { return nil }
        return Int(places[series.index])
    }

    @inline(__always)
    private mutating func feed(_ reading: Reading, _ place: Int) -> Anomaly? {
        guard Detector.isMeasurement(reading.value) else { return nil }
        let lane = lanes[place]
        let observed = reading.observed.milliseconds
        // Both are moments of the calendar; what is not must not end the program.
        let silence = lane.newest == .min ? 0 : observed &- lane.newest
        let isBehindGap = silence > lane.gapAbove
        lanes[place].newest = observed
        let local = observed &+ lane.localOffset
        var told: Plausibility.Told?
        if lane.rules >= 0, let rules = settings[place].rules {
            let moment = Plausibility.Moment(
                observed: observed, day: local.flooredDivision(by: 86_400_000),
                silence: isBehindGap ? .milliseconds(silence) : nil)
            switch plausibilities[lane.rules].pointee.step(
                reading.value, moment, rules, interval: settings[place].interval)
            {
            case .impossible(let verdict): return verdict.map { anomaly(reading, $0) }
            case .possible(let found): told = found
            }
        }
        if let tier = lane.tier {
            let (season, shape) = (seasons.ifTaken(lane.season), shapes.ifTaken(lane.shape))
            if isBehindGap { Detector.resume(season: season, shape: shape) }
            let verdict = Detector.step(
                reading.value, slot: SeasonalResidual.slot(ofLocal: local), tier: tier, core: cores[lane.core],
                season: season, shape: shape)
            if let verdict, verdict.severity >= told?.verdict.severity ?? 0 { return anomaly(reading, verdict) }
        }
        return told.map {
            anomaly(
                Reading(series: reading.series, observed: Timestamp(milliseconds: $0.observed), value: $0.value),
                $0.verdict)
        }
    }

    private func anomaly(_ reading: Reading, _ verdict: Detector.Verdict) -> Anomaly {
        Anomaly(
            series: reading.series, observed: reading.observed, value: reading.value, severity: verdict.severity,
            evidence: verdict.evidence)
    }
}
