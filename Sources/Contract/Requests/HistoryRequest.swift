public import Basics

/// Which readings of a device.
public struct HistoryRequest: Question {
    package typealias Answer = HistoryAnswer
    package static let route = Route(.get, "history", [.device, .quantity, .channel, .since, .until, .step, .limit])

    /// A name, no pattern.
    public var device: String
    /// nil for all quantities of the device.
    public var quantity: String?
    /// nil for all channels, empty for the series of the device as a whole.
    public var channel: String?
    /// Included.
    public var since: Timestamp
    /// Not included.
    public var until: Timestamp
    /// Width of the buckets, at least a millisecond; nil for raw points.
    public var step: Duration?
    /// Points or buckets of each series, at least 1; fewer where all of them would be more than
    /// `HistoryAnswer.pointsMax`.
    public var limit: Int

    /// The `limit` of a request that names none.
    public static let usualLimit = 10_000

    /// Where `until` is not later than `since`, the series of the answer are empty.
    public init(
        device: String, quantity: String? = nil, channel: String? = nil, since: Timestamp, until: Timestamp,
        step: Duration? = nil, limit: Int = usualLimit
    ) {
        self.device = device
        self.quantity = quantity
        self.channel = channel
        self.since = since
        self.until = until
        self.step = step
        self.limit = limit
    }

    package init(_ form: Form) throws(Refusal) {
        guard let device = form.text(.device) else { throw .wrong("device: expected the device's name") }
        let span = try form.span()
        self.init(
            device: device, quantity: try form.quantity(), channel: form.text(.channel), since: span.lowerBound,
            until: span.upperBound, step: try form.milliseconds(.step),
            limit: try form.integer(.limit, in: 1...HistoryAnswer.pointsMax) ?? Self.usualLimit)
    }

    package func write(to form: inout Form) {
        form.write(device, as: .device)
        form.write(quantity, as: .quantity)
        form.write(channel, as: .channel)
        form.write(since, as: .since)
        form.write(until, as: .until)
        form.write(step, as: .step)
        form.write(limit, as: .limit)
    }
}
