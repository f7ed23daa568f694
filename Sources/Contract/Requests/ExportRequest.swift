public import Basics

/// Which readings are exported; what is nil does not matter. The answer is text, as long as there are readings.
public struct ExportRequest: Request {
    package static let route = Route(
        .get, "export", DeviceFilter.parameters + [.channel, .since, .until, .format, .end])

    /// Of which devices, and of which quantity of theirs.
    public var filter: DeviceFilter
    /// nil for all channels, empty for the series of the device as a whole.
    public var channel: String?
    /// nil for all that there is.
    public var since: Timestamp?
    /// Not included.
    public var until: Timestamp?
    /// Of the text that is the answer.
    public var format: ReadingFormat
    /// Whether an `ExportEnd` shall stand behind the text.
    public var isEndMarked: Bool

    private enum End: String, CaseIterable { case marked }

    package init(
        _ filter: DeviceFilter = DeviceFilter(), channel: String? = nil, since: Timestamp? = nil,
        until: Timestamp? = nil, format: ReadingFormat = .csv, isEndMarked: Bool = false
    ) {
        self.filter = filter
        self.channel = channel
        self.since = since
        self.until = until
        self.format = format
        self.isEndMarked = isEndMarked
    }

    package init(_ form: Form) throws(Refusal) {
        let format = try ReadingFormat(form)
        let (since, until) = (try form.moment(.since), try form.moment(.until))
        if let since, let until, since >= until {
            throw .wrong("since, until: expected two times, the first one earlier")
        }
        self.init(
            try DeviceFilter(form), channel: form.text(.channel), since: since, until: until, format: format,
            isEndMarked: try form.word(.end, End.self) == .marked)
    }

    package func write(to form: inout Form) {
        filter.write(to: &form)
        form.write(channel, as: .channel)
        form.write(since, as: .since)
        form.write(until, as: .until)
        form.write(format, as: .format)
        form.write(isEndMarked ? End.marked : nil, as: .end)
    }
}

/// How readings are written in text that goes over the socket.
public enum ReadingFormat: String, CaseIterable, Sendable {
    case csv, jsonl

    init(_ form: Form) throws(Refusal) {
        guard let text = form.text(.format) else {
            self = .csv
            return
        }
        guard let format = Self(rawValue: text) else { throw .wrong("format: '\(text)': expected csv or jsonl") }
        self = format
    }
}
