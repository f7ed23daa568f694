public import Basics
public import Telemetry

/// What one evaluation of a condition says.
public enum Verdict: Equatable, Sendable {
    /// Beyond the raise level.
    case holds
    /// Between the raise and the clear level.
    case between
    /// Back inside the clear level.
    case clears
    /// There is nothing to judge by.
    case noData
}

/// The phase of an alert, with what the next step needs to know.
public enum AlertState: Equatable, Sendable {
    case inactive
    /// `held` is where its hold time began, in the time that the gateway listened.
    case pending(since: Timestamp, held: SteadyTime)
    case firing(since: Timestamp)
    /// Firing, and back inside the clear level since `held`, in the time that the gateway listened.
    case clearing(since: Timestamp, held: SteadyTime)
    /// The data stopped. `since` is when the condition began to hold, `wasFiring` whether people had been told.
    case unknown(since: Timestamp, wasFiring: Bool)

    /// The state after one evaluation; `hold` is how long the condition must hold before it fires, `clearHold` how long it must
    /// be clear before that is over.
    public func next(
        _ verdict: Verdict, hold: Duration, clearHold: Duration = .zero, at now: Moment
    ) -> AlertState {
        switch (self, verdict) {
        case (.inactive, .holds): Self.begun(hold, now)
        case (.inactive, .between), (.inactive, .clears), (.inactive, .noData): .inactive

        case (.pending(let since, let held), .holds): now.listened - held >= hold ? .firing(since: since) : self
        case (.pending, .between), (.pending, .clears): .inactive
        case (.pending(let since, _), .noData): .unknown(since: since, wasFiring: false)

        case (.firing, .holds), (.firing, .between): self
        case (.firing(let since), .clears):
            clearHold == .zero ? .inactive : .clearing(since: since, held: now.listened)
        case (.firing(let since), .noData): .unknown(since: since, wasFiring: true)

        case (.clearing(let since, _), .holds), (.clearing(let since, _), .between): .firing(since: since)
        case (.clearing(_, let held), .clears): now.listened - held >= clearHold ? .inactive : self
        case (.clearing(let since, _), .noData): .unknown(since: since, wasFiring: true)

        case (.unknown, .noData): self
        // People were told that nobody knows: that it fires is told before it may be clearing, of which they are not.
        case (.unknown(let since, true), .clears): clearHold == .zero ? .inactive : .firing(since: since)
        case (.unknown(_, false), .clears): .inactive
        case (.unknown(let since, true), .holds), (.unknown(let since, true), .between): .firing(since: since)
        // Nobody had been told and nobody knows whether it held meanwhile: the hold time begins anew.
        case (.unknown(_, false), .holds): Self.begun(hold, now)
        case (.unknown(_, false), .between): .inactive
        }
    }

    private static func begun(_ hold: Duration, _ now: Moment) -> AlertState {
        hold == .zero ? .firing(since: now.wall) : .pending(since: now.wall, held: now.listened)
    }

    /// The phase as it is stored and shown; the end of an alert that people were told of is `resolved`.
    public func phase(after previous: AlertState) -> AlertPhase {
        switch self {
        case .pending: .pending
        case .firing: .firing
        case .clearing: .clearing
        case .unknown: .unknown
        case .inactive:
            switch previous {
            case .firing, .clearing, .unknown(_, true): .resolved
            case .inactive, .pending, .unknown(_, false): .inactive
            }
        }
    }

    var since: Timestamp? {
        switch self {
        case .inactive: nil
        case .pending(let since, _), .firing(let since), .clearing(let since, _), .unknown(let since, _): since
        }
    }
}

extension AlertState {
    /// The state that the last stored transition of an alert led to; `listened` is when it took that step.
    public init(_ phase: AlertPhase, after previous: AlertPhase, since: Timestamp, listened: SteadyTime) {
        switch phase {
        case .inactive, .resolved: self = .inactive
        case .pending: self = .pending(since: since, held: listened)
        case .firing: self = .firing(since: since)
        case .clearing: self = .clearing(since: since, held: listened)
        case .unknown: self = .unknown(since: since, wasFiring: AlertPhase.up.contains(previous))
        }
    }
}
