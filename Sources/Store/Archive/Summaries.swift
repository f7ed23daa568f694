import Basics
import Contract
import Frames
import Synchronization
import Telemetry

extension Archive {
    /// Summaries by group, then bucket, from whatever holds them in the least: stored hours and days where they are
    /// whole and nothing newer waits in the journal, raw readings for the rest. Both ways give the same figures.
    ///
    /// Holds one bucket for each group and step, or one in each part of a question about many series, and the frames
    /// of one read a thread.
    func summarize(_ request: SummaryRequest) throws(StoreError) -> [[BucketSummary]] {
        let parts = request.parts(registry)
        // Each is used by the one thread that has its number, while the caller waits for all of them.
        nonisolated(unsafe) let readers = readers(forParts: parts.count)
        let work = PartedWork(count: parts.count)
        BlockingThread.perform(readers.count) { thread in
            while true {
                let part = work.next.add(1, ordering: .relaxed).oldValue
                guard part < parts.count else { return }
                let outcome = PartOutcome(parts[part], readers[thread])
                work.outcomes.withLock { $0[part] = outcome }
            }
        }
        var groups: [[BucketSummary]] = []
        for outcome in work.outcomes.withLock({ $0 }) {
            sealed.note(outcome!.damaged)
            groups.merge(try outcome!.groups.get())
        }
        return groups
    }
}

/// The parts of a question, taken one after another by its threads.
private final class PartedWork: Sendable {
    let next = Atomic(0)
    let outcomes: Mutex<[PartOutcome?]>

    init(count: Int) { outcomes = Mutex(Array(repeating: nil, count: count)) }
}

private struct PartOutcome: Sendable {
    var groups: Result<[[BucketSummary]], StoreError>
    var damaged: [DamagedFrame]

    init(_ request: SummaryRequest, _ reader: SeriesReader) {
        groups = Result { () throws(StoreError) in
            var engine = SummaryEngine(reader, request)
            try engine.run()
            return engine.groups
        }
        damaged = reader.files.sealed.takeDamaged()
    }
}

extension [[BucketSummary]] {
    /// Adds what another part found of the same groups.
    fileprivate mutating func merge(_ other: [[BucketSummary]]) {
        guard !isEmpty else { return self = other }
        for group in indices {
            for bucket in other[group].indices where other[group][bucket].isTouched {
                self[group][bucket].merge(other[group][bucket])
            }
        }
    }
}

private struct SummaryEngine {
    private let reader: SeriesReader
    private let request: SummaryRequest
    private(set) var groups: [[BucketSummary]]
    /// Streams asked for, rising, and for each the columns asked for with their groups.
    private var streams: [Int] = []
    private var wanted: [[(column: Int, group: Int)]] = []
    private var placeOfStream: [Int: Int] = [:]
    private var scratch: [Double] = []
    /// The row at hand: the hours of the columns found in it, 24 each.
    private var hours: [Summary] = []
    private var found: [(column: Int, group: Int, revised: UInt32)] = []
    private var increases: Increases
    /// Of the day at hand: the bucket that each of its hours that is wholly asked for counts in.
    private var bucketOfHour = [Int](repeating: 0, count: HourRow.hoursPerDay)

    init(_ reader: SeriesReader, _ request: SummaryRequest) {
        self.reader = reader
        self.request = request
        increases = Increases(reader, request)
        groups = Array(
            repeating: Array(repeating: BucketSummary(), count: request.bucketCount), count: request.groups)
        var columns: [Int: [(column: Int, group: Int)]] = [:]
        for (series, group) in request.series {
            let place = reader.registry.place(of: series)
            columns[place.stream.index, default: []].append((place.column, group))
        }
        streams = columns.keys.sorted()
        wanted = streams.map { columns[$0]! }
        placeOfStream = Dictionary(uniqueKeysWithValues: streams.enumerated().map { ($1, $0) })
        hours = Array(repeating: Summary(), count: HourRow.hoursPerDay * (wanted.map(\.count).max() ?? 0))
    }

    mutating func run() throws(StoreError) {
        guard request.since < request.until else { return }
        if case .days(_, let days) = request.grid, request.withQuantiles || !request.isHourly {
            try runDays(days)
        } else if request.isHourly, !request.withQuantiles {
            var day = FrameKey.day(of: request.since)
            let end = FrameKey.day(of: request.until - 1)
            while day <= end {
                // Days without small files are read in one go.
                var last = day
                while last <= end, last - day < settledDaysMax,
                    reader.files.sealed.manifest.parts(of: last).allSatisfy(\.isSealed)
                {
                    last += 1
                }
                if last > day {
                    try runSettled(day...last - 1)
                    day = last
                } else {
                    try runHours(day)
                    day += 1
                }
            }
        } else {
            for stream in streams { try raw(stream, request.since..<request.until) }
        }
        try increases.settle(&groups)
    }

    /// What waits to be counted of a counter is bounded.
    private var settledDaysMax: Int64 { increases.isEmpty ? .max : 16 }

    // MARK: Stored hours

