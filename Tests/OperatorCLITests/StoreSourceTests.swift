import Basics
import Contract
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@testable import OperatorCLI

/// Answers from the files, with no daemon: against a store that the test wrote.
@Suite("Answers from the store")
struct StoreSourceTests {
    private static let noon = Timestamp(milliseconds: 1_773_576_000_000)  // 2026-03-15T12:00:00Z
    private let folder = TemporaryDirectory()
    private var store: String { folder.path + "/store" }

    /// Three lamps, of which one never spoke: two that report power and voltage every ten seconds for five minutes,
    /// half of it sealed.
    private func makeStore() throws -> StoreSource {
        let journal = try Journal.open(StoreOptions(folder: store))
        defer { journal.close() }
        _ = try journal.saveRoster(
            ["lamp-1", "lamp-2", "lamp-3"].map {
                RosterEntry(device: $0, profile: "lamps", area: "历下区", circuit: "c-1", cadence: .seconds(10))
            }, now: Self.noon)
        for step in 0..<30 {
            let at = Self.noon + .seconds(step * 10)
            var batch = DecodedBatch()
            for name in ["lamp-1", "lamp-2"] {
                let device = journal.registry.intern(device: name, profile: "lamps")!
                let start = batch.readings.count
                for (word, value) in [("active_power", Double(step)), ("voltage", 230)] {
                    let quantity = try #require(Quantity(named: word))
                    let series = journal.registry.intern(device: device, quantity: quantity, channel: .none)!
                    batch.readings.append(Reading(series: series, observed: at, value: value))
                }
                journal.registry.closeRow(batch.readings[start...])
                batch.heard.append(Hearing(device: device, at: at))
            }
            _ = try journal.commit(batch, received: 2, now: at)
            if step == 14 { try journal.finishSeal(try journal.beginSeal(state: nothingLearnt, now: at).run()) }
        }
        return try StoreSource(folder: store)
    }

    @Test("status, devices and latest readings")
    func counts() throws {
        let source = try makeStore()
        let status = try source.answer(StatusRequest())
        #expect(status.received == 60)
        #expect(status.committed == 120)
        #expect(status.series == 4)
        #expect(status.devices == 3)
        #expect(status.devicesExpected == 3)
        #expect(source.liveStatus() == nil)

        let devices = try source.answer(DevicesRequest(area: "历下区"))
        #expect(devices.map(\.device) == ["lamp-1", "lamp-2", "lamp-3"])
        #expect(try health(at: 350) == [.ok, .ok, .neverHeard])
        // Three cadences are less than five minutes.
        #expect(try health(at: 590) == [.ok, .ok, .neverHeard])
        #expect(try health(at: 591) == [.unknown, .unknown, .neverHeard])

        let latest = try source.answer(LatestRequest(DeviceFilter(device: "lamp-?", quantity: "active_power")))
        #expect(latest.map(\.value) == [29, 29])
        #expect(latest.map(\.observed) == Array(repeating: Self.noon + .seconds(290), count: 2))
    }

    private func health(at seconds: Int) throws -> [Health] {
        try StoreSource(folder: store, now: { Self.noon + .seconds(seconds) }).answer(DevicesRequest()).map(\.health)
    }

    @Test("history over sealed days and the journal, raw and in steps")
    func history() throws {
        let source = try makeStore()
        var request = HistoryRequest(
            device: "lamp-1", quantity: "active_power", since: Self.noon, until: Self.noon + .seconds(300))
        #expect(try source.answer(request).series.first?.points.map(\.value) == (0..<30).map(Double.init))
        request.step = .seconds(60)
        #expect(try source.answer(request).series.first?.buckets.map(\.mean) == [2.5, 8.5, 14.5, 20.5, 26.5])
        request.limit = 2
        let page = try #require(try source.answer(request).series.first)
        #expect(page.buckets.map(\.count) == [6, 6])
        #expect(page.next == Self.noon + .seconds(120))
    }

    @Test("statistics at the moment of the last commit")
    func statistics() throws {
        let source = try makeStore()
        let all = try source.answer(StatisticsRequest())
        #expect(Set(all.map(\.windowSeconds)) == [300, 3600, 28_800, 86_400])
        let hour = try source.answer(
            StatisticsRequest(device: "lamp-1", quantity: "voltage", window: .seconds(3600)))
        #expect(hour.map(\.mean) == [230])
        #expect(hour.map(\.standardDeviation) == [0])
    }

