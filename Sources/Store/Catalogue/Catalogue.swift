import Basics
import Telemetry

/// The registry on disk: devices, streams and series by id.
enum Catalogue {
    /// Adds to `registry` what core.db holds beyond it.
    static func load(_ connection: Connection, into registry: inout SeriesRegistry) throws(StoreError) {
        let file = connection.file
        var loaded = registry
        func expect(_ id: Int64, _ count: Int, _ what: String) throws(StoreError) {
            guard id == count else { throw .corrupt(file: file, detail: "\(what) \(count) is missing before \(id)") }
        }
        try connection.rows(
            "SELECT id, name, profile FROM device WHERE id >= ? ORDER BY id", .integer(Int64(loaded.deviceCount))
        ) { row throws(StoreError) in
            try expect(row.integer("id"), loaded.deviceCount, "device")
            guard loaded.device(named: row.text("name")) == nil else {
                throw .corrupt(file: file, detail: "device \(row.integer("id")) has the name of another one")
            }
            loaded.restore(device: row.text("name"), profile: row.text("profile"))
        }
        // Numbers and not the registry itself: lending that for each row would count a dozen references up and down.
        let devices = loaded.deviceCount
        try connection.rows(
            "SELECT id, device FROM stream WHERE id >= ? ORDER BY id", .integer(Int64(loaded.streamCount))
        ) { row throws(StoreError) in
            try expect(row.integer("id"), loaded.streamCount, "stream")
            loaded.restoreStream(of: try device(row.integer("device"), of: devices, file))
        }
        let streams = loaded.streamCount
        try connection.rows(
            "SELECT id, device, quantity, channel, stream, col FROM series WHERE id >= ? ORDER BY id",
            .integer(Int64(loaded.seriesCount))
        ) { row throws(StoreError) in
            try expect(row.integer("id"), loaded.seriesCount, "series")
            guard let quantity = Quantity(named: row.text("quantity")) else {
                throw .unknownQuantity(name: row.text("quantity"))
            }
            let stream = row.integer("stream")
            let column = row.integer("col")
            guard stream >= 0, stream < streams, column >= 0, column < SeriesRegistry.streamColumnsMax else {
                throw .corrupt(file: file, detail: "series \(row.integer("id")) is at \(stream), column \(column)")
            }
            guard loaded.isFree(StreamID(rawValue: UInt32(stream)), column: Int(column)) else {
                throw .corrupt(file: file, detail: "series \(row.integer("id")) is where another one is")
            }
            loaded.restoreSeries(
                device: try device(row.integer("device"), of: devices, file), quantity: quantity,
                channel: row.text("channel"),
                stream: StreamID(rawValue: UInt32(stream)), column: Int(column))
        }
        for stream in loaded.streams.dropFirst(registry.streamCount) {
            guard stream.columns.allSatisfy({ $0.index < loaded.seriesCount }) else {
                throw .corrupt(file: file, detail: "a stream of device \(stream.device.rawValue) lacks a column")
            }
        }
        registry = loaded
    }

    private static func device(_ id: Int64, of count: Int, _ file: String) throws(StoreError) -> DeviceIndex {
        guard id >= 0, id < count else {
            throw .corrupt(file: file, detail: "device \(id) is not in the catalogue")
        }
        return DeviceIndex(rawValue: UInt32(id))
    }

    /// How much of a registry is on disk.
    struct Saved {
        var devices = 0
        var streams = 0
        var series = 0

        init(_ registry: SeriesRegistry) {
            devices = registry.deviceCount
            streams = registry.streamCount
            series = registry.seriesCount
        }

        func isBehind(_ registry: SeriesRegistry) -> Bool {
            devices < registry.deviceCount || streams < registry.streamCount || series < registry.seriesCount
        }
    }

    /// Writes what `registry` has beyond `saved`. Belongs into the transaction that first uses it.
    ///
    /// Every series must have its place; see `settle`.
    static func save(
        _ registry: SeriesRegistry, beyond saved: Saved, _ connection: Connection
    ) throws(StoreError) -> Saved {
        for id in saved.devices..<registry.deviceCount {
            let device = registry.devices[id]
            try connection.run(
                "INSERT INTO device(id, name, profile) VALUES (?, ?, ?)", .integer(Int64(id)), .text(device.name),
                .text(device.profile))
        }
        for id in saved.streams..<registry.streamCount {
            try connection.run(
                "INSERT INTO stream VALUES (?, ?)", .integer(Int64(id)),
                .integer(Int64(registry.streams[id].device.rawValue)))
        }
        for id in saved.series..<registry.seriesCount {
            let series = registry.series[id]
            let place = registry.place(of: SeriesID(rawValue: UInt32(id)))
            try connection.run(
                "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?)", .integer(Int64(id)),
                .integer(Int64(series.device.rawValue)), .text(series.quantity.name),
                .text(registry.name(of: series.channel)), .integer(Int64(place.stream.rawValue)),
                .integer(Int64(place.column)))
        }
        return Saved(registry)
    }

    /// Gives a place to new series that came in no row: those of which only a suspect value was seen.
    static func settle(_ registry: inout SeriesRegistry, beyond saved: Saved) {
        for id in saved.series..<registry.seriesCount {
            let series = SeriesID(rawValue: UInt32(id))
            var row: [Reading] = []
            // Beside a series of the same device, so that it does not start a stream of its own.
            if let stream = registry.streams(of: registry.series[id].device).last {
                row.append(
                    Reading(
                        series: registry.streams[stream.index].columns[0], observed: Timestamp(milliseconds: 0),
                        value: 0))
            }
            row.append(Reading(series: series, observed: Timestamp(milliseconds: 0), value: 0))
            registry.closeRow(row[...])
        }
    }
}
