import Basics
import Telemetry

/// Whether a gap between two readings of a series was a silence of its device.
///
/// Their times alone do not tell: a message without a time of its own has ours, and between two of those the wall clock may have
/// been set, or the gateway may not have heard the broker. So what came as it was measured is held against the time that was
/// listened to meanwhile. What a device kept and gives back has its own times, which decide.
struct GapWitness {
    private struct Arrival {
        var listened: SteadyTime
        /// How long after it was measured it came, milliseconds.
        var lag: Int64
    }

    /// Of series whose gaps are told; none before the first reading since the start that no seal had taken.
    private var arrivals: [SeriesID: Arrival] = [:]
    /// Later than this no device gives back what it kept: its clock was wrong.
    private static let lagMax: Int64 = 30 * 86_400_000

    /// Takes a reading in, once it was judged.
    mutating func note(_ reading: Reading, at moment: Moment) {
        arrivals[reading.series] = Arrival(
            listened: moment.listened, lag: moment.wall.milliseconds &- reading.observed.milliseconds)
    }

    /// False for a gap that is none of the device's doing, or of which nobody can know. Anything else is believed.
    func believes(_ anomaly: Anomaly, of reading: Reading, at moment: Moment) -> Bool {
        guard case .gap(let silence, let interval) = anomaly.evidence else { return true }
        guard let before = arrivals[reading.series] else { return false }
        let isKept = before.lag > max(silence.milliseconds / 2, 2 * interval.milliseconds)
        guard !isKept else { return before.lag < Self.lagMax }
        return moment.listened - before.listened > .milliseconds(silence.milliseconds / 2)
    }
}
