import Basics
import Contract
import Telemetry
import Testing
import TestSupport

@testable import Store

/// Names that look alike and are not the same bytes, through the whole store.
@Suite("Names in the store")
struct NameTests {
    private static let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    private let folder = TemporaryFolder()

    /// Two devices, each in an area of its name, each with one reading.
    private func archive() throws -> Archive {
        let journal = try Journal.open(StoreOptions(folder: folder.store))
        defer { journal.close() }
        let names = [Self.composed, Self.decomposed]
        #expect(
            try journal.saveRoster(
                names.map { RosterEntry(device: $0, profile: $0, area: $0, circuit: $0, cadence: .seconds(10)) },
                now: noon
            ).refused == [])
        for (index, name) in names.enumerated() {
            try journal.put(name, seconds(index), ["voltage": Double(230 + index)])
            let number = DeviceIndex(rawValue: UInt32(index))
            try journal.record(
                [Subject.device(number), .area(name), .circuit(name)].map { subject in
                    AlertTransition(
                        key: AlertKey(rule: "high", subject: subject), severity: .info, from: .inactive, to: .firing,
                        at: noon, since: noon, value: nil, sentence: "high")
                }, channels: [], now: noon, evaluatedThrough: 0)
        }
        try journal.seal()
        return try Archive(folder: folder.store)
    }

    @Test("two devices and two areas that look alike are two, in every answer")
    func answers() throws {
        let archive = try archive()
        for (index, name) in [Self.composed, Self.decomposed].enumerated() {
            let value = [Double(230 + index)]
            #expect(try archive.latest(DeviceFilter(device: name)).map(\.value) == value)
            #expect(try archive.latest(DeviceFilter(area: name)).map(\.value) == value)
            #expect(try archive.latest(DeviceFilter(profile: name)).map(\.value) == value)
            #expect(try archive.devices(DeviceFilter(device: name), at: noon).count == 1)
            #expect(try archive.alerts(AlertsRequest(device: name)).count == 1)
        }
        #expect(try archive.alerts().count == 6)
        for group in [QueryRequest.Group.area, .profile, .device] {
            let request = QueryRequest(since: noon, until: seconds(60), group: group)
            #expect(try archive.query(request).groups.count == 2, "\(group)")
        }
        #expect(throws: StoreError.self) { try archive.latest(DeviceFilter(area: "caf\u{65}\u{300}")) }
    }

    @Test("the catalogue's cache keeps them apart")
    func cache() throws {
        _ = try archive()
        let again = try Archive(folder: folder.store)
        let profiles = again.registry.devices.map { Array($0.profile.utf8) }
        #expect(profiles == [Self.composed, Self.decomposed].map { Array($0.utf8) })
    }
}
