import Basics
import Contract
import Glibc
import Logging
import Store
import Telemetry

/// What the gateway has itself, as findings about it and its broker: rules make alerts of them as of those about lamps.
///
/// Told each second for as long as it holds. A rule clears it when it was not told for a while; what is an event alone (messages
/// that the broker threw away) is told once.
struct OwnConditions {
    /// Shorter troubles end by themselves, and waking somebody for them helps nobody.
    private static let brokerPatience = Duration.seconds(60)
    private static let storePatience = Duration.seconds(15)
    private static let ingestPatience = Duration.seconds(60)
    private static let clockPatience = Duration.seconds(600)
    private static let channelRounds = 3
    /// The disk and the kernel's clock are asked so often.
    private static let lookEvery = Duration.seconds(10)

    /// Since when each holds without a break, by the machine's own clock.
    private var since: [Finding.Kind: SteadyTime] = [:]
    private var lastLook: SteadyTime?
    private var room: DiskRoom?
    private var isSynchronised = true
    private var dropped: Int64 = 0
    /// The store has refused readings, and has taken none since: a trouble with anything else stops nobody's messages.
    var isRefused = false
    private let folder: String

    /// `folder`: of the store.
    init(folder: String) { self.folder = folder }

    /// What the loop knows beside what is in the live view.
    struct Facts {
        var isConnected: Bool
        /// More waits on the line than the last turn could take on.
        var isSaturated: Bool
        /// What the store refuses with: nothing is acknowledged meanwhile.
        var storeTrouble: String?
    }

    /// The findings of this second, those about the gateway first.
    mutating func look(_ facts: Facts, _ live: LiveView, at now: Moment) -> [Finding] {
        if lastLook.map({ now.steady - $0 >= Self.lookEvery }) ?? true {
            lastLook = now.steady
            room = DiskRoom(folder)
            isSynchronised = KernelClock.isSynchronised
        }
        let status = live.current
        return gateway(facts, status, at: now) + clock(live, at: now) + channels(live, at: now)
            + broker(facts, status, at: now)
    }

    private mutating func gateway(_ facts: Facts, _ status: LiveStatusAnswer, at now: Moment) -> [Finding] {
        var findings: [Finding] = []
        let refusing = lasting(.storeRefuses, facts.storeTrouble != nil, at: now)
        if let trouble = facts.storeTrouble, refusing >= Self.storePatience {
            findings.append(Self.finding(.storeRefuses, .storeRefuses, [.text: .text(trouble)], severity: 1, at: now))
        }
        if let room, room.level != .good {
            findings.append(
                Self.finding(
                    .diskLow, .diskLow,
                    [
                        .room: .number(Double(room.freeMegabytes), unit: "MB"),
                        .share: .number(room.freePercent, unit: "%"),
                    ],
                    value: room.freePercent, severity: room.level == .bad ? 1 : 0.6, at: now))
        }
        if let scrub = status.scrub, let first = scrub.found.first {
            findings.append(
                Self.finding(
                    .storeDamaged, .storeDamaged, [.count: .count(scrub.found.count), .text: .text(first)],
                    value: Double(scrub.found.count), severity: 1, at: now))
        }
        if let refused = status.refusedReload {
            findings.append(
                Self.finding(
                    .reloadRefused, .reloadRefused, [.text: .text(refused.reason.replacing("\n", with: "; "))], at: now)
            )
        }
        let behind = lasting(.ingestBehind, facts.isSaturated, at: now)
        if behind >= Self.ingestPatience {
            findings.append(
                Self.finding(.ingestBehind, .ingestBehind, [.span: .span(behind)], value: behind.inSeconds, at: now))
        }
        return findings
    }

    private mutating func clock(_ live: LiveView, at now: Moment) -> [Finding] {
        let span = lasting(.clockUnset, !isSynchronised, at: now)
        if span >= Self.clockPatience {
            return [Self.finding(.clockUnset, .clockUnsynchronised, [.span: .span(span)], at: now)]
        }
        let clock = live.clock
        guard let last = clock.last, !clock.isTrusted else { return [] }
        return [
            Self.finding(
                .clockUnset, .clockSet, [.step: .number(Double(last.by.milliseconds) / 1000, unit: "s")], at: now)
        ]
    }

