import Basics
import Telemetry
import Testing

@Suite("SeriesRegistry")
struct SeriesRegistryTests {
    private let power = Quantity(named: "active_power")!
    private let voltage = Quantity(named: "voltage")!

    @Test("one name has one index, through every growth of the table")
    func internsOnce() {
        var registry = SeriesRegistry()
        for round in 0..<2 {
            for number in 0..<5000 {
                let device = registry.intern(device: "lamp-\(number)", profile: "p")!
                #expect(device.index == number)
                let series = registry.intern(device: device, quantity: power, channel: .none)!
                #expect(series.index == number, "round \(round)")
            }
        }
        #expect(registry.deviceCount == 5000)
        #expect(registry.device(named: "lamp-4999")?.index == 4999)
        #expect(registry.device(named: "lamp-5000") == nil)
    }

    @Test("series of one row share a stream, and a later series joins them")
    func streams() {
        var registry = SeriesRegistry()
        let lamp = registry.intern(device: "lamp", profile: "p")!
        let first = registry.intern(device: lamp, quantity: power, channel: .none)!
        let at = Timestamp(milliseconds: 0)
        registry.closeRow([Reading(series: first, observed: at, value: 1)][...])
        let second = registry.intern(device: lamp, quantity: voltage, channel: .none)!
        registry.closeRow(
            [Reading(series: first, observed: at, value: 1), Reading(series: second, observed: at, value: 2)][...])
        let channel = registry.intern(channel: "l1")!
        let third = registry.intern(device: lamp, quantity: voltage, channel: channel)!
        registry.closeRow([Reading(series: third, observed: at, value: 3)][...])

        #expect(registry.place(of: first).stream == registry.place(of: second).stream)
        #expect(registry.place(of: second).column == 1)
        #expect(registry.place(of: third).stream != registry.place(of: first).stream)
        #expect(registry.channelName(of: third) == "l1")
        #expect(registry.series(of: lamp) == [first, second, third])
    }

    @Test("a row wider than a stream takes a second stream")
    func wideRow() {
        var registry = SeriesRegistry()
        let device = registry.intern(device: "wide", profile: "p")!
        var row: [Reading] = []
        for number in 0..<100 {
            let channel = registry.intern(channel: "c\(number)")!
            let series = registry.intern(device: device, quantity: power, channel: channel)!
            row.append(Reading(series: series, observed: Timestamp(milliseconds: 0), value: 0))
        }
        registry.closeRow(row[...])
        #expect(registry.streams.map(\.columns.count) == [64, 36])
    }

    @Test("refuses unusable names and what is over the limit")
    func limits() {
        var limits = SeriesRegistry.Limits()
        limits.devicesMax = 2
        var registry = SeriesRegistry(limits: limits)
        #expect(registry.intern(device: "", profile: "p") == nil)
        #expect(registry.intern(device: "line\nfeed", profile: "p") == nil)
        #expect(registry.intern(device: String(repeating: "x", count: 129), profile: "p") == nil)
        let notUTF8 = ([0xFF, 0xFE] as [UInt8]).withUnsafeBytes { registry.intern(device: $0, profile: "p") }
        #expect(notUTF8 == nil)
        #expect(registry.intern(device: "a", profile: "p") != nil)
        #expect(registry.intern(device: "b", profile: "p") != nil)
        #expect(registry.intern(device: "c", profile: "p") == nil)
        #expect(registry.intern(device: "a", profile: "p")?.index == 0)
    }
}
