import Basics
import Contract
import Telemetry
import Testing

@testable import Store

@Suite("Export")
struct ExportTests {
    private let folder = TemporaryFolder()

    /// Three devices with two quantities over three days, of which the first are sealed.
    private func makeStore() throws -> Archive {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        defer { journal.close() }
        for step in 0..<300 {
            for device in ["b", "a", "c"] {
                try journal.put(
                    device, seconds(step * 900), ["voltage": 230 + Double(step), "current": Double(step) / 10])
            }
            if step == 200 { try journal.seal(now: seconds(step * 900)) }
        }
        // A late one.
        try journal.put("b", seconds(100), ["voltage": 1])
        return try Archive(folder: folder.store)
    }

    private func lines(_ archive: Archive, _ request: ExportRequest, page: Int = Archive.exportReadingsMax) throws
        -> [String]
    {
        var lines: [String] = []
        var cursor = try archive.beginExport(request)
        while !cursor.isAtEnd {
            let next = try archive.exportPage(from: cursor, readingsMax: page)
            #expect(next.runs.map(\.points.count).reduce(0, +) <= page)
            for run in next.runs {
                lines += run.points.map { "\(run.device) \(run.quantity) \($0.observed) \($0.value) \(run.unit)" }
            }
            cursor = next.next
        }
        return lines
    }

    @Test(
        "gives every reading once, by device, series and time, whatever the size of a page",
        arguments: [1, 7, 299, 300, 301, 8192])
    func pages(page: Int) throws {
        let archive = try makeStore()
        let all = try lines(archive, ExportRequest(), page: page)
        #expect(all.count == 1801)
        #expect(Set(all).count == 1801)
        let runs = all.map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
        var order: [String] = []
        for run in runs where order.last != run { order.append(run) }
        #expect(order == ["b", "a", "c"].flatMap { ["\($0) current", "\($0) voltage"] })
        for device in ["a", "b", "c"] {
            let points = try archive.points(device, "voltage")
            #expect(all.count { $0.hasPrefix("\(device) voltage") } == points.count)
            let times = all.filter { $0.hasPrefix("\(device) voltage") }.map { $0.split(separator: " ")[2] }
            #expect(times == points.map { Substring(Timestamp(milliseconds: $0.time).description) })
        }
    }

    @Test("keeps to the devices, series and the span that are asked for")
    func filters() throws {
        let archive = try makeStore()
        #expect(try lines(archive, ExportRequest(DeviceFilter(device: "a"))).count == 600)
        #expect(try lines(archive, ExportRequest(DeviceFilter(device: "?", quantity: "voltage"))).count == 901)
        #expect(try lines(archive, ExportRequest(DeviceFilter(profile: "test"))).count == 1801)
        #expect(throws: StoreError.noSuchChannel(name: "l1", of: nil, nearest: nil, known: [])) {
            try lines(archive, ExportRequest(channel: "l1"))
        }
        #expect(try lines(archive, ExportRequest(channel: "")).count == 1801)
        let span = ExportRequest(
            DeviceFilter(device: "b", quantity: "voltage"), since: seconds(100), until: seconds(1800))
        #expect(try lines(archive, span, page: 1).map { $0.split(separator: " ")[3] } == ["1.0", "231.0"])
        #expect(throws: StoreError.noSuchDevice(name: "zzz", nearest: nil)) {
            try archive.beginExport(ExportRequest(DeviceFilter(device: "zzz")))
        }
    }

    @Test("names damaged frames and goes on with the rest")
    func damaged() throws {
        _ = try makeStore()
        let file = try #require(names(in: folder.store + "/raw").first { $0.hasSuffix(".l0.db") })
        let path = folder.store + "/raw/" + file
        let connection = try Connection(path, .writer(pageBytes: SealJob.dayPageBytes), effects: nil)
        try connection.run("UPDATE frame SET crc = crc + 1 WHERE k = (SELECT min(k) FROM frame)")
        try connection.checkpoint()
        connection.close()
        let archive = try Archive(folder: folder.store)
        var cursor = try archive.beginExport(ExportRequest())
        var damaged: Set<String> = []
        var readings = 0
        while !cursor.isAtEnd {
            let page = try archive.exportPage(from: cursor, readingsMax: 100)
            damaged.formUnion(page.damaged)
            readings += page.runs.map(\.points.count).reduce(0, +)
            cursor = page.next
        }
        #expect(damaged.count == 1)
        #expect(damaged.first?.contains("its check value is wrong") == true)
        #expect(readings > 1200 && readings < 1801)
    }
}
