public import Basics
import Frames
public import Telemetry

/// Which of what is stored makes the turns of a time that is over.
public struct PastTurnsRequest {
    /// From the first reading of this time on …
    public var since: Timestamp
    /// … to before this one.
    public var until: Timestamp
    /// By series: whose values are wanted. Of others the turns tell at most that their device was heard.
    public var series: [Bool]
    /// By device: of whom it is wanted that it was heard.
    public var devices: [Bool]
    /// When nobody at all was heard for longer, nobody listened: the gateway was stopped, or had no line.
    public var quietMax: Duration

    /// Series and devices beyond the lists are not wanted.
    public init(since: Timestamp, until: Timestamp, series: [Bool], devices: [Bool], quietMax: Duration) {
        self.since = since
        self.until = until
        self.series = series
        self.devices = devices
        self.quietMax = quietMax
    }
}

extension Archive {
    /// Values that are held at a time, about.
    private static let valuesAtHand = 1_000_000
    private static let slices: ClosedRange<Int64> = 600_000...(32 * FrameKey.dayMilliseconds)

    /// What there is of a span, turn by turn in order of time.
    ///
    /// What waits in the journal comes as it was taken on, with its clocks. Of what is in the day files only readings and
    /// their times are known: each counts as received when it was measured, and those of one second make a turn. The steady
    /// clock of the turns begins with the number of `since`. Throws what `body` throws, and where the store does not read;
    /// single damaged frames are left out (`takeDamagedFrames`).
    public func forEachTurn(_ request: PastTurnsRequest, _ body: (Turn) throws -> Void) throws {
        var past = Past(request)
        var last: Int64?
        while true {
            try withSnapshot { _ in }
            let sealedThrough = tail.sealedThrough
            if last == nil || sealedThrough > last! {
                // Up to the first turn that waits: what it brings was measured before it.
                let end = try firstWaiting(after: sealedThrough).map { min($0, request.until) } ?? request.until
                try sealedTurns(&past, until: end.milliseconds, body)
                last = sealedThrough
            }
            do {
                try replayTail(after: last!) { turn in
                    last = turn.journalID
                    guard turn.now >= past.next, turn.now < request.until else { return }
                    try body(past.follow(turn))
                }
                return
            } catch StoreError.sealedMeanwhile {
                // The gateway sealed: what is left lies in the day files now.
                continue
            }
        }
    }

    private func firstWaiting(after sealedThrough: Int64) throws -> Timestamp? {
        struct Found: Error {}
        var first: Timestamp?
        do {
            try replayTail(after: sealedThrough) { turn in
                first = turn.now
                throw Found()
            }
        } catch is Found {}
        return first
    }

    /// Where a walk through time that is over has come to.
    private struct Past {
        let request: PastTurnsRequest
        /// What comes next is not before it.
        var next: Timestamp
        /// Of the newest turn, in the walk's own steady time.
        var moment: Moment
        /// The same as the store had it, where it did.
        var stored: Moment?
        var length: Int64?

        init(_ request: PastTurnsRequest) {
            self.request = request
            next = request.since
            moment = Moment(request.since)
        }

        /// Time goes on to a reading of the day files.
        mutating func go(to time: Int64) {
            let passed = max(.zero, Timestamp(milliseconds: time) - moment.wall)
            moment = Moment(
                wall: Timestamp(milliseconds: time), steady: moment.steady + passed,
                listened: moment.listened + min(passed, request.quietMax))
        }

        /// A turn that waited in the journal, with the walk's clocks.
        mutating func follow(_ turn: Turn) -> Turn {
            if let stored {
                moment = Moment(
                    wall: turn.now, steady: moment.steady + (turn.moment.steady - stored.steady),
                    listened: moment.listened + (turn.moment.listened - stored.listened))
            } else {
                go(to: turn.now.milliseconds)
            }
            stored = turn.moment
            next = max(next, turn.now)
            var turn = turn
            turn.moment = moment
            return turn
        }
    }

    // MARK: Day files

    private func sealedTurns(_ past: inout Past, until end: Int64, _ body: (Turn) throws -> Void) throws {
        let parts = sealed.manifest.live
        guard let first = parts.map(\.first).min(), let newest = parts.map(\.last).max() else { return }
        past.stored = nil
        var start = max(past.next.milliseconds, first)
        let end = min(end, newest + 1)
        let days = parts.reduce(0) { $0 + Double($1.days.count) }
        let rows = parts.reduce(0) { $0 + Double($1.rows) } / max(1, days)
        let values = rows * Double(registry.seriesCount) / Double(max(1, registry.streamCount))
        var length = Int64(Double(Self.valuesAtHand) / max(1, values) * Double(FrameKey.dayMilliseconds))
        var slice = PastSlice()
        let reader = SeriesReader(registry: registry, tail: Tail(), toldThrough: toldThrough, files: files[0])
        while start < end {
            length = min(max(length, Self.slices.lowerBound), Self.slices.upperBound)
            let stop = min(end, start + length)
            try slice.read(reader, past.request, start..<stop)
            try slice.forEachTurn(
                {
                    past.go(to: $0)
                    return past.moment
                }, body)
            // What is at hand grows and shrinks with what there is.
            if slice.valueCount > 2 * Self.valuesAtHand { length /= 2 }
            if slice.valueCount < Self.valuesAtHand / 4 { length *= 2 }
            start = stop
        }
        past.next = Timestamp(milliseconds: max(past.next.milliseconds, end))
    }
}
