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
        if let snapshot = journal.snapshot { restoreState(snapshot) }
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
        log.notice(
            "resumed",
            metadata: [
                "devices": "\(journal.registry.deviceCount)", "series": "\(journal.registry.seriesCount)",
                "replayed_turns": "\(rows)", "journal_id": "\(lastJournalID)",
            ])
    }

    /// Goes on from the snapshot; what of it does not read is told, and kept for somebody to look at.
    private func restoreState(_ snapshot: StateSnapshot) {
        let losses = pipeline.restore(snapshot.bytes, registry: journal.registry)
        guard !losses.isEmpty else { return }
        var kept: [String] = []
        for block in pipeline.unreadBlocks {
            do throws(StoreError) {
                kept.append(try journal.keepDamaged(block.bytes, as: "state-\(snapshot.journalID)-\(block.name)"))
            } catch {
                log.error("a damaged part of the state could not be kept", metadata: ["reason": "\(error)"])
            }
        }
        for sentence in losses {
            log.error(
                "a part of the stored state was lost",
                metadata: ["lost": "\(sentence)", "kept": "\(kept.joined(separator: ", "))"])
        }
        live.remember(LiveView.Losses(sentences: losses, kept: kept, since: now()))
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
            expectedDevices: Set(files.roster.lazy.map(\.device)))
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
        log.notice(
            "reloaded",
            metadata: [
                "profiles": "\(files.catalog.profileNames.count)", "rules": "\(files.rules.count)",
                "roster": "\(files.roster.count)",
            ])
        serviceManager.ready("reloaded")
    }
}
