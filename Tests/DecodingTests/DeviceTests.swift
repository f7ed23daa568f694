import Basics
import Decoding
import Settings
import Telemetry
import Testing

@testable import Profiles

/// Every profile of `Devices` against the samples beside it, and against the corpus of dialects where it is at hand.
@Suite("Devices")
struct DeviceTests {
    @Test("the profiles compile, and every one of them brings samples")
    func profilesCompile() throws {
        let catalog = try Repository.catalog.get()
        #expect(catalog.profileNames.count >= 40)
        #expect(Repository.samples.count >= catalog.profileNames.count)
        #expect(Repository.corpusFolder == nil || Repository.corpus.count == Repository.corpusNames.count)
        let reference = try SettingFiles.text(of: Repository.root + "Devices/README.md")
        for source in try Repository.profileSources() {
            let folder = source.path.dropLast("profile.yaml".count)
            #expect(Repository.samples.contains { $0.path.hasPrefix(folder) }, "\(source.path)")
            let name = folder.split(separator: "/").suffix(2).joined(separator: "/")
            #expect(reference.contains("`\(name)`"), "\(name) is not in the table of Devices/README.md")
        }
    }

    @Test("a sample becomes exactly the readings it names", arguments: Repository.samples + Repository.corpus)
    func sampleIsExact(sample: DialectSample) throws {
        var bench = try sample.bench()
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
        var bench = try sample.bench()
        var messages = MessageBatch()
        try sample.append(to: &messages)
        bench.decoder.decode(messages, into: &bench.batch, registry: &bench.registry)
        for index in 0..<bench.registry.seriesCount {
            // Traps where a series has none.
            _ = bench.registry.place(of: SeriesID(rawValue: UInt32(index)))
        }
    }

    @Test("every message that gives something is subscribed to, and no filter covers another")
    func subscriptions() throws {
        let catalog = try Repository.catalog.get()
        let filters = catalog.subscriptions
        #expect(filters.contains("lights/+/telemetry") && filters.contains("weather-v2/+/+"))
        for filter in filters {
            #expect(!filters.contains { $0 != filter && TopicFilter.covers($0, filter) }, "\(filter)")
        }
        for sample in Repository.samples + Repository.corpus {
            for message in sample.sequence where !filters.contains(where: { TopicFilter.covers($0, message.topic) }) {
                var bench = Bench(catalog)
                bench.decode(message.topic, message.bytes)
                #expect(bench.batch.ignoredMessages == 1, "\(message.topic)")
            }
        }
    }
}
