import Decoding
import Telemetry
import Testing

/// Every profile of `Devices` against the samples beside it, and against the corpus of dialects where it is at hand.
@Suite("Devices")
struct DeviceTests {
    @Test("the profiles compile, and every one of them brings samples")
    func profilesCompile() throws {
        let catalog = try Repository.catalog.get()
        #expect(catalog.profileNames.count >= 11)
        #expect(Repository.samples.count >= catalog.profileNames.count)
        for source in try Repository.profileSources() {
            let folder = source.path.dropLast("profile.yaml".count)
            #expect(Repository.samples.contains { $0.path.hasPrefix(folder) }, "\(source.path)")
        }
    }

    @Test("a sample becomes exactly the readings it names", arguments: Repository.samples + Repository.corpus)
    func sampleIsExact(sample: DialectSample) throws {
        var bench = Bench(
            try Repository.catalog.get(), siteZoneOffsetSeconds: sample.siteZoneOffsetSeconds ?? 0,
            constants: sample.constants ?? [:])
        var messages = MessageBatch()
        try sample.append(to: &messages)
        bench.decoder.decode(messages, into: &bench.batch, registry: &bench.registry)

        #expect(bench.batch.rejects.map(\.reason.rawValue) == sample.expectRejects ?? [], "\(bench.rejectLines)")
        var left = bench.batch.readings
        for expectation in sample.expect {
            let observed = try moment(expectation.timestamp)
            let index = left.firstIndex { reading in
                let series = bench.registry.series[reading.series.index]
                return bench.registry.devices[series.device.index].name == expectation.device
                    && series.quantity.name == expectation.quantity && series.quantity.unit == expectation.unit
                    && bench.registry.channelName(of: reading.series) == expectation.channel
                    && abs(reading.observed.milliseconds - observed.milliseconds) <= 1
                    && abs(reading.value - expectation.value) <= 1e-6 * abs(expectation.value)
            }
            if let index {
                left.remove(at: index)
            } else {
                Issue.record("missing: \(expectation); there are \(bench.lines)")
            }
        }
        #expect(left.isEmpty, "nobody expects \(left.map { bench.line($0) })")

        let statuses = bench.batch.statuses.map {
            "\(bench.registry.devices[$0.device.index].name) \($0.isOnline ? "online" : "offline") \($0.at)"
        }
        let expected = try (sample.expectStatus ?? []).map {
            "\($0.device) \($0.state) \(try moment($0.timestamp))"
        }
        #expect(statuses.sorted() == expected.sorted())
    }

    @Test("every series has a place in a stream once its message is decoded", arguments: Repository.samples)
    func everySeriesHasAPlace(sample: DialectSample) throws {
        var bench = Bench(
            try Repository.catalog.get(), siteZoneOffsetSeconds: sample.siteZoneOffsetSeconds ?? 0,
            constants: sample.constants ?? [:])
        var messages = MessageBatch()
        try sample.append(to: &messages)
        bench.decoder.decode(messages, into: &bench.batch, registry: &bench.registry)
        for index in 0..<bench.registry.seriesCount {
            // Traps where a series has none.
            _ = bench.registry.place(of: SeriesID(rawValue: UInt32(index)))
        }
    }

    @Test("subscriptions follow from the topics, without those covered by others")
    func subscriptions() throws {
        #expect(
            try Repository.catalog.get().subscriptions == [
                "air/+/batch", "air/+/status", "air/+/telemetry", "airgradient/readings/+",
                "application/+/device/+/event/up", "ecowitt/+", "hj212/+/up", "lights/+/batch", "lights/+/status",
                "lights/+/telemetry",
                "luftdaten/+/data", "senml/+", "solar-road/+/batch", "solar-road/+/status", "solar-road/+/telemetry",
                "solar/+/+/+", "solar/ac/+", "solar/dtu/status", "spBv1.0/+/DBIRTH/+/+", "spBv1.0/+/DDATA/+/+",
                "spBv1.0/+/DDEATH/+/+",
                "spBv1.0/+/NBIRTH/+", "spBv1.0/+/NDEATH/+", "sunspec/+/103", "talq/+/log-reports", "tele/+/LWT",
                "tele/+/SENSOR", "telemetry/lp", "weather-v2/+/+",
            ])
    }
}
