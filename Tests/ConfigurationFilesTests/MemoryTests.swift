import Basics
import Decoding
import Foundation
import Settings
import Store
import Telemetry
import Testing
import TestSupport
import Windows

@testable import ConfigurationFiles

/// Limits follow the memory that there is.
@Suite("Memory and limits")
struct MemoryTests {
    private static let machine = 8 << 30

    private func read(_ files: [String: String]) throws -> MachineMemory {
        let root = TemporaryDirectory()
        for (path, text) in files {
            let url = URL(filePath: root.path + path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: url, atomically: true, encoding: .utf8)
        }
        return MachineMemory.read(root: root.path, machineBytes: Self.machine)
    }

    @Test("the least of all control groups counts, by version 2, by version 1, and in a container")
    func groups() throws {
        #expect(try read([:]) == MachineMemory(bytes: Self.machine, source: "the memory of this machine"))
        let unit = "/sys/fs/cgroup/system.slice/baotud.service/memory.max"
        let v2 = ["/proc/self/cgroup": "0::/system.slice/baotud.service\n"]
        #expect(try read(v2.merging([unit: "2147483648\n"]) { $1 }) == MachineMemory(bytes: 2 << 30, source: unit))
        #expect(try read(v2.merging([unit: "max\n"]) { $1 }).bytes == Self.machine)
        // A slice above may allow less, and so may the machine itself.
        let slice = "/sys/fs/cgroup/system.slice/memory.max"
        #expect(
            try read(v2.merging([unit: "2147483648\n", slice: "1073741824\n"]) { $1 })
                == MachineMemory(bytes: 1 << 30, source: slice))
        #expect(try read(v2.merging([unit: "17179869184\n"]) { $1 }).source == "the memory of this machine")
        // Beyond `memory.high` a service is slowed down until nothing goes any more.
        let high = "/sys/fs/cgroup/system.slice/baotud.service/memory.high"
        #expect(try read(v2.merging([unit: "2147483648\n", high: "1610612736\n"]) { $1 }).bytes == 1_610_612_736)

        let v1 = ["/proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/abc\n0::/\n"]
        let limit = "/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes"
        #expect(try read(v1.merging([limit: "536870912\n"]) { $1 }) == MachineMemory(bytes: 1 << 29, source: limit))
        #expect(try read(v1.merging([limit: "9223372036854771712\n"]) { $1 }).bytes == Self.machine)
        // The path is one of outside the container, of which only the root is mounted.
        let inside = "/sys/fs/cgroup/memory/memory.limit_in_bytes"
        #expect(try read(v1.merging([inside: "536870912\n"]) { $1 }).source == inside)
        #expect(
            try read(["/proc/self/cgroup": "0::/../..\n", "/sys/fs/cgroup/memory.max": "1048576000\n"]).bytes
                == 1_048_576_000)
        // What is no limit changes nothing.
        for text in ["", "\n", "-1\n", "0\n", "twelve\n", "99999999999999999999\n"] {
            #expect(try read(v2.merging([unit: text]) { $1 }).bytes == Self.machine, "\(text)")
        }
    }

    private func configuration(_ limits: String) throws -> GatewayConfiguration {
        try GatewayConfiguration(yaml: "limits: {\(limits)}\n", file: "/nowhere/baotu.yaml")
    }

    @Test("names and windows take no more than their part of the memory, and what is configured wins")
    func budget() throws {
        var before: SeriesRegistry.Limits?
        for megabytes in [128, 256, 512, 1024, 2048, 4096, 65_536] {
            let configuration = try configuration("memory: \(megabytes << 20)")
            let names = configuration.store.limits
            let bytes =
                MemoryBudget.bytes(devices: names.devicesMax, series: names.seriesMax) + MemoryBudget.baseBytes
                + 2 * configuration.windowBudget.bytesMax
            #expect(bytes <= megabytes << 20 || megabytes < 256, "\(megabytes) MiB: \(bytes >> 20)")
            #expect(names.devicesMax >= before?.devicesMax ?? 0 && names.seriesMax >= before?.seriesMax ?? 0)
            before = names
        }
        #expect(before.map { [$0.devicesMax, $0.seriesMax] } == [200_000, 2_000_000])
        #expect(try configuration("memory: 2G").memory.memory.bytes == 2_147_483_648)
        let written = try configuration("memory: 268435456, devices: 150000, series: auto, windowed_series: 77")
        #expect(written.store.limits.devicesMax == 150_000)
        #expect(written.store.limits.seriesMax == (try configuration("memory: 268435456")).store.limits.seriesMax)
        #expect(written.windowBudget.seriesMax == 77)
        #expect(try configuration("").memory.memory == MachineMemory.read())
    }

    @Test("rates of new names are read, and what is none is a mistake with what would be right")
    func rates() throws {
        let rates = try configuration(
            "new_names: {burst: 10, per_minute: 20}, new_names_per_topic: {per_minute: 3}"
        ).decoding.newNames
        #expect(rates?.inAll == .init(burst: 10, perMinute: 20))
        #expect(rates?.perTopic == .init(burst: 2000, perMinute: 3))
        for (limits, expected) in [
            ("new_names: 7", "limits.new_names: '7': expected {burst: 50000, per_minute: 60000}"),
            ("new_names: {burst: 0}", "limits.new_names.burst: '0': expected a whole number from 1 to 64000000"),
            ("new_names: {brust: 1}", "limits.new_names.brust"),
            ("devices: many", "limits.devices: 'many': expected a whole number from 1 to 16000000, or auto"),
            ("memory: 4096", "limits.memory: '4096': expected bytes from 134217728 (128M), such as 2G"),
            ("memory: {max: 2G}", "limits.memory"),
            ("memory: 2GB", "limits.memory: '2GB': expected bytes from 134217728"),
            ("memory: 9999999999T", "limits.memory: '9999999999T': expected bytes"),
            ("memory: -1G", "limits.memory: '-1G': expected bytes"),
        ] {
            let mistakes = #expect(throws: Mistakes.self) { try configuration(limits) }
            let sentences = "\(mistakes?.list ?? [])"
            #expect(sentences.contains(expected), "\(limits): \(sentences)")
        }
    }
}

/// What is well written, and does not fit the memory.
extension CheckTests {
    @Test("limits that the memory cannot hold are told, with what there is and what would fit")
    func memory() throws {
        let small = "limits: {memory: 536870912, "
        #expect(try load(small + "devices: 5000, series: 20000, windowed_series: 1000}\n") == ([], []))
        for (limits, key) in [
            ("devices: 1000000", "limits.devices: '1000000'"), ("series: 5000000", "limits.series: '5000000'"),
            ("windowed_series: 200000", "limits.windowed_series: '200000'"),
        ] {
            let found = try load(small + limits + "}\n")
            #expect(found.mistakes.isEmpty && found.warnings.count == 1, "\(found)")
            let sentence = try #require(found.warnings.first)
            #expect(sentence.contains(key) && sentence.contains("512 MiB are there (limits.memory)"), "\(sentence)")
        }
        let roster = "device,cadence,profile,area\n" + (0..<20).map { "lamp-\($0),10s,lamps,Lixia\n" }.joined()
        let found = try load("limits: {devices: 10}\n", roster: roster)
        #expect(found.warnings.contains { $0.contains("the roster alone names 20 devices") }, "\(found)")
    }
}
