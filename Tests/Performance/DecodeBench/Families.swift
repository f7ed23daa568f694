import Basics
import CMeasuring
import Decoding
import Foundation
import Measuring
import Telemetry

/// Messages of one of the three main families, of a thousand devices in turn.
struct Family {
    var name: String
    var topic: (Int) -> String
    var payload: (Int) -> String
    /// Of one message.
    var readings: Int

    static var all: [Family] {
        [
            Family(
                name: "streetlight", topic: { "lights/lamp-\(number($0, 4))/telemetry" },
                payload: { n in
                    #"{"id":"lamp-\#(number(n, 4))","fw":"1.4.2-dali2-20260301","ts":\#(time(n)),"p":\#(20 + n % 40).5,"u":\#(220 + n % 20).8,"i":0.\#(100 + n % 90),"pf":0.9\#(n % 10),"t":\#(20 + n % 30).2,"d":\#(10 + n % 90)}"#
                }, readings: 6),
            Family(
                name: "air quality", topic: { "air/station-\(number($0, 4))/telemetry" },
                payload: { n in
                    #"{"ts":\#(time(n)),"pm2_5":\#(9 + n % 90).3,"pm10":\#(18 + n % 99).45,"no2":21.7,"o3":63.2,"so2":2.1,"co":\#(310 + n % 50),"temperature":4.87,"humidity":81.25,"pressure":1005.12,"laeq":55.4}"#
                }, readings: 10),
            Family(
                name: "solar road", topic: { "solar-road/seg-\(number($0, 4))/telemetry" },
                payload: { n in
                    #"{"ts":\#(time(n)),"dc_power":\#(1800 + n % 99).5,"dc_voltage":621.3,"dc_current":2.967,"irradiance":\#(500 + n % 99).4,"panel_temperature":18.6,"road_surface_temperature":17.9,"strain":-142.5,"energy_total":12843.12}"#
                }, readings: 8),
        ]
    }

    private static func number(_ value: Int, _ digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    private static func time(_ n: Int) -> Int { 1_772_705_640_000 + n * 17 }

    private static let devices = 1000
    private static let batches = 40

    /// Decoder and parser by turns, `pairs` times; medians.
    func measure(_ catalog: DeviceCatalog, pairs: Int, _ table: inout FigureTable) {
        var messages = MessageBatch()
        var texts: [Data] = []
        for device in 0..<Self.devices {
            let text = payload(device)
            texts.append(Data(text.utf8))
            messages.append(
                topic: topic(device), payload: Array(text.utf8),
                receivedAt: Timestamp(milliseconds: 1_772_705_700_000))
        }
        var decoder = MessageDecoder(catalog: catalog)
        var registry = SeriesRegistry()
        var batch = DecodedBatch()
        func decode() {
            batch.removeAll()
            decoder.decode(messages, into: &batch, registry: &registry)
        }
        for _ in 0..<3 { decode() }
        precondition(
            batch.readings.count == readings * Self.devices && batch.rejects.isEmpty,
            "decode-bench: \(batch.readings.count) readings of \(name), \(batch.rejects.first.map(\.detail) ?? "")")
        var (own, foundation) = (Times(), Times())
        for _ in 0..<pairs {
            let begin = Clocks.thread
            for _ in 0..<Self.batches { decode() }
            let middle = Clocks.thread
            var count = 0
            for _ in 0..<4 {
                for text in texts {
                    let object = try? JSONSerialization.jsonObject(with: text) as? [String: Any]
                    count += object?.count ?? 0
                }
            }
            precondition(count > 0, "decode-bench: nothing parsed")
            own.add((middle - begin) / Double(Self.batches * Self.devices))
            foundation.add((Clocks.thread - middle) / Double(4 * Self.devices))
        }
        let allocations = measuring_allocations()
        for _ in 0..<10 { decode() }
        let perMessage = Double(measuring_allocations() - allocations) / Double(10 * Self.devices)
        let counter = measuring_open_instructions()
        let before = measuring_read_instructions(counter)
        decode()
        let instructions = Double(measuring_read_instructions(counter) - before) / Double(Self.devices)
        if counter >= 0 { close(counter) }

        let nanoseconds = own.median * 1e9
        let bytes = texts.reduce(0) { $0 + $1.count } / texts.count
        table.add(
            "\(name): a message of \(bytes) bytes, \(readings) values", nanoseconds, "ns", .atMost(1000),
            counter >= 0 ? "\(Int(instructions)) instructions" : "")
        table.add("\(name): a reading", nanoseconds / Double(readings), "ns", .atMost(300))
        table.add("\(name): allocations a message", perMessage, "", .atMost(0))
        table.add(
            "\(name): as fast as JSONSerialization, which only parses", foundation.median / own.median, "times",
            .atLeast(5))
    }
}
