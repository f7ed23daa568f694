public import Basics

/// When a device is meant to run, by the roster.
public struct ServiceLife: Hashable, Sendable {
    /// From when on; nil where nothing is said, or there is no date yet.
    public var deployed: Timestamp?
    /// It is to stand there one day, and nobody knows when.
    public var isPlanned: Bool
    /// From when on it runs no more; nil where nothing is said.
    public var retired: Timestamp?
    /// When it is worked on, rising and without overlap.
    public var maintenance: [Range<Timestamp>]

    /// What a device is at a moment.
    public enum Phase: String, CaseIterable, Sendable {
        case planned, running, maintenance, retired
    }

    /// Without anything, it is meant to run always.
    public init(
        deployed: Timestamp? = nil, isPlanned: Bool = false, retired: Timestamp? = nil,
        maintenance: [Range<Timestamp>] = []
    ) {
        self.deployed = deployed
        self.isPlanned = isPlanned
        self.retired = retired
        self.maintenance = maintenance
    }

    /// What it is at a moment of the wall clock.
    public func phase(at moment: Timestamp) -> Phase {
        if let retired, moment >= retired { return .retired }
        if isPlanned { return .planned }
        if let deployed, moment < deployed { return .planned }
        return maintenance.contains { $0.contains(moment) } ? .maintenance : .running
    }

    /// Whether somebody waits for it: it is neither planned nor retired.
    public func isExpected(at moment: Timestamp) -> Bool {
        switch phase(at: moment) {
        case .running, .maintenance: true
        case .planned, .retired: false
        }
    }

    /// The next moment from which on it may be something else that anybody waits for; nil: never.
    public func change(after moment: Timestamp) -> Timestamp? {
        [isPlanned ? nil : deployed, retired].compactMap { $0 }.filter { $0 > moment }.min()
    }

    /// The stretches of a span in which it is meant to run, rising. `since`: from when on where no day is said.
    public func running(in span: Range<Timestamp>, since: Timestamp) -> [Range<Timestamp>] {
        let from = max(span.lowerBound, deployed ?? since)
        let to = min(span.upperBound, retired ?? span.upperBound)
        guard !isPlanned, from < to else { return [] }
        var stretches: [Range<Timestamp>] = []
        var at = from
        for work in maintenance where work.upperBound > at && work.lowerBound < to {
            if work.lowerBound > at { stretches.append(at..<work.lowerBound) }
            at = work.upperBound
        }
        if at < to { stretches.append(at..<to) }
        return stretches
    }
}

extension ServiceLife {
    /// For a store: empty where nothing is said, `planned`, or milliseconds since 1970 such as
    /// `deployed=1792800000000;retired=1893456000000;maintenance=1792886400000..1792972800000`.
    public var text: String {
        var parts: [String] = []
        if isPlanned { parts.append("planned") }
        if let deployed { parts.append("deployed=\(deployed.milliseconds)") }
        if let retired { parts.append("retired=\(retired.milliseconds)") }
        parts += maintenance.map { "maintenance=\($0.lowerBound.milliseconds)..\($0.upperBound.milliseconds)" }
        return parts.joined(separator: ";")
    }

    /// Reads `text`; what does not read says nothing.
    public init(text: String) {
        self.init()
        for part in text.split(separator: ";") {
            let sides = part.split(separator: "=", maxSplits: 1)
            switch (sides.first, sides.count) {
            case ("planned"?, 1): isPlanned = true
            case ("deployed"?, 2): deployed = Int64(sides[1]).map { Timestamp(milliseconds: $0) } ?? deployed
            case ("retired"?, 2): retired = Int64(sides[1]).map { Timestamp(milliseconds: $0) } ?? retired
            case ("maintenance"?, 2):
                let ends = sides[1].split(separator: ".").compactMap { Int64($0) }
                guard ends.count == 2, ends[0] < ends[1], ends[0] >= maintenance.last?.upperBound.milliseconds ?? .min
                else { continue }
                maintenance.append(Timestamp(milliseconds: ends[0])..<Timestamp(milliseconds: ends[1]))
            default: break
            }
        }
    }
}
