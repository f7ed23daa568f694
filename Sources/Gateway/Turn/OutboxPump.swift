import Basics
import Notification
import Store
import Telemetry

/// Takes notices from the outbox, gives them to the lanes of their channels, and writes down what became of them.
///
/// The outbox is in the store, so a notice survives a crash between the alert and its delivery, and may then be told
/// twice, never not at all. Of each alert a channel has one notice in hand at one time, the oldest: nobody hears of the
/// end before the beginning. What a lane has no room for stays in the store.
struct OutboxPump {
    /// One channel: its lane, and when it is looked after.
    private struct Line {
        let lane: Lane
        /// Whether every step of every alert is told on it.
        let isToldAll: Bool
        /// Given to the lane, and not yet marked in the store.
        var inHand: Set<Int64> = []
        /// What became of them, while the store does not take it.
        var reports: [Lane.Report] = []
        /// The store is asked for notices at this moment at the latest, and at once when something was recorded.
        var nextLook = SteadyTime(milliseconds: .min)
        /// nil while deliveries succeed.
        var failing: Failing?
        /// The next look takes also what is to wait longer: the channel has come back.
        var takesAll = false
        /// nil: as many notices as come.
        var allowance: RateAllowance?
        /// What no store has and did not arrive, with when it is tried again.
        var unstored: [(parcel: Lane.Parcel, due: SteadyTime)] = []
        /// What was given up since it was last asked for: how many, and why the last one.
        var givenUp: (count: Int, reason: String)?
    }

    /// A channel whose deliveries fail.
    private struct Failing {
        /// Rounds of reports without a success.
        var rounds: Int
        /// It is tried no sooner than this.
        var restsUntil: SteadyTime
        /// Whether there was no way to it, the last time.
        var isUnreachable: Bool
        /// The first of the rounds.
        var since: Timestamp
        /// Of the last of them.
        var reason: String
    }

    private var lines: [Line]
    private let schedule: DeliverySchedule
    private var hasGivenUpStrays = false
    /// In place of a number in the outbox.
    private static let pastStore: Int64 = -1
    /// So often is tried what no store has: for half an hour about.
    private static let unstoredAttemptsMax = 12

    /// `recipients`: the names of those channels of which the desk decides what they are told; the others hear every step.
    /// `perMinute`: how many notices those channels tell that have a limit.
    init(
        _ channels: [any NotificationChannel], recipients: Set<String> = [], perMinute: [String: Int] = [:],
        schedule: DeliverySchedule = DeliverySchedule()
    ) {
        lines = channels.map { channel in
            Line(
                lane: Lane(channel), isToldAll: !recipients.contains(channel.name),
                allowance: perMinute[channel.name].map { RateAllowance(perMinute: $0) })
        }
        self.schedule = schedule
    }

    /// As they stand in the outbox.
    var channelNames: [String] { lines.map(\.lane.name) }

    /// The channels on which every step is told.
    var toldAll: [String] { lines.filter(\.isToldAll).map(\.lane.name) }

    /// One a channel.
    var lanes: [Lane] { lines.map(\.lane) }

    /// Of the channels that fail now.
    var troubles: [ChannelTrouble] {
        lines.compactMap { line in
            line.failing.map {
                ChannelTrouble(
                    channel: line.lane.name, since: $0.since, rounds: $0.rounds, reason: $0.reason,
                    isUnreachable: $0.isUnreachable)
            }
        }
    }

    /// Something was recorded that may have to be told.
    mutating func wake() {
        for index in lines.indices { lines[index].nextLook = SteadyTime(milliseconds: .min) }
    }

    /// There is a way to the channel again: what waits for that is tried at once. Where it failed for another reason it
    /// rests as long as it was to: a broker may end the line for each notice that it refuses.
    mutating func isReachable(_ channel: String) {
        guard let index = lines.firstIndex(where: { $0.lane.name == channel }) else { return }
        guard lines[index].failing?.isUnreachable ?? true else { return }
        lines[index].nextLook = SteadyTime(milliseconds: .min)
        lines[index].failing = nil
        lines[index].takesAll = true
    }

