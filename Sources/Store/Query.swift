import Basics
public import Contract
import Frames
import Telemetry

extension SeriesHistory.Bucket {
    init(_ bucket: BucketSummary, of quantity: Quantity, start: Int64, expected: Double?) {
        let summary = bucket.summary
        let isCounter = quantity.kind == .counter
        self.init(
            start: Timestamp(milliseconds: start), count: summary.count, mean: summary.mean, min: summary.min,
            max: summary.max, sum: isCounter ? nil : summary.sum, last: summary.last,
            standardDeviation: summary.standardDeviation)
        if isCounter { increase = CounterWalk.rounded(bucket.increase, most: summary.max) }
        if let histogram = bucket.histogram {
            median = histogram.quantile(0.5, min: summary.min, max: summary.max)
            p95 = histogram.quantile(0.95, min: summary.min, max: summary.max)
            p99 = histogram.quantile(0.99, min: summary.min, max: summary.max)
        }
        if let expected, expected > 0 { coverage = Double(summary.count) / expected }
        if bucket.isRevised { revised = true }
    }

    /// The figure that groups are ordered by; nil where it was not asked for.
    func value(of statistic: QueryRequest.Statistic) -> Double? {
        switch statistic {
        case .mean: mean
        case .min: min
        case .max: max
        case .sum: sum
        case .increase: increase
        case .count: Double(count)
        case .last: last
        case .standardDeviation: standardDeviation
        case .p50: median
        case .p95: p95
        case .p99: p99
        }
    }
}

extension Archive {
    /// Summaries of the series that fit, group by group: by quantity, then by name, or by `order` where `top` is given.
    ///
    /// Throws as `latest`. More buckets than `HistoryAnswer.pointsMax` over all groups come in several answers, see
    /// `next`.
    public func query(_ request: QueryRequest) throws(StoreError) -> QueryAnswer {
        precondition(request.step.map { $0.milliseconds >= 1 } ?? true, "store: a step below a millisecond")
        if let quantity = request.filter.quantity.flatMap({ Quantity(named: $0) }),
            let sentence = request.order.refusal(of: quantity)
        {
            throw .wrongStatistic(sentence)
        }
        _ = takeDamagedFrames()
        var answer = QueryAnswer(
            since: request.since, until: request.until,
            stepSeconds: request.step.map { Double($0.milliseconds) / 1000 }, groups: [], damaged: [])
        let members = try members(request)
        var plan = SummaryRequest(
            series: [], groups: members.groups.count, since: request.since.milliseconds,
            until: request.until.milliseconds, grid: BucketGrid(step: request.step?.milliseconds, localDays),
            withQuantiles: request.quantiles || [.p50, .p95, .p99].contains(request.order) && request.top != nil)
        plan.series = members.series.map { ($0.series, $0.group) }
        guard plan.since < plan.until, !members.groups.isEmpty else { return answer }
        let bucketsMax = max(1, HistoryAnswer.pointsMax / members.groups.count)
        if plan.bucketCount > bucketsMax {
            plan.until = plan.end(of: bucketsMax - 1)
            answer.next = Timestamp(milliseconds: plan.until)
            answer.until = Timestamp(milliseconds: plan.until)
        }
        let filled = try summarize(plan)
        var entries: [(entry: QueryAnswer.Entry, rank: Double?)] = []
        for (index, group) in members.groups.enumerated() {
            var entry = group
            let quantity = members.quantities[index]
            /// Readings expected in a span, where the cadence of every series is known.
            func expected(_ from: Int64, _ to: Int64) -> Double? {
                members.readingsPerMillisecond[index].map { $0 * Double(to - from) }
            }
            var total = BucketSummary()
            for (bucket, summary) in filled[index].enumerated() where summary.summary.count > 0 {
                let start = plan.start(of: bucket)
                total.merge(summary)
                guard request.step != nil else { continue }
                let span = (max(start, plan.since), min(plan.end(of: bucket), plan.until))
                entry.buckets.append(
                    .init(summary, of: quantity, start: start, expected: expected(span.0, span.1)))
            }
            if total.summary.count > 0 {
                entry.total = .init(
                    total, of: quantity, start: plan.since, expected: expected(plan.since, plan.until))
            }
            entries.append((entry, entry.total?.value(of: request.order)))
        }
        if let top = request.top {
            entries.removeAll { $0.rank == nil }
            let order = entries.indices.sorted {
                let (left, right) = (entries[$0].rank!, entries[$1].rank!)
                return left == right ? $0 < $1 : (left > right) != request.ascending
            }
            entries = order.prefix(top).map { entries[$0] }
        }
        answer.groups = entries.map(\.entry)
        answer.damaged = takeDamagedFrames().map(\.description)
        return answer
    }