    /// One finding of all that fail: it is the gateway that does not tell.
    private func channels(_ live: LiveView, at now: Moment) -> [Finding] {
        // The way to the broker is told of the broker.
        let failing = live.channelTroubles.filter { !$0.isUnreachable && $0.rounds >= Self.channelRounds }
        guard let first = failing.max(by: { $0.rounds < $1.rounds }) else { return [] }
        let span = max(.zero, now.wall - first.since)
        return [
            Self.finding(
                .channelFailing, .channelFailing,
                [
                    .text: .text(
                        failing.count == 1
                            ? first.reason : failing.map { "\($0.channel): \($0.reason)" }.joined(separator: "; ")),
                    .count: .count(first.rounds), .span: .span(span),
                    .channel: .text(failing.map(\.channel).joined(separator: ", ")),
                ], value: Double(failing.count), severity: 1, at: now)
        ]
    }

    private mutating func broker(_ facts: Facts, _ status: LiveStatusAnswer, at now: Moment) -> [Finding] {
        var findings: [Finding] = []
        // Where the store refuses, it is the gateway that drops the line.
        let away = lasting(.brokerLost, !facts.isConnected && facts.storeTrouble == nil, at: now)
        if away >= Self.brokerPatience {
            findings.append(
                Self.finding(
                    .brokerLost, .brokerLost, [.span: .span(away)], value: away.inSeconds, severity: 1, at: now))
        }
        if status.droppedByBroker > dropped {
            let count = Int(status.droppedByBroker - dropped)
            dropped = status.droppedByBroker
            findings.append(
                Self.finding(
                    .messagesDropped, .messagesDropped, [.count: .count(count)], value: Double(count), severity: 1,
                    at: now))
        }
        return findings
    }

    /// For how long it has held, to this moment; zero where it does not.
    private mutating func lasting(_ kind: Finding.Kind, _ holds: Bool, at now: Moment) -> Duration {
        guard holds else {
            since[kind] = nil
            return .zero
        }
        let began = since[kind] ?? now.steady
        since[kind] = began
        return now.steady - began
    }

    private static func finding(
        _ kind: Finding.Kind, _ key: Sentence.Key, _ values: [Sentence.Name: Sentence.Value?], value: Double? = nil,
        severity: Double = 0.6, at now: Moment
    ) -> Finding {
        Finding(
            subject: kind.ownSubject ?? .gateway, kind: kind, observed: now.wall, value: value, severity: severity,
            sentence: Sentence(key, values))
    }
}

/// Room on the disk of a folder, as those count who are not root.
struct DiskRoom {
    let freeMegabytes: Int
    /// 0 to 100.
    let freePercent: Double

    /// nil where it cannot be read.
    init?(_ folder: String) {
        var system = statvfs()
        guard statvfs(folder, &system) == 0, system.f_blocks > 0 else { return nil }
        freeMegabytes = Int(system.f_bavail) * Int(system.f_frsize) / 1_048_576
        freePercent = (Double(system.f_bavail) / Double(system.f_blocks) * 1000).rounded() / 10
    }

    var level: Diagnosis.Level { freePercent < 1 ? .bad : freePercent < 5 ? .warning : .good }
}

extension IngestLoop {
    /// What the gateway has itself, this second.
    func ownFindings(at moment: Moment) -> [Finding] {
        own.look(
            OwnConditions.Facts(
                isConnected: broker.isConnected, isSaturated: isSaturated,
                storeTrouble: own.isRefused ? storeTrouble.map { "\($0)" } : nil),
            live, at: moment)
    }

    /// The broker's count has changed. Kept, so that what it throws away while the gateway is away is told too.
    func noteDropped(_ total: Int, _ increase: Int) {
        do throws(StoreError) { try journal.keepDropped(total) } catch { complain(error) }
        guard increase > 0 else { return }
        log.error(
            "the broker threw messages away; raise its max_queued_messages",
            metadata: ["dropped": "\(increase)", "dropped_total": "\(total)"])
    }
}