    /// One round: reports in, due notices out, with what is to be done. Asks the store once a second, after `wake`, and while notices flow.
    mutating func pump(
        _ journal: Journal, at now: Moment, runbook: (AlertTransition) -> String? = { _ in nil },
        trouble: (StoreError) -> Void
    ) {
        for index in lines.indices {
            collect(&lines[index], now)
            retry(&lines[index], now)
        }
        do throws(StoreError) {
            if !hasGivenUpStrays {
                try journal.giveUpNotifications(exceptOn: channelNames, now: now.wall)
                hasGivenUpStrays = true
            }
            for index in lines.indices {
                try settle(&lines[index], journal, now)
                try supply(&lines[index], journal, now, runbook)
            }
        } catch {
            trouble(error)
        }
    }

    /// Gives a notice to its channel that is in no store; what becomes of it is not kept, and a stop forgets it. One that does not
    /// arrive is tried again.
    mutating func tell(_ notice: AlertNotice, pastStoreOn channel: String) {
        guard let line = lines.first(where: { $0.lane.name == channel }) else { return }
        line.lane.take([Lane.Parcel(id: Self.pastStore, attempts: 0, notice: notice)])
    }

    /// The last reports; nothing new is begun.
    mutating func stop(_ journal: Journal, at now: Moment, trouble: (StoreError) -> Void) {
        do throws(StoreError) {
            for index in lines.indices {
                lines[index].lane.stop()
                collect(&lines[index], now)
                try settle(&lines[index], journal, now)
            }
        } catch {
            trouble(error)
        }
    }

    /// Notices that lanes have in hand and have not reported on.
    var unreported: Int { lines.reduce(0) { $0 + $1.lane.unreported } }

    /// By channel, how many notices were given up since this was last asked, and why the last one.
    mutating func takeGivenUp() -> [(channel: String, count: Int, reason: String)] {
        defer { for index in lines.indices { lines[index].givenUp = nil } }
        return lines.compactMap { line in line.givenUp.map { (line.lane.name, $0.count, $0.reason) } }
    }

    /// What became of the notices in hand, whether or not the store takes it.
    private func collect(_ line: inout Line, _ now: Moment) {
        let fresh = line.lane.takeReports()
        if fresh.contains(where: { $0.delivery == .delivered }) {
            // What was to wait longer goes with the others.
            if line.failing != nil { line.takesAll = true }
            line.failing = nil
        } else if let last = fresh.last {
            let rounds = (line.failing?.rounds ?? 0) + 1
            let isUnreachable = if case .unreachable = last.delivery { true } else { false }
            line.failing = Failing(
                rounds: rounds, restsUntil: now.steady + schedule.delay(afterAttempts: rounds),
                isUnreachable: isUnreachable, since: line.failing?.since ?? now.wall, reason: last.delivery.reason ?? ""
            )
        }
        for report in fresh {
            guard report.parcel.id == Self.pastStore else {
                line.reports.append(report)
                continue
            }
            var parcel = report.parcel
            parcel.attempts += 1
            guard report.delivery != .delivered, parcel.attempts < Self.unstoredAttemptsMax else { continue }
            line.unstored.append((parcel, now.steady + schedule.delay(afterAttempts: parcel.attempts)))
        }
    }

    private func settle(_ line: inout Line, _ journal: Journal, _ now: Moment) throws(StoreError) {
        guard !line.reports.isEmpty else { return }
        var delivered: [Int64] = []
        var failed: [FailedNotification] = []
        for report in line.reports {
            switch report.delivery {
            case .delivered: delivered.append(report.parcel.id)
            case .failed(let reason), .unreachable(let reason):
                let wait = schedule.delay(afterAttempts: report.parcel.attempts + 1)
                failed.append(FailedNotification(id: report.parcel.id, error: reason, nextAttempt: now.wall + wait))
            }
        }
        try journal.mark(delivered: delivered, failed: failed, now: now.wall)
        if let last = line.failing, last.rounds >= DeliverySchedule.roundsMin {
            let reason = "given up after \(schedule.giveUpAfter.shortForm): \(last.reason)"
            let count = try journal.giveUpNotifications(
                on: line.lane.name, olderThan: schedule.giveUpAfter, because: reason, now: now)
            if count > 0 { line.givenUp = ((line.givenUp?.count ?? 0) + count, reason) }
        }
        line.inHand.subtract(line.reports.map(\.parcel.id))
        line.reports = []
        line.nextLook = SteadyTime(milliseconds: .min)
    }

