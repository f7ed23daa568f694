import Basics
public import Telemetry

/// Devices that measure the same thing near each other: which of them has stood apart for several rounds.
///
/// Apart is farther from the median than `spreadsMax` robust spreads (1.4826 times the median absolute deviation, which
/// is the standard deviation for a normal law), and `floor` at the least. Source: Hampel (1974).
public struct PeerGroup: Sendable {
    /// How many spreads from the median are told.
    public let spreadsMax: Double
    /// A spread is at least this, in the unit of the readings: what two healthy devices may differ by.
    public let floor: Double
    /// In so many rounds in a row.
    public let rounds: Int
    /// How many rounds each member has stood apart; those that have not are left out.
    private var apart: [SeriesID: Int] = [:]

    /// With fewer members a median says nothing about the one apart.
    public static let membersMin = 5
    /// Members beyond these are not compared.
    public static let membersMax = 1000

    /// Spreads and rounds not above 0, and a floor below 0, stop the program.
    public init(spreadsMax: Double = 6, floor: Double = 0, rounds: Int = 3) {
        precondition(
            spreadsMax > 0 && floor >= 0 && rounds > 0, "detection: spreads and rounds of peers are above 0")
        self.spreadsMax = spreadsMax
        self.floor = floor
        self.rounds = rounds
    }

    /// One round: the newest reading of each member that has one. Told once, until the member has come back.
    ///
    /// Fewer than `membersMin` are not judged, and what was counted stands.
    public mutating func compare(_ newest: [Reading]) -> [Anomaly] {
        let members = newest.prefix(Self.membersMax).filter { Detector.isMeasurement($0.value) }
        guard members.count >= Self.membersMin else { return [] }
        let median = Self.median(members.map(\.value))
        let spread = max(floor, 1.4826 * Self.median(members.map { abs($0.value - median) }))
        // Where more than half are equal there is no spread; then anything off is apart, but for rounding.
        let limit = spreadsMax * max(spread, 1e-9 * abs(median))
        var told: [Anomaly] = []
        var standing: [SeriesID: Int] = [:]
        for member in members where abs(member.value - median) > limit {
            let count = min(apart[member.series, default: 0], rounds) + 1
            standing[member.series] = count
            guard count == rounds else { continue }
            told.append(
                Anomaly(
                    series: member.series, observed: member.observed, value: member.value,
                    severity: 1 - 0.5 * limit / abs(member.value - median),
                    evidence: .peers(median: median, spread: spread, count: members.count - 1)))
        }
        apart = standing
        return told
    }

    /// Takes members for ones that do not stand apart.
    mutating func forget(_ members: Set<SeriesID>) { apart = apart.filter { !members.contains($0.key) } }

    /// Who stands apart and was told, by number.
    public var standing: [SeriesID] { apart.filter { $0.value >= rounds }.map(\.key).sorted() }

    /// Above the number of each series that stands apart.
    var seriesEnd: Int { apart.keys.map { $0.index + 1 }.max() ?? 0 }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    // MARK: State to bytes and back

    /// Version 1: who has stood apart, and for how many rounds.
    public func state() -> [UInt8] {
        var writer = StateWriter()
        writer.append(UInt32(1))
        for (series, count) in apart.sorted(by: { $0.key < $1.key }) {
            writer.append(series.rawValue)
            writer.append(UInt32(count))
        }
        return writer.bytes
    }

    /// Takes up what `state()` gave; false, and nothing taken, for any other bytes.
    public mutating func resume(_ state: [UInt8]) -> Bool {
        var reader = StateReader(state)
        guard reader.next(UInt32.self) == 1, state.count <= 4 + 8 * Self.membersMax else { return false }
        var standing: [SeriesID: Int] = [:]
        while !reader.isAtEnd {
            guard let series = reader.next(UInt32.self), let count = reader.next(UInt32.self), count > 0,
                standing.updateValue(Int(count), forKey: SeriesID(rawValue: series)) == nil
            else { return false }
        }
        apart = standing
        return true
    }
}
