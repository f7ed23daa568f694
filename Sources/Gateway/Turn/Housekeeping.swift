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

// Sealing, compacting, and what upkeep finds.
extension IngestLoop {
    func seal(at moment: Moment) {
        do throws(StoreError) {
            switch sealer.poll(at: moment.steady) {
            case .idle:
                if journal.sealIsDue(now: moment.wall) {
                    recordPeaks(at: moment)
                    sealer.begin(.seal(try journal.beginSeal(state: pipeline.state(), now: moment.wall)))
                } else if asksForCompaction {
                    asksForCompaction = false
                    if let job = journal.nextCompaction(now: moment.wall) { sealer.begin(.compaction(job)) }
                }
            case .running: return
            case .done(let outcome):
                try take(outcome, at: moment)
                sealer.complete()
                asksForCompaction = true
            case .failed(let job, let error):
                if error.isDiskFull { journal.foundDiskFull() }
                switch job {
                case .seal: log.error("sealing failed and is tried again", metadata: ["reason": "\(error)"])
                case .compaction(let job):
                    journal.compactionFailed(job.day, now: moment.wall)
                    log.error("a compaction failed and is tried again later", metadata: ["reason": "\(error)"])
                }
            }
        } catch {
            if error.isDiskFull { journal.foundDiskFull() }
            sealer.postpone(at: moment.steady)
            complain(error)
        }
    }

    /// All that a stop may take for sealing: systemd ends what takes longer than `TimeoutStopSec`, which is 15 s. After a long
    /// import there were days by the hundred to write, and 21 s were not enough for them.
    private static let lastSealMax = Duration.seconds(5)

    /// Seals what the journal holds, as far as the time goes; the next start replays the rest.
    func sealAtEnd() throws(StoreError) {
        let end = ContinuousClock.now + Self.lastSealMax
        if let outcome = try sealer.finish(by: end) {
            try take(outcome, at: clock.moment)
            sealer.complete()
        }
        if !journal.isSealing {
            sealer.begin(.seal(try journal.beginSeal(state: pipeline.state(), now: clock.moment.wall)))
            if let outcome = try sealer.finish(by: end) { return try take(outcome, at: clock.moment) }
        }
        log.notice("stopping before all is sealed; the next start replays the journal")
    }

    func take(_ outcome: StoreOutcome, at moment: Moment) throws(StoreError) {
        switch outcome {
        case .sealed(let days):
            try journal.finishSeal(days)
            journal.releaseSnapshot()
        case .compacted(let days): try journal.finishCompaction(days, now: moment.wall)
        }
    }

    /// Once a second: dates of the roster, room on the disk, retention, and what was found damaged meanwhile.
    func keepHouse(at moment: Moment) {
        followService(at: moment)
        do throws(StoreError) {
            let before = journal.disk
            let report = try journal.upkeep(now: moment.wall, isTimeTrusted: clock.isTrusted)
            if report.disk != before { tell(report) }
            for gone in report.gaveUp {
                log.notice(
                    "readings given up",
                    metadata: [
                        "why": "\(gone.why.rawValue)", "file": "\(gone.file)", "from": "\(gone.first)",
                        "to": "\(gone.last)", "rows": "\(gone.rows)",
                    ])
            }
            if let gone = report.alertSteps {
                log.notice(
                    "old steps of alerts given up",
                    metadata: ["from": "\(gone.first)", "to": "\(gone.last)", "steps": "\(gone.rows)"])
            }
            // After what makes room for it.
            if lastClock.map({ moment.steady - $0 >= .seconds(60) }) ?? true {
                lastClock = moment.steady
                try journal.save(clock.stored)
                live.remember(clock)
            }
        } catch {
            complain(error)
        }
        for damage in journal.takeDamagedFrames() {
            log.error("damage in the store; run baotu store check", metadata: ["found": "\(damage)"])
        }
    }

    func tell(_ step: ClockStep) {
        log.warning(
            "the clock was set; ages and silence go on by the time that ran",
            metadata: ["by_seconds": "\(Double(step.by.milliseconds) / 1000)", "now": "\(step.at)"])
    }

    private func tell(_ report: UpkeepReport) {
        let free: Logger.Metadata = ["free_bytes": "\(report.freeBytes)"]
        switch report.disk {
        case .ample: log.notice("there is room on the disk again", metadata: free)
        case .low: log.warning("less than a twentieth of the disk is free", metadata: free)
        case .full:
            log.error("the disk is full: nothing is acknowledged until there is room", metadata: free)
        }
    }
}
