import ArgumentParser
import Basics
import Contract
import Telemetry
import Testing

@testable import OperatorCLI

@Suite("Command line")
struct ParsingTests {
    private func parse<Command>(_ line: String, as _: Command.Type) throws -> Command {
        try #require(try BaotuCommand.parseAsRoot(line.split(separator: " ").map(String.init)) as? Command)
    }

    @Test("every question with all its options")
    func commands() throws {
        let status = try parse("status --socket /run/x.sock --format json", as: StatusCommand.self)
        #expect(status.options.socket == "/run/x.sock")
        #expect(status.options.format == .json)

        let devices = try parse("devices lamp-* --area Lixia --profile p --store /s", as: DevicesCommand.List.self)
        #expect(
            [devices.device, devices.area, devices.profile, devices.options.store] == ["lamp-*", "Lixia", "p", "/s"])

        let latest = try parse("latest lamp-1 voltage --area a --profile p --format csv", as: LatestCommand.self)
        #expect([latest.device, latest.quantity, latest.area, latest.profile] == ["lamp-1", "voltage", "a", "p"])
        #expect(latest.options.format == .csv)

        let history = try parse(
            "history m1 active_power --channel l1 --since 24h --until 2026-03-05T10:15:00Z --step 5m --limit 7 --plot",
            as: HistoryCommand.self)
        #expect([history.device, history.quantity, history.channel] == ["m1", "active_power", "l1"])
        #expect(history.since.written == .ago(.seconds(86_400)))
        #expect(history.until?.written == .at(Timestamp(milliseconds: 1_772_705_700_000)))
        #expect(history.step?.duration == .seconds(300))
        #expect(history.limit == 7)
        #expect(history.plot)

        let backup = try parse("backup /b --store /s --format json", as: BackupCommand.self)
        #expect([backup.directory, backup.options.folder] == ["/b", "/s"])
        #expect(try parse("restore /b --store /s", as: RestoreCommand.self).directory == "/b")
        #expect(try parse("store check --store /s", as: StoreCheckCommand.self).options.folder == "/s")
        #expect(try parse("store repair --format csv", as: StoreRepairCommand.self).options.format == .csv)

        let stats = try parse("stats m1 voltage --window 1h", as: StatsCommand.self)
        #expect([stats.device, stats.quantity] == ["m1", "voltage"])
        #expect(stats.window?.duration == .seconds(3600))

        #expect(try parse("devices test D --param a=b", as: DevicesCommand.Test.self).folder == "D")
        #expect(try parse("devices lint a b", as: DevicesCommand.Lint.self).places == ["a", "b"])
        let attempt = try parse("devices try P m.json --topic a/b --encoding hex", as: DevicesCommand.Try.self)
        #expect([attempt.profile, attempt.file, attempt.topic, attempt.encoding] == ["P", "m.json", "a/b", "hex"])
        #expect(try parse("devices new N --topic a/b", as: DevicesCommand.New.self).file == "-")
        #expect(try parse("devices learn --topic a/# --seconds 5", as: DevicesCommand.Learn.self).topic == ["a/#"])
        #expect(throws: (any Error).self) { try parse("devices learn", as: DevicesCommand.Learn.self) }
        #expect(try parse("devices list test", as: DevicesCommand.List.self).device == "test")
        #expect(try parse("rejects replay --since 1h --dry-run", as: RejectsCommand.Replay.self).dryRun)

        let incidents = try parse(
            "incidents --since 24h --area a --circuit c --severity critical --rule r --device d* --state over --before 9",
            as: IncidentsCommand.List.self)
        #expect([incidents.area, incidents.circuit, incidents.rule, incidents.device] == ["a", "c", "r", "d*"])
        #expect(incidents.severity == .critical && incidents.state == .over && incidents.before == 9)
        #expect(try parse("incidents show 7", as: IncidentsCommand.Show.self).id == 7)

        let rejects = try parse("rejects --reason no-rule --device d --limit 5", as: RejectsCommand.List.self)
        #expect(rejects.reason == .rejected(.noRule))
        #expect(rejects.device == "d")
        #expect(rejects.limit == 5)

        let doctor = try parse("doctor", as: DoctorCommand.self)
        #expect(doctor.options.format == .table)

