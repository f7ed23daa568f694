import Alerting
import Basics
import Telemetry

/// Since when the gateway listened without a gap and on one clock: what a window may be called whole by.
///
/// No part of the state: a gateway that was stopped was deaf. Owned by the pipeline.
struct WholeTime {
    /// A line that is slow is no gap, nor is a clock that is slewed.
    private static let slack = ClockStep.least

    private var last: Moment?
    /// When the gateway was last deaf, or the wall clock set; nil before it first listened.
    private var since: SteadyTime?
    /// When the wall clock was last set back: what bears the times that came again stands twice.
    private var againSince: SteadyTime?
    /// What was not listened to before `since`.
    private var deaf = Duration.zero
    /// Series that spoke for the first time, and when.
    private var begun: [SeriesID: SteadyTime] = [:]

    /// To be told of each turn, and about once a second.
    mutating func follow(_ moment: Moment) {
        defer { last = moment }
        guard let last else { return begin(moment) }
        if let step = ClockStep(from: last, to: moment) {
            begin(moment)
            if step.by < .zero { againSince = moment.steady }
        } else if moment.steady - moment.listened > deaf + Self.slack, moment.listened > last.listened {
            // It hears again, and nobody knows what there was.
            begin(moment)
        }
    }

    private mutating func begin(_ moment: Moment) {
        since = moment.steady
        deaf = moment.steady - moment.listened
    }

    /// A series that was not known before this turn.
    mutating func begin(_ series: SeriesID, at moment: Moment) { begun[series] = moment.steady }

    /// What there is of the window of this length that ends now.
    func extent(of series: SeriesID, over length: Duration, at moment: Moment) -> WindowExtent {
        if let againSince, moment.steady - againSince < length { return .mixed }
        guard moment.steady - moment.listened <= deaf + Self.slack, let since,
            moment.steady - since >= length,
            begun[series].map({ moment.steady - $0 >= length }) ?? true
        else { return .part }
        return .whole
    }
}
