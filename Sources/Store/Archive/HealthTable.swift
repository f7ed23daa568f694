import Basics
import Contract
import Frames
import Telemetry

/// What a cell of a span had, in milliseconds of all its devices together.
struct HealthCell {
    /// In which they were meant to run.
    var meant: Int64 = 0
    /// Of it, not heard.
    var unheard: Int64 = 0
    /// Of it, with an alert that fired.
    var fired: Int64 = 0
    /// Beside it.
    var maintenance: Int64 = 0

    static func += (left: inout HealthCell, right: HealthCell) {
        left.meant += right.meant
        left.unheard += right.unheard
        left.fired += right.fired
        left.maintenance += right.maintenance
    }

    /// See `HealthAnswer.Row.strip`.
    var sign: Character {
        if maintenance > meant { return "m" }
        guard meant > 0 else { return " " }
        let worst = max(fired, unheard)
        guard worst * 100 >= meant, worst > 0 else { return "-" }
        return unheard > fired ? "?" : "#"
    }
}

/// A span that is parted into cells.
struct HealthSpan {
    let span: Range<Timestamp>
    let count: Int
    /// How long a cell is, the last one apart.
    let cell: Duration

    /// Cells are whole milliseconds, and at least one.
    init(_ span: Range<Timestamp>, cells: Int) {
        self.span = span
        let length = max(1, (span.upperBound - span.lowerBound).milliseconds)
        let step = (length + Int64(cells) - 1) / Int64(cells)
        cell = .milliseconds(step)
        count = Int((length + step - 1) / step)
    }

    var emptyCells: [HealthCell] { Array(repeating: HealthCell(), count: count) }

    static func hour(of moment: Timestamp) -> Int64 {
        moment.milliseconds.flooredDivision(by: HourRow.hourMilliseconds)
    }

    /// Whole ones, and the one that is begun.
    static func hours(_ span: Duration) -> Int64 {
        (max(0, span.milliseconds) + HourRow.hourMilliseconds - 1) / HourRow.hourMilliseconds
    }

    /// What one device had. `hours`: in which it gave a reading; `since`: from when on it is waited for where its service does not
    /// say; `allowance`: as long after an hour with a reading it counts as heard; `isHeardNow`: at the end of the span.
    func cells(
        of service: ServiceLife, since: Timestamp, hours: Set<Int64>, allowance: Duration, isHeardNow: Bool,
        fired: [Range<Timestamp>]
    ) -> [HealthCell] {
        var cells = emptyCells
        func add(_ stretch: Range<Timestamp>, _ field: WritableKeyPath<HealthCell, Int64>) {
            forEachPiece(of: stretch) { cell, milliseconds in cells[cell][keyPath: field] += milliseconds }
        }
        let running = service.running(in: span, since: since)
        for stretch in running {
            add(stretch, \.meant)
            for gap in gaps(in: stretch, hours, allowance, isHeardNow) { add(gap, \.unheard) }
            for piece in Self.merged(fired.map { $0.clamped(to: stretch) }) { add(piece, \.fired) }
        }
        for work in service.maintenance { add(work.clamped(to: span), \.maintenance) }
        return cells
    }

    /// The stretches of one in which nothing was heard.
    private func gaps(
        in stretch: Range<Timestamp>, _ hours: Set<Int64>, _ allowance: Duration, _ isHeardNow: Bool
    ) -> [Range<Timestamp>] {
        let (first, last) = (Self.hour(of: stretch.lowerBound), Self.hour(of: stretch.upperBound - .milliseconds(1)))
        let reach = max(0, (allowance.milliseconds - 1) / HourRow.hourMilliseconds)
        let isAtEnd = isHeardNow && stretch.upperBound == span.upperBound
        var gaps: [Range<Timestamp>] = []
        var heard = (0...reach).lazy.map { first - 1 - $0 }.first { hours.contains($0) }
        for hour in first...last {
            if hours.contains(hour) { heard = hour }
            if hour == last, isAtEnd { continue }
            if let heard, hour - heard <= reach { continue }
            let begin = Timestamp(milliseconds: hour * HourRow.hourMilliseconds)
            gaps.append((begin..<begin + .seconds(3600)).clamped(to: stretch))
        }
        return gaps
    }

    private static func merged(_ ranges: [Range<Timestamp>]) -> [Range<Timestamp>] {
        var merged: [Range<Timestamp>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
            if let last = merged.last, range.lowerBound <= last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }

    private func forEachPiece(of stretch: Range<Timestamp>, _ body: (Int, Int64) -> Void) {
        var at = (stretch.lowerBound - span.lowerBound).milliseconds
        let end = (stretch.upperBound - span.lowerBound).milliseconds
        while at < end {
            let place = at / cell.milliseconds
            let next = min(end, (place + 1) * cell.milliseconds)
            body(min(count - 1, Int(place)), next - at)
            at = next
        }
    }
}

/// A row of the answer while devices are counted.
struct HealthTable {
    /// What one device counts as.
    enum Condition {
        case ok, firing, unknown, silenced, maintenance
        /// Planned, or taken down: in no count.
        case absent

        /// `held`: all its alerts that fire are kept from being told, because of this.
        init(_ answer: DeviceAnswer, _ phase: ServiceLife.Phase?, _ held: Condition?) {
            if phase == .maintenance {
                self = .maintenance
                return
            }
            self =
                switch answer.health {
                case .ok: .ok
                case .firing: held ?? .firing
                case .unknown, .neverHeard, .unread, .forgotten: .unknown
                }
        }
    }

    private var counts: HealthAnswer.Row
    var cells: [HealthCell]?

    init(name: String) { counts = HealthAnswer.Row(name: name) }

    mutating func count(_ condition: Condition) {
        switch condition {
        case .ok: counts.ok += 1
        case .firing: counts.firing += 1
        case .unknown: counts.unknown += 1
        case .silenced: counts.silenced += 1
        case .maintenance: counts.maintenance += 1
        case .absent: return
        }
        counts.devices += 1
    }

    mutating func add(_ more: [HealthCell]) {
        for index in more.indices { cells![index] += more[index] }
    }

    var row: HealthAnswer.Row {
        var row = counts
        guard let cells else { return row }
        var sum = HealthCell()
        for cell in cells { sum += cell }
        if sum.meant > 0 { row.available = Double(sum.meant - sum.unheard) / Double(sum.meant) }
        row.strip = String(cells.map(\.sign))
        return row
    }
}
