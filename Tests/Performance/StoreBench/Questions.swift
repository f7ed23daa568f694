import Basics
import Contract
import Measuring
import Store
import Telemetry

extension Bench {
    /// The median of one question, asked of an archive that has just answered a round of them; and of a new one whose
    /// files the kernel has forgotten.
    private func ask(
        _ count: Int, round: Int = 1, threads: Int = .max, _ body: (Archive) throws -> Void
    ) throws -> (warm: Double, cold: Double) {
        func open() throws -> Archive { try Archive(folder: store, threads: threads) }
        let cold = try Times.measure(7, before: { Machine.dropCache(store) }) { try body(try open()) }
        let archive = try open()
        for _ in 0..<round { try body(archive) }
        let warm = try Times.measure(count) { try body(archive) }
        return (warm.median * 1e3, cold.median * 1e3)
    }

    /// Over `count` devices in turn, so that no answer is one that was just given; the round before is over all of them,
    /// for they lie on different pages.
    private func askInTurn(
        _ count: Int, _ body: (Archive, String) throws -> Void
    ) throws -> (warm: Double, cold: Double) {
        var device = 0
        func next() -> String {
            device = (device + 37) % Fleet.devices
            return Fleet.name(of: device)
        }
        return try ask(count, round: Fleet.devices) { try body($0, next()) }
    }

    mutating func latest() throws {
        // As beside a gateway that runs: with its connection open there is a WAL, and readers take SQLite's locks.
        let journal = try Journal.open(StoreOptions(folder: store))
        defer { journal.close() }
        let (warm, cold) = try ask(200) { archive in
            let answers = try archive.latest()
            precondition(answers.count == Fleet.readingsPerMinute, "store-bench: \(answers.count) latest readings")
        }
        table.add("latest of 5,000 series, warm", warm, "ms", .atMost(1))
        table.add("latest of 5,000 series, cold", cold, "ms", .atMost(5), "opening the store included")
    }

    mutating func series() throws {
        let journal = try Journal.open(StoreOptions(folder: store))
        defer { journal.close() }
        let middle = Fleet.time(ofMinute: options.days / 2 * Fleet.minutesPerDay)
        let raw = try askInTurn(300) { archive, device in
            let answer = try archive.history(
                HistoryRequest(device: device, quantity: "pm2_5", since: middle, until: middle + .seconds(86_400)))
            precondition(
                answer.series[0].points.count >= 1439, "store-bench: a day of \(answer.series[0].points.count)")
        }
        table.add("one series, one day, raw, warm", raw.warm, "ms", .atMost(0.5))
        table.add("one series, one day, raw, cold", raw.cold, "ms", .none, "opening the store included")
        let days = min(30, options.days)
        let since = end - .seconds(days * 86_400)
        let hourly = try askInTurn(300) { archive, device in
            let answer = try archive.history(
                HistoryRequest(device: device, quantity: "pm2_5", since: since, until: end, step: .seconds(3600)))
            precondition(answer.series[0].buckets.count == days * 24, "store-bench: an hour is missing")
        }
        table.add("one series, \(days) days, hourly, warm", hourly.warm, "ms", .atMost(0.3))
        table.add("one series, \(days) days, hourly, cold", hourly.cold, "ms", .none, "opening the store included")
    }

    mutating func city() throws {
        let journal = try Journal.open(StoreOptions(folder: store))
        defer { journal.close() }
        let days = min(7, options.days)
        let request = QueryRequest(
            filter: DeviceFilter(quantity: "pm2_5"), since: end - .seconds(days * 86_400), until: end,
            step: .seconds(3600), group: .all)
        func mean(threads: Int) throws -> (warm: Double, cold: Double) {
            try ask(50, round: 10, threads: threads) { archive in
                let answer = try archive.query(request)
                precondition(answer.groups[0].buckets.count == days * 24, "store-bench: an hour is missing")
            }
        }
        let (warm, cold) = try mean(threads: .max)
        let what = "city hourly mean, 1,000 series, \(days) days"
        table.add("\(what), warm", warm, "ms", .atMost(15), "as many threads as cores")
        table.add("\(what), cold", cold, "ms", .none, "opening the store included")
        table.add("\(what), warm, by one thread", try mean(threads: 1).warm, "ms", .none)
    }

    /// A day of one quantity of all devices, from raw readings.
    mutating func scan() throws {
        let journal = try Journal.open(StoreOptions(folder: store))
        defer { journal.close() }
        let since = Fleet.time(ofMinute: (options.days - 1) * Fleet.minutesPerDay)
        let readings = Double(Fleet.devices * Fleet.minutesPerDay)
        let request = QueryRequest(
            filter: DeviceFilter(quantity: "pm2_5"), since: since, until: end, step: .seconds(600), group: .all)
        func query(threads: Int) throws -> (warm: Double, cold: Double) {
            try ask(15, threads: threads) { archive in
                let answer = try archive.query(request)
                precondition(answer.groups[0].buckets.count == 144, "store-bench: a bucket is missing")
            }
        }
        let (warm, cold) = try query(threads: .max)
        let what = "raw scan by a query in steps of 10 minutes, a reading"
        table.add(
            what, warm / readings * 1e6, "ns", .atMost(20),
            "as many threads as cores; \(fixed(warm, 1)) ms for 1,000 series and a day; cold \(fixed(cold, 0)) ms")
        table.add("\(what), by one thread", try query(threads: 1).warm / readings * 1e6, "ns", .none)
        let walk = try ask(15) { archive in
            var (count, sum) = (0, 0.0)
            for device in 0..<Fleet.devices {
                // The first of five quantities: as the fleet was interned.
                let series = SeriesID(rawValue: UInt32(device * Fleet.columns))
                try archive.forEachReading(of: series, since: since, until: end) { _, value in
                    count += 1
                    sum += value
                    return true
                }
            }
            precondition(Double(count) > readings * 0.999 && sum > 0, "store-bench: \(count) readings of a day")
        }
        table.add(
            "raw scan reading by reading, a reading", walk.warm / readings * 1e6, "ns", .atMost(20),
            "\(fixed(walk.warm, 1)) ms for 1,000 series and a day; cold \(fixed(walk.cold, 0)) ms")
    }
}
