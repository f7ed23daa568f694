import Basics

/// The names of everything that has spoken: devices, their series, and the streams that series share a timestamp in.
///
/// Names are interned once; the hot path passes small integers. The registry only grows, in the order of first use,
/// so that the store can make its newest entries durable in the same transaction as their first reading
/// (`deviceCount`, `seriesCount` and `streamCount` say how far it has come).
public struct SeriesRegistry: Sendable {
    /// A device that has spoken or is expected.
    public struct Device: Hashable, Sendable {
        /// A `UsableName`, not empty and unlike any other.
        public var name: String
        /// The profile that first decoded the device.
        public var profile: String
    }

    /// What makes a series one: no two have all three alike.
    public struct Series: Hashable, Sendable {
        /// Who measures.
        public var device: DeviceIndex
        /// What is measured.
        public var quantity: Quantity
        /// Of which part of the device; `.none` for the whole.
        public var channel: ChannelIndex
    }

    /// Where a series stands in its stream.
    public struct Place: Hashable, Sendable {
        /// Whose rows have the value.
        public var stream: StreamID
        /// Position in the row, from 0, below `streamColumnsMax`.
        public var column: Int
    }

    /// Series of one device that came together and are stored as rows of one time each.
    public struct Stream: Hashable, Sendable {
        /// Whose series they are.
        public var device: DeviceIndex
        /// Series by column, at most `streamColumnsMax`.
        public var columns: [SeriesID]
    }

    /// How many names may be held. Beyond them a new name is refused and its message rejected.
    public struct Limits: Sendable {
        /// Devices of the roster count too.
        public var devicesMax = 200_000
        /// Of all devices together.
        public var seriesMax = 2_000_000
        /// Distinct channel names, shared by all devices.
        public var channelsMax = 100_000
        /// The numbers that hold where the configuration names no others.
        public init() {}
    }

    /// A presence mask of 64 bits covers a stream.
    public static let streamColumnsMax = 64
    /// Streams at most: the store has 21 bits for them.
    public static let streamsMax = 1 << 21

    /// As it was made; a limit below what is restored refuses only new names.
    public let limits: Limits
    /// By `DeviceIndex`.
    public private(set) var devices: [Device] = []
    /// By `SeriesID`.
    public private(set) var series: [Series] = []
    /// By `StreamID`.
    public private(set) var streams: [Stream] = []
    /// By series; stream `.max` while the series has none yet.
    private var places: [(stream: UInt32, column: UInt32)] = []
    private var channels = NameTable()
    private var deviceNames = NameTable()
    private var seriesByKey = IntegerTable()
    private var streamsByDevice: [DeviceIndex: [StreamID]] = [:]
    /// Series without a stream: each may yet need one of its own.
    private var unplaced = 0

    /// Knows nothing but the empty channel name.
    public init(limits: Limits = Limits()) {
        self.limits = limits
        _ = "".utf8Bytes { channels.intern($0) }  // ChannelIndex.none
    }

    /// Devices known so far; only grows.
    public var deviceCount: Int { devices.count }
    /// Series known so far; only grows.
    public var seriesCount: Int { series.count }
    /// Streams known so far; only grows.
    public var streamCount: Int { streams.count }

    /// Empty for `.none`.
    public func name(of channel: ChannelIndex) -> String { channels.name(at: Int(channel.rawValue)) }

    /// The channel's name; nil for the device as a whole.
    public func channelName(of series: SeriesID) -> String? {
        let channel = self.series[series.index].channel
        return channel == .none ? nil : name(of: channel)
    }

    /// Where the series is stored. It must have a stream: see `closeRow`.
    @inline(__always)
    public func place(of series: SeriesID) -> Place {
        let place = places[series.index]
        precondition(place.stream != .max, "registry: series \(series.rawValue) has no stream; close its row first")
        return Place(stream: StreamID(rawValue: place.stream), column: Int(place.column))
    }

    // MARK: Finding and interning

    /// nil for a name that is not known.
    public func device(named name: UnsafeRawBufferPointer) -> DeviceIndex? {
        deviceNames.find(name).map { DeviceIndex(rawValue: UInt32($0)) }
    }

    /// nil for a name that is not known.
    public func device(named name: String) -> DeviceIndex? { name.utf8Bytes { device(named: $0) } }

    /// The device of this name, known from now on.
    ///
    /// nil when the name is empty, not a `UsableName`, or when
    /// `devicesMax` is reached.
    public mutating func intern(device name: UnsafeRawBufferPointer, profile: @autoclosure () -> String)
        -> DeviceIndex?
    {
        if let known = deviceNames.find(name) { return DeviceIndex(rawValue: UInt32(known)) }
        guard devices.count < limits.devicesMax, let text = UsableName.text(name), !text.isEmpty else { return nil }
        devices.append(Device(name: text, profile: profile()))
        return DeviceIndex(rawValue: UInt32(deviceNames.intern(name)))
    }

    /// The same of a text.
    public mutating func intern(device name: String, profile: String) -> DeviceIndex? {
        name.utf8Bytes { intern(device: $0, profile: profile) }
    }

    /// The channel of this name; `.none` for an empty one. nil under the same conditions as for a device.
    public mutating func intern(channel name: UnsafeRawBufferPointer) -> ChannelIndex? {
        if let known = channels.find(name) { return ChannelIndex(rawValue: UInt32(known)) }
        guard channels.count < limits.channelsMax, UsableName.text(name) != nil else { return nil }
        return ChannelIndex(rawValue: UInt32(channels.intern(name)))
    }

    /// Whether another channel name may become known.
    public var hasRoomForChannels: Bool { channels.count < limits.channelsMax }

