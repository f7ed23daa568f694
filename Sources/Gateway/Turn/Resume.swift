import Alerting
import Basics
import Broker
import ConfigurationFiles
import Contract
import Decoding
import Desk
import Logging
import Notification
import Pipeline
import Store
import Synchronization
import Telemetry
import Windows

// What a start and a reload put in place.
extension IngestLoop {
    /// Puts windows, health and alerts back as they were: snapshot, stored alerts, then the journal's tail through the
    /// same code, with the times it kept.
    func resume(_ files: LoadedFiles) throws {
        if let lost = try journal.lostStory {
            live.remember(lost)
            log.warning("the story of the store was lost", metadata: ["what": "\(lost.sentence)"])
        }
        for sentence in journal.damage { log.error("damage in the store", metadata: ["found": "\(sentence)"]) }
        let (retired, renamed) = try setRoster(of: files, at: clock.moment)
        if let id = journal.snapshot?.journalID { restoreState(from: id) }
        showRemembered()
        try restoreAlerts()
        restoreDesk()
        var missed = follow(renamed)
        var rows = 0
        try journal.replay { turn in
            rows += 1
            var turn = turn
            // Up to the mark the stored alerts are the outcome of these turns already.
            turn.isJudged = turn.journalID <= journal.evaluatedThrough
            missed += pipeline.step(turn, registry: journal.registry)
        }
        record(missed, at: clock.moment)
        try takeRules(of: files, retired, since: try journal.rulesInForce(), at: clock.moment)
        beginAnew()
        if let step = clock.lastStep, step.steady == clock.moment.steady { tell(step) }
        live.remember(clock)
        rememberRules(of: files)
        note { () throws(StoreError) in
            try journal.beginRun(version: ProductVersion.current, at: clock.moment.wall)
        }
        log.notice(
            "resumed",
            metadata: [
                "devices": "\(journal.registry.deviceCount)", "series": "\(journal.registry.seriesCount)",
                "replayed_turns": "\(rows)", "journal_id": "\(lastJournalID)",
            ])
        tellRoom()
    }

    /// Once a start: what the memory allows, and what of the store finds no room.
    private func tellRoom() {
        let memory = configuration.memory.memory
        log.info(
            "room",
            metadata: [
                "memory_bytes": "\(memory.bytes)", "by": "\(memory.source)",
                "devices_max": "\(journal.registry.limits.devicesMax)",
                "series_max": "\(journal.registry.limits.seriesMax)",
                "windowed_series": "\(pipeline.windows.openCount)", "windows_bytes": "\(pipeline.windows.byteCount)",
            ])
        guard pipeline.windows.refusedCount > 0 else { return }
        log.warning(
            "not all series find room for their windows; their readings are stored, and they have no statistics",
            metadata: [
                "without": "\(pipeline.windows.refusedCount)", "with": "\(pipeline.windows.openCount)",
                "memory_bytes": "\(memory.bytes)", "by": "\(memory.source)",
            ])
    }

    /// Goes on from the snapshot; what of it does not read is told, and kept for somebody to look at.
    private func restoreState(from snapshotID: Int64) {
        let losses = pipeline.restore(journal.takeSnapshot(), registry: journal.registry)
        guard !losses.isEmpty else { return }
        var kept: [String] = []
        for block in pipeline.unreadBlocks {
            do throws(StoreError) {
                kept.append(try journal.keepDamaged(block.bytes, as: "state-\(snapshotID)-\(block.name)"))
            } catch {
                log.error("a damaged part of the state could not be kept", metadata: ["reason": "\(error)"])
            }
        }
        for sentence in losses {
            log.error(
                "a part of the stored state was lost",
                metadata: ["lost": "\(sentence)", "kept": "\(kept.joined(separator: ", "))"])
        }
        live.remember(LiveView.Losses(sentences: losses, kept: kept, since: clock.moment.wall))
    }

    /// Judges the alerts that stand on readings which were taken out, and tells what begins anew.
    private func beginAnew() {
        for order in pipeline.ordersToForget {
            let names = order.devices(journal.registry).map { journal.registry.devices[$0.index].name }.sorted()
            log.notice(
                "readings were taken out; what was learnt of their series and devices begins anew",
                metadata: [
                    "devices": "\(names.joined(separator: ", "))", "series": "\(order.series.count)",
                    "since": "\(order.span.lowerBound)", "until": "\(order.span.upperBound)",
                    "ordered_at": "\(order.at)",
                ])
        }
        record(pipeline.judgeForgotten(registry: journal.registry, at: clock.moment), at: clock.moment)
    }

