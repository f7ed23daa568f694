public import Basics
package import Telemetry

/// A lamp as its circuit sees it.
public struct CircuitLamp<ID: Hashable & Sendable>: Equatable, Sendable {
    /// Whether the lamp is down, and how that is known.
    public enum Condition: Equatable, Sendable {
        case well
        /// `since` of its finding `lampOut`.
        case out(since: Timestamp)
        /// Not heard for longer than it may; `since` it was last heard. Where the circuit is without voltage by day,
        /// only by night.
        case silent(since: Timestamp)

        /// Since when it is down; nil for one that is well.
        public var downSince: Timestamp? {
            switch self {
            case .well: nil
            case .out(let since), .silent(let since): since
            }
        }
    }

    /// By which the verdict names it.
    public var id: ID
    /// As of now.
    public var condition: Condition
    /// Its newest message.
    public var heard: Timestamp

    package init(id: ID, condition: Condition, heard: Timestamp) {
        self.id = id
        self.condition = condition
        self.heard = heard
    }
}

/// Many lamps of one circuit that went down at once: it is the feeder, not the lamps.
public struct FeederFault: Equatable, Sendable {
    /// Lamps that speak and do not burn.
    public let out: Int
    /// Lamps that are not heard any more.
    public let silent: Int
    /// Lamps of the circuit that were heard lately.
    public let lamps: Int
    /// The first of them went down.
    public let since: Timestamp

    /// `Feeder fault: 18 of 20 lamps are down (15 out, 3 silent), for 12 min`.
    public func sentence(at now: Timestamp) -> String { meaning(at: now).words }

    /// The same before it is put into words.
    package func meaning(at now: Timestamp) -> Sentence {
        Sentence(
            .feederFault,
            [
                .count: .count(out + silent), .lamps: .count(lamps), .out: .count(out), .silent: .count(silent),
                .span: .span(now - since),
            ])
    }
}

/// What a circuit's lamps say together.
public struct CircuitVerdict<ID: Hashable & Sendable>: Equatable, Sendable {
    /// nil where too few lamps went down together.
    public let feeder: FeederFault?
    /// Down by the feeder: their own findings are withheld.
    public let explained: [ID]
    /// Down for less than the settle time: withheld until their neighbours could be heard.
    public let held: [ID]
    /// Down by themselves.
    public let own: [ID]
}

/// When lamps of one circuit are down by their feeder.
public struct CircuitRules: Equatable, Sendable {
    /// With fewer down together it is no fault of the feeder.
    public var lampsMin = 3
    /// Of the lamps that were heard lately. A fault that stands does so until half of that is reached.
    public var shareMin = 0.5
    /// They went down within this time: by the years any circuit gathers dead lamps.
    public var together: Duration
    /// A lamp that is down is held back for this long.
    public var settle: Duration
    /// A lamp not heard for this long before the fault is not of the circuit any more.
    public var heardWithin: Duration = .seconds(86_400)

    /// `cadence` is how often the slowest of the circuit's lamps speaks. A lamp is out by its third report and silent
    /// after its allowance, so all are known to be down a cadence after that: the settle time; `together` is as long, at
    /// least 15 min.
    public init(cadence: Duration) {
        settle = Staleness.allowance(cadence: cadence) + cadence
        together = max(.seconds(900), settle)
    }

    /// Lamps of one circuit, in any order; the answer keeps it. `standing`: this circuit's feeder fault was told before
    /// and has not ended.
    public func verdict<ID>(_ lamps: [CircuitLamp<ID>], at now: Timestamp, standing: Bool = false)
        -> CircuitVerdict<ID>
    {
        let feeder = feeder(lamps, standing: standing)
        var (explained, held, own): ([ID], [ID], [ID]) = ([], [], [])
        for lamp in lamps {
            guard let since = lamp.condition.downSince else { continue }
            // What goes down later on a dead feeder is not known to be faulty either.
            if let feeder, since >= feeder.since {
                explained.append(lamp.id)
            } else if now - since < settle {
                held.append(lamp.id)
            } else {
                own.append(lamp.id)
            }
        }
        return CircuitVerdict(feeder: feeder, explained: explained, held: held, own: own)
    }

    private func feeder<ID>(_ lamps: [CircuitLamp<ID>], standing: Bool) -> FeederFault? {
        let times = lamps.compactMap(\.condition.downSince).sorted()
        // The most that went down within `together`; of equals the first.
        var (start, best, bestStart) = (0, 0, 0)
        for end in times.indices {
            while start < end, times[end] - times[start] > together { start += 1 }
            if end - start + 1 > best { (best, bestStart) = (end - start + 1, start) }
        }
        guard best >= max(lampsMin, 1) else { return nil }
        // Where they go down one after the other, more of the same event may lie before than fit into the time.
        let since = times.first { times[bestStart] - $0 <= together } ?? times[bestStart]
        let heard = lamps.filter { $0.heard >= since - heardWithin }
        let share = standing ? shareMin / 2 : shareMin
        guard Double(best) >= share * Double(heard.count) else { return nil }
        var (out, silent) = (0, 0)
        for lamp in heard {
            switch lamp.condition {
            case .out(let down) where down >= since: out += 1
            case .silent(let down) where down >= since: silent += 1
            case .well, .out, .silent: break
            }
        }
        return FeederFault(out: out, silent: silent, lamps: heard.count, since: since)
    }
}
