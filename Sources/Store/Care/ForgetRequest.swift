package import Basics
import Contract
import Frames
package import Telemetry

/// Which readings somebody wants the store to be without: of a wrong clock, which lie in the future, or of a bad import.
package struct ForgetRequest: Hashable, Sendable {
    /// One device, by its name.
    package var device: String
    /// nil: all that it sent.
    package var quantity: String?
    /// nil: all; empty: those of the device as a whole.
    package var channel: String?
    package var since: Timestamp
    /// Readings of this moment stay.
    package var until: Timestamp

    package init(
        device: String, quantity: String? = nil, channel: String? = nil, since: Timestamp, until: Timestamp
    ) {
        self.device = device
        self.quantity = quantity
        self.channel = channel
        self.since = since
        self.until = until
    }

    var span: Range<Int64> {
        (since.milliseconds..<max(since.milliseconds, until.milliseconds)).clamped(to: FrameKey.times)
    }

    /// The series that it is about.
    package func series(_ registry: SeriesRegistry) -> [SeriesID] {
        guard let device = registry.device(named: device) else { return [] }
        return registry.series(of: device).filter { series in
            (quantity.map { $0 == registry.series[series.index].quantity.name } ?? true)
                && (channel.map { $0.hasBytes(of: registry.channelName(of: series) ?? "") } ?? true)
        }
    }
}

/// What one series has of a request.
package struct ForgetCount: Hashable, Sendable, Codable {
    package var device: String
    package var quantity: String
    /// nil for the device as a whole.
    package var channel: String?
    package var readings: Int
    package var first: Timestamp
    package var last: Timestamp
}

extension Archive {
    /// What there is of a request, by series; those without a reading are left out. Throws for names that nothing has.
    package func count(_ request: ForgetRequest) throws(StoreError) -> [ForgetCount] {
        try catchUp()
        guard let device = registry.device(named: request.device) else { throw noSuchDevice(request.device) }
        try known(DeviceFilter(quantity: request.quantity), channel: request.channel, among: [device])
        var counts: [ForgetCount] = []
        for series in request.series(registry) {
            if let count = try count(series, request.span) { counts.append(count) }
        }
        return counts
    }

    /// Those series of a request that have readings of it.
    package func affected(by request: ForgetRequest) throws(StoreError) -> [SeriesID] {
        try catchUp()
        var affected: [SeriesID] = []
        for series in request.series(registry) {
            var isAffected = false
            try merged(series, since: request.since, until: request.until) { _, values in
                for index in values.indices where !values[index].isNaN { isAffected = true }
                return !isAffected
            }
            if isAffected { affected.append(series) }
        }
        return affected
    }

    /// What lies ahead of the present, beyond what a device's clock may be fast: readings of a clock that was wrong, by
    /// device in the order in which devices became known.
    package func ghosts(at now: Timestamp) throws(StoreError) -> [ForgetCount] {
        let fence = (now + TimeFence.ahead).milliseconds + 1
        guard fence < FrameKey.times.upperBound else { return [] }
        var found: Set<Int> = []
        try withSnapshot { connection throws(StoreError) in
            let top = try Schema.version(of: connection) >= 6 ? "coalesce(top, ts)" : "ts"
            try connection.rows("SELECT series FROM latest WHERE \(top) >= ?", .integer(fence)) {
                row throws(StoreError) in found.insert(Int(row.integer("series")))
            }
        }
        for (stream, block) in tail.blocks.enumerated() where block.times.last ?? .min >= fence {
            found.formUnion(registry.streams[stream].columns.map(\.index))
        }
        var counts: [ForgetCount] = []
        for series in found.sorted() where series < registry.seriesCount {
            try abandonment?.check(.abandoned)
            let id = SeriesID(rawValue: UInt32(series))
            if let count = try count(id, fence..<FrameKey.times.upperBound) { counts.append(count) }
        }
        return counts
    }

    private func count(_ series: SeriesID, _ span: Range<Int64>) throws(StoreError) -> ForgetCount? {
        var (readings, first, last) = (0, Int64.max, Int64.min)
        try merged(
            series, since: Timestamp(milliseconds: span.lowerBound), until: Timestamp(milliseconds: span.upperBound)
        ) { times, values in
            for index in times.indices where !values[index].isNaN {
                readings += 1
                (first, last) = (min(first, times[index]), max(last, times[index]))
            }
            return true
        }
        guard readings > 0 else { return nil }
        let definition = registry.series[series.index]
        return ForgetCount(
            device: registry.devices[definition.device.index].name, quantity: definition.quantity.name,
            channel: registry.channelName(of: series), readings: readings, first: Timestamp(milliseconds: first),
            last: Timestamp(milliseconds: last))
    }
}