    /// Puts the stored alerts back, each under what it is about today.
    private func restoreAlerts() throws(StoreError) {
        var alerts: [Pipeline.AlertAsKept] = []
        for alert in try journal.alertStates() {
            var key = alert.key
            let state = AlertState(
                alert.phase, after: alert.from, since: alert.since, listened: alert.listened)
            if state != .inactive {
                let subject = pipeline.subjectNow(of: key)
                if subject != key.subject {
                    let now = AlertKey(rule: key.rule, subject: subject)
                    if try journal.refile(alert.id, as: now) { key = now }
                }
            }
            alerts.append((key, state, alert.severity, alert.watched, alert.peak))
        }
        pipeline.restore(alerts)
    }

    /// Circuits that have other names now, and what is stored under those.
    typealias Renamed = (circuits: [String: String], rules: [String: Set<ByteName>])

    private func follow(_ renamed: Renamed) -> [AlertTransition] {
        for (old, new) in renamed.circuits.sorted(by: { $0.key < $1.key }) {
            log.notice(
                "a circuit has another name; its alerts go on under it", metadata: ["was": "\(old)", "is": "\(new)"])
        }
        return pipeline.rename(
            circuits: renamed.circuits, rules: renamed.rules, registry: journal.registry, at: clock.moment)
    }

    /// Returns the devices that the roster before named and this one does not, and the circuits that it names otherwise.
    func setRoster(
        of files: LoadedFiles, at moment: Moment
    ) throws(StoreError) -> (retired: Set<DeviceIndex>, renamed: Renamed) {
        let before = Roster(try journal.expectedDevices())
        // A clock that was never set shows none of these days: then it is as late as it ever was.
        let date = clock.isTrusted ? moment.wall : clock.newestWall
        let change = try journal.saveRoster(files.roster, at: moment, date: date)
        inForce = FilesInForce(files, from: date)
        for name in change.refused {
            log.error("a device of the roster has no room (limits.devices)", metadata: ["device": "\(name)"])
        }
        let roster = Roster(try journal.expectedDevices(), constants: files.constants).with(labels: files.labels)
        pipeline.setRoster(roster, registry: journal.registry)
        var renamed: Renamed = (roster.renamedCircuits(since: before), [:])
        for (old, new) in renamed.circuits { renamed.rules[old] = try journal.rename(circuit: old, to: new) }
        return (change.retired, renamed)
    }

    /// Ends what the rules do not watch any more, and judges by them what is known and was judged by others (`known`, nil: by
    /// those that were in force).
    func takeRules(
        of files: LoadedFiles, after before: DeviceCatalog? = nil, _ retired: Set<DeviceIndex>,
        since known: [ByteName: Int64]? = nil, at moment: Moment
    ) throws(StoreError) {
        let (transitions, renamed) = pipeline.reload(
            rules: files.rules, retired: retired, orphaned: orphaned(by: files.catalog, after: before),
            unbrought: before == nil ? [] : unbrought(by: files.catalog), since: known,
            registry: journal.registry, at: moment)
        // They have happened, whatever becomes of the names.
        defer {
            if !renamed.isEmpty { restoreDesk() }
            record(transitions, at: moment)
        }
        for (old, new) in renamed.sorted(by: { $0.key < $1.key }) { try journal.rename(rule: old, to: new) }
    }

    /// The series with an alert that no profile brings any more: that of the device did by the catalogue before and does no
    /// more, or none does. A start knows no catalogue before.
    private func orphaned(by catalog: DeviceCatalog, after before: DeviceCatalog?) -> Set<SeriesID> {
        let (all, registry) = (CatalogOffer(catalog), journal.registry)
        var (earlier, now) = (before.map { Offers($0) }, Offers(catalog))
        return Set(pipeline.book.active.keys.lazy.compactMap(\.subject.series)).filter { series in
            let wasBrought = earlier?.bring(series, registry) ?? false
            return !all.has(series, registry) || wasBrought && !now.bring(series, registry)
        }
    }

    /// All series that their device's profile does not bring: what is known of them is of before.
    private func unbrought(by catalog: DeviceCatalog) -> Set<SeriesID> {
        var offers = Offers(catalog)
        let registry = journal.registry
        return Set(
            (0..<UInt32(registry.seriesCount)).map { SeriesID(rawValue: $0) }.filter { !offers.bring($0, registry) })
    }