    private struct Members {
        var groups: [QueryAnswer.Entry] = []
        /// By group.
        var quantities: [Quantity] = []
        var series: [(series: SeriesID, group: Int)] = []
        /// By group; nil where a cadence is not known.
        var readingsPerMillisecond: [Double?] = []
    }

    // Long: groups are made while the series are walked, and put in order at the end.
    /// The series that fit, each with its group.
    private func members(_ request: QueryRequest) throws(StoreError) -> Members {
        try withSnapshot { connection throws(StoreError) in
            try known(request.filter, connection)
            var members = Members()
            var places: [[ByteName]: Int] = [:]
            var details: [DeviceIndex: (area: String, cadence: Int64?)] = [:]
            let devices = try devicesThatFit(request.filter, connection)
            try known(request.filter, among: devices)
            func take(_ row: Statement) {
                details[DeviceIndex(rawValue: UInt32(row.integer("id")))] = (
                    row.text("area"), row.optionalInteger("cadence_ms")
                )
            }
            if devices.count < 16 {
                for device in devices {
                    try connection.rows(
                        "SELECT id, area, cadence_ms FROM device WHERE id = ?", .integer(Int64(device.rawValue))
                    ) { row throws(StoreError) in take(row) }
                }
            } else {
                try connection.rows("SELECT id, area, cadence_ms FROM device") { row throws(StoreError) in take(row) }
            }
            let wanted = request.filter.quantity.map { Quantity(named: $0) }
            for device in devices {
                let (name, profile) = (registry.devices[device.index].name, registry.devices[device.index].profile)
                let area = details[device]?.area ?? ""
                for series in registry.series(of: device) {
                    let definition = registry.series[series.index]
                    guard wanted.map({ $0 == definition.quantity }) ?? true else { continue }
                    let quantity = definition.quantity.name
                    let channel = registry.channelName(of: series)
                    let words: [String] =
                        switch request.group {
                        case .series: [quantity, name, channel ?? ""]
                        case .device: [quantity, name]
                        case .area: [quantity, area]
                        case .profile: [quantity, profile]
                        case .all: [quantity]
                        }
                    let key = words.map { ByteName($0) }
                    let rate = details[device]?.cadence.map { 1 / Double($0) }
                    if let place = places[key] {
                        members.groups[place].series += 1
                        members.series.append((series, place))
                        members.readingsPerMillisecond[place] =
                            members.readingsPerMillisecond[place].flatMap { sum in rate.map { sum + $0 } }
                        continue
                    }
                    places[key] = members.groups.count
                    members.series.append((series, members.groups.count))
                    members.readingsPerMillisecond.append(rate)
                    members.quantities.append(definition.quantity)
                    members.groups.append(
                        QueryAnswer.Entry(
                            device: [.series, .device].contains(request.group) ? name : nil,
                            channel: request.group == .series ? channel : nil,
                            area: request.group == .area ? area : nil,
                            profile: request.group == .profile ? profile : nil, quantity: quantity,
                            unit: definition.quantity.unit, series: 1, buckets: []))
                }
            }
            let order = places.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
            var newPlaces = [Int](repeating: 0, count: order.count)
            for (new, old) in order.enumerated() { newPlaces[old] = new }
            var sorted = Members()
            sorted.groups = order.map { members.groups[$0] }
            sorted.quantities = order.map { members.quantities[$0] }
            sorted.readingsPerMillisecond = order.map { members.readingsPerMillisecond[$0] }
            sorted.series = members.series.map { ($0.series, newPlaces[$0.group]) }
            return sorted
        }
    }
}