    /// The part of a UTC day that is asked for.
    private func span(of day: Int64) -> Range<Int64> {
        let begin = day * FrameKey.dayMilliseconds
        return max(begin, request.since)..<min(begin + FrameKey.dayMilliseconds, request.until)
    }

    /// To be called before hours of a day are taken.
    private mutating func lookUpBuckets(_ day: Int64) {
        let span = span(of: day)
        for hour in 0..<HourRow.hoursPerDay {
            let time = day * FrameKey.dayMilliseconds + Int64(hour) * HourRow.hourMilliseconds
            bucketOfHour[hour] = span.contains(time) ? request.bucket(of: time) : 0
        }
    }

    /// Days that no small file has rows of.
    private mutating func runSettled(_ days: ClosedRange<Int64>) throws(StoreError) {
        // By day, then stream: whether a row was found.
        var answered = [Bool](repeating: false, count: days.count * streams.count)
        var (current, place) = (Int64.min, 0)
        let streams = streams
        try reader.files.rollups.forEachHours(days: days, streams: streams) { day, stream, bytes throws(Malformed) in
            if day != current { lookUpBuckets(day) }
            if day != current || streams[place] > stream { place = 0 }
            current = day
            while streams[place] != stream { place += 1 }
            let index = Int(day - days.lowerBound) * streams.count + place
            // A file that changed under the reader is read again from its beginning.
            guard !answered[index] else { return }
            try take(place, bytes, day, span(of: day))
            answered[index] = true
        }
        for day in days {
            let hasRows = !reader.files.sealed.manifest.parts(of: day).isEmpty
            for (place, stream) in streams.enumerated()
            where !answered[Int(day - days.lowerBound) * streams.count + place] {
                // Nothing stored: there may be raw readings all the same where a row does not read.
                if hasRows || reader.tailTouches(stream, span(of: day)) { try raw(stream, span(of: day)) }
            }
        }
        try flushPending()
    }

    private mutating func runHours(_ day: Int64) throws(StoreError) {
        let span = span(of: day)
        let parts = reader.files.sealed.manifest.parts(of: day)
        lookUpBuckets(day)
        var left = streams
        // What a small file holds of a stream counts for all of the day's files.
        for part in parts.reversed() where !part.isSealed && !left.isEmpty {
            var answered: Set<Int> = []
            guard
                try reader.files.sealed.forEachSmallHours(
                    part, left,
                    { stream, bytes throws(Malformed) in
                        // A file that changed under the reader is read again from its beginning.
                        guard !answered.contains(stream) else { return }
                        try take(placeOfStream[stream]!, bytes, day, span)
                        answered.insert(stream)
                    })
            else {
                // A file of the first version: it does not tell what hours its frames touch.
                for stream in left { try raw(stream, span) }
                return
            }
            left.removeAll { answered.contains($0) }
            // Frames without hours: what the rollups hold of such a stream does not count them.
            for stream in try reader.files.sealed.streamsWithFrames(part, left) {
                try raw(stream, span)
                left.removeAll { $0 == stream }
            }
        }
        var answered: Set<Int> = []
        try reader.files.rollups.forEachHours(day: day, streams: left) { stream, bytes throws(Malformed) in
            guard !answered.contains(stream) else { return }
            try take(placeOfStream[stream]!, bytes, day, span)
            answered.insert(stream)
        }
        let hasRows = !parts.isEmpty
        for stream in left where !answered.contains(stream) {
            // Nothing stored: there may be raw readings all the same where a row does not read.
            if hasRows || reader.tailTouches(stream, span) { try raw(stream, span) }
        }
        try flushPending()
    }

    /// Raw spans that `take` could not do while it lent the bytes of a row.
    private var pending: [(stream: Int, span: Range<Int64>)] = []

    private mutating func flushPending() throws(StoreError) {
        for (stream, span) in pending { try rawSums(stream, span) }
        pending.removeAll(keepingCapacity: true)
        try increases.settle(&groups)
    }

    /// Counts the stored hours of a stream, and notes for raw reading those that are not whole or not up to date.
    private mutating func take(
        _ place: Int, _ bytes: UnsafeRawBufferPointer, _ day: Int64, _ span: Range<Int64>
    ) throws(Malformed) {
        let stream = streams[place]
        let begin = day * FrameKey.dayMilliseconds
        let hour = HourRow.hourMilliseconds
        let dirty = reader.tailHours(stream, day)
        found.removeAll(keepingCapacity: true)
        for (column, group) in wanted[place] {
            guard let part = try RollupRow.column(column, of: bytes) else { continue }
            let first = found.count * HourRow.hoursPerDay
            let revised = try hours.withUnsafeMutableBufferPointer { hours throws(Malformed) in
                try HourRow.decode(part, into: hours.baseAddress! + first)
            }
            found.append((column, group, revised))
        }
        // All is read: nothing of this stream was counted before something of it could fail.
        let firstWhole = Int((span.lowerBound - begin + hour - 1) / hour)
        let whole = firstWhole..<max(firstWhole, Int((span.upperBound - begin) / hour))
        for (row, (_, group, revised)) in found.enumerated() {
            groups[group].withUnsafeMutableBufferPointer { buckets in
                for index in whole where dirty & 1 << UInt32(index) == 0 {
                    let bucket = bucketOfHour[index]
                    let summary = hours[row * HourRow.hoursPerDay + index]
                    guard summary.count > 0 else { continue }
                    buckets[bucket].add(summary, at: begin + Int64(index) * hour)
                    if revised & 1 << UInt32(index) != 0 { buckets[bucket].isRevised = true }
                }
            }
        }
        let wait = pending.count
        if whole.count < HourRow.hoursPerDay || dirty != 0 { noteRaw(stream, begin, whole, dirty, span) }
        guard !increases.isEmpty else { return }
        for (stream, span) in pending[wait...] { increases.wait(stream, span) }
        for (row, (column, _, _)) in found.enumerated() {
            for index in whole where dirty & 1 << UInt32(index) == 0 {
                let summary = hours[row * HourRow.hoursPerDay + index]
                let start = begin + Int64(index) * hour
                if summary.count > 0 { increases.take(summary, of: stream, column, start..<start + hour, &groups) }
            }
        }
    }