    /// What the store does not have is tried whether or not the store answers.
    private func retry(_ line: inout Line, _ now: Moment) {
        let due = line.unstored.filter { $0.due <= now.steady }
        guard !due.isEmpty else { return }
        line.unstored.removeAll { $0.due <= now.steady }
        line.lane.take(due.map(\.parcel))
    }

    private func supply(
        _ line: inout Line, _ journal: Journal, _ now: Moment, _ runbook: (AlertTransition) -> String?
    ) throws(StoreError) {
        let room = min(Lane.parcelsMax - line.inHand.count, line.allowance?.available(at: now.steady) ?? .max)
        guard room > 0, line.nextLook <= now.steady else { return }
        if let until = line.failing?.restsUntil, until > now.steady { return }
        line.nextLook = now.steady + .seconds(1)
        let due = try journal.pendingNotifications(
            on: line.lane.name, atMost: room + line.inHand.count, now: now,
            waitMax: line.takesAll ? .zero : schedule.delayMax)
        line.takesAll = false
        let fresh = due.filter { !line.inHand.contains($0.id) }
        // A channel that fails is asked with one notice, not with two hundred.
        var parcels: [Lane.Parcel] = []
        for pending in fresh.prefix(line.failing == nil ? room : 1) {
            let notice = AlertNotice(pending, try journal.takeUp(pending), runbook)
            parcels.append(Lane.Parcel(id: pending.id, attempts: pending.attempts, notice: notice))
        }
        line.allowance?.take(parcels.count)
        line.inHand.formUnion(parcels.map(\.id))
        line.lane.take(parcels)
    }
}

extension AlertNotice {
    /// Of a step that no store has.
    init(unstored step: AlertTransition, _ registry: SeriesRegistry, runbook: String?) {
        let series = step.key.subject.series.map { registry.series[$0.index] }
        self.init(
            alertID: Self.unstoredID, rule: step.key.rule, subject: step.key.subject.kind,
            name: step.key.subject.name(in: registry), quantity: series?.quantity.name,
            channel: step.key.subject.series.flatMap { registry.channelName(of: $0) }, phase: step.to,
            severity: step.severity, since: step.since, at: step.at, value: step.value,
            unit: step.meaning.statisticUnit ?? series?.quantity.unit,
            sentence: step.sentence + " (the store does not take it yet: it has no number)",
            runbook: step.isEnd ? nil : runbook)
    }

    /// Of several the first that is listed stands for all.
    fileprivate init(
        _ pending: PendingNotification, _ members: NoticeMembers?, _ runbook: (AlertTransition) -> String?
    ) {
        let pending = members?.listed.first ?? pending
        let transition = pending.transition
        self.init(
            alertID: pending.alertID, rule: transition.key.rule, subject: transition.key.subject.kind,
            name: pending.subject, quantity: pending.quantity?.name, channel: pending.deviceChannel,
            phase: transition.to,
            severity: transition.severity, since: transition.since, at: transition.at, value: transition.value,
            unit: transition.meaning.statisticUnit ?? pending.quantity?.unit, sentence: transition.sentence,
            toldSeverity: pending.toldSeverity, isFlapping: pending.isFlapping,
            runbook: transition.isEnd ? nil : runbook(transition),
            group: members.flatMap { $0.count > 1 ? Group($0) : nil })
    }
}

extension AlertNotice.Group {
    fileprivate init(_ members: NoticeMembers) {
        self.init(
            name: members.group, count: members.count, phases: members.phases,
            listed: members.listed.map {
                AlertNotice.Member(
                    alertID: $0.alertID, name: $0.subject, phase: $0.transition.to, severity: $0.transition.severity,
                    sentence: $0.transition.sentence)
            })
    }
}
