import Alerting
import Basics
import Broker
import ConfigurationFiles
import Contract
import Decoding
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
        for sentence in journal.damage { log.error("damage in the store", metadata: ["found": "\(sentence)"]) }
        try setRoster(of: files, at: now())
        if let snapshot = journal.snapshot {
            for sentence in pipeline.restore(snapshot.bytes, registry: journal.registry) {
                log.error("a part of the stored state was lost", metadata: ["lost": "\(sentence)"])
                live.rememberLoss(sentence)
            }
        }
        showRemembered()
        try restoreAlerts()
        var missed: [AlertTransition] = []
        var rows = 0
        try journal.replay { turn in
            rows += 1
            var turn = turn
            // Up to the mark the stored alerts are the outcome of these turns already.
            turn.isJudged = turn.journalID <= journal.evaluatedThrough
            missed += pipeline.step(turn, registry: journal.registry)
        }
        let retired = pipeline.reload(rules: files.rules, registry: journal.registry, at: now())
        record(missed + retired, at: now())
        noteRules(files)
        log.notice(
            "resumed",
            metadata: [
                "devices": "\(journal.registry.deviceCount)", "series": "\(journal.registry.seriesCount)",
                "replayed_turns": "\(rows)", "journal_id": "\(lastJournalID)",
            ])
    }

    /// Puts the stored alerts back, each under what it is about today.
    private func restoreAlerts() throws(StoreError) {
        var alerts: [(key: AlertKey, state: AlertState, severity: Severity)] = []
        for alert in try journal.alertStates() {
            var key = alert.key
            let state = AlertState(alert.phase, after: alert.from, since: alert.since)
            if state != .inactive {
                let subject = pipeline.subjectNow(of: key)
                if subject != key.subject {
                    let now = AlertKey(rule: key.rule, subject: subject)
                    if try journal.refile(alert.id, as: now) { key = now }
                }
            }
            alerts.append((key, state, alert.severity))
        }
        pipeline.restore(alerts)
    }

    private func setRoster(of files: LoadedFiles, at moment: Timestamp) throws(StoreError) {
        for name in try journal.saveRoster(files.roster, now: moment) {
            log.error("a device of the roster has no room (limits.devices)", metadata: ["device": "\(name)"])
        }
        pipeline.setRoster(
            Roster(try journal.expectedDevices(), constants: files.constants), registry: journal.registry)
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

    /// So that readers know a rule that never raised an alert from one that does not exist.
    private func noteRules(_ files: LoadedFiles) {
        do throws(StoreError) {
            try journal.saveRules(files.rules.map(\.name))
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

    func reload(_ files: LoadedFiles, at moment: Timestamp) throws(Refusal) {
        do throws(StoreError) {
            try setRoster(of: files, at: moment)
        } catch {
            throw .unavailable("the roster could not be stored; the old one stays: \(error)")
        }
        decoder = Self.decoder(files, configuration)
        showRemembered()
        let retired = pipeline.reload(rules: files.rules, registry: journal.registry, at: moment)
        record(retired, at: moment)
        noteRules(files)
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
