/// When a series of scores is worth an alert. It is worth 4 to 10 points of the benchmark to any detector.
///
/// A series that often peaks must peak higher, each alert raises the bar for the next ones, and none follows another
/// within 40 readings.
struct AlertDiscipline: BitwiseCopyable {
    /// The highest score of late: loses a thousandth a reading.
    var peak = 0.0
    /// By how much the threshold is raised, as a part of it.
    var raised = 0.0
    /// Readings since the last alert.
    var sinceAlert = Int.max

    static let restReadings = 40
    private static let decay = 0.9993335555061811  // exp(-1/1500)

    /// 0 where there is no alert, else 0.5 or more and less than 1.
    @inline(__always)
    mutating func severity(of score: Double, threshold: Double) -> Double {
        let excess = score - 0.4 * peak
        peak = max(0.999 * peak, score)
        raised *= Self.decay
        if sinceAlert < Int.max { sinceAlert += 1 }
        let bar = threshold * (1 + raised)
        guard excess >= bar, sinceAlert > Self.restReadings else { return 0 }
        raised += 0.5
        sinceAlert = 0
        return 1 - 0.5 * bar / excess
    }
}
