public import Alerting
public import Basics
import City
import Detection
public import Telemetry
public import Windows

/// The pure heart of the gateway: what readings and time do to windows, device health, findings and alerts.
///
/// No clock, no file, no socket. The daemon, a replay after a restart, an import, the operators' tool and the benches all
/// take the same step; what differs is said by the turn. Owned by one thread.
public final class Pipeline {
    /// The statistics of every series.
    public private(set) var windows: WindowTable
    /// What was heard and noticed of each device.
    public private(set) var health = DeviceHealth()
    /// How far each device's clock is behind.
    public private(set) var clocks = DeviceClocks()
    /// The rules and the alerts that are not inactive.
    public private(set) var book: AlertBook
    /// The one last set; empty until then.
    public private(set) var roster = Roster()
    private let watchers: [any Watcher]
    /// Which windows are kept; nil: those that the restored state kept.
    private let windowPlan: WindowPlan?
    private let windowBudget: WindowBudget
    /// When room for windows was last sought among the series that are silent.
    private var lastSweep: SteadyTime?
    /// The blocks of the state restored last that did not read, for somebody to look at.
    public private(set) var unreadBlocks: [StateBlocks.Block] = []
    /// Blocks of the state that are nobody's here: kept as they are for who knows them.
    private var carried: [StateBlocks.Block] = []
    private var noticed = Noticed()
    private var wholeTime = WholeTime()
    /// What was taken out of the store and no gateway has heard of yet.
    private var forgotten: [Forgotten] = []
    /// Of whom watchers know nothing since, order by order; and the alerts that are to be judged anew, by when it was ordered.
    private var begun: [Set<Subject>] = []
    private var anew: [AlertKey: Timestamp] = [:]

    /// With every watcher, unless the plan has none, and nothing learnt.
    public init(_ plan: PipelinePlan, rules: [AlertRule]) {
        windows = WindowTable(plan: plan.windows, budget: plan.windowBudget)
        windowPlan = plan.windows
        windowBudget = plan.windowBudget
        book = AlertBook(rules: rules, site: SiteTime(days: plan.days))
        watchers = plan.hasWatchers ? Self.watchers(plan) : []
    }

    /// Windows, health and clocks alone, for a tool that brings or reads readings and knows no configuration. What the
    /// watchers learnt is carried along; the windows are those of the state.
    public init() {
        windows = WindowTable(plan: .standard)
        windowPlan = nil
        windowBudget = WindowBudget()
        book = AlertBook(rules: [])
        watchers = []
    }

    /// Who watches, in the order in which they tell: a line for each.
    private static func watchers(_ plan: PipelinePlan) -> [any Watcher] {
        [
            DetectorWatcher(plan: plan.detection),
            LampTable(rules: plan.lamps),
            RoadTable(localOffsetSeconds: plan.lamps.offsetSeconds),
            PeerTable(plan: plan.peers),
        ]
    }

    // MARK: The turn

    /// Takes in one turn and judges what it brought. Returns what changed, in order.
    ///
    /// What was imported fills the windows as late readings do, and nothing else: what was true last month is no news,
    /// and its newest value would be taken for it. A turn whose outcome is stored is taken in, and not judged again.
    public func step(_ turn: Turn, registry: SeriesRegistry) -> [AlertTransition] {
        guard !turn.isEmpty else { return [] }
        switch turn.origin {
        case .imported: break
        case .live: wholeTime.follow(turn.moment)
        }
        openWindows(of: turn.fresh, registry, at: turn.moment)
        windows.add(turn.fresh, at: turn.now)
        for correction in turn.corrections { windows.correct(correction) }
        switch turn.origin {
        case .imported: return []
        case .live: break
        }
        clocks.absorb(turn, registry: registry)
        let age = age(at: turn.moment)
        health.absorb(turn, device: { registry.series[$0.index].device }, age: age)
        noticed.removeAll()
        let scene = Scene(
            registry: registry, newest: { [unowned self] in windows.newest(of: $0) }, age: age,
            silence: { [unowned self] in health.silence(of: $0, at: turn.moment) },
            hasWindows: { [unowned self] in windows.isOpen($0) })
        for watcher in watchers { watcher.watch(turn, scene, &noticed) }
        health.absorb(noticed, at: turn.moment, age: age)
        guard !turn.isJudged else { return [] }
        return book.evaluate(
            turn, noticed, health: health, statistics: statistics(at: turn.moment, registry), registry: registry)
    }

    private func age(at moment: Moment) -> (DeviceIndex, Timestamp) -> Duration {
        { [unowned self] in clocks.age(of: $0, observed: $1, at: moment) }
    }

