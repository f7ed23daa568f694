import Basics
import Contract
import Foundation
import Interchange
import Store
import Telemetry
import Testing
import TestSupport

@testable import OperatorCLI

/// The commands as they are run, on the files: what leaves comes back.
@Suite("Export and import")
struct ExportImportTests {
    private let folder = TemporaryDirectory()
    private func path(_ name: String) -> String { folder.path + "/" + name }
    private func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }
    private func write(_ text: String, _ name: String) throws -> String {
        try text.write(toFile: path(name), atomically: false, encoding: .utf8)
        return path(name)
    }

    private static let noon = Timestamp(milliseconds: 1_773_576_000_000)  // 2026-03-15T12:00:00Z
    private static let header = "observed,device,quantity,channel,unit,value\n"

    /// Devices with names and values of all sorts, part of it sealed.
    private func makeStore(_ name: String) throws {
        let journal = try Journal.open(StoreOptions(folder: path(name)))
        defer { journal.close() }
        var random = SeededGenerator(seed: 3)
        for step in 0..<1500 {
            var batch = DecodedBatch()
            for device in ["lamp-1", "路灯, \"2\"", "a=b c"] {
                let index = journal.registry.intern(device: device, profile: "lamps")!
                let start = batch.readings.count
                for (quantity, channel) in [
                    ("active_power", ""), ("voltage", "l1"), ("voltage", "l2"), ("lamp_on", ""),
                ] {
                    let series = journal.registry.intern(
                        device: index, quantity: Quantity(named: quantity)!,
                        channel: journal.registry.intern(channel: channel)!)!
                    let value =
                        switch quantity {
                        case "active_power": Double.random(in: -1e7...1e7, using: &random)
                        case "lamp_on": Double(Int.random(in: 0...1, using: &random))
                        default: Double(Int.random(in: 2000...2500, using: &random)) / 10
                        }
                    // Not every message has every value.
                    if Int.random(in: 0..<5, using: &random) == 0 { continue }
                    batch.readings.append(
                        Reading(series: series, observed: Self.noon + .milliseconds(step * 100_003), value: value))
                }
                guard batch.readings.count > start else { continue }
                journal.registry.closeRow(batch.readings[start...])
            }
            _ = try journal.commit(batch, received: 3, now: Self.noon + .seconds(step))
            if step == 900 { try journal.finishSeal(try journal.beginSeal(state: nothingLearnt, now: Self.noon).run()) }
        }
    }

    @Test("export, import into an empty store, export: the same bytes", arguments: ["csv", "jsonl"])
    func roundTrip(format: String) throws {
        try makeStore("first")
        let first = try Program(
            "baotu", ["export", "--store", path("first"), "--format", format, "--output", path("one.\(format)")])
        #expect(first.code == 0, "\(first.errors)")
        let text = try text("one.\(format)")
        #expect(text.split(separator: "\n").count > 10_000)
        let imported = try Program("baotu", ["import", "--store", path("second"), path("one.\(format)")])
        #expect(imported.code == 0, "\(imported.errors)")
        #expect(imported.output.contains(" 0 duplicates, 0 corrected, 0 refused"))
        let second = try Program("baotu", ["export", "--store", path("second"), "--format", format])
        #expect(second.code == 0)
        #expect(second.output == text)
        // Nothing stays behind: neither a part nor a position.
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
                "first", "first.mark", "one.\(format)", "second", "second.mark",
            ])
        // Sealed, with the state that a gateway goes on from.
        let status = try StoreSource(folder: path("second")).answer(StatusRequest())
        #expect(status.journalRows == 0)
        #expect(status.received == 0)
        // What came twice counts once.
        let again = try Program("baotu", ["import", "--store", path("second"), path("one.\(format)")])
        #expect(again.output.contains(": 0 fresh, "))
    }

    @Test("an export keeps to what was asked for, and says what does not exist")
    func filters() throws {
        try makeStore("store")
        func export(_ arguments: [String]) throws -> Program {
            try Program("baotu", ["export", "--store", path("store")] + arguments)
        }
        let one = try export([
            "--device", "lamp-*", "--quantity", "voltage", "--channel", "l1", "--until", "2026-03-15T12:10:00Z",
        ])
        #expect(one.code == 0)
        let lines = one.output.split(separator: "\n")
        #expect((2...7).contains(lines.count))
        #expect(lines.dropFirst().allSatisfy { $0.contains(",lamp-1,voltage,l1,V,2") })
        let none = try export(["--device", "lapm-1", "--output", path("x.csv")])
        #expect(none.code == 1)
        #expect(none.errors.contains("did you mean 'lamp-1'?"))
        #expect(!FileManager.default.fileExists(atPath: path("x.csv")))
        #expect(!FileManager.default.fileExists(atPath: path("x.csv.part")))
        #expect(try export(["--quantity", "voltag"]).code == 64)
        #expect(try export(["--since", "2026-03-15T12:00:00Z", "--until", "2026-03-15T12:00:00Z"]).code == 64)
        #expect(try export(["--output", path("no/such/folder.csv")]).code == 1)
        // Who reads no further has what he wanted.
        let head = try Program(
            "baotu", ["export", "--store", path("store")], shell: "\"$@\" | head -n 1; exit ${PIPESTATUS[0]}")
        #expect(head.code == 0)
        #expect(head.output == Self.header)
    }

    @Test("what is refused is told with file, line, value and what would be right; the rest goes in")
    func refusals() throws {
        let bad = (0..<30).map { "2026-03-15T12:00:0\($0 % 10)Z,a,voltage,,V,wrong\n" }.joined()
        let file = try write(
            Self.header + "2026-03-15T12:00:00Z,a,voltage,,V,230\n" + bad + "2026-03-15T12:00:00Z,a,voltge,,V,1\n"
                + "2099-03-15T12:00:01Z,a,voltage,,V,231\n2026-03-15T12:00:01Z,a,voltage,,V,231\n", "in.csv")
        let run = try Program("baotu", ["import", "--store", path("store"), file])
        #expect(run.code == 2)
        #expect(run.output == "\(file): 2 fresh, 0 duplicates, 0 corrected, 32 refused\n")
        let lines = run.errors.split(separator: "\n")
        #expect(lines.count { $0.contains("expected a finite number") } == 20)
        #expect(
            lines.first == "baotu: \(file):3: value: 'wrong0': expected a finite number"
                || lines.first == "baotu: \(file):3: value: 'wrong': expected a finite number")
        #expect(lines.last?.contains("'voltge' is not a quantity, 1 value refused; did you mean 'voltage'?") == true)
    }

    @Test("a file that is not UTF-8 is told with what it is, and nothing of it goes in")
    func otherEncodings() throws {
        let rows = Self.header + "2026-03-15T12:00:00Z,a,voltage,,V,230\n"
        var wide: [UInt8] = [0xFF, 0xFE]
        for unit in rows.utf16 { wide += [UInt8(unit & 0xFF), UInt8(unit >> 8)] }
        var gbk = Array((rows + "2026-03-15T12:00:00Z,").utf8)
        gbk += [0xC2, 0xB7, 0xB5, 0xC6] + Array(",voltage,,V,1\n".utf8)
        let files: [(String, [UInt8], String)] = [
            ("wide.csv", wide, ":1: not UTF-8 but UTF-16"),
            ("gbk.csv", gbk, ":3: byte 24 of the line (0xB5) is not UTF-8, but perhaps GBK"),
        ]
        for (name, bytes, word) in files {
            try Data(bytes).write(to: URL(filePath: path(name)))
            let run = try Program("baotu", ["import", "--store", path("store"), path(name)])
            #expect(run.code != 0 && run.errors.contains(word), "\(run.errors)")
        }
    }

    @Test("a file whose last line has no line break may have been cut, and is told so")
    func cut() throws {
        for (end, isCut) in [("\n", false), ("", true)] {
            let file = try write(Self.header + "2026-03-15T12:00:00Z,a,voltage,,V,23" + end, "in.csv")
            let run = try Program("baotu", ["import", "--store", path("store"), file])
            #expect(run.code == 0 && run.errors.contains("if the file was cut there") == isCut, "\(run.errors)")
        }
    }

    @Test("line protocol comes in by tags, fields and mappings, from standard input too")
    func lineProtocol() throws {
        let lines = """
            lamp,device=a\\ 1,zone=x voltage=230i,rssi=-70,note="x" 1773576000000
            lamp,device=a\\ 1 temp=212 1773576000000

            """
        let arguments = [
            "import", "--store", path("store"), "--precision", "ms", "--map", "temp=device_temperature:°F", "--map",
            "rssi=-",
            "--profile", "poles", "-",
        ]
        let run = try Program("baotu", arguments, input: lines)
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.output == "-: 2 fresh, 0 duplicates, 0 corrected, 0 refused, 1 texts passed over, 1 left out\n")
        let latest = try StoreSource(folder: path("store")).answer(
            LatestRequest(DeviceFilter(device: "a 1", profile: "poles")))
        #expect(latest.map(\.quantity) == ["voltage", "device_temperature"])
        #expect(latest.allSatisfy { $0.observed == Self.noon })
        #expect(abs(latest[1].value - 100) < 1e-9)
    }

    @Test("a command that makes no sense is refused with what would be right")
    func wrongCommands() throws {
        let file = try write("time,value\n1,2\n", "in.csv")
        func run(_ arguments: [String]) throws -> Program {
            try Program("baotu", ["import", "--store", path("store")] + arguments)
        }
        #expect(try run(["--map", "u=voltag", file]).code == 64)
        #expect(try run([]).code == 64)
        let missing = try run([path("none.csv")])
        #expect(missing.code == 1)
        #expect(missing.errors.contains("cannot be read: No such file or directory"))
        let header = try run([file])
        #expect(header.code == 1)
        #expect(header.errors.contains("\(file):1: header: 'time,value': expected the columns"))
        #expect(try run([folder.path]).code == 1)
        let daemon = try Program(
            "baotu",
            [
                "import", "--socket", path("no.sock"),
                try write(Self.header + "2026-03-15T12:00:00Z,a,voltage,,V,1\n", "b.csv"),
            ])
        #expect(daemon.code == 69)
        #expect(daemon.errors.contains("--store"))
    }

    // MARK: Beside a gateway, and after one

    @Test("a store that a gateway has open is left alone, and so is one that it has not sealed")
    func lockedOrUnsealed() throws {
        let file = try write(Self.header + "2026-03-15T12:00:00Z,a,voltage,,V,1\n", "in.csv")
        do {
            let journal = try Journal.open(StoreOptions(folder: path("store")))
            defer { journal.close() }
            let locked = try Program("baotu", ["import", "--store", path("store"), file])
            #expect(locked.code == 1)
            #expect(locked.errors.contains("is in use by process"))
            var batch = DecodedBatch()
            batch.heard = [Hearing(device: journal.registry.intern(device: "b", profile: "p")!, at: Self.noon)]
            _ = try journal.commit(batch, received: 1, now: Self.noon)
        }
        let unsealed = try Program("baotu", ["import", "--store", path("store"), file])
        #expect(unsealed.code == 1)
        #expect(unsealed.errors.contains("start and stop it once"))
        #expect(try StoreSource(folder: path("store")).answer(StatusRequest()).journalRows == 1)
    }

    @Test("values of now are in the windows that the gateway goes on with")
    func windows() throws {
        let now = presentMoment()
        let rows = (0..<60).map { "\(now - .seconds($0)),a,voltage,,V,230\n" }
        let run = try Program(
            "baotu", ["import", "--store", path("store"), try write(Self.header + rows.joined(), "in.csv")])
        #expect(run.code == 0)
        let statistics = try StoreSource(folder: path("store")).answer(
            StatisticsRequest(device: "a", window: .seconds(86_400)))
        #expect(statistics.map(\.count) == [60])
    }

    // MARK: Going on after an end

    private func lines(_ range: Range<Int>) -> String {
        range.map { "\(Self.noon + .seconds($0)),a,voltage,,V,\(200 + $0 % 50)\n" }.joined()
    }

    @Test("an import that was cut off goes on behind what is on disk, and only for the same file and command")
    func resumes() throws {
        let file = try write(Self.header + lines(0..<5000), "in.csv")
        let input = try ImportInput(file)
        let command = ["store \(path("store"))", "csv", " channel ns"].joined(separator: "\n")
        let head = (Self.header + lines(0..<3000)).utf8.count
        var counts = ImportCounts()
        counts.fresh = 3000
        let position = ImportPosition(
            identity: input.identity(command: command), offset: head, lines: 3001, counts: counts)
        let positionFile = ImportPositionFile(input: file)
        try positionFile.save(position)
        #expect(positionFile.load() == position)
        let run = try Program("baotu", ["import", "--store", path("store"), file])
        #expect(run.code == 0)
        #expect(run.errors == "baotu: \(file): goes on behind line 3,001, where the last import of it ended\n")
        #expect(run.output == "\(file): 5,000 fresh, 0 duplicates, 0 corrected, 0 refused\n")
        #expect(try StoreSource(folder: path("store")).answer(StatusRequest()).committed == 2000)
        #expect(positionFile.load() == nil)

        // Begun anew when told so, and when the file is another.
        try positionFile.save(position)
        let restarted = try Program("baotu", ["import", "--store", path("store"), "--restart", file])
        #expect(restarted.output == "\(file): 3,000 fresh, 2,000 duplicates, 0 corrected, 0 refused\n")
        try positionFile.save(position)
        let other = try Program("baotu", ["import", "--store", path("store"), "--precision", "s", file])
        #expect(other.errors.contains("the file or the command is another now; it begins anew"))
        #expect(other.output == "\(file): 0 fresh, 5,000 duplicates, 0 corrected, 0 refused\n")
        try positionFile.save(position)
        _ = try write(Self.header + lines(0..<6000), "in.csv")
        #expect(try Program("baotu", ["import", "--store", path("store"), file]).errors.contains("it begins anew"))
        // A torn position is none.
        _ = try write("{\"offset\":", "in.csv.baotu-import")
        #expect(try Program("baotu", ["import", "--store", path("store"), file]).code == 0)
    }

    @Test(
        "a signal ends it after the batch under way; the same command takes up the rest",
        arguments: [SIGINT, SIGTERM, SIGKILL])
    func interrupted(signal: Int32) throws {
        let file = try write(Self.header + lines(0..<200_000), "in.csv")
        let process = try ChildProcess(
            Program.built + "baotu", ["import", "--store", path("store"), file], output: path("out"),
            errors: path("err"))
        let position = ImportPositionFile(input: file)
        // Some of it is on disk, and the rest is seconds away.
        for _ in 0..<2000 where position.load() == nil { usleep(5000) }
        process.signal(signal)
        let code = process.wait(seconds: 30)
        #expect(code == (signal == SIGKILL ? nil : 130))
        let kept = try #require(position.load())
        #expect(kept.offset > 0 && kept.offset < kept.identity.bytes)
        if signal != SIGKILL { #expect(try text("err").contains("the same command goes on there")) }
        let run = try Program("baotu", ["import", "--store", path("store"), file])
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.errors.contains("goes on behind line"))
        #expect(try StoreSource(folder: path("store")).answer(StatusRequest()).committed == 200_000)
    }

    @Test("where the input's folder may not be written the position goes to the user's state folder")
    func stateFolder() {
        let file = ImportPositionFile(
            input: "/proc/self/x.csv", environment: ["XDG_STATE_HOME": "/state", "HOME": "/home/kim"])
        #expect(file.path.hasPrefix("/state/baotu/x.csv-"))
        let home = ImportPositionFile(input: "/proc/self/x.csv", environment: ["HOME": "/home/kim"])
        #expect(home.path.hasPrefix("/home/kim/.local/state/baotu/x.csv-"))
        #expect(ImportPositionFile(input: path("in.csv")).path == path("in.csv") + ".baotu-import")
    }
}