        let decode = try parse(
            "decode --devices /d --topic a/b --param base=x=y --received 2026-03-05T10:15:00Z --site-offset +08:00 f",
            as: DecodeCommand.self)
        #expect([decode.devices, decode.topic, decode.file] == ["/d", "a/b", "f"])
        #expect(decode.param == ["base=x=y"])
    }

    @Test("alerts without a word is the list")
    func alerts() throws {
        let list = try parse("alerts --phase firing --device lamp-* --rule r --all", as: AlertsCommand.List.self)
        #expect(list.phase == .firing)
        #expect([list.device, list.rule] == ["lamp-*", "r"])
        #expect(list.all)
        #expect(try parse("alerts", as: AlertsCommand.List.self).phase == nil)
        #expect(try parse("alerts show 12", as: AlertsCommand.Show.self).id == 12)
        let acknowledge = try parse("alerts ack 12 --by kim --note sent", as: AlertsCommand.Acknowledge.self)
        #expect(acknowledge.id == 12)
        #expect([acknowledge.by, acknowledge.note] == ["kim", "sent"])
    }

    @Test(
        "a word that is none of a list gets the nearest, and the list where none is near",
        arguments: [
            ("rejects --reason no-rul", "did you mean 'no-rule'?"),
            ("rejects list --reason nothingread", "did you mean 'nothing-read'?"),
            ("rejects replay --reason malformd", "did you mean 'malformed'?"),
            ("rejects --reason weather", "expected one of "), ("alerts --phase fireing", "did you mean 'firing'?"),
            ("incidents --state resolvd", "did you mean 'resolved'?"),
            ("incidents --severity grave", "expected one of info, warning, critical"),
        ])
    func nearestWord(line: String, hint: String) {
        #expect { try BaotuCommand.parseAsRoot(line.split(separator: " ").map(String.init)) } throws: { error in
            let message = BaotuCommand.message(for: error)
            #expect(message.contains(hint), "\(message)")
            #expect(!hint.hasPrefix("did") || !message.contains("one of"), "\(message)")
            return BaotuCommand.exitCode(for: error).rawValue == 64
        }
    }

    @Test(
        "a wrong line ends with 64",
        arguments: [
            "weather", "history", "latest a b c", "history d --since soon", "history d --step 0s",
            "history d --limit 0", "history d --limit 200001", "history d --plot --format json", "rejects --limit 0",
            "rejects --reason bad", "alerts --phase bad", "alerts show", "alerts show one", "alerts ack",
            "status --format xml", "status --socket /a --store /b", "decode", "decode --topic a --messages b",
            "decode --messages b c", "decode --topic a --param nonsense", "decode --topic a --site-offset noon",
            "stats --window 5", "alerts ack 1 --by ",
        ])
    func wrong(line: String) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        #expect { try BaotuCommand.parseAsRoot(words) } throws: { error in
            BaotuCommand.exitCode(for: error).rawValue == 64
        }
    }

    @Test("a misspelt command gets the one that was meant")
    func misspelt() {
        #expect(BaotuCommand.misspelt(["lattest"]) == "there is no command 'lattest'; did you mean 'latest'?")
        #expect(BaotuCommand.misspelt(["store", "chekc"]) == "there is no command 'chekc'; did you mean 'check'?")
        #expect(BaotuCommand.misspelt(["weather"])?.contains("there are status, devices,") == true)
        for line in ["", "--help", "stats statsu", "devices lamp-1", "alerts show 1", "help stats", "latest"] {
            #expect(BaotuCommand.misspelt(line.split(separator: " ").map(String.init)) == nil, "\(line)")
        }
    }

    @Test("a slip in a quantity gets the nearest word, and another word none")
    func quantities() throws {
        #expect(try checked("voltage") == "voltage")
        #expect(try checked(nil) == nil)
        let slip = #expect(throws: NoAnswer.self) { try checked("voltag") }
        #expect(slip?.description == "'voltag' is not a quantity; did you mean 'voltage'?")
        #expect(slip?.exitCode == 64)
        let other = #expect(throws: NoAnswer.self) { try checked("xyzzy") }
        #expect(other?.description == "'xyzzy' is not a quantity")
    }

    @Test("the completion asks where the line says")
    func completionSource() {
        let words = ["baotu", "latest", "--store", "/s", "--socket=/x.sock", "--area"]
        #expect(NameCompletion.value(of: "--store", in: words) == "/s")
        #expect(NameCompletion.value(of: "--socket", in: words) == "/x.sock")
        #expect(NameCompletion.value(of: "--area", in: words) == nil)
        #expect(NameCompletion.value(of: "--profile", in: words) == nil)
    }
}
