import Basics
import Contract
import Foundation
import Store
import Telemetry
import Testing
import TestSupport

@testable import API
@testable import OperatorCLI

@Suite("Routes")
struct RouteTests {
    private static let name = "路灯 1+2&a=b%"

    @Test("each route answers its question in JSON")
    func routes() async throws {
        try await Server.run { server in
            let status = try await server.get("status")
            #expect(status.status == 200)
            #expect(status.headers.contains("content-type: application/json"))
            #expect(try status.json(StatusAnswer.self).committed == 31)
            #expect(try await server.get("live").json(LiveStatusAnswer.self).version == "test")
            #expect(try await server.get("doctor").json([Diagnosis].self).map(\.level) == [.warning])
            #expect(try await server.get("devices").json([DeviceAnswer].self).map(\.device) == ["lamp-1", Self.name])
            #expect(try await server.get("latest").json([LatestAnswer].self).map(\.value) == [231, 230])
            let history = try await server.get(
                "history?device=lamp-1&since=2026-03-15T12:00:00Z&until=2026-03-15T12:00:10Z&step_ms=5000&limit=9")
            #expect(try history.json(HistoryAnswer.self).series.first?.buckets.map(\.count) == [5, 5])
            #expect(try await server.get("statistics").json([StatisticsAnswer].self).map(\.count) == [2])
            #expect(try await server.get("alerts?phase=firing").json([AlertAnswer].self).map(\.id) == [1])
            #expect(try await server.get("alerts/1").json(AlertStoryAnswer.self).transitions.count == 1)
            let incidents = try await server.get("incidents?state=open&device=lamp-1&rule=lamp-fault&severity=warning")
            #expect(try incidents.json(IncidentsAnswer.self).incidents.map(\.alert) == [1])
            #expect(
                try await server.get("incidents?until=2026-03-15T12:00:00Z").json(IncidentsAnswer.self).incidents == [])
            #expect(
                try await server.get("incidents/1").json(IncidentStoryAnswer.self).transitions.map(\.to) == [.firing])
            #expect(
                try await server.get("rejects?limit=1").json(RejectsAnswer.self).rejects.map(\.topic) == [
                    "nobody/knows"
                ])
            let post = try await server.ask("POST", "alerts/1/acknowledge?by=kim&note=crew%20sent")
            #expect(post.status == 200)
            #expect(try post.json(AlertStoryAnswer.self).alert.id == 1)
            #expect(server.acknowledged.all == ["1 kim (\(loginName())): crew sent"])
        }
    }

    @Test("keys are snake_case, times RFC 3339 in UTC, and what is unknown is left out")
    func shape() async throws {
        try await Server.run { server in
            func keys(_ target: String) async throws -> [String] {
                let json = try JSONSerialization.jsonObject(with: try await server.get(target).body)
                let object = (json as? [[String: Any]])?.first ?? json as? [String: Any]
                return try #require(object).keys.sorted()
            }
            #expect(try await keys("latest") == ["device", "observed", "quantity", "unit", "value"])
            #expect(
                try await keys("devices") == [
                    "area", "circuit", "device", "expected", "firing_alerts", "health", "last_heard",
                    "last_heard_seconds_ago", "profile", "series",
                ])
            #expect(
                try await keys("statistics") == [
                    "count", "device", "end", "first", "first_at", "last", "last_at", "max", "mean", "min", "quantity",
                    "rate_per_hour", "revision", "standard_deviation", "unit", "window_seconds",
                ])
            #expect(try await keys("status").contains("journal_id"))
            let latest = String(decoding: try await server.get("latest?device=lamp-1").body, as: UTF8.self)
            #expect(latest.contains(#""observed":"2026-03-15T12:00:29Z""#))
        }
    }

    @Test(
        "a wrong question is refused with what would be right",
        arguments: [
            ("alerts/x", "id: 'x': expected the number of an alert"),
            (
                "alerts?phase=loud",
                "phase: 'loud': expected one of inactive, pending, firing, clearing, unknown, resolved"
            ),
            ("rejects?limit=0", "limit: '0': expected a number from 1 to 10000"),
            ("incidents?sinse=x", "sinse: there is no such parameter; did you mean 'since'?"),
            ("incidents?state=fired", "state: 'fired': expected one of open, pending, firing"),
            ("incidents?severity=hot", "severity: 'hot': expected one of info, warning, critical"),
            ("incidents?before=0", "before: '0': expected a number from 1"),
            ("incidents/x", "id: 'x': expected the number of an incident"),
            (
                "incidents?since=2026-03-15T12:00:00Z&until=2026-03-15T12:00:00Z",
                "since, until: expected two times, the first one earlier"
            ),
            ("rejects?limit=many", "limit: 'many': expected a number from 1 to 10000"),
            ("rejects?reason=bad", "reason: 'bad': expected one of unknown-topic"),
            ("history", "device: expected the device's name"),
            ("history?device=lamp-1", "since, until: expected two times, the first one earlier"),
            ("history?device=lamp-1&since=noon&until=2026-03-15T12:00:00Z", "since: 'noon': expected a time such as"),
            (
                "history?device=lamp-1&since=2026-03-15T12:00:00Z&until=2026-03-15T12:00:00Z",
                "since, until: expected two times, the first one earlier"
            ),
            (
                "history?device=lamp-1&since=2026-03-15T12:00:00Z&until=2026-03-15T13:00:00Z&limit=200001",
                "limit: '200001': expected a number from 1 to 200000"
            ),
            (
                "history?device=lamp-1&since=2026-03-15T12:00:00Z&until=2026-03-15T13:00:00Z&step_ms=0",
                "step_ms: '0': expected milliseconds above 0"
            ),
            ("statistics?window_ms=-1", "window_ms: '-1': expected milliseconds above 0"),
            ("devices?aera=Lixia", "aera: there is no such parameter; did you mean 'area'?"),
            ("devices?quantity=voltage", "quantity: there is no such parameter; there are device, profile, area"),
            ("status?device=lamp-1", "device: there is no such parameter; there is none here"),
            ("latest?device=lamp-1&device=lamp-2", "device: given twice; expected it once"),
            ("latest?device=%zz", "device: '%zz': expected UTF-8 with % and two digits for a byte"),
            ("query?since=2026-03-15T12:00:00Z&until=2026-03-15T13:00:00Z&top=0", "top: '0': expected a number from 1"),
            (
                "query?quantity=active_energy_import&since=2026-03-15T12:00:00Z&until=2026-03-15T13:00:00Z&order=sum",
                "sum: active_energy_import is a counter, whose readings do not add up; ask for increase"
            ),
            ("latest?quantity=voltag", "quantity: 'voltag' is not a quantity; did you mean 'voltage'?"),
        ])
    func badRequests(target: String, sentence: String) async throws {
        try await Server.run { server in
            let response = try await server.get(target)
            #expect(response.status == 400)
            #expect(response.error?.hasPrefix(sentence) == true, "\(response.error ?? "no sentence")")
        }
    }

    @Test("who acknowledges says it briefly, and in one line")
    func badAcknowledgements() async throws {
        try await Server.run { server in
            let long = String(repeating: "x", count: 129)
            let note = String(repeating: "x", count: 1025)
            for query in [
                "?by=\(long)", "?by=kim&note=\(note)", "?by=kim%0Alei", "?note=%1B%5B31m", "?note=a%E2%80%AEb",
            ] {
                let response = try await server.ask("POST", "alerts/1/acknowledge" + query)
                #expect(response.status == 400)
            }
            #expect(server.acknowledged.all.isEmpty)
        }
    }

    @Test("what does not exist is not found")
    func notFound() async throws {
        try await Server.run { server in
            let times = "since=2026-03-15T12:00:00Z&until=2026-03-15T13:00:00Z"
            for (target, sentence) in [
                ("incidents/2", "store: there is no incident 2, or it is no longer kept (store.retention.alerts)"),
                ("incidents?device=lmap-1", "store: there is no device 'lmap-1'; did you mean 'lamp-1'?"),
                ("incidents?area=x", "store: no device is in an area 'x'"),
                ("incidents?circuit=x", "store: no device is on a circuit 'x'"),
                ("incidents?rule=hott", "store: there is no rule 'hott', and no alert of one; did you mean 'hot'?"),
                ("weather", "there is no such route"), ("alerts/99", "store: there is no alert 99"),
                ("latest?device=lmap-1", "store: there is no device 'lmap-1'; did you mean 'lamp-1'?"),
                ("devices?device=x", "store: there is no device 'x'"),
                ("statistics?device=x", "store: there is no device 'x'"),
                ("history?device=x&\(times)", "store: there is no device 'x'"),
                ("rejects?device=x", "store: there is no device 'x'"),
                ("alerts?device=x", "store: there is no device 'x'"),
                ("devices?area=x", "store: no device is in an area 'x'"),
                ("latest?profile=lamp", "store: no device has a profile 'lamp'; did you mean 'lamps'?"),
                ("latest?device=lampp*", "store: no device fits 'lampp*'; did you mean 'lamp*'?"),
                ("alerts?device=x*", "store: no device fits 'x*'"),
                ("statistics?device=x*", "store: no device fits 'x*'"),
                ("export?device=x*", "store: no device fits 'x*'"),
                ("query?device=x*&\(times)", "store: no device fits 'x*'"),
                ("alerts?rule=hott", "store: there is no rule 'hott', and no alert of one; did you mean 'hot'?"),
                (
                    "alerts?rule=lamp-falt",
                    "store: there is no rule 'lamp-falt', and no alert of one; did you mean 'lamp-fault'?"
                ),
                (
                    "history?device=lamp-1&quantity=current&\(times)",
                    "store: 'lamp-1' never sent current; there is voltage"
                ),
                ("latest?quantity=current", "store: none of these devices ever sent current; there is voltage"),
                ("query?quantity=current&\(times)", "store: none of these devices ever sent current; there is voltage"),
                ("statistics?quantity=current", "store: none of these devices ever sent current; there is voltage"),
                ("history?device=lamp-1&channel=l1&\(times)", "store: 'lamp-1' never sent a channel 'l1', or any"),
                ("export?channel=l1", "store: none of these devices ever sent a channel 'l1', or any"),
            ] {
                let response = try await server.get(target)
                #expect(response.status == 404, "\(target)")
                #expect(response.error == sentence)
            }
            #expect(
                try await server.get("rejects?reason=malfromed").error?.hasSuffix("did you mean 'malformed'?") == true)
            #expect(try await server.ask("POST", "alerts/99/acknowledge?by=kim").status == 404)
            #expect(try await server.ask("POST", "status").status == 404)
            // What exists and has nothing to tell.
            #expect(try await server.get("alerts?rule=hot").json([AlertAnswer].self).isEmpty)
            #expect(try await server.get("alerts?rule=lamp-fault&phase=pending").json([AlertAnswer].self).isEmpty)
            #expect(
                try await server.get("history?device=lamp-1&channel=&\(times)").json(HistoryAnswer.self).series.count
                    == 1)
        }
    }

    @Test("a gateway that cannot answer now says so with 503, and the archive goes on answering")
    func unavailable() async throws {
        try await Server.run(refusal: .unavailable("the gateway is stopping")) { server in
            let response = try await server.get("statistics")
            #expect(response.status == 503)
            #expect(response.error == "the gateway is stopping")
            #expect(try await server.ask("POST", "alerts/1/acknowledge?by=kim").status == 503)
            #expect(try await server.get("status").status == 200)
        }
    }

    @Test("more statistics than one answer holds are refused, not cut")
    func tooManyStatistics() async throws {
        try await Server.run(statisticsRows: StatisticsRequest.answersMax + 1) { server in
            let response = try await server.get("statistics")
            #expect(response.status == 400)
            #expect(response.error?.hasPrefix("more than 100000 windows fit") == true)
        }
    }

    @Test("a name with blanks, plus, percent and Chinese is found, through curl's escapes and the command line's")
    func names() async throws {
        try await Server.run { server in
            let escaped = "%E8%B7%AF%E7%81%AF%201%2B2%26a%3Db%25"
            #expect(
                try await server.get("latest?device=\(escaped)").json([LatestAnswer].self).map(\.device) == [Self.name])
            try await server.asking { source in
                #expect(
                    try await source.answer(LatestRequest(DeviceFilter(device: Self.name))).map(\.device) == [Self.name]
                )
                let request = HistoryRequest(device: Self.name, since: noon, until: noon + .seconds(1))
                #expect(try await source.answer(request).series.first?.points.map(\.value) == [230])
                let story = try await source.carryOut(
                    AcknowledgeOrder(alert: 1, by: "阿明 + co", note: "50 % & done?"))
                #expect(story.alert.id == 1)
                #expect(server.acknowledged.all == ["1 阿明 + co (\(loginName())): 50 % & done?"])
            }
        }
    }

    @Test("the daemon's answers are those of the files")
    func sameAnswers() async throws {
        try await Server.run { server in
            let folder = URL(filePath: server.socket).deletingLastPathComponent().path(percentEncoded: false) + "store"
            try await server.asking { daemon in
                let files = try StoreSource(folder: folder, now: { noon + .seconds(60) })
                #expect(try await daemon.answer(StatusRequest()) == files.answer(StatusRequest()))
                #expect(try await daemon.answer(DevicesRequest()) == files.answer(DevicesRequest()))
                #expect(try await daemon.answer(LatestRequest()) == files.answer(LatestRequest()))
                let request = HistoryRequest(
                    device: "lamp-1", quantity: "voltage", channel: "", since: noon, until: noon + .seconds(9),
                    step: .seconds(2), limit: 3)
                #expect(try await daemon.answer(request) == files.answer(request))
                #expect(try await daemon.answer(AlertsRequest()) == files.answer(AlertsRequest()))
                #expect(try await daemon.answer(AlertRequest(1)) == files.answer(AlertRequest(1)))
                #expect(try await daemon.answer(WhyRequest(1)) == files.answer(WhyRequest(1)))
                let night = MissedRequest(since: noon - .seconds(60), until: noon + .seconds(60))
                #expect(try await daemon.answer(night) == files.answer(night))
                #expect(try await daemon.answer(IncidentsRequest()) == files.answer(IncidentsRequest()))
                #expect(try await daemon.answer(IncidentRequest(1)) == files.answer(IncidentRequest(1)))
                let rejects = RejectsRequest(limit: 5, reason: .rejected(.unknownTopic))
                #expect(try await daemon.answer(rejects) == files.answer(rejects))
                #expect(try await daemon.answer(CorrectionsRequest()) == files.answer(CorrectionsRequest()))
            }
        }
    }

    @Test("a refusal comes through the command line with its exit code")
    func exitCodes() async throws {
        try await Server.run(refusal: .unavailable("busy")) { server in
            try await server.asking { source in
                let alert = await #expect(throws: NoAnswer.self) { try await source.answer(AlertRequest(99)) }
                #expect(alert?.exitCode == 1)
                let latest = await #expect(throws: NoAnswer.self) {
                    try await source.answer(LatestRequest(DeviceFilter(quantity: "x")))
                }
                #expect(latest?.exitCode == 64)
                let statistics = await #expect(throws: NoAnswer.self) {
                    try await source.answer(StatisticsRequest())
                }
                #expect(statistics?.exitCode == 69)
                let acknowledgement = await #expect(throws: NoAnswer.self) {
                    try await source.carryOut(AcknowledgeOrder(alert: 1, by: "kim"))
                }
                #expect(acknowledgement?.exitCode == 69)
            }
        }
    }
}