    /// What each profile of a catalogue brings.
    private struct Offers {
        private let catalog: DeviceCatalog
        private var byProfile: [ByteName: CatalogOffer] = [:]

        init(_ catalog: DeviceCatalog) { self.catalog = catalog }

        mutating func bring(_ series: SeriesID, _ registry: SeriesRegistry) -> Bool {
            let profile = registry.devices[registry.series[series.index].device.index].profile
            let name = ByteName(profile)
            let offer = byProfile[name] ?? CatalogOffer(catalog, profiles: [profile])
            byProfile[name] = offer
            return offer.has(series, registry)
        }
    }

    /// A file that lost all it said is more often a slip than a wish: cut off, or another one by its name.
    func emptied(by files: LoadedFiles) -> [Mistake] {
        var warnings: [Mistake] = []
        func warn(_ file: String, _ what: String, _ count: Int) {
            warnings.append(
                Mistake(
                    file: file, line: nil, key: "", value: nil,
                    expected: "it names no \(what) any more, where there were \(count); is that meant?", isWarning: true
                ))
        }
        if files.rules.isEmpty, !pipeline.book.rules.isEmpty {
            warn(files.rulesFile, "rule", pipeline.book.rules.count)
        }
        if files.roster.isEmpty, !pipeline.roster.lines.isEmpty {
            warn(files.rosterFile ?? configuration.file, "device", pipeline.roster.lines.count)
        }
        return warnings
    }

    /// What of the files may not be meant, and what of the configuration file's changes is not in force.
    func tell(_ files: LoadedFiles) {
        for warning in files.warnings {
            log.warning("the configuration may not be meant so", metadata: ["warning": "\(warning)"])
        }
        for key in files.restartNeeded {
            log.warning("a changed key takes a restart", metadata: ["key": "\(key)"])
        }
    }

    /// For readers, and for the next start: only once what the rules say of what is known is recorded.
    func rememberRules(of files: LoadedFiles) {
        note { () throws(StoreError) in
            try journal.saveRules(pipeline.book.contentChecks, texts: files.ruleTexts, at: clock.moment.wall)
        }
    }

    /// Writes down what is good to know, and for whose sake nothing else waits or ends.
    func note(_ body: () throws(StoreError) -> Void) {
        do throws(StoreError) {
            try body()
        } catch {
            complain(error)
        }
    }

    /// Shows a new decoder the messages that later ones are read by.
    private func showRemembered() {
        do throws(StoreError) {
            decoder.restore(try journal.remembered())
        } catch {
            log.error("what earlier messages told could not be read", metadata: ["reason": "\(error)"])
        }
    }

    static func decoder(_ files: LoadedFiles, _ configuration: GatewayConfiguration) -> MessageDecoder {
        return MessageDecoder(
            catalog: files.catalog, limits: configuration.decoding,
            siteZoneOffsetSeconds: configuration.siteOffsetSeconds, siteZone: configuration.siteZone,
            constants: files.constants, onboarding: configuration.onboarding,
            expectedDevices: Set(files.roster.lazy.map { ByteName($0.device) }))
    }

    func reload(_ files: LoadedFiles, at moment: Moment) throws(Refusal) {
        let retired: Set<DeviceIndex>
        do throws(StoreError) {
            let change = try setRoster(of: files, at: moment)
            retired = change.retired
            deskPlan = DeskPlan(configuration.notifications, files.desk)
            restoreDesk()
            record(follow(change.renamed), at: moment)
        } catch {
            throw .unavailable("the roster could not be stored; the old one stays: \(error)")
        }
        let before = decoder.catalog
        var next = Self.decoder(files, configuration)
        next.follow(decoder)
        decoder = next
        showRemembered()
        do throws(StoreError) {
            try takeRules(of: files, after: before, retired, at: moment)
        } catch {
            throw .unavailable("the alerts of a rule could not get its new name: \(error)")
        }
        rememberRules(of: files)
        log.notice(
            "reloaded",
            metadata: [
                "profiles": "\(files.catalog.profileNames.count)", "rules": "\(files.rules.count)",
                "roster": "\(files.roster.count)",
            ])
        tell(files)
        serviceManager.ready("reloaded")
    }
}

extension CatalogOffer {
    fileprivate func has(_ series: SeriesID, _ registry: SeriesRegistry) -> Bool {
        channels[registry.series[series.index].quantity]?.has(registry.channelName(of: series) ?? "") ?? false
    }
}