    /// Judges what time alone changes, and what the gateway has itself (`own`, told for as long as it holds); to be called about
    /// once a second. `isListening` says whether the gateway hears the broker.
    /// `looksAtAll` as for `AlertBook.scan`.
    public func scan(
        own: [Finding] = [], registry: SeriesRegistry, isListening: Bool, looksAtAll: Bool = false, at now: Moment
    ) -> [AlertTransition] {
        wholeTime.follow(now)
        let told = statistics(at: now, registry)
        return book.scan(
            own: own, health: health, statistics: told, registry: registry, isListening: isListening,
            looksAtAll: looksAtAll, at: now)
    }

    /// Alerts that are up are looked at when it is time alone, as long as that may be, and not now and then besides.
    func trustsQuiet() { book.lookAgain = AlertBook.quietMax }

    /// Windows for the series that speak and have none: a name of which nothing comes costs no memory.
    private func openWindows(of readings: [Reading], _ registry: SeriesRegistry, at moment: Moment) {
        let known = windows.seriesCount
        windows.declare(registry.seriesCount)
        for number in known..<registry.seriesCount { wholeTime.begin(SeriesID(rawValue: UInt32(number)), at: moment) }
        for reading in readings where !windows.isOpen(reading.series) {
            openWindows(of: reading.series, registry, at: moment)
        }
    }

    @inline(never)
    private func openWindows(of id: SeriesID, _ registry: SeriesRegistry, at moment: Moment) {
        let spoke = windows.newest(of: id) != nil
        if !open(id, registry) {
            // Not more often than once a minute: all are looked at for it.
            guard lastSweep.map({ moment.steady - $0 >= .seconds(60) }) ?? true else { return }
            lastSweep = moment.steady
            guard windows.closeSilent(at: moment.wall) > 0, open(id, registry) else { return }
        }
        // What it said before is in none of them.
        if spoke { wholeTime.begin(id, at: moment) }
    }

    private func open(_ id: SeriesID, _ registry: SeriesRegistry) -> Bool {
        let series = registry.series[id.index]
        return windows.open(id, series.quantity, cadence: roster.cadence(of: series.device))
    }

    /// Two rules on the two sides of one statistic ask for the same summary, one after the other: it is made once.
    func statistics(at moment: Moment, _ registry: SeriesRegistry) -> AlertBook.Statistics {
        var last: (series: SeriesID, length: Duration, quantiles: Bool, summary: WindowSummary?)?
        return AlertBook.Statistics(
            newest: { [unowned self] in windows.newest(of: $0) },
            summary: { [unowned self] series, length, quantiles in
                if let last, last.series == series, last.length == length, last.quantiles == quantiles {
                    return last.summary
                }
                let present = clocks.present(of: registry.series[series.index].device, at: moment)
                let summary = windows.summary(of: series, over: length, at: present, quantiles: quantiles)
                last = (series, length, quantiles, summary)
                return summary
            },
            age: age(at: moment), backlog: { [unowned self] in clocks.backlog(of: $0) },
            extent: { [unowned self] in wholeTime.extent(of: $0, over: $1, at: moment) },
            present: { [unowned self] in clocks.present(of: $0, at: moment) })
    }

    // MARK: What people change

    /// Replaces the roster. To be set before a state is restored: a device's cadence decides how fine the panes of its
    /// windows are.
    public func setRoster(_ roster: Roster, registry: SeriesRegistry) {
        self.roster = roster
        book.setRoster(roster, isNight: roster.isNight)
        for watcher in watchers { watcher.setRoster(roster, registry: registry) }
        for place in 0..<windows.seriesCount {
            let device = registry.series[place].device
            windows.setCadence(roster.cadence(of: device), of: SeriesID(rawValue: UInt32(place)))
        }
    }

    /// Goes on with circuits under the names that they have in the roster that was set last, by their old ones: one story, and
    /// not an end and a beginning. `moved`: by old name, the rules whose alerts are stored under the new one.
    public func rename(
        circuits: [String: String], rules moved: [String: Set<ByteName>], registry: SeriesRegistry, at now: Moment
    ) -> [AlertTransition] {
        guard !circuits.isEmpty else { return [] }
        health.rename(circuits: circuits)
        for watcher in watchers { watcher.rename(circuits: circuits) }
        return book.rename(circuits: circuits, rules: moved, registry, at: now)
    }

