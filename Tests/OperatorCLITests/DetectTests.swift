import Foundation
import Testing
import TestSupport

/// `baotu detect` as it is run; what it finds is the matter of the detector's own tests.
@Suite("Anomalies in a file on the command line")
struct DetectTests {
    /// Ten days of five-minute readings with a daily swing, one spike, and 60 equal readings at the end.
    private static let rows: [String] = (0..<2880).map { row in
        let (day, minutes) = (1 + row / 288, row % 288 * 5)
        let time = String(format: "2026-03-%02d %02d:%02d:00", day, minutes / 60, minutes % 60)
        let swing = 20 + 5 * sin(Double(row) / 288 * 2 * .pi) + 0.2 * sin(Double(row) * 1.7)
        let value = row == 2000 ? 60 : row >= 2820 ? 23.456 : swing
        return "\(time),\(String(format: "%.3f", value))"
    }
    private static let text = "timestamp,value\n" + rows.joined(separator: "\n") + "\n"

    private func alerts(_ output: String) -> [Int] {
        output.split(separator: "\n").dropFirst().enumerated().filter { $0.element.hasSuffix(",1") }.map(\.offset)
    }

    @Test("a row for each row, with the spike and the standing still among the alerts, and why on request")
    func finds() throws {
        let run = try Program("baotu", ["detect", "-", "--explain"], input: Self.text)
        #expect(run.code == 0)
        let lines = run.output.split(separator: "\n")
        #expect(lines.count == Self.rows.count + 1 && lines[0] == "timestamp,value,score,alert")
        #expect(lines[1].hasPrefix(Self.rows[0] + ","))
        let told = alerts(run.output)
        #expect(told.contains { (2000...2001).contains($0) } && told.contains { (2820..<2880).contains($0) })
        #expect(run.errors.contains("stands still") && run.errors.contains("60"))
        #expect(run.errors.split(separator: "\n").count == told.count)
    }

    @Test("the same rows give the same alerts, and the tiers and the rules can be chosen")
    func chooses() throws {
        let all = try Program("baotu", ["detect", "-"], input: Self.text).output
        #expect(try Program("baotu", ["detect", "-", "--tier", "full"], input: Self.text).output == all)
        let bare = try Program("baotu", ["detect", "-", "--tier", "light", "--no-rules"], input: Self.text)
        #expect(bare.code == 0 && !alerts(bare.output).contains { $0 >= 2821 })
        #expect(alerts(bare.output).count < alerts(all).count)
    }

    @Test("a row without a number keeps its place; what is no file of readings is refused with its line")
    func mistakes() throws {
        let gap = try Program(
            "baotu", ["detect", "-"], input: "timestamp,value\n2026-03-01 00:00:00,\n2026-03-01 00:05:00,3\n")
        #expect(gap.code == 0)
        #expect(gap.output.split(separator: "\n").map { $0.suffix(4) } == ["lert", ",0,0", ",0,0"])
        let wrong = try Program("baotu", ["detect", "-"], input: "timestamp,value\nyesterday,3\n")
        #expect(wrong.code != 0 && wrong.errors.contains(":2") && wrong.errors.contains("expected"))
        let missing = try Program("baotu", ["detect", "/nowhere.csv"])
        #expect(missing.code != 0 && missing.errors.contains("/nowhere.csv"))
    }
}