    /// nil for a channel that is not known; `.none` for an empty name.
    public func channel(named name: UnsafeRawBufferPointer) -> ChannelIndex? {
        channels.find(name).map { ChannelIndex(rawValue: UInt32($0)) }
    }

    /// The same of a text.
    public mutating func intern(channel name: String) -> ChannelIndex? { name.utf8Bytes { intern(channel: $0) } }

    /// nil where the device never sent this.
    public func find(device: DeviceIndex, quantity: Quantity, channel: ChannelIndex) -> SeriesID? {
        seriesByKey.find(Self.key(device, quantity, channel)).map { SeriesID(rawValue: $0) }
    }

    /// Whether another series may become known.
    public var hasRoomForSeries: Bool { series.count < limits.seriesMax && streams.count + unplaced < Self.streamsMax }

    /// The series of this device, quantity and channel, known from now on; nil when `seriesMax` or `streamsMax` is reached.
    ///
    /// A new series has no stream until `closeRow` gives it one.
    public mutating func intern(device: DeviceIndex, quantity: Quantity, channel: ChannelIndex) -> SeriesID? {
        let key = Self.key(device, quantity, channel)
        if let known = seriesByKey.find(key) { return SeriesID(rawValue: known) }
        guard hasRoomForSeries else { return nil }
        unplaced += 1
        let id = UInt32(series.count)
        seriesByKey.insert(key, id)
        series.append(Series(device: device, quantity: quantity, channel: channel))
        places.append((stream: .max, column: 0))
        return SeriesID(rawValue: id)
    }

    /// Gives every series of one row (one device, one time) a stream.
    ///
    /// A new series joins the stream of the series it came with; where none of them has one, they start a new stream.
    /// Must be called after the readings of a row are appended, whenever the row may hold a new series.
    public mutating func closeRow(_ row: ArraySlice<Reading>) {
        guard row.contains(where: { places[$0.series.index].stream == .max }) else { return }
        let settled = row.first { places[$0.series.index].stream != .max }
        var stream = settled.map { StreamID(rawValue: places[$0.series.index].stream) }
        for reading in row where places[reading.series.index].stream == .max {
            if let open = stream, streams[open.index].columns.count < Self.streamColumnsMax {
                append(reading.series, to: open)
            } else {
                let fresh = addStream(for: series[reading.series.index].device)
                append(reading.series, to: fresh)
                stream = fresh
            }
        }
    }

    /// Oldest first; empty for a device without a reading.
    public func streams(of device: DeviceIndex) -> [StreamID] { streamsByDevice[device] ?? [] }

    /// All series of a device, in order of first use.
    public func series(of device: DeviceIndex) -> [SeriesID] {
        streams(of: device).flatMap { streams[$0.index].columns }.sorted()
    }

    // MARK: Restoring from the catalogue, in id order; columns of a stream may come in any order

    /// Gives it the next number. A name that is known already stops the program.
    public mutating func restore(device name: String, profile: String) {
        let index = name.utf8Bytes { deviceNames.intern($0) }
        precondition(index == devices.count, "registry: device '\(name)' restored twice")
        devices.append(Device(name: name, profile: profile))
    }

    /// Gives it the next number, and no columns yet.
    public mutating func restoreStream(of device: DeviceIndex) { _ = addStream(for: device) }

    /// Whether no series was restored at this place yet.
    public func isFree(_ stream: StreamID, column: Int) -> Bool {
        column >= streams[stream.index].columns.count || streams[stream.index].columns[column].rawValue == .max
    }

    /// Gives it the next number, at its column. A column that is taken stops the program.
    public mutating func restoreSeries(
        device: DeviceIndex, quantity: Quantity, channel: String, stream: StreamID, column: Int
    ) {
        let channel = ChannelIndex(rawValue: UInt32(channel.utf8Bytes { channels.intern($0) }))
        let id = UInt32(series.count)
        seriesByKey.insert(Self.key(device, quantity, channel), id)
        series.append(Series(device: device, quantity: quantity, channel: channel))
        places.append((stream: .max, column: 0))
        // A series interned for a suspect value gets its column later than a younger one, so ids do not follow columns.
        while streams[stream.index].columns.count <= column {
            streams[stream.index].columns.append(SeriesID(rawValue: .max))
        }
        precondition(
            streams[stream.index].columns[column].rawValue == .max,
            "registry: series \(id) restored at column \(column), which series "
                + "\(streams[stream.index].columns[column].rawValue) has")
        streams[stream.index].columns[column] = SeriesID(rawValue: id)
        places[Int(id)] = (stream: stream.rawValue, column: UInt32(column))
    }

    /// Changes a device's profile name, for a device known from the roster before it first spoke.
    public mutating func setProfile(_ profile: String, of device: DeviceIndex) {
        devices[device.index].profile = profile
    }

    // MARK: Helpers

    private mutating func addStream(for device: DeviceIndex) -> StreamID {
        let id = StreamID(rawValue: UInt32(streams.count))
        streams.append(Stream(device: device, columns: []))
        streamsByDevice[device, default: []].append(id)
        return id
    }

    private mutating func append(_ series: SeriesID, to stream: StreamID) {
        unplaced -= 1
        places[series.index] = (stream: stream.rawValue, column: UInt32(streams[stream.index].columns.count))
        streams[stream.index].columns.append(series)
    }

    /// 28 bits of device, 12 of quantity, 24 of channel: more than the limits allow.
    private static func key(_ device: DeviceIndex, _ quantity: Quantity, _ channel: ChannelIndex) -> UInt64 {
        UInt64(device.rawValue) << 36 | UInt64(quantity.index) << 24 | UInt64(channel.rawValue)
    }
}