    /// Takes new rules, ends the alerts that nobody watches any more, and judges by the new rules what is known. `retired` are
    /// the devices that left the roster, `orphaned` the series that no profile brings any more, `unbrought` all that their
    /// device's profile does not bring; `known` the rules by which all was judged so far (`AlertBook.contentChecks`). nil: those
    /// that it has, and then all that is known is judged by all rules, for devices may have come under one.
    ///
    /// Returns what changed, and the new name of each rule of which only the name changed, by its old one: what is kept of
    /// its alerts is to be kept under the new one first.
    public func reload(
        rules: [AlertRule], retired: Set<DeviceIndex> = [], orphaned: Set<SeriesID> = [],
        unbrought: Set<SeriesID> = [], since known: [ByteName: Int64]? = nil, registry: SeriesRegistry, at now: Moment
    ) -> (transitions: [AlertTransition], renamed: [String: String]) {
        let (book, renamed) = book.with(rules: rules)
        let isRunning = known == nil
        var known = known ?? self.book.contentChecks
        for (old, new) in renamed { known[ByteName(new)] = known[ByteName(old)] }
        self.book = book
        let ended = self.book.retire(retired, orphaned: orphaned, registry, at: now)
        if !retired.isEmpty { health.forget(retired, device: { registry.series[$0.index].device }) }
        return (
            ended
                + self.book.judgeNew(
                    since: known, andOthers: isRunning, orphaned: orphaned.union(unbrought), health: health,
                    statistics: statistics(at: now, registry),
                    registry: registry, at: now),
            renamed
        )
    }

    /// Makes the windows of a series anew from `readings`, by rising time: what the store has of it when some were taken
    /// out. See `forget` for what else was learnt of those.
    public func rebuild(_ series: SeriesID, from readings: [Reading], registry: SeriesRegistry, at now: Timestamp) {
        windows.declare(registry.seriesCount)
        windows.forget(series)
        if !readings.isEmpty, !windows.isOpen(series) { _ = open(series, registry) }
        windows.add(readings, at: now)
    }

    /// Notes in the state that readings were taken out, for the next gateway that goes on from it; clocks of their devices
    /// begin anew at once. To be stored before the readings go.
    public func forget(_ order: Forgotten, registry: SeriesRegistry) {
        for device in order.devices(registry) { clocks.forget(device) }
        forgotten.append(order)
    }

    // MARK: State to bytes and back

    /// The names of the blocks that are no watcher's. They never change.
    enum BlockName {
        static let windows = "windows"
        static let health = "health"
        static let clocks = "clocks"
        static let forgotten = "forgotten"
        /// Those of the watchers, which a pipeline without them keeps.
        static let watchers = [
            DetectorWatcher.stateName, PeerTable.stateName, LampTable.stateName, RoadTable.stateName,
        ]
    }

    /// All that was learnt, each room's under its name; alerts are not in it, the store has them row by row.
    public func state() -> [UInt8] {
        var blocks = StateBlocks()
        blocks.put(BlockName.health, health.state())
        blocks.put(BlockName.clocks, clocks.state())
        for watcher in watchers { blocks.put(type(of: watcher).stateName, watcher.state()) }
        if watchers.isEmpty, !forgotten.isEmpty {
            blocks.put(BlockName.forgotten, Forgotten.state(of: forgotten))
        }
        for block in carried { blocks.put(block.name, block.bytes) }
        // Nobody watches here: an empty block says that nothing was learnt, where a missing one was lost.
        for name in BlockName.watchers where blocks[name] == nil { blocks.put(name, []) }
        return blocks.bytes(behind: BlockName.windows, capacity: windows.stateBytesMax) { windows.write(to: &$0) }
    }

    /// Goes on from what `state` gave, now or in an earlier version, each room by itself: one whose block does not read
    /// begins empty, and the others do not. The roster must be set.
    ///
    /// Returns a sentence for each block that did not read or is missing; `unreadBlocks` has what there is of them.
    public func restore(_ state: consuming [UInt8], registry: SeriesRegistry) -> [String] {
        unreadBlocks = []
        guard !state.isEmpty else { return ["the stored state is gone; all that was learnt is learnt anew"] }
        var found = StateBlocks(bytes: copy state)
        if found == nil { found = StateBlocks(placed: copy state) }
        guard let blocks = found else {
            unreadBlocks = [StateBlocks.Block(name: "state", bytes: state)]
            return ["the stored state does not read, or is of a newer version; all that was learnt is learnt anew"]
        }
        // Those in the blocks are enough: where it was the caller's last, a gigabyte goes before the windows come.
        _ = consume state
        var missing: [String] = []
        var known: Set<String> = []
        func take(_ name: String, _ read: ([UInt8]) -> Bool) {
            known.insert(name)
            guard let bytes = blocks[name] else {
                // Older states lack what their gateway did not watch.
                if blocks.isChecked { missing.append(name) }
                return
            }
            // Left by a pipeline without watchers.
            if bytes.isEmpty, blocks.isChecked { return }
            if !read(bytes) { unreadBlocks.append(StateBlocks.Block(name: name, bytes: bytes)) }
        }
        take(BlockName.windows) { restoreWindows($0, registry) }
        take(BlockName.health) {
            guard let health = DeviceHealth(state: $0, circuit: { roster[$0]?.circuit ?? "" }) else { return false }
            self.health = health
            return true
        }
        take(BlockName.clocks) {
            guard let clocks = DeviceClocks(state: $0) else { return false }
            self.clocks = clocks
            return true
        }
        for watcher in watchers {
            take(type(of: watcher).stateName) { watcher.resume($0, registry: registry) }
        }
        if blocks[BlockName.forgotten] != nil { take(BlockName.forgotten) { takeForgotten($0, registry) } }
        carried = blocks.blocks.filter { !known.contains($0.name) }
        return losses(of: blocks, missing: missing)
    }

