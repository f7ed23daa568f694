import Basics
import Broker
import Contract
import Store
import Synchronization
import Telemetry

/// The live numbers that readers see: written by the ingest thread, read by any.
final class LiveView: Sendable {
    private struct State {
        var status: LiveStatusAnswer
        var session: BrokerEvent.Session?
        /// The broker had forgotten our session when we came back to it.
        var sessionWasLost = false
        var wasConnected = false
        /// Parts of the stored state that this start could not read.
        var losses: Losses?
        /// nil where the store's story was never lost.
        var lostStory: LostStory?
        /// How often another client took the session.
        var takeovers = Takeovers()
        /// As the broker says.
        var brokerVersion: String?
        /// The last step of a change of the client id; nil where there is none.
        var handover: BrokerEvent.Handover?
        /// The store is new, and the broker had a session for us.
        var isBrokerOlder = false
        /// Open alerts that the broker has words on and the store does not know.
        var strangeAlerts: (named: [Int64], count: Int) = ([], 0)
        var astray = AstrayClocks()
        var channelTroubles: [ChannelTrouble] = []
        var clockSteps: Int64 = 0
        var lastStep: ClockStep?
        var isClockTrusted = false
        /// The store has no room: what it refuses, and that the broker hangs up, follow from it.
        var isDiskFull = false
        /// When what the status names came about, by the machine's own clock.
        var marks: Marks
    }

    private struct Marks {
        var start: SteadyTime
        var turn: SteadyTime
        var connection: SteadyTime
        var refusal: SteadyTime
    }

    /// Parts of the stored state that this start could not read.
    struct Losses: Sendable {
        var sentences: [String]
        /// Files with the bytes of them, in the store's folder.
        var kept: [String]
        /// They are learnt anew since.
        var since: Timestamp
    }

    private let state: Mutex<State>

    /// Runs on whatever the wall clock is set to.
    private let running: @Sendable () -> SteadyTime

    init(_ status: LiveStatusAnswer, running: @escaping @Sendable () -> SteadyTime = MachineClocks.linux.running) {
        self.running = running
        let now = running()
        state = Mutex(
            State(status: status, marks: Marks(start: now, turn: now, connection: now, refusal: now)))
    }

    var current: LiveStatusAnswer {
        state.withLock { state in
            let now = running()
            var status = state.status
            status.upSeconds = (now - state.marks.start).inSeconds
            status.lastTurnSecondsAgo = (now - state.marks.turn).inSeconds
            if status.brokerConnected { status.brokerConnectedSeconds = (now - state.marks.connection).inSeconds }
            status.refusedReload?.secondsAgo = (now - state.marks.refusal).inSeconds
            return status
        }
    }
    var session: BrokerEvent.Session? { state.withLock { $0.session } }
    var sessionWasLost: Bool { state.withLock { $0.sessionWasLost } }

    /// nil where this start read all of the stored state.
    var losses: Losses? { state.withLock { $0.losses } }

    /// Steps of the wall clock that the store knows of, and the last one.
    var clock: (steps: Int64, last: ClockStep?, isTrusted: Bool) {
        state.withLock { ($0.clockSteps, $0.lastStep, $0.isClockTrusted) }
    }

    func remember(_ clock: TurnClock) {
        state.withLock {
            ($0.clockSteps, $0.lastStep, $0.isClockTrusted) = (clock.steps, clock.lastStep, clock.isTrusted)
        }
    }

    func remember(_ losses: Losses) { state.withLock { $0.losses = losses } }

    var lostStory: LostStory? { state.withLock { $0.lostStory } }
    var isBrokerOlder: Bool { state.withLock { $0.isBrokerOlder } }
    var strangeAlerts: (named: [Int64], count: Int) { state.withLock { $0.strangeAlerts } }

    func remember(_ lost: LostStory) { state.withLock { $0.lostStory = lost } }
    func rememberOlderBroker() { state.withLock { $0.isBrokerOlder = true } }
    func rememberStrange(_ named: [Int64], count: Int) { state.withLock { $0.strangeAlerts = (named, count) } }

    var takeovers: Takeovers { state.withLock { $0.takeovers } }
    var brokerVersion: String? { state.withLock { $0.brokerVersion } }
    var handover: BrokerEvent.Handover? { state.withLock { $0.handover } }

    func remember(_ takeovers: Takeovers) { state.withLock { $0.takeovers = takeovers } }

    var astray: AstrayClocks { state.withLock { $0.astray } }
    func remember(_ astray: AstrayClocks) { state.withLock { $0.astray = astray } }

    /// Of the channels that tell nobody now.
    var channelTroubles: [ChannelTrouble] { state.withLock { $0.channelTroubles } }
    func remember(_ troubles: [ChannelTrouble]) { state.withLock { $0.channelTroubles = troubles } }

    var isDiskFull: Bool { state.withLock { $0.isDiskFull } }

    func remember(_ scrub: LiveStatusAnswer.Scrub) { state.withLock { $0.status.scrub = scrub } }

    /// nil where the store takes what it is given.
    func rememberTrouble(_ trouble: StoreError?, isDiskFull: Bool) {
        state.withLock { state in
            state.status.storeTrouble = trouble.map { "\($0)" }
            state.isDiskFull = isDiskFull || trouble?.isDiskFull == true
        }
    }

    func update(_ change: (inout LiveStatusAnswer) -> Void) {
        state.withLock { state in
            let before = state.status
            change(&state.status)
            let now = running()
            if state.status.turns != before.turns { state.marks.turn = now }
            let isNewConnection =
                !before.brokerConnected || state.status.brokerConnectedSince != before.brokerConnectedSince
            if state.status.brokerConnected, isNewConnection { state.marks.connection = now }
            if state.status.refusedReload != before.refusedReload { state.marks.refusal = now }
        }
    }

    func remember(_ event: BrokerEvent) {
        state.withLock { state in
            switch event {
            case .connected(let session):
                if state.wasConnected, !session.isPresent { state.sessionWasLost = true }
                state.wasConnected = true
                state.session = session
            case .droppedByBroker(_, let increase): state.status.droppedByBroker += Int64(increase)
            case .version(let text): state.brokerVersion = text
            case .handover(let step): state.handover = step
            case .disconnected, .connectFailed, .subscribed, .subscriptionRefused, .publishRefused: break
            }
        }
    }
}
