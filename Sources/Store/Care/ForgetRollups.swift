import Frames
import Telemetry

// The hours and days of what is taken out.
extension Journal {
    /// Rows that were taken out, to be put again without what is gone; empty where an order before this one failed after
    /// it had taken them.
    struct TakenRollups {
        var hours: [(stream: Int, day: Int64, rows: [HourRow?])] = []
        /// `given`: of the readings among them that retention gave up before.
        var days: [(stream: Int, day: Range<Int64>, rows: [DaySummary?], given: [DaySummary?])] = []
    }

    /// Takes the rows out before the files change: without them frames answer, so no moment has figures of readings that
    /// are gone.
    func takeRollups(_ work: Forgetting) throws(StoreError) -> TakenRollups {
        var taken = TakenRollups()
        let reader = RollupReader(folder, effects: options.effects)
        for (stream, hours) in work.hours.sorted(by: { $0.key < $1.key }) {
            let days = Set(hours.values.joined().map { $0 / Int64(HourRow.hoursPerDay) }).sorted()
            var spans: Set<Range<Int64>> = []
            for day in days {
                let rows = try reader.hours(stream: stream, day: day)
                taken.hours.append((stream, day, rows))
                let begin = day * FrameKey.dayMilliseconds
                spans.formUnion(
                    try reader.storedDays(overlapping: begin..<begin + FrameKey.dayMilliseconds))
            }
            for span in spans.sorted(by: { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }) {
                var rows: [DaySummary?] = []
                try reader.forEachDay(span, streams: [stream]) { _, bytes throws(Malformed) in
                    rows = try RollupWriter.days(bytes)
                }
                taken.days.append((stream, span, rows, try givenUp(of: rows, stream, span, reader)))
            }
        }
        reader.forget()
        let writer = RollupWriter(folder, options.effects)
        for row in taken.hours where !row.rows.isEmpty { try writer.removeHours(of: row.stream, day: row.day) }
        for row in taken.days where !row.rows.isEmpty { try writer.removeDay(row.day, of: row.stream) }
        try writer.finish()
        return taken
    }

    /// What the rows of a local day tell of readings that are no longer kept: of UTC days under it that retention has taken.
    private func givenUp(
        of rows: [DaySummary?], _ stream: Int, _ span: Range<Int64>, _ reader: RollupReader
    ) throws(StoreError) -> [DaySummary?] {
        let kept = DaySummary.columns(of: try sealed.rows(of: stream, span))
        var told = [Summary](repeating: Summary(), count: rows.count)
        for day in FrameKey.day(of: span.lowerBound)...FrameKey.day(of: span.upperBound - 1) {
            let begin = day * FrameKey.dayMilliseconds
            let part = max(begin, span.lowerBound)..<min(begin + FrameKey.dayMilliseconds, span.upperBound)
            guard try sealed.rows(of: stream, part).isEmpty else { continue }
            for (column, row) in try reader.hours(stream: stream, day: day).enumerated() where column < told.count {
                for (hour, summary) in (row?.hours ?? []).enumerated()
                where part.contains(begin + Int64(hour) * HourRow.hourMilliseconds) { told[column].merge(summary) }
            }
        }
        return rows.enumerated().map { column, whole in
            whole.flatMap { $0.without(column < kept.count ? kept[column] : nil, told: told[column]) }
        }
    }

    /// What lost readings is made anew from frames; the rest stays, also where its readings are no longer kept.
    func putRollups(
        _ taken: TakenRollups, _ work: Forgetting, _ frames: SealedFrames
    ) throws(StoreError) {
        let writer = RollupWriter(folder, options.effects)
        for (stream, day, old) in taken.hours {
            let begin = day * FrameKey.dayMilliseconds
            let fresh = RollupRow.hours(
                try frames.rows(of: stream, begin..<begin + FrameKey.dayMilliseconds), day: day)
            let isSealed = frames.manifest.parts(of: day).contains(where: \.isSealed)
            var rows = old.isEmpty && isSealed ? fresh : old
            for (column, hours) in work.hours[stream] ?? [:] where column < rows.count {
                guard var row = rows[column] else { continue }
                for hour in 0..<HourRow.hoursPerDay
                where hours.contains(day * Int64(HourRow.hoursPerDay) + Int64(hour)) {
                    row.hours[hour] = (column < fresh.count ? fresh[column] : nil)?.hours[hour] ?? Summary()
                    row.revised |= 1 << UInt32(hour)
                }
                rows[column] = row.hours.contains { $0.count > 0 } ? row : nil
            }
            guard rows.contains(where: { $0 != nil }) else { continue }
            try writer.put(rows, small: [], stream: stream, day: day, completeBefore: .min)
        }
        for (stream, day, old, given) in taken.days {
            let fresh = DaySummary.columns(of: try frames.rows(of: stream, day))
            let days = FrameKey.day(of: day.lowerBound)...FrameKey.day(of: day.upperBound - 1)
            let isSealed = days.allSatisfy { frames.manifest.parts(of: $0).contains(where: \.isSealed) }
            var rows = old.isEmpty && isSealed ? fresh : old
            for (column, hours) in work.hours[stream] ?? [:] where column < rows.count {
                let span = day.lowerBound / HourRow.hourMilliseconds...(day.upperBound - 1) / HourRow.hourMilliseconds
                guard hours.contains(where: { span.contains($0) }) else { continue }
                rows[column] = column < fresh.count ? fresh[column] : nil
                if var all = column < given.count ? given[column] : nil {
                    if let rest = rows[column] {
                        all.summary.merge(rest.summary)
                        all.histogram.merge(rest.histogram)
                    }
                    rows[column] = all
                }
                rows[column]?.isRevised = true
            }
            guard rows.contains(where: { $0 != nil }) else { continue }
            try writer.put(rows, stream: stream, day: day)
        }
        try writer.finish()
    }
}
