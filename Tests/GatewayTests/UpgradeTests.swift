import Foundation
import Telemetry
import Testing

/// The store of an older version in `Fixtures`, with what that version told of it: full windows, learnt detectors, alerts
/// in every phase, a journal that no seal has taken, and a crash before the last turn's alerts were recorded.
@Suite("A store of an older version")
struct UpgradeTests {
    private static let script: [ScriptedMessage] = lines(of: "future.tsv").compactMap { ScriptedMessage(line: $0) }

    private static func lines(of file: String) -> [String] {
        let text = (try? String(contentsOf: KeptStore.kept.appending(path: file), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    /// What this version tells otherwise, and on purpose: a fault of a feeder is about its circuit, where it was about the
    /// first lamp of it. Sentences that were stored before stay as they were.
    private static func refiled(_ file: String) -> [String] {
        let lines = lines(of: file).map { line in
            var line = line.replacing("lamp-0001 - found feeder_fault", with: "circuit-1 - found feeder_fault")
            // The step that ended it, after the upgrade.
            let isFeeders =
                line.contains("feeder-fault")
                || line.hasPrefix("alert 26 step ") && line.contains("2026-01-25T22:35:30Z")
            line.replace("feeder-fault lamp-0001 -", with: "feeder-fault circuit-1 -")
            if isFeeders { line.replace("lamp-0001: nothing of the kind", with: "circuit-1: nothing of the kind") }
            return line
        }
        return file.contains("book") || file.contains("health") ? lines.sorted() : lines
    }

    /// What this version counts otherwise, and on purpose: spans are of the time in which the gateway listened, so that those that
    /// ran over its absence end later; a device's clock that is behind makes its findings no older; and a correction counts in
    /// the windows too. What stays the same is what was told of whom, and in which order of phases.
    private static func withoutMoments(_ lines: [String]) -> [String] {
        let moment = #/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/#
        let corrected = #/^(air-03 pm2_5 (28800|86400)s|lamp-000[3567] active_power 86400s) /#
        return lines.filter { $0.firstMatch(of: corrected) == nil }
            .map { line in
                let told = String(line.split(separator: " | ")[0]).replacing(moment, with: "T")
                return told.replacing(#/value [^ ]+( [^ ]+)?$/#, with: "")
                    .replacing(#/(skew|backlog)_ms -?[0-9]+/#, with: "")
                    .replacing(#/step [0-9]+/#, with: "step")
            }.sorted()
    }

    /// Names what is missing and what is new, not two texts of a thousand lines.
    private func expect(
        _ found: [String], as file: String, isBefore: Bool = false, location: SourceLocation = #_sourceLocation
    ) {
        let expected = isBefore ? Self.lines(of: file) : Self.withoutMoments(Self.refiled(file))
        let found = isBefore ? found : Self.withoutMoments(found)
        #expect(!expected.isEmpty, "\(file) holds nothing", sourceLocation: location)
        guard found != expected else { return }
        let (missing, more) = (Set(expected).subtracting(found), Set(found).subtracting(expected))
        let told =
            expected.filter(missing.contains).prefix(5).map { "- \($0)" }
            + found.filter(more.contains).prefix(5).map { "+ \($0)" }
        Issue.record(
            """
            \(file): \(missing.count) lines are missing and \(more.count) are new\(told.isEmpty ? ", the order differs" : "")
            \(told.joined(separator: "\n"))
            """, sourceLocation: location)
    }

    private func upgraded(_ body: (KeptStore) throws -> Void) throws {
        let gateway = try KeptStore.copy(of: KeptStore.kept)
        defer { try? FileManager.default.removeItem(at: gateway.folder) }
        try body(gateway)
        gateway.crash()
    }

    @Test("tells the same of its alerts, windows and devices after the start")
    func resumes() throws {
        try upgraded { gateway in
            expect(try gateway.alertLines(), as: "alerts.txt", isBefore: true)
            try gateway.start(at: KeptStore.resume)
            #expect(gateway.hadSnapshot)
            expect(gateway.bookLines(), as: "book.txt")
            expect(gateway.windowLines(at: KeptStore.resume), as: "windows.txt")
            expect(gateway.healthLines(), as: "health.txt")
        }
    }

    /// The store keeps no constants; a start that forgot them left solar segments without a model and lamps without a rating.
    @Test("has of each device what the roster's file says beside its place and cadence")
    func constants() throws {
        try upgraded { gateway in
            try gateway.start(at: KeptStore.resume)
            // As line 2 of its roster.csv has it.
            #expect(gateway.constants(of: "lamp-0001") == ["rated_watts": "60"])
        }
    }

    @Test("goes on as the version would have that wrote it", arguments: [false, true])
    func goesOn(isStartedAgain: Bool) throws {
        try upgraded { gateway in
            let count = try gateway.transitionCount
            try gateway.start(at: KeptStore.resume)
            if isStartedAgain {
                // From a state that this version has written itself.
                let noon = KeptStore.noon
                gateway.play(Self.script.filter { $0.at <= noon }, from: KeptStore.resume, until: noon)
                gateway.crash()
                try gateway.start(at: noon)
                gateway.play(Self.script.filter { $0.at > noon }, from: noon, until: KeptStore.end)
            } else {
                gateway.play(Self.script, from: KeptStore.resume, until: KeptStore.end)
            }
            expect(try gateway.transitionLines(after: count), as: "future.txt")
            expect(try gateway.alertLines(), as: "end-alerts.txt")
            expect(gateway.bookLines(), as: "end-book.txt")
            expect(gateway.windowLines(at: KeptStore.end), as: "end-windows.txt")
            expect(gateway.healthLines(), as: "end-health.txt")
        }
    }
}