    /// Notes the hours of the day at hand that are not whole or not up to date.
    private mutating func noteRaw(
        _ stream: Int, _ begin: Int64, _ whole: Range<Int>, _ dirty: UInt32, _ span: Range<Int64>
    ) {
        let hour = HourRow.hourMilliseconds
        var open: Range<Int64>?
        for index in 0..<HourRow.hoursPerDay {
            let from = max(begin + Int64(index) * hour, span.lowerBound)
            let to = min(begin + Int64(index + 1) * hour, span.upperBound)
            guard from < to else { continue }
            let part = from..<to
            guard !whole.contains(index) || dirty & 1 << UInt32(index) != 0 else { continue }
            if dirty & 1 << UInt32(index) != 0, part.upperBound <= reader.toldThrough {
                // The next seal will mark it; what the files have of it was told before.
                for (row, (_, group, _)) in found.enumerated()
                where hours[row * HourRow.hoursPerDay + index].count > 0 {
                    groups[group][request.bucket(of: part.lowerBound)].isRevised = true
                }
            }
            for (_, group, revised) in found where revised & 1 << UInt32(index) != 0 {
                groups[group][request.bucket(of: part.lowerBound)].isRevised = true
            }
            if let last = open, last.upperBound == part.lowerBound {
                open = last.lowerBound..<part.upperBound
            } else {
                if let last = open { pending.append((stream, last)) }
                open = part
            }
        }
        if let last = open { pending.append((stream, last)) }
    }

    // MARK: Stored days

    private mutating func runDays(_ local: LocalDays) throws(StoreError) {
        for number in local.day(of: request.since)...local.day(of: request.until - 1) {
            let day = local.span(of: number)
            // A date that was left out.
            guard !day.isEmpty else { continue }
            let span = day.clamped(to: request.since..<request.until)
            var left = streams
            let parts = (FrameKey.day(of: day.lowerBound)...FrameKey.day(of: day.upperBound - 1)).flatMap {
                reader.files.sealed.manifest.parts(of: $0)
            }
            // A small file has rows that the stored day may lack.
            if span == day, parts.allSatisfy(\.isSealed) {
                let (wanted, placeOfStream) = (wanted, placeOfStream)
                var answered: Set<Int> = []
                try reader.files.rollups.forEachDay(day, streams: left) { stream, bytes throws(Malformed) in
                    guard !answered.contains(stream), !reader.tailTouches(stream, span) else { return }
                    var days: [(column: Int, day: DaySummary, group: Int)] = []
                    for (column, group) in wanted[placeOfStream[stream]!] {
                        guard let part = try RollupRow.column(column, of: bytes) else { continue }
                        days.append((column, try DaySummary.decode(part), group))
                    }
                    let bucket = request.bucket(of: span.lowerBound)
                    for (column, day, group) in days {
                        increases.take(day.summary, of: stream, column, span, &groups)
                        groups[group][bucket].add(day.summary, at: span.lowerBound)
                        if request.withQuantiles { groups[group][bucket].add(day.histogram) }
                        if day.isRevised { groups[group][bucket].isRevised = true }
                    }
                    answered.insert(stream)
                }
                left.removeAll { answered.contains($0) }
            }
            for stream in left where !parts.isEmpty || reader.tailTouches(stream, span) { try raw(stream, span) }
            try increases.settle(&groups)
        }
    }

    // MARK: Raw readings

    private mutating func raw(_ stream: Int, _ span: Range<Int64>) throws(StoreError) {
        increases.wait(stream, span)
        try rawSums(stream, span)
    }

    private mutating func rawSums(_ stream: Int, _ span: Range<Int64>) throws(StoreError) {
        for (column, group) in wanted[placeOfStream[stream]!] {
            var filler = BucketFiller(request, groups[group], scratch)
            // One owner each, or the first change would copy them.
            groups[group] = []
            scratch = []
            try reader.merged(stream: stream, column: column, span) { times, values in
                filler.add(times, values)
                return true
            }
            filler.flush()
            groups[group] = filler.buckets
            scratch = filler.values
        }
    }
}