    /// Sentences about the blocks that did not read, those that are missing, and what is wrong around them.
    private func losses(of blocks: StateBlocks, missing: [String]) -> [String] {
        let damaged = blocks.damaged.map(\.name)
        func sentence(_ name: String, _ what: String) -> String {
            "what was learnt of \(name) \(what); it is learnt anew, and nothing else is lost"
        }
        var sentences = unreadBlocks.map { sentence($0.name, "does not read") }
        sentences += missing.map {
            sentence($0, damaged.contains($0) ? "does not match its check value" : "is missing from the stored state")
        }
        // One that has lost its name is one of the missing.
        if damaged.count > missing.count {
            sentences.append("\(damaged.count) blocks of the stored state do not match their check values")
        }
        if blocks.unreadCount > 0 {
            sentences.append("the stored state breaks off; \(blocks.unreadCount) of its blocks are learnt anew")
        } else if !blocks.rest.isEmpty {
            sentences.append("the stored state has \(blocks.rest.count) bytes more than its blocks")
        }
        unreadBlocks += blocks.damaged
        if !blocks.rest.isEmpty { unreadBlocks.append(StateBlocks.Block(name: "rest", bytes: blocks.rest)) }
        return sentences
    }

    private func takeForgotten(_ bytes: [UInt8], _ registry: SeriesRegistry) -> Bool {
        guard let orders = Forgotten.orders(state: bytes) else { return false }
        forgotten = orders
        begun = orders.map { order in
            watchers.reduce(into: []) { $0.formUnion($1.forget(order, registry: registry)) }
        }
        return true
    }

    private func restoreWindows(_ bytes: [UInt8], _ registry: SeriesRegistry) -> Bool {
        let table = WindowTable(
            state: bytes, plan: windowPlan, budget: windowBudget,
            traits: { number in
                guard number < registry.seriesCount else { return nil }
                let series = registry.series[number]
                let cadence = roster.cadence(of: series.device)
                return SeriesTraits(
                    quantity: series.quantity, cadence: cadence, isExpected: roster[series.device] != nil)
            })
        guard let table else { return false }
        windows = table
        return true
    }

    /// Puts alerts back as they were stored.
    public func restore(_ alerts: [AlertAsKept]) {
        for alert in alerts {
            book.restore(
                alert.key, state: alert.state, severity: alert.severity, watched: alert.watched, peak: alert.peak)
        }
        for (order, begun) in zip(forgotten, begun) {
            let standing = book.standing(on: order, begun: begun)
            for key in standing { anew[key] = max(anew[key] ?? order.at, order.at) }
            // What an alert stands on that is not judged anew goes on.
            let others = Set(book.active.keys.lazy.map(\.subject)).subtracting(standing.map(\.subject))
            health.forget(order, noticedOf: begun.subtracting(others))
        }
        book.lookAtAbsences()
    }

    /// What was taken out of the store since a gateway went on from this state: watchers have begun its series and devices
    /// anew, and `judgeForgotten` judges its alerts.
    public var ordersToForget: [Forgotten] { forgotten }

    /// Judges anew the alerts that stand on readings which were taken out: to be called once, behind the replay. What it
    /// returns is to be recorded; after a crash before that the next start returns it again.
    public func judgeForgotten(registry: SeriesRegistry, at now: Moment) -> [AlertTransition] {
        defer { (forgotten, begun, anew) = ([], [], [:]) }
        guard !anew.isEmpty else { return [] }
        return book.judgeAnew(
            anew, health: health, statistics: statistics(at: now, registry), registry: registry, at: now)
    }

    /// The worst values of alerts that no transition has told of yet; they count as told from now on.
    public func takePeaks() -> [AlertKey: AlertPeak] { book.takePeaks() }

    /// What a stored alert is about today; see `AlertBook.subjectNow`.
    public func subjectNow(of key: AlertKey) -> Subject { book.subjectNow(of: key, health: health) }
}