    @Test("a mistyped name gets the nearest one")
    func slips() throws {
        let source = try makeStore()
        func sentence(_ body: () throws -> Void) -> String? {
            #expect(throws: NoAnswer.self, performing: body)?.description
        }
        let device = "store: there is no device 'lapm-1'; did you mean 'lamp-1'?"
        #expect(sentence { _ = try source.answer(LatestRequest(DeviceFilter(device: "lapm-1"))) } == device)
        #expect(sentence { _ = try source.answer(DevicesRequest(device: "lapm-1")) } == device)
        #expect(sentence { _ = try source.answer(StatisticsRequest(device: "lapm-1")) } == device)
        #expect(sentence { _ = try source.answer(AlertsRequest(device: "lapm-1")) } == device)
        #expect(sentence { _ = try source.answer(RejectsRequest(device: "lapm-1")) } == device)
        let request = HistoryRequest(device: "lapm-1", since: Self.noon, until: Self.noon + .seconds(1))
        #expect(sentence { _ = try source.answer(request) } == device)
        #expect(
            sentence { _ = try source.answer(LatestRequest(DeviceFilter(device: "zzz"))) }
                == "store: there is no device 'zzz'")
        #expect(
            sentence { _ = try source.answer(DevicesRequest(profile: "lamp")) }
                == "store: no device has a profile 'lamp'; did you mean 'lamps'?")
        #expect(
            sentence { _ = try source.answer(LatestRequest(DeviceFilter(area: "历下"))) }
                == "store: no device is in an area '历下'")
        #expect(
            sentence { _ = try source.answer(LatestRequest(DeviceFilter(device: "lampp*"))) }
                == "store: no device fits 'lampp*'; did you mean 'lamp*'?")
        #expect(
            sentence { _ = try source.answer(AlertsRequest(rule: "hott")) }
                == "store: there is no rule 'hott', and no alert of one")
        #expect(
            sentence { _ = try source.answer(StatisticsRequest(window: .seconds(420))) }
                == "there is no window of 7m; there are 5m, 1h, 8h, 24h")
        // It is expected, and what it will send nobody knows.
        #expect(try source.answer(LatestRequest(DeviceFilter(device: "lamp-3", quantity: "pm2_5"))).isEmpty)
    }

    @Test("what only the gateway can do is refused as a wrong line")
    func onlyTheGateway() throws {
        let source = try makeStore()
        let findings = #expect(throws: NoAnswer.self) { try source.answer(DoctorRequest()) }
        #expect(findings?.exitCode == 64)
        let acknowledgement = #expect(throws: NoAnswer.self) {
            try source.carryOut(AcknowledgeOrder(alert: 1, by: "kim"))
        }
        #expect(acknowledgement?.exitCode == 64)
    }

    // MARK: The program

    private func baotu(_ arguments: String..., shell: String = "\"$@\"", locale: String = "C.UTF-8") throws -> Program {
        try Program(
            "baotu", arguments + ["--store", store], environment: ["LC_ALL": locale, "TZ": "UTC"], shell: shell)
    }

    @Test("one of a thing is one, and how long ago a device was heard is told by no wall clock")
    func singular() throws {
        let journal = try Journal.open(StoreOptions(folder: store))
        let device = journal.registry.intern(device: "lamp-1", profile: "lamps")!
        var batch = DecodedBatch()
        batch.unread = [Unread(device: device, cause: .nothing)]
        batch.heard = [Hearing(device: device, at: Self.noon)]
        _ = try journal.commit(batch, received: 1, now: Self.noon)
        // Ninety seconds later, on a clock that was set in between.
        var moment = Moment(Self.noon + .seconds(90))
        moment.wall = presentMoment() + .seconds(86_400)
        try journal.save(
            StoredClock(moment: moment, boot: 1, offset: .zero, unbrokenSince: moment.steady, steps: 1))
        journal.close()
        let status = try baotu("status").output
        #expect(
            status.contains("1 device sends messages that give no reading: baotu rejects names it"), "\(status)")
        #expect(status.contains("1 message\n") && status.contains("0 readings\n"), "\(status)")
        #expect(status.contains("last commit 90s ago"), "\(status)")
        let line = try baotu("devices", "lamp-1").output.split(separator: "\n").last
        #expect(line?.contains("  90s  ") == true, "\(line ?? "")")
    }

    @Test("a table for people, CSV and JSON for programs, of the same question")
    func formats() throws {
        _ = try makeStore()
        let csv = try baotu("latest", "lamp-1", "--format", "csv")
        #expect(
            csv.output == """
                device,quantity,channel,value,unit,observed
                lamp-1,active_power,,29.0,W,2026-03-15T12:04:50Z
                lamp-1,voltage,,230.0,V,2026-03-15T12:04:50Z

                """)
        let json = try JSONDecoder().decode(
            [LatestAnswer].self, from: Data(try baotu("latest", "lamp-1", "--format", "json").output.utf8))
        #expect(json.map(\.value) == [29, 230])
        let history = try baotu(
            "history", "lamp-1", "--since", "2026-03-15T12:04:50Z", "--until", "2026-03-15T12:05:00Z")
        #expect(
            history.output == """
                observed                 quantity      channel  value  unit
                2026-03-15 12:04:50 UTC  active_power              29  W
                2026-03-15 12:04:50 UTC  voltage                  230  V

                """)
        let health = try JSONSerialization.jsonObject(
            with: Data(try baotu("devices", "lamp-3", "--format", "json").output.utf8))
        #expect((health as? [[String: Any]])?.first?["health"] as? String == "never-heard")
        let devices = try baotu("devices").output.split(separator: "\n")
        #expect(devices.first == "device  profile  area    circuit  health       heard  cadence  series  firing")
        #expect(devices.last == "lamp-3  lamps    历下区  c-1      never-heard      -      10s       0       0")
    }

    @Test("a story whose older steps are gone says since when it is told, and the ledger how many went")
    func alertStory() throws {
        let journal = try Journal.open(StoreOptions(folder: store))
        let device = journal.registry.intern(device: "lamp-1", profile: "lamps")!
        let steps: [(AlertPhase, AlertPhase, Int)] = [
            (.inactive, .firing, 0), (.firing, .resolved, 60), (.resolved, .firing, 120),
        ]
        for (from, to, second) in steps {
            let at = Self.noon + .seconds(second)
            let transition = AlertTransition(
                key: AlertKey(rule: "dark", subject: .device(device)), severity: .warning, from: from, to: to,
                at: at, since: at, value: nil, sentence: "lamp-1 is \(to.rawValue)")
            try journal.record([transition], channels: [], now: at, evaluatedThrough: 0)
        }
        let whole = try baotu("alerts", "show", "1").output
        #expect(!whole.contains("told since"), "\(whole)")
        #expect(try journal.upkeep(now: Self.noon + .seconds(731 * 86_400)).alertSteps?.rows == 2)
        journal.close()
        let told = try baotu("alerts", "show", "1").output.split(separator: "\n")
        #expect(
            told.contains(
                "told since 2026-03-15 12:02:00 UTC: 2 older steps are no longer kept (store.retention.alerts)"),
            "\(told)")
        let json = try JSONDecoder().decode(
            AlertStoryAnswer.self, from: Data(try baotu("alerts", "show", "1", "--format", "json").output.utf8))
        #expect(json.stepsGivenUp == 2 && json.toldSince == Self.noon + .seconds(120))
        #expect(json.transitions.map(\.to) == [.firing])
        let ledger = try baotu("store", "ledger", "--format", "csv").output.split(separator: "\n")
        #expect(ledger.count == 2)
        #expect(ledger[1].contains(",age,") && ledger[1].contains("steps of alerts"), "\(ledger)")
    }

    @Test("incidents as a table, as CSV and one with its story")
    func incidents() throws {
        let journal = try Journal.open(StoreOptions(folder: store))
        let device = journal.registry.intern(device: "lamp-1", profile: "lamps")!
        let key = AlertKey(rule: "hot", subject: .device(device))
        let said: [(AlertPhase, AlertPhase, Int, Sentence, Double?)] = [
            (.inactive, .firing, 0, Sentence(.absenceOffline, [.name: .text("lamp-1")]), 81.25),
            (.firing, .resolved, 600, Sentence(.ruleRemoved, [.name: .text("lamp-1")]), 99),
            (.resolved, .firing, 700, "lamp-1 is hot", nil),
        ]
        for (from, to, second, sentence, peak) in said {
            let at = Self.noon + .seconds(second)
            try journal.record(
                [
                    AlertTransition(
                        key: key, severity: .warning, from: from, to: to, at: at, since: at, value: nil,
                        sentence: sentence, peak: peak.map { AlertPeak(value: $0, at: at) })
                ], channels: [], now: at, evaluatedThrough: 0)
            if second == 0 {
                try journal.add(.init(.acknowledged, at: at + .seconds(60), by: "li", note: "the fuse"), toAlert: 1)
            }
        }
        journal.close()
        let lines = try baotu("incidents", "--until", "2026-03-15T12:11:00Z").output.split(separator: "\n")
        #expect(
            lines == [
                "id  severity  began                    lasted  state                   rule  device  worst  taken by  sentence",
                " 1  warning   2026-03-15 12:00:00 UTC     10m  resolved, rule removed  hot   lamp-1     99  li        lamp-1 said that it is offline",
            ], "\(lines)")
        let csv = try baotu("incidents", "--format", "csv", "--state", "over").output.split(separator: "\n")
        #expect(
            csv == [
                "id,severity,began,duration_seconds,state,rule,device,peak,taken_by,taken_at,peak_at,unit,end_reason,ended,alert,beginning",
                "1,warning,2026-03-15T12:00:00Z,600.0,resolved,hot,lamp-1,99.0,li,2026-03-15T12:01:00Z,2026-03-15T12:10:00Z,,rule_removed,2026-03-15T12:10:00Z,1,lamp-1 said that it is offline",
            ], "\(csv)")
        let page = try baotu("incidents", "--limit", "1", "--format", "csv")
        #expect(page.output.split(separator: "\n").count == 2)
        #expect(page.errors.contains("there are more; ask again with --before 3"), "\(page.errors)")
        let story = try baotu("incidents", "show", "1").output
        for line in [
            "incident 1: hot on lamp-1, warning, resolved, rule removed, alert 1",
            "began 2026-03-15 12:00:00 UTC, ended 2026-03-15 12:10:00 UTC, lasted 10m",
            "worst 99 at 2026-03-15 12:10:00 UTC", "taken on by li: the fuse", "lamp-1: the rule was removed",
        ] { #expect(story.contains(line), "\(story)") }
        #expect(try baotu("alerts", "show", "1").output.contains("taken on by li: the fuse"))
        #expect(try baotu("incidents", "--circuit", "F-1").code == 1)
    }

    @Test("the status has its counters at the top, in JSON and CSV")
    func status() throws {
        _ = try makeStore()
        let json = try baotu("status", "--format", "json").output
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        let keys = [
            "received", "committed", "duplicates", "rejected", "late", "series", "devices", "alerts_firing",
            "journal_id",
        ]
        #expect(keys.filter { !(object[$0] is Int) } == [])
        let csv = try baotu("status", "--format", "csv").output.split(separator: "\n")
        #expect(csv.first == "key,value")
        #expect(csv.contains("committed,120"))
        #expect(csv.contains("newest_day,2026-03-15"))
    }

    @Test("a chart in braille, in ASCII without UTF-8, and several beneath one another")
    func charts() throws {
        _ = try makeStore()
        let span = ["--since", "2026-03-15T12:00:00Z", "--until", "2026-03-15T12:05:00Z", "--plot"]
        func plot(_ words: [String], locale: String) throws -> [Substring] {
            let run = try Program(
                "baotu", ["history", "lamp-1"] + words + span + ["--store", store],
                environment: ["LC_ALL": locale, "TZ": "UTC"])
            #expect(run.errors.isEmpty)
            #expect(run.code == 0)
            return run.output.split(separator: "\n", omittingEmptySubsequences: false)
        }
        let one = try plot(["active_power"], locale: "C.UTF-8")
        #expect(one.first == "lamp-1: active_power, 30 readings, 0 W to 29 W, last 29 W")
        #expect(one.count == 1 + 13 + 2 + 1)
        #expect(one.contains { $0.contains("⠤") })
        let plain = try plot(["active_power"], locale: "C")
        #expect(plain.joined().utf8.allSatisfy { $0 < 0x80 })
        #expect(plain.count == one.count)
        // Both axes stand in one column.
        let two = try plot([], locale: "C")
        #expect(two.filter { $0.hasPrefix("lamp-1: ") }.count == 2)
        #expect(Set(two.compactMap { $0.firstIndex(of: "|")?.utf16Offset(in: $0) }).count == 1)
        // More readings than the limit: means over the whole span, not the first page of it.
        let means = try plot(["active_power", "--limit", "10"], locale: "C.UTF-8")
        #expect(means.first == "lamp-1: active_power, means of 2s, 0 W to 29 W, last 29 W")
    }

    @Test("a page that is not the whole says so, apart from the answer")
    func more() throws {
        _ = try makeStore()
        let page = try baotu(
            "history", "lamp-1", "voltage", "--since", "2026-03-15T12:00:00Z", "--limit", "3", "--format", "csv")
        #expect(page.output.split(separator: "\n").count == 4)
        #expect(
            page.errors
                == "baotu: voltage: there is more; ask again with --since 2026-03-15T12:00:30Z or a larger --limit\n")
    }

    @Test("a reader that goes early ends the program quietly")
    func brokenPipe() throws {
        _ = try makeStore()
        let run = try baotu(
            "history", "lamp-1", "--since", "2026-03-15T12:00:00Z", "--format", "json",
            shell: "set -o pipefail; \"$@\" | (exec 0<&-; :)")
        #expect(run.errors.isEmpty)
        #expect(run.code == 0)
    }

    @Test("a full disk below the answer is said")
    func fullDisk() throws {
        _ = try makeStore()
        let run = try baotu("status", shell: "\"$@\" >/dev/full")
        #expect(run.code == 1)
        #expect(run.errors == "baotu: cannot write the answer: No space left on device\n")
    }

    @Test("exit codes: 1 for what is not there, 64 for a wrong line, 69 for no gateway")
    func exitCodes() throws {
        _ = try makeStore()
        let slip = try baotu("latest", "lamp1")
        #expect(slip.code == 1)
        #expect(slip.errors == "baotu: store: there is no device 'lamp1'; did you mean 'lamp-1'?\n")
        #expect(try baotu("alerts", "show", "7").code == 1)
        let quantity = try baotu("latest", "lamp-1", "voltag")
        #expect(quantity.code == 64)
        #expect(quantity.errors == "baotu: 'voltag' is not a quantity; did you mean 'voltage'?\n")
        let window = try baotu("stats", "lamp-1", "--window", "7m")
        #expect(window.code == 64)
        #expect(window.errors == "baotu: there is no window of 7m; there are 5m, 1h, 8h, 24h\n")
        let backwards = try baotu("history", "lamp-1", "--since", "1m", "--until", "2m")
        #expect(backwards.code == 64)
        #expect(try baotu("doctor").code == 64)
        let nowhere = try Program("baotu", ["status", "--socket", folder.path + "/none.sock"])
        #expect(nowhere.code == 69)
        #expect(
            nowhere.errors.hasPrefix("baotu: there is no socket \(folder.path)/none.sock: the gateway does not run"))
        #expect(nowhere.errors.split(separator: "\n").count == 1)
        let noStore = try Program("baotu", ["status", "--store", folder.path + "/none"])
        #expect(noStore.code == 1)
        #expect(noStore.errors.hasPrefix("baotu: store: no store in \(folder.path)/none"))
        let long = try Program("baotu", ["status", "--socket", "/tmp/" + String(repeating: "x", count: 200)])
        #expect(long.code == 64)
        #expect(long.errors.split(separator: "\n").count == 1)
    }

    // MARK: The shell's completion

    /// What bash offers for a line, by the script that the program generates.
    private func completions(of line: String) throws -> [String] {
        let script = """
            source /dev/stdin <<<"$("$@" --generate-completion-script bash)"
            PATH=\(Program.built):$PATH
            COMP_WORDS=(\(line)); [[ "\(line)" == *" " ]] && COMP_WORDS+=("")
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE="\(line)"; COMP_POINT=${#COMP_LINE}
            COMP_TYPE=9; COMP_KEY=9
            _baotu "" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let run = try Program("baotu", [], shell: script)
        return run.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.sorted()
    }

    @Test("bash completes commands, options, quantities, and devices of the store")
    func completion() throws {
        _ = try makeStore()
        #expect(try completions(of: "baotu st") == ["stats", "status", "store"])
        #expect(try completions(of: "baotu alerts a") == ["ack", "assign"])
        #expect(try completions(of: "baotu history --pl") == ["--plot"])
        #expect(try completions(of: "baotu latest --store \(store) lamp-") == ["lamp-1", "lamp-2", "lamp-3"])
        #expect(try completions(of: "baotu latest --store \(store) lamp-1 volt") == ["voltage"])
        #expect(try completions(of: "baotu status --format ") == ["csv", "json", "table"])
        #expect(try completions(of: "baotu devices list --store \(store) --profile ") == ["lamps"])
    }
}
