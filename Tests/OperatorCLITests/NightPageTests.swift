import Basics
import Contract
import Telemetry
import Testing
import TestSupport

@testable import OperatorCLI

@Suite("The pages of why and missed")
struct NightPageTests {
    private static let now = Timestamp(iso8601: "2026-03-05T21:40:00Z")!
    private let output = Output(format: .table, now: Self.now)

    private func incident(
        _ id: Int64, rule: String = "dark", about: String = "lamp-1", severity: Severity = .warning,
        minutesAgo: Int = 60,
        ended: Bool = false, taken: String? = nil, sentence: String? = nil
    ) -> IncidentAnswer {
        let began = Self.now - .seconds(minutesAgo * 60)
        return IncidentAnswer(
            id: id, alert: id, rule: rule, device: about, state: ended ? .resolved : .firing, severity: severity,
            began: began, ended: ended ? Self.now - .seconds(60) : nil, durationSeconds: ended ? 600 : nil,
            openSeconds: ended ? nil : Double(minutesAgo * 60), firedAt: began,
            beginning: Sentence(words: sentence ?? "\(about): it is dark"),
            deeds: taken.map {
                [
                    IncidentDeed(
                        incident: id, after: id, at: began + .seconds(240), kind: .acknowledged, by: $0, note: "")
                ]
            } ?? [])
    }

    private func page(_ answer: MissedAnswer, showsAll: Bool = false) -> MissedPage {
        MissedPage(answer, output, showsAll: showsAll)
    }

    private var night: MissedAnswer {
        MissedAnswer(
            since: Self.now - .seconds(43_200), until: Self.now,
            incidents: [
                incident(1, severity: .critical, minutesAgo: 30), incident(2, about: "lamp-2", taken: "Li Na"),
                incident(3, about: "lamp-3", ended: true),
            ] + (10..<15).map { incident($0, rule: "silent", about: "lamp-\($0)", minutesAgo: 10) },
            ofGateway: [incident(20, rule: "broker-lost", about: "broker", ended: true)],
            runs: [
                RunAnswer(
                    began: Self.now - .seconds(90_000), ended: Self.now - .seconds(7204), isInOrder: false, version: "1"
                ),
                RunAnswer(began: Self.now - .seconds(7200), isInOrder: false, version: "2"),
            ], devices: ["ok": 5, "unknown": 2],
            rejects: [.init(reason: "unknown-topic", count: 12, device: "seg-70")],
            lost: [
                .init(
                    at: Self.now - .seconds(60), why: "damage", first: Self.now - .seconds(900), last: Self.now,
                    rows: 7,
                    detail: "a page")
            ], silences: [silence], channels: [untold])
    }

    private var silence: SilenceAnswer {
        let selection = SilenceSelection(rule: "lamp-out", area: "West")
        return SilenceAnswer(
            id: 3, selection: selection, alert: nil, state: .inForce, begins: Self.now - .seconds(600),
            ends: Self.now + .seconds(3600), by: "Li Na", reason: "cable works", endedAt: nil, endedBy: nil, holds: 4)
    }

    private var untold: ChannelAnswer {
        var channel = ChannelAnswer(channel: "duty")
        (channel.waiting, channel.oldest, channel.error) = (2, Self.now - .seconds(300), "Connection refused")
        (channel.givenUp, channel.givenUpReason) = (1, "given up after 7d: Connection refused")
        return channel
    }

