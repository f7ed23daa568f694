import Basics
public import Contract
import Frames
public import Telemetry

/// An export under way: the devices that were there when it began, and how far it has come.
///
/// Readings that arrive meanwhile are in it where it has not passed yet.
public struct ExportCursor: Sendable {
    let request: ExportRequest
    let devices: [DeviceIndex]
    var device = 0
    /// The series to go on with; nil for the device's first.
    var series: SeriesID?
    var since: Timestamp

    /// Devices that fit the request.
    public var deviceCount: Int { devices.count }
    /// Devices that are through.
    public var devicesDone: Int { device }
    /// Whether every device is through: there is no next page.
    public var isAtEnd: Bool { device >= devices.count }
}

/// Some thousands of readings of an export, as runs of one series.
public struct ExportPage: Sendable {
    /// In the order that `exportPage` tells; a series that the page cuts off goes on in the next.
    public var runs: [ReadingRun] = []
    /// Where the next page begins.
    public var next: ExportCursor
    /// Frames that could not be read and are missing from the page, as sentences.
    public var damaged: [String] = []
}

extension Archive {
    /// Readings of a page: between pages the archive answers others.
    public static let exportReadingsMax = 8192
    /// Series looked at for a page, also when they have no reading in the span.
    static let exportSeriesMax = 64

    /// Begins an export. Throws as `latest`, and `.noSuchChannel` where no series that fits has the channel.
    public func beginExport(_ request: ExportRequest) throws(StoreError) -> ExportCursor {
        try withSnapshot { connection throws(StoreError) in
            try known(request.filter, connection)
            let devices = try devicesThatFit(request.filter, connection)
            try known(request.filter, channel: request.channel, among: devices)
            return ExportCursor(request: request, devices: devices, since: Self.start(request))
        }
    }

    private static func start(_ request: ExportRequest) -> Timestamp {
        request.since ?? Timestamp(milliseconds: FrameKey.times.lowerBound)
    }

    /// The next readings: by device, then by series, each in the order they became known, then by time.
    public func exportPage(
        from cursor: ExportCursor, readingsMax: Int = exportReadingsMax
    ) throws(StoreError) -> ExportPage {
        try withSnapshot { _ in }
        _ = takeDamagedFrames()
        var page = ExportPage(next: cursor)
        let request = cursor.request
        let until = request.until ?? Timestamp(milliseconds: FrameKey.times.upperBound)
        var readings = 0
        var looks = 0
        while page.next.device < cursor.devices.count, readings < readingsMax, looks < Self.exportSeriesMax {
            try abandonment?.check(.abandoned)
            let device = cursor.devices[page.next.device]
            let all = registry.series(of: device)
            guard let series = page.next.series.map({ next in all.first { $0 >= next } }) ?? all.first else {
                page.next.device += 1
                page.next.series = nil
                looks += 1
                continue
            }
            var continuesAt: Timestamp?
            if isWanted(series, request) {
                looks += 1
                var points: [(observed: Timestamp, value: Double)] = []
                try merged(series, since: page.next.since, until: until) { times, values in
                    for index in times.indices where !values[index].isNaN {
                        let time = Timestamp(milliseconds: times[index])
                        guard readings < readingsMax else {
                            continuesAt = time
                            return false
                        }
                        points.append((time, values[index]))
                        readings += 1
                    }
                    return true
                }
                if !points.isEmpty {
                    let definition = registry.series[series.index]
                    page.runs.append(
                        ReadingRun(
                            device: registry.devices[device.index].name, quantity: definition.quantity.name,
                            channel: registry.channelName(of: series), unit: definition.quantity.unit, points: points))
                }
            }
            page.next.series = continuesAt == nil ? SeriesID(rawValue: series.rawValue + 1) : series
            page.next.since = continuesAt ?? Self.start(request)
        }
        page.damaged = takeDamagedFrames().map(\.description)
        return page
    }

    private func isWanted(_ series: SeriesID, _ request: ExportRequest) -> Bool {
        if let quantity = request.filter.quantity, registry.series[series.index].quantity.name != quantity {
            return false
        }
        return request.channel.map { $0.hasBytes(of: registry.channelName(of: series) ?? "") } ?? true
    }
}
