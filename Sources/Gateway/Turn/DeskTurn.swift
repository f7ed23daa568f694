import Alerting
import ConfigurationFiles
import Desk
import Logging
import Notification
import Pipeline
import Store
import Telemetry

// Who is told what.
extension IngestLoop {
    /// Where things are now.
    var deskPlace: DeskPlace {
        let site = pipeline.book.site
        return DeskPlace(pipeline.roster, journal.registry, days: site.days, isNight: site.isNight)
    }

    /// What becomes of steps. The place is gone when it returns: a registry that somebody else holds is copied when it grows.
    func decide(_ steps: [AlertTransition]) -> [DeskDecision] {
        steps.isEmpty ? [] : desk.take(steps, deskPlace)
    }

    static func pump(
        _ channels: [any NotificationChannel], _ plan: DeskPlan, _ configuration: GatewayConfiguration.Notifications
    ) -> OutboxPump {
        OutboxPump(
            channels, recipients: Set(plan.recipients.map(\.name)),
            perMinute: Dictionary(
                configuration.people.compactMap { channel in channel.perMinute.map { (channel.name, $0) } },
                uniquingKeysWith: { first, _ in first }),
            schedule: DeliverySchedule(giveUpAfter: configuration.giveUpAfter))
    }

    /// Notices out and reports in; what is given up is told.
    func pumpOutbox(at moment: Moment) {
        outbox.pump(journal, at: moment, runbook: { pipeline.book.runbook(of: $0, journal.registry) }) { complain($0) }
        for (channel, count, reason) in outbox.takeGivenUp() {
            log.error(
                "notices are given up; nobody was told by this channel",
                metadata: ["channel": "\(channel)", "notices": "\(count)", "reason": "\(reason)"])
        }
    }

    /// People are told of what the store has refused for a while, without a number: that it refuses is among it. Once it takes it
    /// they are told again.
    func tellPastStore(at moment: Moment) {
        for (step, recipient) in unrecorded.takeOverdue(at: moment.steady) {
            log.warning(
                "told though the store does not take it",
                metadata: ["rule": "\(step.key.rule)", "channel": "\(recipient)"])
            outbox.tell(
                AlertNotice(
                    unstored: step, journal.registry, runbook: pipeline.book.runbook(of: step, journal.registry)),
                pastStoreOn: recipient)
        }
    }

    /// Goes on with what the store kept of who was told what, under the plan of the files. The roster is set already, and the
    /// alerts are.
    func restoreDesk() {
        let moment = clock.moment
        do throws(StoreError) {
            var up: [AlertKey: Shown] = [:]
            for (key, alert) in pipeline.book.active {
                switch alert.state {
                case .firing, .clearing: up[key] = .firing(alert.severity)
                case .unknown(_, true): up[key] = .unknown(alert.severity)
                case .inactive, .pending, .unknown(_, false): break
                }
            }
            try journal.forgetStandings(exceptOf: deskPlan.recipients.map(\.name))
            desk.restore(
                deskPlan, standings: try journal.standings(), up: up, began: try journal.firedSince(),
                taken: try journal.takenAlerts(),
                beginnings: try journal.beginnings(since: moment.steady - deskPlan.memory),
                silences: try journal.silences(), deskPlace, at: moment)
        } catch {
            complain(error, "who was told what could not be read; people may be told again")
            desk = Desk(deskPlan)
        }
    }

    /// The silences changed.
    func readSilences(at moment: Moment) throws(StoreError) {
        desk.setSilences(try journal.silences(), at: moment)
        record([], ticksDesk: true, at: moment)
    }

    /// Somebody has taken an alert.
    func noteTaken(_ alert: Int64, at moment: Moment) throws(StoreError) {
        guard let key = try journal.key(ofAlert: alert) else { return }
        record([], and: desk.noteTaken(key, deskPlace, at: moment), at: moment)
    }
}