    @Test("what needs somebody comes first, many of one rule are one row, and every room has its line")
    func missed() throws {
        let lines = page(night).lines(width: 100)
        let text = lines.joined(separator: "\n")
        #expect(
            lines[0].hasPrefix(
                "8 things fired, 6 wait for somebody; the gateway had 1 trouble; the store lost 1 thing."
            ), "\(text)")
        let table = lines.firstIndex { $0.hasPrefix("SINCE") }!
        #expect(lines[table + 1].contains("lamp-1: it is dark") && lines[table + 1].hasSuffix("nobody"), "\(text)")
        #expect(lines[table + 2].contains("silent, 5 times: lamp-10, lamp-11, lamp-12 …"), "\(text)")
        #expect(text.contains("Li Na, 4m") && text.contains("2 unknown of 7"))
        #expect(
            text.contains("broke off and came back, away for 4s (2)")
                && text.contains("alert 20, warning: broker: it is dark, for 10m"))
        #expect(
            text.contains("rule=lamp-out area=West by Li Na, until ") && text.contains("holds 4 alerts: cable works"),
            "\(text)")
        #expect(
            text.contains("duty: 2 notices untold since ") && text.contains("; 1 notice never told"),
            "\(text)")
        #expect(text.contains("12 messages unknown-topic of seg-70") && text.contains("damage: 7 rows"))
        #expect(
            page(night, showsAll: true).lines(width: 100).count { $0.contains("it is dark") && !$0.contains("broker") }
                == 8)
    }

    @Test("a night without anything says so in a sentence")
    func nothing() {
        let lines = page(MissedAnswer(since: Self.now - .seconds(60), until: Self.now)).lines(width: 80)
        #expect(lines[0] == "Nothing fired; the store lost nothing.")
        #expect(lines.contains { $0.hasSuffix("it had nothing") })
    }

    @Test("no line is wider than the terminal", arguments: [60, 80, 100, 160])
    func widths(width: Int) {
        var wide = night
        wide.incidents.append(incident(30, about: String(repeating: "历城", count: 60), taken: "Wang Lei"))
        for line in page(wide).lines(width: width) { #expect(displayWidth(line) <= width, "\(line)") }
    }

    @Test("a hostile name is text in the page, and steers no terminal")
    func hostile() {
        var answer = night
        answer.incidents = [
            incident(1, taken: "<b>me</b>", sentence: "<script>alert(1)</script> & \"x\" \u{1B}[31m")
        ]
        answer.rejects = [.init(reason: "unknown-topic", count: 1, device: "<img src=x>")]
        let html = page(answer).html()
        #expect(
            !html.contains("<script") && !html.contains("<b>") && !html.contains("<img") && !html.contains("\u{1B}"))
        #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot;"))
        #expect(!page(answer).lines(width: 80).joined().contains("\u{1B}"))
    }

    @Test("why has a paragraph for each kind of reason, and only for those there are")
    func why() throws {
        let alert = AlertAnswer(
            id: 7, rule: "hot", device: "lamp-1", quantity: "control_gear_temperature", phase: .firing,
            severity: .critical,
            since: Self.now - .seconds(600), at: Self.now - .seconds(540), unit: "Cel", sentence: "lamp-1 is hot")
        let steps = [
            AlertStoryAnswer.Transition(
                id: 5, from: .pending, to: .firing, at: Self.now - .seconds(540), since: Self.now - .seconds(600),
                severity: .critical, sentence: "lamp-1 is hot",
                notifications: [
                    .init(channel: "log", attempts: 0, deliveredAt: Self.now),
                    .init(channel: "duty", attempts: 2, deliveredAt: Self.now - .seconds(500)),
                    .init(channel: "mail", attempts: 1, error: "refused"),
                ], decisions: [.init(recipient: "boss", at: Self.now - .seconds(540), verdict: "silenced", detail: "3")]
            )
        ]
        var answer = WhyAnswer(story: AlertStoryAnswer(alert: alert, transitions: steps))
        answer.incident = incident(5, minutesAgo: 10)
        answer.rule = .init(since: Self.now - .seconds(9000), text: "severity: critical", changedAt: Self.now)
        answer.alike = .init(
            kind: "circuit", name: "F-12", devices: 3, health: ["ok": 2, "firing": 1],
            values: .init(count: 3, min: 40, median: 41, max: 90, unit: "Cel"))
        answer.changes = [.init(at: Self.now - .seconds(4000), kind: "rule", sentence: "rule hot changed")]
        let buckets: [SeriesHistory.Bucket] = (0..<20).map { place in
            let (start, value) = (Self.now - .seconds((20 - place) * 60), Double(place))
            return SeriesHistory.Bucket(
                start: start, count: 1, mean: value, min: value, max: value, sum: nil, last: value, standardDeviation: 0
            )
        }
        answer.measured = HistoryAnswer(
            device: "lamp-1", since: Self.now - .seconds(3600), until: Self.now, stepSeconds: 60,
            series: [
                SeriesHistory(quantity: "control_gear_temperature", unit: "Cel", points: [], buckets: buckets)
            ], damaged: [])
        let lines = WhyPage(answer, output).lines(width: 80)
        let text = lines.joined(separator: "\n")
        for word in [
            "alert 7 · critical · firing for 10m", "MEASURED", "control gear temperature",
            "ALIKE     circuit F-12: 3 others, 2 ok, 1 firing",
            "RULE      hot as of", "it says something else, or is gone", "duty: firing, after 2 failures",
            "mail: firing, not delivered yet",
            "boss: silenced (silence 3)", "rule hot changed", "DO        baotu alerts ack 7",
        ] { #expect(text.contains(word), "\(word) in\n\(text)") }
        #expect(!text.contains("log:") && lines.allSatisfy { displayWidth($0) <= 80 })
        let bare = WhyPage(WhyAnswer(story: AlertStoryAnswer(alert: alert, transitions: [])), output).lines(width: 80)
        #expect(!bare.contains { $0.hasPrefix("ALIKE") || $0.hasPrefix("MEASURED") || $0.hasPrefix("CHANGED") })
        #expect(bare.contains { $0.contains("what it said then is not kept") } && bare.contains("TOLD      nobody"))
    }

    @Test("a row of columns has one for each value, blanks where there is none, and ASCII where there is no more")
    func sparkline() {
        #expect(Sparkline(isUTF8: true).text([0, nil, 4, 8]) == "▁ ▅█")
        #expect(Sparkline(isUTF8: false).text([0, nil, 8]) == "_ #")
        #expect(Sparkline(isUTF8: true).text([3, 3]) == "▁▁" && Sparkline(isUTF8: true).text([nil]) == "")
    }
}
